"""Signing with keys on a token: through dcmseal's signer, and with python-pkcs11 alone, on SoftHSM."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any, Final

import pytest

from dcmseal.mac.digest import MacStream
from dcmseal.plugins.registry import installed_registry
from dcmseal.plugins.signer_backend import Signer
from dcmseal.terms import KeyType, MacAlgorithm
from tests.support.pki import Pki
from tests.support.softhsm_token import PIN, SoftHsm, SoftToken, find_module

SIGN_TOKEN: Final = "sign-token"
SIGN_BARE: Final = "sign-token-bare"
KEYS: Final = ("rsa2048", "p256")
SUMMARIES: Final = {
    SIGN_TOKEN: "a signature on SoftHSM through dcmseal's signer, CPU ms",
    SIGN_BARE: "key.sign of python-pkcs11 on SoftHSM, CPU ms",
}
_SIGNATURES: Final = 200


class TokenError(Exception):
    """SoftHSM is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBenchKey:
    """One key, opened either way."""

    signer: Signer
    bare: Any
    """Of python-pkcs11."""

    def measures(self) -> Iterator[tuple[str, Callable[[], Callable[[], float]]]]:
        """Names, and what makes the samples."""
        stream = MacStream(
            algorithm=MacAlgorithm.SHA256, digest=hashlib.sha256(b"").digest(), read=lambda: iter((b"",))
        )
        yield SIGN_TOKEN, lambda: _each(lambda: self.signer.sign(stream))
        from pkcs11 import Mechanism

        if self.signer.key_type is KeyType.RSA:
            data, mechanism = stream.digest_info, Mechanism.RSA_PKCS
        else:
            data, mechanism = stream.digest, Mechanism.ECDSA
        yield SIGN_BARE, lambda: _each(lambda: self.bare.sign(data, mechanism=mechanism))


@contextmanager
def softhsm() -> Generator[SoftToken]:
    """A token with the keys; raises TokenError if SoftHSM is not installed."""
    if find_module() is None:
        raise TokenError("SoftHSM is not installed")
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        hsm = SoftHsm(Path(folder) / "softhsm")
        patch.setenv("SOFTHSM2_CONF", str(hsm.configuration))
        token = hsm.token("bench")
        pki = Pki(Path(folder))
        for name in KEYS:
            token.add(name, pki[name])
        yield token


@contextmanager
def open_bench_key(token: SoftToken, name: str) -> Generator[OpenBenchKey]:
    """Open a key both ways, in one login."""
    from pkcs11 import Attribute, ObjectClass

    from dcmseal_pkcs11.loaded_modules import load_module

    with installed_registry().open_signer(token.uri(name), lambda _: PIN) as signer:
        library = load_module(token.module).library
        found = next(each for each in library.get_tokens() if each.label == token.label)
        session = found.open()
        wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: name}
        try:
            yield OpenBenchKey(signer=signer, bare=next(iter(list(session.get_objects(wanted)))))
        finally:
            session.close()


def _each(sign: Callable[[], object]) -> Callable[[], float]:
    """CPU milliseconds of one signature of many."""

    def sample() -> float:
        start = process_time()
        for _ in range(_SIGNATURES):
            sign()
        return (process_time() - start) * 1e3 / _SIGNATURES

    sample()
    return sample
