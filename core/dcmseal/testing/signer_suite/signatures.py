"""Signatures verify, whatever the algorithm, the length of the message, and the number of times."""

from __future__ import annotations

from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from dcmseal.engine.asking import verify
from dcmseal.engine.changing import sign
from dcmseal.errors import MechanismUnavailable, WeakAlgorithm
from dcmseal.plugins.guarded_signer import SignerBackend
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.registry import Registry
from dcmseal.report import Verdict
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.message import BytesMessage
from dcmseal.testing.sample_file import SAMPLE_FILE
from dcmseal.testing.signer_suite.subject import SignerTestBase
from dcmseal.testing.verifying import assert_verifies

_LONG_MESSAGE: Final = bytes(range(251)) * 400
"""More than a device or a service takes at once."""


class _BackendPlugin:
    def __init__(self, backend: SignerBackend) -> None:
        self._backend = backend

    @hookimpl
    def dcmseal_signer_backends(self) -> tuple[SignerBackend]:
        return (self._backend,)


class SignatureTests(SignerTestBase):
    """What the key makes is what DICOM wants."""

    def test_signatures_verify_with_the_certificate(self) -> None:
        with self.open_signer() as signer:
            for algorithm in self.algorithms:
                for content in (b"", b"to be signed with " + algorithm.encode(), _LONG_MESSAGE):
                    message = BytesMessage(algorithm=algorithm, content=content)
                    assert_verifies(signer, message, signer.sign(message))

    def test_other_algorithms_are_refused_and_harm_nothing(self) -> None:
        with self.open_signer() as signer:
            for algorithm in frozenset(MacAlgorithm).difference(self.algorithms):
                message = BytesMessage(algorithm=algorithm, content=b"in vain")
                error = self.catch_error(partial(signer.sign, message))
                assert isinstance(error, (MechanismUnavailable, WeakAlgorithm)), algorithm
                assert error.hint
                self.assert_signs(signer)

    def test_a_data_set_that_it_signs_is_valid(self) -> None:
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

    def test_key_type_is_that_of_the_certificate(self) -> None:
        with self.open_signer() as signer:
            public_key = load_der_x509_certificate(signer.certificate_chain[0]).public_key()
            kinds = {
                KeyType.RSA: rsa.RSAPublicKey,
                KeyType.EC: ec.EllipticCurvePublicKey,
                KeyType.DSA: dsa.DSAPublicKey,
            }
            assert isinstance(public_key, kinds[signer.key_type])

    def test_signs_again_and_opens_again(self) -> None:
        for _ in range(2):
            with self.open_signer() as signer:
                for content in (b"", b"once", b"twice"):
                    self.assert_signs(signer, content)
