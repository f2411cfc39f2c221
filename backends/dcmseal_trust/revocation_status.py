"""Revocation queries, and the status of a certificate."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import Final

from msgspec import Struct
from pyhanko_certvalidator.path import ValidationPath

from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_certificates import CLOCK_SKEW, X509Certificate, add_delay

KEY_STAYS_SAFE: Final = frozenset({"affiliation_changed", "superseded", "cessation_of_operation"})
"""Revocation reasons after which the earlier timestamps of an authority remain valid (RFC 3161 4 1).

``unspecified`` is not included, because it is also used if no reason is stated (RFC 5280 5.3.1).
"""
MIN_OCSP_VALIDITY: Final = dt.timedelta(minutes=30)
"""How long an OCSP response without nextUpdate is current."""


class RevocationState(Enum):
    """The status of a certificate, in order of precedence."""

    REVOKED = "revoked"
    INDETERMINATE = "indeterminate"
    """An unusable source lists the certificate as revoked."""
    GOOD = "good"
    NOT_FOR_OCSP = "not for OCSP"
    """The certificate of the OCSP responder is not for OCSP."""
    UNAUTHORIZED = "unauthorized"
    """The issuer did not authorize the OCSP responder."""
    STALE = "stale"
    """All sources are outdated."""
    OTHER_ISSUERS = "other issuers"
    """All CRLs are from other issuers."""
    UNKNOWN = "unknown"


class RevocationStatus(Struct, frozen=True, kw_only=True):
    """The revocation status, and details of a revocation."""

    status: RevocationState
    since: dt.datetime | None = None
    reason: str = ""
    disputed: bool = False
    """Whether another source says that the certificate is not revoked."""
    was_on_hold: bool = False
    """Whether an outdated source lists it as on hold; the hold may have ended."""

    @property
    def key_was_safe(self) -> bool:
        """Whether the reason leaves earlier signatures with the key trustworthy."""
        return self.reason in KEY_STAYS_SAFE

    @property
    def is_known(self) -> bool:
        """Whether the certificate is known to be good or revoked."""
        return self.status in (RevocationState.GOOD, RevocationState.REVOKED)


class RevocationQuery(Struct, frozen=True, kw_only=True):
    """The certificate to check, the last of a path, with material and times."""

    path: ValidationPath
    material: LoadedMaterial
    moment: dt.datetime
    now: dt.datetime
    signers: frozenset[bytes] = frozenset()
    """DER of CRL signers that are being checked, because a CRL may list its own signer."""

    @property
    def certificate(self) -> X509Certificate:
        """The certificate to check."""
        last: X509Certificate = self.path.last
        return last

    def is_future(self, begins: dt.datetime) -> bool:
        """Whether a source whose validity begins at a given time is not valid yet."""
        return begins > add_delay(self.now, CLOCK_SKEW)

    def is_current(self, begins: dt.datetime, ends: dt.datetime | None) -> bool:
        """Whether a source is current at the moment, or issued later (ETSI EN 319 102-1 5.2.5)."""
        return ends is not None and begins <= ends and self.moment <= ends

    def clamp(self, begins: dt.datetime, ends: dt.datetime | None) -> dt.datetime:
        """Return the moment, or the nearest time within the validity of a source."""
        return max(begins, self.moment if ends is None else min(self.moment, ends))
