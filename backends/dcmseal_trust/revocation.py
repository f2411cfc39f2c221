"""Whether a certificate of a path is revoked, by the CRLs and OCSP responses at hand (RFC 5280 6.3, RFC 6960)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from asn1crypto.ocsp import OCSPResponse
from asn1crypto.x509 import Certificate
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import (
    CRLNoMatchesError,
    CRLValidationError,
    CRLValidationIndeterminateError,
    OCSPValidationError,
    OCSPValidationIndeterminateError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    NO_REVOCATION,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.revinfo.validate_crl import verify_crl
from pyhanko_certvalidator.revinfo.validate_ocsp import verify_ocsp_response

from dcmseal_trust.completing import completed
from dcmseal_trust.material import Material
from dcmseal_trust.paths import context_for

REQUIRED_OF_LAST: Final = RevocationCheckingPolicy(
    ee_certificate_rule=RevocationCheckingRule.CRL_OR_OCSP_REQUIRED,
    intermediate_ca_cert_rule=RevocationCheckingRule.NO_CHECK,
)
"""A certificate without revocation status, or a mark that it needs none, counts for nothing."""
_KEY_STAYS_SAFE: Final = frozenset({"affiliation_changed", "superseded", "cessation_of_operation"})
"""Reasons for which a timestamp authority is revoked though its key is safe (RFC 3161 4 1).

``unspecified`` is not among them: it should not be stated (RFC 5280 5.3.1), and may be the lack of a reason.
"""
_MOST_ENDS: Final = 8
"""So many moments are looked at, at which something was up to date."""


class Status(Enum):
    """What is known of a certificate at a moment; what counts more comes first."""

    REVOKED = "revoked"
    GOOD = "good"
    UNFIT = "unfit"
    """The issuer named the OCSP responder, but not for that."""
    UNAUTHORIZED = "unauthorized"
    """The issuer did not name the OCSP responder."""
    STALE = "stale"
    """All that is known is too old."""
    OF_OTHERS = "of others"
    """There are CRLs, and none of the issuer."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationStatus:
    """The status; if it is revoked, also since when and why, whether for good, and whether another source denies it.

    ``key_was_safe`` says that the reason leaves no doubt about what the key had signed before.
    """

    status: Status
    since: dt.datetime | None = None
    reason: str = ""
    for_good: bool = True
    key_was_safe: bool = False
    disputed: bool = False

    @property
    def is_known(self) -> bool:
        return self.status in (Status.GOOD, Status.REVOKED)


def partial_paths(path: ValidationPath) -> tuple[ValidationPath, ...]:
    """The paths to the signer's certificate, to its issuer's, and so on; the anchor is trusted as it is."""
    certificates = list(path.iter_certs(include_root=False))
    return tuple(
        ValidationPath(path.trust_anchor, certificates[:end], certificates[end])
        for end in reversed(range(len(certificates)))
    )


def status_at(path: ValidationPath, material: Material, moment: dt.datetime) -> RevocationStatus:
    """The status of the last certificate of a path; what was issued later counts, too (ETSI EN 319 102-1 5.2.5)."""
    # who signed a CRL is looked for by name, and may have come with the certificate
    material = replace(
        material,
        intermediates=(*material.intermediates, *path.iter_certs(include_root=False)),
        ocsp_responses=tuple(each for each in material.ocsp_responses if _is_about(path.last, each)),
    )
    status = _status_at(path, material, moment)
    if status.status is Status.STALE:
        # what is out of date cannot say that a certificate is good, but that it was revoked for good
        ended = {end for end in _ends(path.last, material) if end < moment}
        for end in sorted(ended, reverse=True)[:_MOST_ENDS]:
            earlier = _status_at(path, material, end)
            if earlier.status is Status.REVOKED and earlier.for_good:
                return earlier
    return status


def _status_at(path: ValidationPath, material: Material, moment: dt.datetime) -> RevocationStatus:
    # each OCSP response by itself, and then the CRLs: validation of a path uses no response unless the certificate
    # names a responder, and takes the first that says good, though another says that it is revoked
    by_ocsp = _foremost(
        _by_ocsp(path, replace(material, ocsp_responses=(each,)), moment) for each in material.ocsp_responses
    )
    by_crl = _by_crl(path, material, moment)
    foremost = _foremost((by_ocsp, by_crl))
    if foremost.status is Status.REVOKED and Status.GOOD in (by_ocsp.status, by_crl.status):
        return replace(foremost, disputed=True)
    return foremost


def _ends(certificate: Certificate, material: Material) -> Iterator[dt.datetime]:
    """When what is at hand about a certificate ends to count."""
    for crl in material.crls:
        if crl.issuer == certificate.issuer:
            yield from _moment(crl["tbs_cert_list"]["next_update"])
    for response in material.ocsp_responses:
        for each in response.basic_ocsp_response["tbs_response_data"]["responses"]:
            yield from _moment(each["next_update"])


def _moment(time: Any) -> Iterator[dt.datetime]:
    if time.native is not None:
        yield time.native


def _foremost(statuses: Iterable[RevocationStatus]) -> RevocationStatus:
    order = list(Status)
    unknown = RevocationStatus(status=Status.UNKNOWN)
    # of several reasons, one that discredits the key counts
    return min(statuses, key=lambda each: (order.index(each.status), each.key_was_safe), default=unknown)


def _is_about(certificate: Certificate, response: OCSPResponse) -> bool:
    answers = response.basic_ocsp_response["tbs_response_data"]["responses"]
    return any(each["cert_id"]["serial_number"].native == certificate.serial_number for each in answers)


def _by_ocsp(path: ValidationPath, material: Material, moment: dt.datetime) -> RevocationStatus:
    """What the one OCSP response of the material says."""
    # a responder that the authority has named must not be revoked itself (RFC 6960 4.2.2.2.1)
    status = _status(verify_ocsp_response, path, context_for(material, moment, REQUIRED_OF_LAST))
    if status.status is Status.UNKNOWN:
        return RevocationStatus(status=_refusal(path, material.ocsp_responses[0]))
    return status


def _by_crl(path: ValidationPath, material: Material, moment: dt.datetime) -> RevocationStatus:
    """What the CRLs of the material say."""
    if not material.crls:
        return RevocationStatus(status=Status.UNKNOWN)
    # those who sign CRLs are on the path, and asked about in their turn
    return _status(verify_crl, path, context_for(material, moment, NO_REVOCATION))


def _status(
    verify: Callable[[Certificate, ValidationPath, ValidationContext], Coroutine[Any, Any, object]],
    path: ValidationPath,
    context: ValidationContext,
) -> RevocationStatus:
    try:
        completed(verify(path.last, path, context))
    except RevokedError as error:
        return RevocationStatus(
            status=Status.REVOKED,
            since=error.revocation_dt,
            reason=str(error.reason.human_friendly),
            for_good=error.reason.native != "certificate_hold",
            key_was_safe=error.reason.native in _KEY_STAYS_SAFE,
        )
    except (OCSPValidationIndeterminateError, CRLValidationIndeterminateError) as error:
        return RevocationStatus(status=Status.STALE if error.suspect_stale else Status.UNKNOWN)
    except CRLNoMatchesError:
        return RevocationStatus(status=Status.OF_OTHERS)
    except (OCSPValidationError, CRLValidationError, ValidationError):
        return RevocationStatus(status=Status.UNKNOWN)
    return RevocationStatus(status=Status.GOOD)


def _refusal(path: ValidationPath, response: OCSPResponse) -> Status:
    """Why a response was not taken: its signer has to be the issuer, or named by it for that (RFC 6960 4.2.2.2)."""
    issuer = path.find_issuing_authority(path.last)
    answer = response.basic_ocsp_response
    try:
        responder = answer["tbs_response_data"]["responder_id"].chosen
        if responder.native == issuer.public_key.sha1 or responder == issuer.name:
            return Status.UNKNOWN
        named = [each for each in answer["certs"] or () if each.issuer == issuer.name]
        purposes = [purpose.native for each in named for purpose in each.extended_key_usage_value or ()]
    except Exception:  # noqa: BLE001 - asn1crypto reads lazily, and fails in many ways
        return Status.UNKNOWN
    if not named:
        return Status.UNAUTHORIZED
    return Status.UNKNOWN if "ocsp_signing" in purposes else Status.UNFIT
