"""The certificates of a key in KMS, from a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from dcmseal.plugins import CertificateMismatch, CertificateNotValid, UsageError, load_certificates

_MAX_CERTIFICATES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """The certificates of a file, in their order."""

    path: str
    members: tuple[Certificate, ...] = field(repr=False)

    def build_chain(self, public_key: PublicKeyTypes) -> tuple[bytes, ...]:
        """Build a chain in DER, the certificate of the key first; raises CertificateMismatch."""
        own = next((each for each in self.members if _public_key(each) == public_key), None)
        if own is None:
            raise CertificateMismatch(
                f"no certificate in {self.path!r} belongs to the key in AWS KMS",
                hint="check which certificate was issued for this key: aws kms get-public-key shows its public key",
            )
        return tuple(dict.fromkeys(each.public_bytes(Encoding.DER) for each in (own, *self.members)))


def load_key_certificates(path: str) -> Certificates:
    """Load a file; raises UsageError if the path is empty, KeyNotFound, and CertificateNotValid."""
    if not path:
        raise UsageError(
            "the key URI has no cert=, and AWS KMS does not store certificates",
            hint="add ?cert=FILE with the signer's certificate",
        )
    members = load_certificates(path)
    if len(members) > _MAX_CERTIFICATES:
        raise CertificateNotValid(
            f"{path!r} contains more than {_MAX_CERTIFICATES} certificates", hint="keep only the chain of the signer"
        )
    return Certificates(path=path, members=members)


def _public_key(certificate: Certificate) -> PublicKeyTypes | None:
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
