"""Files whose verdict is to be repeated, by an authority with a past: of every way in which trust can go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from dcmseal.plugins.trust import Revocation, TrustSettings
from dcmseal.report import Verdict, VerificationReport
from tests.backends.trust.authority import Authority, Site, on, root
from tests.support.keeping import STAMPING, authority_of_time, first, signed_by


@dataclass(frozen=True)
class Case:
    """A signed file, and how the one who first verified it judged it."""

    data: bytes
    verdict: Verdict
    code: str
    """Of a finding about trust."""
    anchor: Authority
    rules: dict[str, Any] = field(default_factory=dict)
    material: dict[str, Any] = field(default_factory=dict)

    def first_report(self, site: Site) -> VerificationReport:
        return first(self.data, site.settings(self.anchor, **self.rules, **self.material))

    def replay_settings(self, site: Site) -> TrustSettings:
        """Of whoever repeats: rules and anchors, and nothing besides."""
        return site.settings(self.anchor, **self.rules)


def good(ca: Authority) -> Case:
    leaf = ca.issue("leaf")
    return Case(signed_by(leaf), Verdict.VALID, "not-revoked", ca, material={"crls": [ca.crl()]})


def good_by_ocsp(ca: Authority) -> Case:
    leaf = ca.issue("leaf")
    return Case(signed_by(leaf), Verdict.VALID, "not-revoked", ca, material={"ocsp_responses": [ca.ocsp(leaf)]})


def good_by_a_delegated_responder(ca: Authority) -> Case:
    usage = (x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]), False)
    responder, leaf = ca.issue("responder", extensions=[usage, (x509.OCSPNoCheck(), False)]), ca.issue("leaf")
    told = {"ocsp_responses": [ca.ocsp(leaf, signer=responder)]}
    return Case(signed_by(leaf), Verdict.VALID, "not-revoked", ca, material=told)


def good_through_intermediates(ca: Authority) -> Case:
    upper = ca.issue("upper", authority=True)
    issuing = upper.issue("issuing", authority=True)
    strangers = [root("stranger"), root("other")]
    material = {
        "intermediates": [*strangers, issuing, upper],
        "crls": [*(each.crl() for each in strangers), ca.crl(), upper.crl(), issuing.crl()],
    }
    return Case(signed_by(issuing.issue("leaf")), Verdict.VALID, "leads-to-anchor", ca, material=material)


def good_without_revocation(ca: Authority) -> Case:
    rules = {"revocation": Revocation.SOFT}
    return Case(signed_by(ca.issue("leaf")), Verdict.VALID, "revocation-unknown", ca, rules)


def revocation_left_alone(ca: Authority) -> Case:
    return Case(signed_by(ca.issue("leaf")), Verdict.VALID, "leads-to-anchor", ca, {"revocation": Revocation.OFF})


def pinned(ca: Authority) -> Case:
    rules = {"pinned_subjects": frozenset({"CN=leaf"}), "revocation": Revocation.SOFT}
    return Case(signed_by(ca.issue("leaf")), Verdict.VALID, "leads-to-anchor", ca, rules)


def revoked_before(ca: Authority) -> Case:
    leaf = ca.issue("leaf")
    return Case(signed_by(leaf), Verdict.INVALID, "revoked", ca, material={"crls": [ca.crl((leaf, on(2024)))]})


def revoked_since(ca: Authority) -> Case:
    leaf = ca.issue("leaf")
    told = {"ocsp_responses": [ca.ocsp(leaf, revoked=on(2025))]}
    return Case(signed_by(leaf), Verdict.NOT_ESTABLISHED, "revoked-since", ca, material=told)


def revoked_since_its_certified_time(ca: Authority) -> Case:
    leaf, tsa = ca.issue("leaf"), authority_of_time(ca)
    told = {"crls": [ca.crl((leaf, on(2025)))]}
    return Case(signed_by(leaf, stamped_by=tsa), Verdict.VALID, "revoked-since", ca, material=told)


def intermediate_revoked(ca: Authority) -> Case:
    issuing = ca.issue("issuing", authority=True)
    material = {"intermediates": [issuing], "crls": [ca.crl((issuing, on(2024))), issuing.crl()]}
    return Case(signed_by(issuing.issue("leaf")), Verdict.INVALID, "revoked", ca, material=material)


def expired_since(ca: Authority) -> Case:
    leaf = ca.issue("leaf", valid=(on(2023), on(2025)))
    return Case(signed_by(leaf), Verdict.NOT_ESTABLISHED, "expired-since", ca, {"revocation": Revocation.SOFT})


def expired_since_its_certified_time(ca: Authority) -> Case:
    leaf, tsa = ca.issue("leaf", valid=(on(2023), on(2025))), authority_of_time(ca)
    crl = ca.crl(issued=on(2024, 6, 2), due=on(2024, 7))
    material = {"crls": [crl, ca.crl()]}
    return Case(signed_by(leaf, stamped_by=tsa), Verdict.VALID, "expired-since", ca, material=material)


def timestamp_authority_revoked(ca: Authority) -> Case:
    leaf, tsa = ca.issue("leaf"), authority_of_time(ca)
    told = {"crls": [ca.crl((tsa, on(2024)))]}
    return Case(signed_by(leaf, stamped_by=tsa), Verdict.INVALID, "tsa-revoked", ca, material=told)


def timestamp_authority_through_an_intermediate(ca: Authority) -> Case:
    issuing = ca.issue("times", authority=True, valid=(on(2023), on(2059)))
    leaf, tsa = ca.issue("leaf"), issuing.issue("tsa", extensions=[STAMPING])
    material = {"intermediates": [issuing], "crls": [issuing.crl(), ca.crl()]}
    return Case(signed_by(leaf, stamped_by=tsa), Verdict.VALID, "tsa-trusted", ca, material=material)


def expired_when_it_signed(ca: Authority) -> Case:
    leaf = ca.issue("leaf", valid=(on(2022), on(2023)))
    return Case(signed_by(leaf), Verdict.INVALID, "expired", ca)


def stale_crl(ca: Authority) -> Case:
    told = {"crls": [ca.crl(issued=on(2025), due=on(2025, 6))]}
    return Case(signed_by(ca.issue("leaf")), Verdict.NOT_ESTABLISHED, "revocation-stale", ca, material=told)


def issuer_missing(ca: Authority) -> Case:
    leaf = ca.issue("issuing", authority=True).issue("leaf")
    return Case(signed_by(leaf), Verdict.NOT_ESTABLISHED, "issuer-missing", ca)


def intermediate_expired(ca: Authority) -> Case:
    issuing = ca.issue("issuing", authority=True, valid=(on(2022), on(2023)))
    return Case(signed_by(issuing.issue("leaf")), Verdict.INVALID, "expired", ca, material={"intermediates": [issuing]})


def upper_intermediate_expired(ca: Authority) -> Case:
    upper = ca.issue("upper", authority=True, valid=(on(2022), on(2023)))
    issuing = upper.issue("issuing", authority=True)
    told = {"intermediates": [issuing, upper]}
    return Case(signed_by(issuing.issue("leaf")), Verdict.INVALID, "expired", ca, material=told)


def stranger(ca: Authority) -> Case:
    other = root("stranger")
    told = {"intermediates": [other], "crls": [other.crl()]}
    return Case(signed_by(other.issue("leaf")), Verdict.NOT_ESTABLISHED, "untrusted-authority", ca, material=told)


def refused_for_its_usage(ca: Authority) -> Case:
    leaf = ca.issue("leaf", usages=("content_commitment",))
    rules = {"key_usages": frozenset({"digital_signature"}), "revocation": Revocation.SOFT}
    return Case(signed_by(leaf), Verdict.INVALID, "wrong-key-usage", ca, rules)


CASES: list[Callable[[Authority], Case]] = [
    *(good, good_by_ocsp, good_by_a_delegated_responder, good_through_intermediates, good_without_revocation),
    *(revocation_left_alone, pinned, revoked_before, revoked_since, revoked_since_its_certified_time),
    *(intermediate_revoked, expired_since, expired_since_its_certified_time, timestamp_authority_revoked),
    *(timestamp_authority_through_an_intermediate, expired_when_it_signed, stale_crl, issuer_missing),
    *(intermediate_expired, upper_intermediate_expired, stranger, refused_for_its_usage),
]
