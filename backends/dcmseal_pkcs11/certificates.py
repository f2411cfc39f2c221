"""Certificates for a key on a token: from the token, or from a file; and those that lead to their authority."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, load_der_x509_certificate, load_pem_x509_certificates

from dcmseal.errors import CertificateNotValid, KeyNotFound
from dcmseal.terms import KeyType
from dcmseal_pkcs11.mechanisms import KeyKind

_MOST_BYTES: Final = 1 << 20
_MOST: Final = 64


def certificates_in(path: str) -> tuple[Certificate, ...]:
    """The certificates of a file, PEM or DER.

    Raises KeyNotFound if it cannot be read, and CertificateNotValid if there is none in it, or a damaged one.
    """
    try:
        with open(os.path.expanduser(path), "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) else "no path of this system"
        raise KeyNotFound(f"the certificate {path!r} cannot be read: {cause}", hint="check the path") from None
    if len(data) > _MOST_BYTES:
        raise KeyNotFound(f"{path!r} is larger than 1 MiB: no certificate", hint="check the path")
    try:
        if data.startswith(b"\x30"):
            return (load_der_x509_certificate(data),)
        return tuple(load_pem_x509_certificates(data))
    except ValueError:
        raise CertificateNotValid(
            f"{path!r} holds no certificate that can be read", hint="name a PEM or DER file of a certificate"
        ) from None


def certificate_of(der: bytes) -> Certificate | None:
    """The certificate, None if it is none that can be read."""
    try:
        return load_der_x509_certificate(der)
    except ValueError:
        return None


def kind_of(certificate: Certificate) -> KeyKind | None:
    """Type and size of the key that a certificate is for; None if it is neither RSA nor EC."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(key, rsa.RSAPublicKey):
        return KeyKind(type=KeyType.RSA, bits=key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return KeyKind(type=KeyType.EC, bits=key.curve.key_size)
    return None


def newest(certificates: Iterable[Certificate]) -> Certificate | None:
    """The one that is valid longest: a renewed certificate stands beside the old one on many cards."""
    return max(certificates, key=lambda each: each.not_valid_after_utc, default=None)


def chain_of(own: Certificate, others: Iterable[Certificate], further: Iterable[Certificate]) -> tuple[bytes, ...]:
    """DER: the certificate itself, its issuers among ``others`` as far as they go, and all of ``further``.

    Raises CertificateNotValid if there are too many.
    """
    path = [own]
    candidates = list(others)
    while path[-1].issuer != path[-1].subject:
        issuer = next((each for each in candidates if each.subject == path[-1].issuer and each not in path), None)
        if issuer is None:
            break
        path.append(issuer)
    all_of_them = dict.fromkeys(each.public_bytes(Encoding.DER) for each in (*path, *further))
    if len(all_of_them) > _MOST:
        raise CertificateNotValid(
            f"more than {_MOST} certificates go with the key",
            hint="keep only those that lead from the signer's certificate to its authority",
        )
    return tuple(all_of_them)
