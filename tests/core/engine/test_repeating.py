"""A verdict repeated years later, offline: the same report, and no better one by evidence that somebody made up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

import dcmseal
from dcmseal.engine.keeping.saving import evidence_bytes, evidence_of
from dcmseal.engine.trusting import Trust
from dcmseal.plugins.trust import Revocation, TrustSettings
from dcmseal.report import Verdict, VerificationReport
from tests.backends.trust.authority import DUE, NOW, Authority, Site, on, root
from tests.support.keeping import (
    LATER,
    STAMPING,
    authority_of_time,
    first,
    found,
    lasting_root,
    repeated,
    said,
    signed_by,
    stamped,
)

CERTIFIED = {"repeat-moment-certified", "repeat-signature-matches", "repeat-file-matches", "repeat-verdict-same"}
BELIEVED = CERTIFIED - {"repeat-moment-certified"} | {"repeat-moment-believed"}


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

    def first(self, site: Site) -> VerificationReport:
        return first(self.data, site.settings(self.anchor, **self.rules, **self.material))

    def own(self, site: Site) -> TrustSettings:
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
    return Case(signed_by(leaf, stamped_by=tsa), Verdict.INVALID, "tsa-untrusted", ca, material=told)


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
    return Case(signed_by(leaf), Verdict.INVALID, "issuer-missing", ca)


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
    return Case(signed_by(other.issue("leaf")), Verdict.INVALID, "untrusted-authority", ca, material=told)


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


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def lasting() -> Authority:
    return lasting_root()


@pytest.mark.parametrize("make", CASES)
def test_the_same_verdict_twenty_years_later(make: Callable[[Authority], Case], lasting: Authority, site: Site) -> None:
    case = make(lasting)
    report = case.first(site)
    assert report.verdict is case.verdict
    assert case.code in {each.code for each in report.signatures[0].findings}
    kept = evidence_bytes(report)
    for evidence, options, about in (
        (stamped(kept, authority_of_time(lasting)), {}, CERTIFIED),
        (kept, {"moment": True}, BELIEVED),
    ):
        again = repeated(case.data, case.own(site), evidence, **options)
        assert found(again) == found(report)
        assert said(again) - {"repeat-rules-differ"} == about
    # without either, there is no telling when that was
    doubtful = repeated(case.data, case.own(site), kept)
    assert "repeat-moment-claimed" in said(doubtful)
    assert doubtful.verdict is (Verdict.INVALID if case.verdict is Verdict.INVALID else Verdict.NOT_ESTABLISHED)
    # and without evidence, the question is another
    if case.material:
        assert found(repeated_without(case, site)) != found(report)


def repeated_without(case: Case, site: Site) -> VerificationReport:
    return first(case.data, replace(case.own(site), now=LATER))


def test_what_is_kept_is_what_was_used(lasting: Authority, site: Site) -> None:
    case = good_through_intermediates(lasting)
    grounds = evidence_of(evidence_bytes(case.first(site))).grounds
    assert grounds.moment == NOW
    assert grounds.material.anchors == (lasting.der,)
    names = {x509.load_der_x509_certificate(each).subject.rfc4514_string() for each in grounds.material.certificates}
    assert names == {"CN=leaf", "CN=issuing", "CN=upper"}
    issuers = {x509.load_der_x509_crl(each).issuer.rfc4514_string() for each in grounds.material.crls}
    assert issuers == {"CN=issuing", "CN=upper", "CN=lasting"}


def test_an_archive_of_one_signer_has_the_material_for_each_file(lasting: Authority, site: Site) -> None:
    """Answers that were remembered come with it, too; also if they were first given without."""
    leaf = lasting.issue("leaf")
    crl = lasting.crl()
    trust = Trust.open(site.settings(lasting, crls=[crl], now=NOW))
    files = [signed_by(leaf, patient=str(number)) for number in range(3)]
    dcmseal.verify(files[0], trust=trust)
    for each in files:
        report = dcmseal.verify(each, trust=trust, keep_evidence=True)
        assert evidence_of(evidence_bytes(report)).grounds.material.crls == (crl,)


def test_a_claimed_moment_establishes_nothing(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    (signature,) = repeated(case.data, case.own(site), evidence_bytes(case.first(site))).signatures
    assert signature.verdict() is Verdict.NOT_ESTABLISHED


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (NOW, "repeat-moment-certified"),
        (NOW + dt.timedelta(minutes=4), "repeat-moment-certified"),
        (NOW + dt.timedelta(minutes=6), "repeat-timestamp-late"),
        (NOW - dt.timedelta(minutes=6), "repeat-timestamp-late"),
        (LATER, "repeat-timestamp-late"),
    ],
)
def test_evidence_is_certified_when_it_is_found(lasting: Authority, site: Site, moment: dt.datetime, code: str) -> None:
    case = good(lasting)
    evidence = stamped(evidence_bytes(case.first(site)), authority_of_time(lasting), moment)
    for believed in (False, True):
        report = repeated(case.data, case.own(site), evidence, moment=believed)
        assert code in said(report)
        assert report.verdict is (Verdict.VALID if code == "repeat-moment-certified" else Verdict.NOT_ESTABLISHED)


def test_who_certified_the_evidence_is_judged_today(lasting: Authority, site: Site) -> None:
    """By the verifier's own anchors and CRLs: an authority that was robbed since can certify any time."""
    case = good(lasting)
    kept = evidence_bytes(case.first(site))
    expired, fake = authority_of_time(lasting, valid=(on(2023), on(2040))), authority_of_time(root("fake"))
    no_authority = lasting.issue("tsa", valid=(on(2023), on(2059)))
    for tsa in (expired, fake):
        report = repeated(case.data, case.own(site), stamped(kept, tsa))
        assert "repeat-moment-claimed" in said(report)
        assert report.verdict is Verdict.NOT_ESTABLISHED
        # who vouches for the file needs no authority
        assert repeated(case.data, case.own(site), stamped(kept, tsa), moment=True).verdict is Verdict.VALID
    assert "repeat-timestamp-wrong" in said(repeated(case.data, case.own(site), stamped(kept, no_authority)))
    robbed = authority_of_time(lasting)
    crl = lasting.crl((robbed, on(2030)), issued=on(2045, 12), due=on(2046, 2))
    own = site.settings(lasting, crls=[crl])
    assert repeated(case.data, own, stamped(kept, robbed)).verdict is Verdict.NOT_ESTABLISHED


def test_no_moment_is_believed_that_has_yet_to_come(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    evidence = evidence_bytes(case.first(site))
    for each in (evidence, stamped(evidence, authority_of_time(lasting))):
        report = repeated(case.data, replace(case.own(site), now=on(2025)), each, moment=True)
        assert "repeat-moment-future" in said(report)
        assert report.verdict is Verdict.NOT_ESTABLISHED


def test_the_verifiers_rules_count(lasting: Authority, site: Site) -> None:
    case = good_without_revocation(lasting)
    evidence = stamped(evidence_bytes(case.first(site)), authority_of_time(lasting))
    report = repeated(case.data, site.settings(lasting), evidence)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    (told,) = (each.message for each in report.notes if each.code == "repeat-rules-differ")
    assert told.endswith("revocation is hard, and was soft")
    assert {"repeat-verdict-differs"} < said(report)


def test_what_the_verifier_knows_besides_counts(lasting: Authority, site: Site) -> None:
    """The key turned out to be stolen before it signed."""
    leaf = lasting.issue("leaf")
    case = Case(signed_by(leaf), Verdict.VALID, "", lasting, material={"crls": [lasting.crl()]})
    evidence = stamped(evidence_bytes(case.first(site)), authority_of_time(lasting))
    crl = lasting.crl((leaf, on(2024, 1)), issued=on(2026, 2), due=DUE + dt.timedelta(days=90))
    own = site.settings(lasting, crls=[crl], revocation=Revocation.SOFT)
    assert repeated(case.data, own, evidence).verdict is not Verdict.VALID


def test_anchors_of_the_evidence_are_trusted_on_request_only(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    evidence = stamped(evidence_bytes(case.first(site)), authority_of_time(lasting))
    others = site.settings(root("other"))
    report = repeated(case.data, others, evidence)
    assert report.verdict is Verdict.INVALID
    assert "repeat-chain-differs" in said(report)
    believed = repeated(case.data, others, evidence, anchors=True)
    assert believed.verdict is Verdict.VALID
    assert "repeat-anchors-believed" in said(believed)


def test_a_file_that_changed_where_nothing_is_signed(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    evidence = stamped(evidence_bytes(case.first(site)), authority_of_time(lasting))
    preamble = b"later on" + case.data[8:]
    report = repeated(preamble, case.own(site), evidence)
    assert report.verdict is Verdict.VALID
    assert said(report) == CERTIFIED - {"repeat-file-matches"} | {"repeat-file-differs"}
    changed = repeated(case.data.replace(b"4711", b"4712"), case.own(site), evidence)
    assert changed.verdict is Verdict.INVALID
    assert "repeat-data-differs" in said(changed)


def test_another_signature_is_not_cleared(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    evidence = stamped(evidence_bytes(case.first(site)), authority_of_time(lasting))
    other = signed_by(lasting.issue("leaf"), patient="other")
    for believed in (False, True):
        report = repeated(other, case.own(site), evidence, moment=believed)
        assert report.verdict is Verdict.NOT_ESTABLISHED
        assert {"repeat-signature-missing", "repeat-file-differs"} < said(report)
        assert report.signatures[0].verdict() is Verdict.NOT_ESTABLISHED
