"""Finds the signers of CRLs and OCSP responses, and checks their authority (RFC 5280 6.3.3 f, g; RFC 6960 4.2.2.2)."""

# Kept apart: the signers of CRLs and OCSP responses, apart from their statuses.

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace
from pyhanko_certvalidator.authority import Authority, AuthorityWithCert
from pyhanko_certvalidator.path import ValidationPath

from dcmseal_trust.certification_paths import NoPath, find_path
from dcmseal_trust.crls import Crl
from dcmseal_trust.name_comparison import name_key
from dcmseal_trust.ocsp import OcspResponse
from dcmseal_trust.signed_by_known import is_signed_by, is_valid_signature
from dcmseal_trust.trust_anchors import KNOWN_EXTENSIONS
from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_certificates import X509Certificate, unknown_critical_extensions

_MAX_SIGNERS: Final = 16
"""Maximum number of certificates with one name that are tried."""


def path_issuer(path: ValidationPath) -> Authority:
    """Return the issuer of the last certificate of a path."""
    return list(path.iter_authorities())[-1]


def is_signed_by_issuer(crl: Crl, path: ValidationPath) -> bool:
    """Whether a CRL is signed with the key that signed the last certificate of the path."""
    issuer = path_issuer(path)
    if name_key(issuer.name) != crl.issuer:
        return False
    if isinstance(issuer, AuthorityWithCert) and not _may_sign_crls(issuer.certificate):
        return False
    return is_valid_signature(issuer.public_key, crl.tbs_bytes, crl.parsed.signature, crl.parsed["signature_algorithm"])


def iter_other_signers(crl: Crl, material: LoadedMaterial) -> Iterator[X509Certificate]:
    """Iterate over other certificates with the name of the CRL issuer whose key signed the CRL."""
    candidates = [
        each for each in _all_certificates(material) if name_key(each.subject) == crl.issuer and _may_sign_crls(each)
    ]
    for each in candidates[:_MAX_SIGNERS]:
        if is_valid_signature(each.public_key, crl.tbs_bytes, crl.parsed.signature, crl.parsed["signature_algorithm"]):
            yield each


def find_signer_path(
    signer: X509Certificate, path: ValidationPath, material: LoadedMaterial, moment: dt.datetime
) -> ValidationPath | None:
    """Find a path from the signer of a CRL to the trust anchor of the certificate (RFC 5280 6.3.3 f).

    Args:
        signer: The certificate of the CRL signer.
        path: The path of the certificate to check.
        material: Intermediate certificates.
        moment: The time at which the path must be valid.

    Returns:
        The path; None if there is none.
    """
    try:
        return find_path(signer, replace(material, anchors=(path.first,)), moment)
    except NoPath:
        return None


def find_responder(
    response: OcspResponse, path: ValidationPath, material: LoadedMaterial
) -> X509Certificate | Authority | None:
    """Find the signer of a response: the issuer, or a delegated responder; None if neither signed it."""
    issuer = path_issuer(path)
    basic = response.parsed.basic_ocsp_response
    signature, algorithm = basic["signature"].native, basic["signature_algorithm"]
    if response.is_from(name_key(issuer.name), issuer.public_key) and is_valid_signature(
        issuer.public_key, response.tbs_bytes, signature, algorithm
    ):
        return issuer
    for each in responder_candidates(response, material)[:_MAX_SIGNERS]:
        may_sign = each.dump() != path.last.dump() and is_delegated(each, issuer) and is_for_ocsp(each)
        if may_sign and is_valid_signature(each.public_key, response.tbs_bytes, signature, algorithm):
            return each
    return None


def responder_candidates(response: OcspResponse, material: LoadedMaterial) -> list[X509Certificate]:
    """Find certificates that match the responder ID of a response."""
    known = (*response.certificates, *_all_certificates(material))
    return [each for each in known if response.is_from(name_key(each.subject), each.public_key)]


def is_delegated(responder: X509Certificate, issuer: Authority) -> bool:
    """Whether the issuer itself issued the responder's certificate."""
    return name_key(responder.issuer) == name_key(issuer.name) and is_signed_by(responder, issuer)


def is_for_ocsp(responder: X509Certificate) -> bool:
    """Whether a certificate is for signing OCSP responses (RFC 6960 4.2.2.2)."""
    purposes, usages = responder.extended_key_usage_value, responder.key_usage_value
    return (
        purposes is not None
        and "ocsp_signing" in purposes.native
        and (usages is None or not {"digital_signature", "non_repudiation"}.isdisjoint(usages.native))
        and not unknown_critical_extensions(responder["tbs_certificate"]["extensions"], KNOWN_EXTENSIONS)
    )


def _all_certificates(material: LoadedMaterial) -> tuple[X509Certificate, ...]:
    return (*material.intermediates, *material.anchors)


def _may_sign_crls(certificate: X509Certificate) -> bool:
    usages = certificate.key_usage_value
    return usages is None or "crl_sign" in usages.native
