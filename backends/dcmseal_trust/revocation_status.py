"""The revocation status of a certificate, and the query for it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyhanko_certvalidator.path import ValidationPath

from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_certificates import CLOCK_SKEW, X509Certificate, add_delay

KEY_STAYS_SAFE: Final = frozenset({"affiliation_changed", "superseded", "cessation_of_operation"})
"""Revocation reasons of a timestamp authority whose key is still safe (RFC 3161 4 1).

``unspecified`` is not included: it should not be stated (RFC 5280 5.3.1), and may mean that the reason is missing.
"""
MIN_OCSP_VALIDITY: Final = dt.timedelta(minutes=30)
"""Validity of an OCSP response without nextUpdate."""


class RevocationState(Enum):
    """The status of a certificate, in order of precedence."""

    REVOKED = "revoked"
    INDETERMINATE = "indeterminate"
    """A source that cannot be used says that it is revoked."""
    GOOD = "good"
    NOT_FOR_OCSP = "not-for-ocsp"
    """The certificate of the OCSP responder is not for OCSP."""
    UNAUTHORIZED = "unauthorized"
    """The issuer did not authorize the OCSP responder."""
    STALE = "stale"
    """All sources are outdated."""
    OTHER_ISSUERS = "other-issuers"
    """All CRLs are from other issuers."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationStatus:
    """A revocation status, with time and reason of a revocation, and whether another source contradicts it."""

    status: RevocationState
    since: dt.datetime | None = None
    reason: str = ""
    disputed: bool = False
    was_held: bool = False
    """Whether an outdated source lists it as on hold, which may have ended."""

    @property
    def key_was_safe(self) -> bool:
        """Whether earlier signatures of the key remain trustworthy, by the reason."""
        return self.reason in KEY_STAYS_SAFE

    @property
    def is_known(self) -> bool:
        return self.status in (RevocationState.GOOD, RevocationState.REVOKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationQuery:
    """The certificate to check, the last of a path, and the relevant times."""

    path: ValidationPath
    material: LoadedMaterial
    moment: dt.datetime
    now: dt.datetime
    signers: frozenset[bytes] = frozenset()
    """DER of CRL signers that are being checked, because a CRL may list its own signer."""

    @property
    def certificate(self) -> X509Certificate:
        last: X509Certificate = self.path.last
        return last

    def is_future(self, begins: dt.datetime) -> bool:
        """Whether a source is not yet valid."""
        return begins > add_delay(self.now, CLOCK_SKEW)

    def is_current(self, begins: dt.datetime, ends: dt.datetime | None) -> bool:
        """Whether a source is current; it may have been issued after the moment (ETSI EN 319 102-1 5.2.5)."""
        return ends is not None and begins <= ends and self.moment <= ends

    def clamp(self, begins: dt.datetime, ends: dt.datetime | None) -> dt.datetime:
        """Return the moment, or the nearest time at which a source is valid."""
        return max(begins, self.moment if ends is None else min(self.moment, ends))
