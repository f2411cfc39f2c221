"""Signatures verify with every algorithm and message length, also in threads; errors are dcmseal errors."""

# Kept apart: one subject of the contract, which would be too long for one module.

from __future__ import annotations

import struct
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from dcmseal.api.sign import sign
from dcmseal.api.verify import verify
from dcmseal.errors import DatasetError, MechanismUnavailable, SignerError, UsageError, WeakAlgorithm
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.signer_backend import Signer, SignerBackend
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage, UnreadableMessage
from dcmseal.testing.signature_assertions import assert_verifies
from dcmseal.testing.signer_suite.signer_test_base import SignerTestBase


class ErrorTests(SignerTestBase):
    """Failures raise errors of dcmseal, and the key works afterwards."""

    def test_invalid_key_uris_raise_dcmseal_errors(self) -> None:
        scheme = self.backend.scheme
        odd = ("?", "&", "?=", "?unheard-of=1", "?unheard-of", "%", "%00", "\ud800", ";", "x" * 5000)
        for uri in (f"{scheme}:", f"{scheme}:?", "", scheme, *(self.uri + end for end in odd)):
            error = self.catch_error(partial(self.open_and_close, uri=uri))
            assert error is None or isinstance(error, (SignerError, UsageError)), uri
            assert error is None or error.hint, uri

    def test_secret_in_the_key_uri_is_rejected(self) -> None:
        for name in ("pin-value", "password"):
            uri = f"{self.uri}{'&' if '?' in self.uri else '?'}{name}=74021"
            error = self.catch_error(partial(self.open_and_close, uri=uri))
            assert isinstance(error, UsageError)
            assert error.hint
            assert "74021" not in f"{error} {error.hint}"

    def test_closed_key_refuses_to_sign(self) -> None:
        with self.open_signer() as signer:
            pass
        error = self.catch_error(lambda: signer.sign(self.make_message(b"too late")))
        assert isinstance(error, SignerError)
        assert error.hint

    def test_application_errors_propagate_and_close_the_key(self) -> None:
        failed = DatasetError("of the application")
        signers: list[Signer] = []

        def fail() -> None:
            with self.open_signer() as signer:
                signers.append(signer)
                raise failed

        assert self.catch_error(fail) is failed
        for signer in signers:
            assert isinstance(self.catch_error(partial(signer.sign, self.make_message(b"too late"))), SignerError)
        self.assert_opens_and_signs()

    def test_message_errors_propagate_and_the_key_still_signs(self) -> None:
        # The message fails while it is read: the signature in progress must be ended.
        failed = DatasetError("the data set ends too early")
        with self.open_signer() as signer:
            message = UnreadableMessage(algorithm=self.make_message(b"").algorithm, error=failed)
            assert self.catch_error(lambda: signer.sign(message)) is failed
            self.assert_signs(signer)


_THREADS: Final = 8


class ThreadTests(SignerTestBase):
    """Threads do not disturb each other."""

    def test_signs_from_many_threads(self) -> None:
        messages = [self.make_message(b"%d" % n) for n in range(4 * _THREADS)]
        with self.open_signer() as signer:
            with ThreadPoolExecutor(_THREADS) as threads:
                signatures = list(threads.map(signer.sign, messages))
            for message, signature in zip(messages, signatures, strict=True):
                assert_verifies(signer, message, signature)

    def test_opens_in_many_threads(self) -> None:
        with ThreadPoolExecutor(_THREADS) as threads:
            for done in [threads.submit(self.assert_opens_and_signs) for _ in range(_THREADS)]:
                done.result()

    def test_closing_one_signer_leaves_the_other_open(self) -> None:
        with self.open_signer() as outer:
            with self.open_signer() as inner:
                self.assert_signs(inner)
                self.assert_signs(outer)
            self.assert_signs(outer)


_EXPLICIT_LITTLE: Final = b"1.2.840.10008.1.2.1\0"
_SECONDARY_CAPTURE: Final = b"1.2.840.10008.5.1.4.1.1.7\0"
_INSTANCE: Final = b"1.2.826.0.1.3680043.10.1.1"
_IMPLEMENTATION: Final = b"1.2.826.0.1.3680043.10.1.9"


def _encode_element(group: int, element: int, vr: bytes, value: bytes) -> bytes:
    # OB has a length of four bytes after two reserved ones, the others of two (PS3.5 7.1.2).
    length = struct.pack("<2xI" if vr == b"OB" else "<H", len(value))
    return struct.pack("<HH", group, element) + vr + length + value


_META: Final = (
    _encode_element(0x0002, 0x0001, b"OB", b"\x00\x01")
    + _encode_element(0x0002, 0x0002, b"UI", _SECONDARY_CAPTURE)
    + _encode_element(0x0002, 0x0003, b"UI", _INSTANCE)
    + _encode_element(0x0002, 0x0010, b"UI", _EXPLICIT_LITTLE)
    + _encode_element(0x0002, 0x0012, b"UI", _IMPLEMENTATION)
)

SAMPLE_FILE: Final = (
    bytes(128)
    + b"DICM"
    + _encode_element(0x0002, 0x0000, b"UL", struct.pack("<I", len(_META)))
    + _META
    + _encode_element(0x0008, 0x0016, b"UI", _SECONDARY_CAPTURE)
    + _encode_element(0x0008, 0x0018, b"UI", _INSTANCE)
    + _encode_element(0x0010, 0x0010, b"PN", b"Doe^Jane")
    + _encode_element(0x0010, 0x0020, b"LO", b"4711")
    + _encode_element(0x7FE0, 0x0010, b"OB", bytes(range(256)))
)
"""A Secondary Capture image of five Data Elements, in explicit VR little endian."""


_LONG_MESSAGE: Final = bytes(range(251)) * 400
"""More than a device or service accepts in one call."""


class _BackendPlugin:
    def __init__(self, backend: SignerBackend) -> None:
        self._backend = backend

    @hookimpl
    def dcmseal_signer_backends(self) -> tuple[SignerBackend]:
        return (self._backend,)


class SignatureTests(SignerTestBase):
    """Signatures have the form that DICOM requires."""

    def test_signatures_verify_with_the_certificate(self) -> None:
        with self.open_signer() as signer:
            for algorithm in self.algorithms:
                for content in (b"", b"to be signed with " + algorithm.encode(), _LONG_MESSAGE):
                    message = BytesMessage(algorithm=algorithm, content=content)
                    assert_verifies(signer, message, signer.sign(message))

    def test_unsupported_algorithms_are_refused_and_the_key_still_signs(self) -> None:
        with self.open_signer() as signer:
            for algorithm in frozenset(MacAlgorithm).difference(self.algorithms):
                message = BytesMessage(algorithm=algorithm, content=b"unsupported")
                error = self.catch_error(partial(signer.sign, message))
                assert isinstance(error, (MechanismUnavailable, WeakAlgorithm)), algorithm
                assert error.hint
                self.assert_signs(signer)

    def test_signed_data_set_is_valid(self) -> None:
        registry = Registry.from_plugins(_BackendPlugin(self.backend))
        result = sign(
            SAMPLE_FILE,
            key=self.uri,
            secrets=self.provide_secret,
            algorithm=self.make_message(b"").algorithm,
            allow_weak=True,
            allow_expired=True,
            registry=registry,
        )
        assert result.data is not None
        report = verify(result.data, integrity_only=True, registry=registry)
        assert report.verdict is Verdict.VALID

    def test_certificate_chain_is_der(self) -> None:
        with self.open_signer() as signer:
            chain = signer.certificate_chain
        assert isinstance(chain, tuple)
        assert chain
        assert all(load_der_x509_certificate(der).public_bytes(Encoding.DER) == der for der in chain)

    def test_key_type_matches_the_certificate(self) -> None:
        with self.open_signer() as signer:
            public_key = load_der_x509_certificate(signer.certificate_chain[0]).public_key()
            kinds = {
                KeyType.RSA: rsa.RSAPublicKey,
                KeyType.EC: ec.EllipticCurvePublicKey,
                KeyType.DSA: dsa.DSAPublicKey,
            }
            assert isinstance(public_key, kinds[signer.key_type])

    def test_signs_and_opens_repeatedly(self) -> None:
        for _ in range(2):
            with self.open_signer() as signer:
                for content in (b"", b"once", b"twice"):
                    self.assert_signs(signer, content)
