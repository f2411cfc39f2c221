from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

import pytest

from dcmseal.errors import KeyNotFound, PinRejected, PluginBroken, SealError, SignerError, UsageError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.profile import GuardedProfile, Requirements, SignatureFacts
from dcmseal.plugins.signer_backend import GuardedSignerBackend, KeyListing, SecretRequest, Secrets
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.sample_dataset import SampleDataset
from dcmseal.testing.signable_messages import BytesMessage
from tests.core.plugins.fake_plugins import SECRET, FakeBackend, FakeProfile, FakeSigner
from tests.support.wrong_types import wrong_type

ORIGIN = Origin(name="fake", distribution="fake-plugin", version="1.0")
MESSAGE = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"")
FACTS = SignatureFacts(
    mac_algorithm=None, key_type=None, certificate_type="", timestamp_type="", purpose=None, elements=frozenset()
)


def finding(aspect: Aspect) -> Finding:
    return Finding(aspect=aspect, outcome=Outcome.FAILED, code="a-code", message="a message")


def give(_: SecretRequest) -> str | None:
    return SECRET


def guarded(backend: Any) -> GuardedSignerBackend:
    return GuardedSignerBackend(backend, ORIGIN)


class TestSigner:
    def test_lets_good_answers_through(self) -> None:
        backend = FakeBackend()
        with guarded(backend).open("fake:1", give) as signer:
            assert signer.certificate_chain == (b"0\x00",)
            assert signer.key_type is KeyType.EC
            assert signer.sign(MESSAGE) == b"signature"
        assert backend.log == ["open", "close"]

    @pytest.mark.parametrize(
        "signer",
        [
            None,
            object(),
            FakeSigner(certificate_chain=()),
            FakeSigner(certificate_chain=b"0\x00"),
            FakeSigner(certificate_chain=[b"0\x00"]),
            FakeSigner(certificate_chain=("0",)),
            FakeSigner(certificate_chain=(b"-----BEGIN CERTIFICATE-----",)),
            FakeSigner(certificate_chain=(b"0\x00",) * 65),
            FakeSigner(key_type="EC"),
        ],
    )
    def test_an_invalid_signer_is_refused_and_closed(self, signer: Any) -> None:
        backend = FakeBackend(signer=signer)
        with pytest.raises(SignerError, match=r"fake-plugin 1\.0") as caught, guarded(backend).open("fake:1", give):
            pass
        assert "plugin" in caught.value.hint
        assert backend.log == ["open", "close"]

    @pytest.mark.parametrize("signature", [None, b"", "text", bytearray(b"x"), ValueError(SECRET), SystemExit(SECRET)])
    def test_invalid_signature(self, signature: Any) -> None:
        backend = guarded(FakeBackend(signer=FakeSigner(signature=signature)))
        with backend.open("fake:1", give) as signer, pytest.raises(SignerError) as caught:
            signer.sign(MESSAGE)
        assert SECRET not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize("error", [ValueError(SECRET), KeyError(SECRET), SystemExit(SECRET)])
    @pytest.mark.parametrize("moment", ["on_open", "on_close"])
    def test_foreign_error_is_reported_by_its_type_alone(self, error: BaseException, moment: str) -> None:
        backend = FakeBackend()
        setattr(backend, moment, error)
        with pytest.raises(SignerError, match=type(error).__name__) as caught, guarded(backend).open("fake:1", give):
            pass
        assert SECRET not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize("error", [PinRejected("wrong"), KeyNotFound("none"), UsageError("unreadable")])
    def test_error_of_dcmseal_passes(self, error: SealError) -> None:
        with pytest.raises(type(error)) as caught, guarded(FakeBackend(on_open=error)).open("fake:1", give):
            pass
        assert caught.value is error

    def test_error_of_the_application_is_not_touched(self) -> None:
        backend = FakeBackend(on_close=ValueError("from the backend"))
        mine = ZeroDivisionError("mine")
        with pytest.raises(ZeroDivisionError) as caught, guarded(backend).open("fake:1", give):
            raise mine
        assert caught.value is mine
        assert backend.log == ["open", "close"]

    def test_backend_cannot_swallow_the_error_of_the_application(self) -> None:
        class Swallowing(FakeBackend):
            @contextmanager
            def open(self, uri: str, secrets: Secrets) -> Iterator[Any]:
                try:
                    yield self.signer
                except BaseException:  # noqa: BLE001 - the mistake that the guard has to survive
                    return

        with pytest.raises(ZeroDivisionError), guarded(Swallowing()).open("fake:1", give):
            raise ZeroDivisionError

    def test_closed_key_refuses_to_sign_even_if_the_plugin_would_not(self) -> None:
        with guarded(FakeBackend()).open("fake:1", give) as signer:
            pass
        with pytest.raises(SignerError, match="closed"):
            signer.sign(MESSAGE)
        assert "closed" in repr(signer)

    def test_a_secret_that_is_not_text_is_an_application_error(self) -> None:
        class Asking(FakeBackend):
            @contextmanager
            def open(self, uri: str, secrets: Secrets) -> Iterator[Any]:
                secrets(SecretRequest(purpose="key", uri=uri))
                yield self.signer

        with (
            pytest.raises(UsageError) as caught,
            guarded(Asking()).open("fake:1", lambda _: wrong_type(SECRET.encode())),
        ):
            pass
        assert SECRET not in "".join(traceback.format_exception(caught.value))

    def test_lists_keys(self) -> None:
        listing = KeyListing(uri="fake:1", label="one")
        assert guarded(FakeBackend(listed=[listing])).list_keys() == (listing,)
        assert len(guarded(FakeBackend(listed=repeat(listing))).list_keys()) == 10_000
        for listed in (7, ["fake:1"], ValueError(SECRET)):
            with pytest.raises(SignerError) as caught:
                guarded(FakeBackend(listed=listed)).list_keys()
            assert SECRET not in "".join(traceback.format_exception(caught.value))


class TestProfile:
    def test_lets_good_answers_through(self) -> None:
        required = Requirements(elements=frozenset({1}), mac_algorithms=frozenset(MacAlgorithm), clause="PS3.15")
        profile = GuardedProfile(FakeProfile(required=required, findings=(finding(Aspect.CONFORMANCE),)), ORIGIN)
        assert profile.requirements(SampleDataset()) == required
        assert profile.check(SampleDataset(), FACTS) == (finding(Aspect.CONFORMANCE),)

    @pytest.mark.parametrize(
        "required",
        [
            None,
            {},
            Requirements(elements=wrong_type({1})),
            Requirements(elements=wrong_type(frozenset({"PatientID"}))),
            Requirements(mac_algorithms=wrong_type(frozenset({"SHA256"}))),
            Requirements(key_types=wrong_type(frozenset({"RSA"}))),
            Requirements(purposes=wrong_type((1,))),
            Requirements(clause="\n"),
            KeyError("PatientID"),
        ],
    )
    def test_invalid_requirements(self, required: Any) -> None:
        profile = GuardedProfile(FakeProfile(required=required), ORIGIN)
        with pytest.raises(PluginBroken, match=r"profile fake of fake-plugin 1\.0"):
            profile.requirements(SampleDataset())

    @pytest.mark.parametrize(
        "findings", [None, True, [], ("failed",), (finding(Aspect.TRUST),), ZeroDivisionError("oh")]
    )
    def test_invalid_findings(self, findings: Any) -> None:
        profile = GuardedProfile(FakeProfile(findings=findings), ORIGIN)
        with pytest.raises(PluginBroken, match=r"profile fake of fake-plugin 1\.0"):
            profile.check(SampleDataset(), FACTS)
