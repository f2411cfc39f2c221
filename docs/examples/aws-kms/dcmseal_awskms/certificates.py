"""The file of certificates that goes with a key in KMS, PEM or DER."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from dcmseal.plugins import CertificateMismatch, CertificateNotValid, UsageError, load_certificates

_MOST_MEMBERS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Those of one file, in its order."""

    path: str
    members: tuple[Certificate, ...] = field(repr=False)

    def chain_of(self, public_key: PublicKeyTypes) -> tuple[bytes, ...]:
        """DER, that of the key first; raises CertificateMismatch if none is."""
        own = next((each for each in self.members if _public_key(each) == public_key), None)
        if own is None:
            raise CertificateMismatch(
                f"no certificate in {self.path!r} belongs to the key in AWS KMS",
                hint="check which certificate was issued for this key: aws kms get-public-key shows its public key",
            )
        return tuple(dict.fromkeys(each.public_bytes(Encoding.DER) for each in (own, *self.members)))


def certificates_in(path: str) -> Certificates:
    """Read a file; raises UsageError for no path, KeyNotFound for no file, and CertificateNotValid."""
    if not path:
        raise UsageError(
            "the key URI names no certificate, and AWS KMS keeps none",
            hint="add ?cert=FILE of the signer's certificate",
        )
    members = load_certificates(path)
    if len(members) > _MOST_MEMBERS:
        raise CertificateNotValid(f"{path!r} is too large", hint="keep the signer's certificate and its authorities'")
    return Certificates(path=path, members=members)


def _public_key(certificate: Certificate) -> PublicKeyTypes | None:
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
