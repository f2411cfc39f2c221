"""Files whose verdict is to be repeated, by an authority with a past: of every way in which trust can go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from dcmseal.model.report import VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import RevocationMode, TrustSettings
from tests.backends.trust.trust_pki import PkiAuthority, Site, make_root, utc_date
from tests.support.evidence_files import TIMESTAMPING_USAGE, make_timestamp_authority, sign_by, verify_first


@dataclass(frozen=True)
class ReplayCase:
    """A signed file, and how the one who first verified it judged it."""

    data: bytes
    verdict: Verdict
    code: str
    """Of a finding about trust."""
    anchor: PkiAuthority
    rules: dict[str, Any] = field(default_factory=dict)
    material: dict[str, Any] = field(default_factory=dict)

    def first_report(self, site: Site) -> VerificationReport:
        return verify_first(self.data, site.settings(self.anchor, **self.rules, **self.material))

    def replay_settings(self, site: Site) -> TrustSettings:
        """The settings for a replay: rules and anchors only."""
        return site.settings(self.anchor, **self.rules)


def good(ca: PkiAuthority) -> ReplayCase:
    leaf = ca.issue("leaf")
    return ReplayCase(sign_by(leaf), Verdict.VALID, "not-revoked", ca, material={"crls": [ca.crl()]})


def good_by_ocsp(ca: PkiAuthority) -> ReplayCase:
    leaf = ca.issue("leaf")
    return ReplayCase(sign_by(leaf), Verdict.VALID, "not-revoked", ca, material={"ocsp_responses": [ca.ocsp(leaf)]})


def good_by_a_delegated_responder(ca: PkiAuthority) -> ReplayCase:
    usage = (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]), False)
    responder, leaf = ca.issue("responder", extensions=[usage, (x509.OCSPNoCheck(), False)]), ca.issue("leaf")
    told = {"ocsp_responses": [ca.ocsp(leaf, signer=responder)]}
    return ReplayCase(sign_by(leaf), Verdict.VALID, "not-revoked", ca, material=told)


def good_through_intermediates(ca: PkiAuthority) -> ReplayCase:
    upper = ca.issue("upper", authority=True)
    issuing = upper.issue("issuing", authority=True)
    strangers = [make_root("stranger"), make_root("other")]
    material = {
        "intermediates": [*strangers, issuing, upper],
        "crls": [*(each.crl() for each in strangers), ca.crl(), upper.crl(), issuing.crl()],
    }
    return ReplayCase(sign_by(issuing.issue("leaf")), Verdict.VALID, "leads-to-anchor", ca, material=material)


def good_without_revocation(ca: PkiAuthority) -> ReplayCase:
    rules = {"revocation": RevocationMode.SOFT}
    return ReplayCase(sign_by(ca.issue("leaf")), Verdict.VALID, "revocation-unknown", ca, rules)


def revocation_left_alone(ca: PkiAuthority) -> ReplayCase:
    return ReplayCase(
        sign_by(ca.issue("leaf")), Verdict.VALID, "leads-to-anchor", ca, {"revocation": RevocationMode.OFF}
    )


def pinned(ca: PkiAuthority) -> ReplayCase:
    rules = {"pinned_subjects": frozenset({"CN=leaf"}), "revocation": RevocationMode.SOFT}
    return ReplayCase(sign_by(ca.issue("leaf")), Verdict.VALID, "leads-to-anchor", ca, rules)


def revoked_before(ca: PkiAuthority) -> ReplayCase:
    leaf = ca.issue("leaf")
    return ReplayCase(
        sign_by(leaf), Verdict.INVALID, "revoked", ca, material={"crls": [ca.crl((leaf, utc_date(2024)))]}
    )


def revoked_since(ca: PkiAuthority) -> ReplayCase:
    leaf = ca.issue("leaf")
    told = {"ocsp_responses": [ca.ocsp(leaf, revoked=utc_date(2025))]}
    return ReplayCase(sign_by(leaf), Verdict.NOT_ESTABLISHED, "revoked-since", ca, material=told)


def revoked_since_its_certified_time(ca: PkiAuthority) -> ReplayCase:
    leaf, tsa = ca.issue("leaf"), make_timestamp_authority(ca)
    told = {"crls": [ca.crl((leaf, utc_date(2025)))]}
    return ReplayCase(sign_by(leaf, stamped_by=tsa), Verdict.VALID, "revoked-since", ca, material=told)


def intermediate_revoked(ca: PkiAuthority) -> ReplayCase:
    issuing = ca.issue("issuing", authority=True)
    material = {"intermediates": [issuing], "crls": [ca.crl((issuing, utc_date(2024))), issuing.crl()]}
    return ReplayCase(sign_by(issuing.issue("leaf")), Verdict.INVALID, "revoked", ca, material=material)


def expired_since(ca: PkiAuthority) -> ReplayCase:
    leaf = ca.issue("leaf", valid=(utc_date(2023), utc_date(2025)))
    return ReplayCase(sign_by(leaf), Verdict.NOT_ESTABLISHED, "expired-since", ca, {"revocation": RevocationMode.SOFT})


def expired_since_its_certified_time(ca: PkiAuthority) -> ReplayCase:
    leaf, tsa = ca.issue("leaf", valid=(utc_date(2023), utc_date(2025))), make_timestamp_authority(ca)
    crl = ca.crl(issued=utc_date(2024, 6, 2), due=utc_date(2024, 7))
    material = {"crls": [crl, ca.crl()]}
    return ReplayCase(sign_by(leaf, stamped_by=tsa), Verdict.VALID, "expired-since", ca, material=material)


def timestamp_authority_revoked(ca: PkiAuthority) -> ReplayCase:
    leaf, tsa = ca.issue("leaf"), make_timestamp_authority(ca)
    told = {"crls": [ca.crl((tsa, utc_date(2024)))]}
    return ReplayCase(sign_by(leaf, stamped_by=tsa), Verdict.INVALID, "tsa-revoked", ca, material=told)


def timestamp_authority_through_an_intermediate(ca: PkiAuthority) -> ReplayCase:
    issuing = ca.issue("times", authority=True, valid=(utc_date(2023), utc_date(2059)))
    leaf, tsa = ca.issue("leaf"), issuing.issue("tsa", extensions=[TIMESTAMPING_USAGE])
    material = {"intermediates": [issuing], "crls": [issuing.crl(), ca.crl()]}
    return ReplayCase(sign_by(leaf, stamped_by=tsa), Verdict.VALID, "tsa-trusted", ca, material=material)


def expired_when_it_signed(ca: PkiAuthority) -> ReplayCase:
    leaf = ca.issue("leaf", valid=(utc_date(2022), utc_date(2023)))
    return ReplayCase(sign_by(leaf), Verdict.INVALID, "expired", ca)


def stale_crl(ca: PkiAuthority) -> ReplayCase:
    told = {"crls": [ca.crl(issued=utc_date(2025), due=utc_date(2025, 6))]}
    return ReplayCase(sign_by(ca.issue("leaf")), Verdict.NOT_ESTABLISHED, "revocation-stale", ca, material=told)


def issuer_missing(ca: PkiAuthority) -> ReplayCase:
    leaf = ca.issue("issuing", authority=True).issue("leaf")
    return ReplayCase(sign_by(leaf), Verdict.NOT_ESTABLISHED, "issuer-missing", ca)


def intermediate_expired(ca: PkiAuthority) -> ReplayCase:
    issuing = ca.issue("issuing", authority=True, valid=(utc_date(2022), utc_date(2023)))
    return ReplayCase(
        sign_by(issuing.issue("leaf")), Verdict.INVALID, "expired", ca, material={"intermediates": [issuing]}
    )


def upper_intermediate_expired(ca: PkiAuthority) -> ReplayCase:
    upper = ca.issue("upper", authority=True, valid=(utc_date(2022), utc_date(2023)))
    issuing = upper.issue("issuing", authority=True)
    told = {"intermediates": [issuing, upper]}
    return ReplayCase(sign_by(issuing.issue("leaf")), Verdict.INVALID, "expired", ca, material=told)


def stranger(ca: PkiAuthority) -> ReplayCase:
    other = make_root("stranger")
    told = {"intermediates": [other], "crls": [other.crl()]}
    return ReplayCase(sign_by(other.issue("leaf")), Verdict.NOT_ESTABLISHED, "untrusted-authority", ca, material=told)


def refused_for_its_usage(ca: PkiAuthority) -> ReplayCase:
    leaf = ca.issue("leaf", usages=("content_commitment",))
    rules = {"key_usages": frozenset({"digital_signature"}), "revocation": RevocationMode.SOFT}
    return ReplayCase(sign_by(leaf), Verdict.INVALID, "wrong-key-usage", ca, rules)


CASES: list[Callable[[PkiAuthority], ReplayCase]] = [
    *(good, good_by_ocsp, good_by_a_delegated_responder, good_through_intermediates, good_without_revocation),
    *(revocation_left_alone, pinned, revoked_before, revoked_since, revoked_since_its_certified_time),
    *(intermediate_revoked, expired_since, expired_since_its_certified_time, timestamp_authority_revoked),
    *(timestamp_authority_through_an_intermediate, expired_when_it_signed, stale_crl, issuer_missing),
    *(intermediate_expired, upper_intermediate_expired, stranger, refused_for_its_usage),
]
