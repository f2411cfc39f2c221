"""What every signer backend has to keep to: a suite of tests that its author subclasses.

    class TestExampleBackend(SignerContract):
        backend = ExampleBackend()
        uri = "example:key-1"
        secret = "1234"

Signatures are verified here by other means than dcmseal's own, with the ``cryptography`` package.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from dcmseal.errors import PinRejected, SealError, SignerError, UsageError
from dcmseal.plugins.protocols import SecretRequest, Secrets, Signer, SignerBackend
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.message import BytesMessage

_HASHES: Final[dict[MacAlgorithm, hashes.HashAlgorithm]] = {
    MacAlgorithm.MD5: hashes.MD5(),  # noqa: S303 - one of the six of PS3.15 C.1
    MacAlgorithm.SHA1: hashes.SHA1(),  # noqa: S303
    MacAlgorithm.SHA256: hashes.SHA256(),
    MacAlgorithm.SHA384: hashes.SHA384(),
    MacAlgorithm.SHA512: hashes.SHA512(),
}
_THREADS: Final = 4


class SignerContract:
    """Subclass, set ``backend`` and ``uri``, and ``secret`` if the key has a PIN or passphrase."""

    backend: SignerBackend
    uri: str
    """Opens the key; a fixture may set it."""
    secret: str | None = None
    """None: the key opens without, and asking for one is wrong."""
    wrong_answer: str = "no such secret 74021"
    algorithms: Collection[MacAlgorithm] = tuple(MacAlgorithm)
    """Those the device can sign; leave out what it cannot."""

    def test_names_itself(self) -> None:
        assert self.uri.startswith(f"{self.backend.scheme}:")
        assert self.backend.summary.isprintable()
        assert self.backend.summary

    def test_signatures_verify_with_the_certificate(self) -> None:
        with self.backend.open(self.uri, self._answer) as signer:
            for algorithm in self.algorithms:
                message = BytesMessage(algorithm=algorithm, content=b"to be signed with " + algorithm.encode())
                assert_verifies(signer, message, signer.sign(message))

    def test_certificate_chain_is_der(self) -> None:
        with self.backend.open(self.uri, self._answer) as signer:
            chain = signer.certificate_chain
        assert isinstance(chain, tuple)
        assert chain
        assert all(load_der_x509_certificate(der).public_bytes(Encoding.DER) == der for der in chain)

    def test_key_type_is_that_of_the_certificate(self) -> None:
        with self.backend.open(self.uri, self._answer) as signer:
            public_key = load_der_x509_certificate(signer.certificate_chain[0]).public_key()
            kinds = {
                KeyType.RSA: rsa.RSAPublicKey,
                KeyType.EC: ec.EllipticCurvePublicKey,
                KeyType.DSA: dsa.DSAPublicKey,
            }
            assert isinstance(public_key, kinds[signer.key_type])

    def test_signs_again_and_opens_again(self) -> None:
        for _ in range(2):
            with self.backend.open(self.uri, self._answer) as signer:
                for content in (b"", b"once", b"twice"):
                    message = BytesMessage(algorithm=MacAlgorithm.SHA256, content=content)
                    assert_verifies(signer, message, signer.sign(message))

    def test_refuses_once_closed(self) -> None:
        with self.backend.open(self.uri, self._answer) as signer:
            pass
        message = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"too late")
        assert isinstance(_error_of(lambda: signer.sign(message)), SignerError)

    def test_secret_is_asked_for_if_and_only_if_there_is_one(self) -> None:
        requests: list[SecretRequest] = []

        def answer(request: SecretRequest) -> str | None:
            requests.append(request)
            return self.secret

        with self.backend.open(self.uri, answer):
            pass
        assert len(requests) == (0 if self.secret is None else 1)
        for request in requests:
            assert request.purpose
            assert "?" not in request.uri

    def test_wrong_secret_is_rejected_and_not_tried_again(self) -> None:
        requests: list[SecretRequest] = []

        def answer(request: SecretRequest) -> str | None:
            requests.append(request)
            return self.wrong_answer

        error = _error_of(lambda: self._open_and_close(answer))
        if self.secret is None:
            assert error is None
            return
        assert isinstance(error, PinRejected)
        assert error.hint
        assert len(requests) == 1
        assert self.wrong_answer not in "".join(traceback.format_exception(error))

    def test_declining_to_give_the_secret_is_rejected(self) -> None:
        error = _error_of(lambda: self._open_and_close(lambda _: None))
        if self.secret is None:
            assert error is None
            return
        assert isinstance(error, PinRejected)
        assert error.hint

    def test_no_secret_in_any_repr(self) -> None:
        with self.backend.open(self.uri, self._answer) as signer:
            shown = f"{self.backend!r} {signer!r} {self.backend!s} {signer!s}"
        if self.secret is not None:
            assert self.secret not in shown

    def test_bad_key_uris_raise_errors_of_dcmseal(self) -> None:
        scheme = self.backend.scheme
        odd = ("?", "&", "?=", "?unheard-of=1", "?unheard-of", "%", "%00", "\ud800", ";", "x" * 5000)
        for uri in (f"{scheme}:", f"{scheme}:?", "", scheme, *(self.uri + end for end in odd)):
            error = _error_of(partial(self._open_and_close, self._answer, uri))
            assert error is None or isinstance(error, (SignerError, UsageError)), uri
            assert error is None or error.hint, uri

    def test_signs_from_four_threads(self) -> None:
        messages = [BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"%d" % n) for n in range(2 * _THREADS)]
        with self.backend.open(self.uri, self._answer) as signer:
            with ThreadPoolExecutor(_THREADS) as threads:
                signatures = list(threads.map(signer.sign, messages))
            for message, signature in zip(messages, signatures, strict=True):
                assert_verifies(signer, message, signature)

    def test_keys_it_lists_are_of_its_scheme(self) -> None:
        for listing in self.backend.list_keys():
            assert listing.uri.startswith(f"{self.backend.scheme}:")

    def _answer(self, _: SecretRequest) -> str | None:
        return self.secret

    def _open_and_close(self, answer: Secrets, uri: str | None = None) -> None:
        with self.backend.open(self.uri if uri is None else uri, answer):
            pass


def _error_of(action: Callable[[], object]) -> SealError | None:
    try:
        action()
    except SealError as error:
        return error
    return None


def assert_verifies(signer: Signer, message: BytesMessage, signature: bytes) -> None:
    """Fail unless the signature is good under the signer's certificate, and encoded as DICOM wants it."""
    public_key = load_der_x509_certificate(signer.certificate_chain[0]).public_key()
    assert isinstance(signature, bytes)
    if isinstance(public_key, rsa.RSAPublicKey):
        assert len(signature) == (public_key.key_size + 7) // 8
        if message.algorithm in _HASHES:
            public_key.verify(signature, message.content, padding.PKCS1v15(), _HASHES[message.algorithm])
        else:
            # The library has no RIPEMD160; the octets that were signed are compared (RFC 2437 section 9.2.1).
            signed = public_key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
            assert signed == bytes.fromhex("3021300906052b2403020105000414") + message.digest
        return
    prehashed = utils.Prehashed(next(h for h in _HASHES.values() if h.digest_size == len(message.digest)))
    assert utils.encode_dss_signature(*utils.decode_dss_signature(signature)) == signature
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        public_key.verify(signature, message.digest, ec.ECDSA(prehashed))
    else:
        assert isinstance(public_key, dsa.DSAPublicKey)
        public_key.verify(signature, message.digest, prehashed)
