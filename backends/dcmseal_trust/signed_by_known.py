"""Certificates that known ones have signed: only these can stand between them and a signer.

Paths are searched in every order. A stranger's certificates that lead in circles would make that last for ever, and
these are left out before.
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
    """Those of the given certificates that known ones signed, or that these signed in turn; and all others."""
    waiting: dict[str, list[X509Certificate]] = defaultdict(list)
    for certificate in certificates:
        waiting[certificate.issuer.hashable].append(certificate)
    found: set[bytes] = set()
    issuers = list(known)
    while issuers and waiting:
        issuer = issuers.pop()
        unsigned: list[X509Certificate] = []
        for each in waiting.pop(issuer.subject.hashable, ()):
            if is_signed_by(each, issuer):
                found.add(each.dump())
                issuers.append(each)
            else:
                unsigned.append(each)
        if unsigned:
            waiting[issuer.subject.hashable] = unsigned
    return (
        tuple(each for each in certificates if each.dump() in found),
        tuple(each for each in certificates if each.dump() not in found),
    )


def is_signed_by(certificate: X509Certificate, issuer: X509Certificate | Authority) -> bool:
    """Whether the issuer's key made the certificate's signature."""
    value, algorithm = certificate["signature_value"].native, certificate["signature_algorithm"]
    return is_valid_signature(issuer.public_key, certificate["tbs_certificate"].dump(), value, algorithm)


def is_valid_signature(key: PublicKeyInfo, signed: bytes, value: bytes, algorithm: SignedDigestAlgorithm) -> bool:
    """Whether a key made a signature."""
    try:
        DefaultSignatureValidator().validate_signature(
            signature=value, signed_data=signed, public_key_info=key, signature_algorithm=algorithm
        )
    except Exception:  # noqa: BLE001 - what cannot be verified, in whatever way, is not signed
        return False
    return True
