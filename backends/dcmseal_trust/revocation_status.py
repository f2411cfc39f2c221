"""What is asked about a certificate's revocation, and what the answer may be."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pyhanko_certvalidator.path import ValidationPath

from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_certificates import CLOCK_SKEW, X509Certificate, add_delay

KEY_STAYS_SAFE: Final = frozenset({"affiliation_changed", "superseded", "cessation_of_operation"})
"""Reasons for which a timestamp authority is revoked though its key is safe (RFC 3161 4 1).

``unspecified`` is not among them: it should not be stated (RFC 5280 5.3.1), and may be the lack of a reason.
"""
MIN_OCSP_VALIDITY: Final = dt.timedelta(minutes=30)
"""How long an OCSP response without nextUpdate counts."""


class RevocationState(Enum):
    """What is known of a certificate at a moment; what counts more comes first."""

    REVOKED = "revoked"
    INDETERMINATE = "indeterminate"
    """A source that must not be used says that it is revoked."""
    GOOD = "good"
    NOT_FOR_OCSP = "unfit"
    """The issuer named the OCSP responder, but not for that."""
    UNAUTHORIZED = "unauthorized"
    """The issuer did not name the OCSP responder."""
    STALE = "stale"
    """All that is known is too old."""
    OTHER_ISSUERS = "of others"
    """There are CRLs, and none of the issuer."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationStatus:
    """The status; if it is revoked, also since when and why, and whether another source denies it."""

    status: RevocationState
    since: dt.datetime | None = None
    reason: str = ""
    disputed: bool = False
    was_held: bool = False
    """Whether it was on hold by a source that is too old to say whether it still is."""

    @property
    def key_was_safe(self) -> bool:
        """Whether the reason leaves no doubt about what the key had signed before."""
        return self.reason in KEY_STAYS_SAFE

    @property
    def is_known(self) -> bool:
        return self.status in (RevocationState.GOOD, RevocationState.REVOKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationQuery:
    """A certificate that is asked about, the last of a path, and when."""

    path: ValidationPath
    material: LoadedMaterial
    moment: dt.datetime
    now: dt.datetime
    signers: frozenset[bytes] = frozenset()
    """DER of those whose CRLs are taken while they themselves are asked about: a CRL may list who signed it."""

    @property
    def certificate(self) -> X509Certificate:
        last: X509Certificate = self.path.last
        return last

    def is_future(self, begins: dt.datetime) -> bool:
        """Whether what begins to count then does not count yet."""
        return begins > add_delay(self.now, CLOCK_SKEW)

    def is_current(self, begins: dt.datetime, ends: dt.datetime | None) -> bool:
        """Whether what ends then counts; it may have been made since the moment (ETSI EN 319 102-1 5.2.5)."""
        return ends is not None and begins <= ends and self.moment <= ends

    def clamp(self, begins: dt.datetime, ends: dt.datetime | None) -> dt.datetime:
        """The moment, or that nearest to it at which a source counts."""
        return max(begins, self.moment if ends is None else min(self.moment, ends))
