"""Selects the certificates with a chain of signatures from known ones; only these can be part of a path.

The path search tries certificates in every order, and circular certificates from a file could make it endless.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from asn1crypto.algos import SignedDigestAlgorithm
from asn1crypto.keys import PublicKeyInfo
from pyhanko_certvalidator.authority import Authority
from pyhanko_certvalidator.sig_validate import DefaultSignatureValidator

from dcmseal_trust.x509_certificates import X509Certificate


def split_by_known_issuer(
    certificates: Sequence[X509Certificate], known: Iterable[X509Certificate]
) -> tuple[tuple[X509Certificate, ...], tuple[X509Certificate, ...]]:
    """Split certificates into those with a chain of signatures from known ones, and all others."""
    by_issuer: dict[str, list[X509Certificate]] = defaultdict(list)
    for certificate in certificates:
        by_issuer[certificate.issuer.hashable].append(certificate)
    found: set[bytes] = set()
    issuers = list(known)
    while issuers and by_issuer:
        issuer = issuers.pop()
        unsigned: list[X509Certificate] = []
        for each in by_issuer.pop(issuer.subject.hashable, ()):
            if is_signed_by(each, issuer):
                found.add(each.dump())
                issuers.append(each)
            else:
                unsigned.append(each)
        if unsigned:
            by_issuer[issuer.subject.hashable] = unsigned
    return (
        tuple(each for each in certificates if each.dump() in found),
        tuple(each for each in certificates if each.dump() not in found),
    )


def is_signed_by(certificate: X509Certificate, issuer: X509Certificate | Authority) -> bool:
    """Whether the key of the issuer signed the certificate."""
    signature, algorithm = certificate["signature_value"].native, certificate["signature_algorithm"]
    return is_valid_signature(issuer.public_key, certificate["tbs_certificate"].dump(), signature, algorithm)


def is_valid_signature(key: PublicKeyInfo, data: bytes, signature: bytes, algorithm: SignedDigestAlgorithm) -> bool:
    """Whether a signature of data is valid; False if it cannot be verified."""
    try:
        DefaultSignatureValidator().validate_signature(
            signature=signature, signed_data=data, public_key_info=key, signature_algorithm=algorithm
        )
    except Exception:  # noqa: BLE001 - a signature that cannot be verified is not valid
        return False
    return True
