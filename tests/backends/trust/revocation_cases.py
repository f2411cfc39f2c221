"""Dates, CRL entry reasons and findings that the tests of revocation share."""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.x509 import ReasonFlags as Reason

from tests.backends.trust.trust_pki import PkiAuthority, Site, finding_codes, utc_date

BEFORE, SINCE = utc_date(2024, 1), utc_date(2025, 1)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
LONG_AGO: dict[str, Any] = {"issued": utc_date(2024, 2), "due": utc_date(2024, 3)}


def entry_reason(flag: Reason) -> tuple[x509.ExtensionType, bool]:
    return x509.CRLReason(flag), False


HOLD = entry_reason(Reason.certificate_hold)


def revocation_codes(
    site: Site, leaf: PkiAuthority, ca: PkiAuthority, *anchors: PkiAuthority, **more: Any
) -> list[str]:
    """Return the codes of the findings about revocation."""
    answer = site.ask(leaf, ca, *anchors, **more)
    assert "leads-to-anchor" in finding_codes(answer)
    return finding_codes(answer)[1:]
