"""Secrets are in no error, be it a wrong one, one that cannot be one, or one that a plugin is careless with."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import dcmseal
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.errors import PinRejected, SealError, SignerError, UsageError
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.signer_backend import KeyListing, SecretRequest, Secrets, Signer
from dcmseal.testing.signer_suite.disclosure import assert_not_disclosed, iter_error_texts
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.wrong_types import wrong_type

SECRET = "5772306e-67506173"


def caught(action: Callable[[], object]) -> SealError:
    with pytest.raises(SealError) as error:
        action()
    return error.value


def given(value: object) -> Secrets:
    """Answers with a value that may be of any kind; made here, so that no frame of a test has it."""
    return lambda _: wrong_type(value)


def sign(uri: str, secrets: Secrets, registry: Registry | None = None) -> object:
    return dcmseal.sign(real_file("CT_small.dcm").data, key=uri, secrets=secrets, registry=registry)


@pytest.mark.parametrize("form", ["{}", "{}\0", "{}\ud800"])
@pytest.mark.parametrize("scheme", ["pem", "p12"])
def test_a_wrong_passphrase(pki: Pki, scheme: str, form: str) -> None:
    identity = pki["p256"]
    path = identity.encrypted_key_pem if scheme == "pem" else identity.p12
    error = caught(lambda: sign(f"{scheme}:{path}?cert={identity.certificate_pem}", given(form.format(SECRET))))
    assert isinstance(error, PinRejected)
    assert_not_disclosed(SECRET, *iter_error_texts(error))


def test_a_passphrase_that_is_not_text(pki: Pki) -> None:
    identity = pki["p256"]
    uri = f"pem:{identity.encrypted_key_pem}?cert={identity.certificate_pem}"
    error = caught(lambda: sign(uri, given(SECRET.encode())))
    assert isinstance(error, UsageError)
    assert_not_disclosed(SECRET, *iter_error_texts(error))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_a_file_that_is_not_text(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "pin").write_bytes(SECRET.encode(encoding))
    error = caught(lambda: PinSource(kind=PinKind.FILE, name=str(tmp_path / "pin")).read("", lambda _: None))
    for shown in iter_error_texts(error):
        assert SECRET.encode(encoding)[:8].decode("latin-1") not in shown
        assert repr(SECRET.encode(encoding))[2:-2] not in shown


class Panic(BaseException):
    """Of a library in another language."""


@dataclass(frozen=True)
class Careless:
    """Has the secret in its frames, and in what it raises."""

    failure: type[BaseException]
    scheme: str = "careless"
    summary: str = "a backend"

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        pin = secrets(SecretRequest(purpose="key", uri=uri))
        raise self.failure(pin)
        yield

    def list_keys(self, uri: str = "") -> tuple[KeyListing, ...]:
        return ()

    @hookimpl
    def dcmseal_signer_backends(self) -> tuple[Careless]:
        return (self,)


@pytest.mark.parametrize("failure", [ValueError, SystemExit, GeneratorExit, Panic])
def test_a_plugin_that_fails_with_the_secret(failure: type[BaseException]) -> None:
    error = caught(lambda: sign("careless:x", given(SECRET), Registry.from_plugins(Careless(failure))))
    assert isinstance(error, SignerError)
    assert failure.__name__ in str(error)
    assert error.__context__ is None
    assert_not_disclosed(SECRET, *iter_error_texts(error))
