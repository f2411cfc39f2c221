"""Whether a certificate of a path is revoked, by the CRLs and OCSP responses at hand (RFC 5280 6.3, RFC 6960)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyhanko_certvalidator.errors import (
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


class Status(Enum):
    """What is known of a certificate at a moment."""

    GOOD = "good"
    REVOKED = "revoked"
    STALE = "stale"
    """All that is known is too old."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationStatus:
    """The status; ``since`` and ``reason`` if it is revoked."""

    status: Status
    since: dt.datetime | None = None
    reason: str = ""

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
    known = RevocationStatus(status=Status.UNKNOWN)
    # each by itself: validation of a path uses no OCSP response unless the certificate names a responder
    for at_hand, verified, policy in (
        # a responder that the authority has named must not be revoked itself (RFC 6960 4.2.2.2.1)
        (material.ocsp_responses, verify_ocsp_response, REQUIRED_OF_LAST),
        # those who sign CRLs are on the path, and asked about in their turn
        (material.crls, verify_crl, NO_REVOCATION),
    ):
        try:
            if at_hand:
                completed(verified(path.last, path, context_for(material, moment, policy)))
                return RevocationStatus(status=Status.GOOD)
        except RevokedError as error:
            reason = str(error.reason.human_friendly)
            return RevocationStatus(status=Status.REVOKED, since=error.revocation_dt, reason=reason)
        except (OCSPValidationIndeterminateError, CRLValidationIndeterminateError) as error:
            if error.suspect_stale:
                known = RevocationStatus(status=Status.STALE)
        except (OCSPValidationError, CRLValidationError, ValidationError):
            continue
    return known
