"""Certification paths from a signer's certificate to a trust anchor, valid at a moment (RFC 5280 section 6)."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass

from asn1crypto.x509 import Certificate, Name
from cryptography import x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.errors import (
    ExpiredError,
    InvalidCertificateError,
    NotYetValidError,
    PathBuildingError,
    PathValidationError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    NO_REVOCATION,
    AcceptAllAlgorithms,
    CertRevTrustPolicy,
    RevocationCheckingPolicy,
)

from dcmseal_trust.completing import completed
from dcmseal_trust.material import Material


@dataclass(frozen=True, slots=True)
class NoPath(Exception):
    """Why there is no path, as code and message of a finding."""

    code: str
    message: str
    last: Certificate | None = None
    """Where the chain ends whose next certificate is missing."""


def find_path(leaf: Certificate, material: Material, moment: dt.datetime) -> ValidationPath:
    """A valid path, whatever its algorithms, revocation not looked at; raises NoPath."""
    own = next((anchor for anchor in material.anchors if anchor.dump() == leaf.dump()), None)
    if own is not None:
        path = ValidationPath(CertTrustAnchor(own), [], None)
    else:
        validator = CertificateValidator(leaf, validation_context=context_for(material, moment))
        try:
            path = completed(validator.async_validate_path())
        except (ValidationError, PathBuildingError) as error:
            raise _no_path(leaf, material, error) from None
    # RFC 5280 leaves it open whether an anchor expires; all who sell authorities say that it does
    anchor = path.first
    if moment < anchor.not_valid_before:
        raise NoPath("not-yet-valid", f"{name_of(anchor)} was not valid yet")
    if moment > anchor.not_valid_after:
        raise NoPath("expired", f"{name_of(anchor)} had expired")
    return path


def context_for(
    material: Material, moment: dt.datetime, policy: RevocationCheckingPolicy = NO_REVOCATION
) -> ValidationContext:
    """What pyhanko-certvalidator judges by: nothing but the material, and never the network."""
    return ValidationContext(
        # a signer's certificate that is trusted by itself is no authority over others
        trust_roots=[CertTrustAnchor(anchor) for anchor in material.anchors if _is_authority(anchor)],
        # anchors, too: among them are those who sign OCSP responses. What signed itself leads nowhere else, and many of
        # one name would be tried in every order
        other_certs=(*(each for each in material.intermediates if each.self_signed == "no"), *material.anchors),
        crls=material.crls,
        ocsps=material.ocsp_responses,
        moment=moment,
        time_tolerance=dt.timedelta(),
        algorithm_usage_policy=AcceptAllAlgorithms(),
        revinfo_policy=CertRevTrustPolicy(policy, retroactive_revinfo=True),
        allow_fetching=False,
    )


def certificates_of(path: ValidationPath) -> tuple[Certificate, ...]:
    """The certificates, the signer's first, the anchor last."""
    return tuple(reversed(list(path.iter_certs(include_root=True))))


def is_valid_at(path: ValidationPath, moment: dt.datetime) -> bool:
    """Whether no certificate of the path is outside its validity period."""
    return all(each.not_valid_before <= moment <= each.not_valid_after for each in certificates_of(path))


def name_of(certificate: Certificate) -> str:
    """The subject as RFC 4514 string."""
    return text_of(certificate.subject) or "a certificate without subject"


def text_of(name: Name) -> str:
    """A name as RFC 4514 string; as asn1crypto puts it if there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return x509.Name.from_bytes(name.dump()).rfc4514_string()
    except (AttributeError, ValueError, TypeError, LookupError):
        return str(name.human_friendly)


def _is_authority(certificate: Certificate) -> bool:
    constraints = certificate.basic_constraints_value
    if constraints is None:
        return bool(certificate.subject == certificate.issuer)
    return bool(constraints["ca"].native)


def _no_path(leaf: Certificate, material: Material, error: Exception) -> NoPath:
    match error:
        case NotYetValidError():
            name = name_of(error.current_path.last)
            return NoPath("not-yet-valid", f"{name} was not valid before {error.valid_from.isoformat()}")
        case ExpiredError():
            name = name_of(error.current_path.last)
            return NoPath("expired", f"{name} had expired at {error.expired_dt.isoformat()}")
        case PathValidationError():
            return NoPath("chain-invalid", f"the chain of certificates is not valid: {error.failure_msg}")
        case InvalidCertificateError():
            return NoPath("untrusted-authority", "it is self-signed, and no trust anchor")
        case _:
            return _end_of_chain(leaf, material)


def _end_of_chain(leaf: Certificate, material: Material) -> NoPath:
    """Where a chain ends that leads to no anchor."""
    known = {each.subject.hashable: each for each in (*material.unproven, *material.intermediates)}
    last, seen = leaf, set[str]()
    while last.issuer.hashable in known and last.subject.hashable not in seen and last.issuer != last.subject:
        seen.add(last.subject.hashable)
        last = known[last.issuer.hashable]
    if last.issuer == last.subject:
        return NoPath("untrusted-authority", f"the chain ends in {name_of(last)}, which is no trust anchor")
    issuer = text_of(last.issuer)
    return NoPath(
        "issuer-missing",
        f"there is no certificate of {issuer}, which issued that of {name_of(last)}: either an intermediate "
        "certificate is missing, or the authority is not trusted",
        last,
    )
