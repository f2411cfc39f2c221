"""A verdict repeated years later, offline: the same report, and no better one by evidence that somebody made up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509

import dcmseal
from dcmseal.engine.keeping.saving import evidence_bytes, evidence_of
from dcmseal.engine.trusting import Trust
from dcmseal.plugins.trust import Revocation
from dcmseal.report import Verdict, VerificationReport
from tests.backends.trust.authority import DUE, NOW, Authority, Site, on, root
from tests.core.engine.repeatable import CASES, Case, good, good_through_intermediates, good_without_revocation
from tests.support.keeping import (
    LATER,
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


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def lasting() -> Authority:
    return lasting_root()


@pytest.mark.parametrize("make", CASES)
def test_the_same_verdict_twenty_years_later(make: Callable[[Authority], Case], lasting: Authority, site: Site) -> None:
    case = make(lasting)
    report = case.first_report(site)
    assert report.verdict is case.verdict
    assert case.code in {each.code for each in report.signatures[0].findings}
    kept = evidence_bytes(report)
    for evidence, options, about in (
        (stamped(kept, authority_of_time(lasting)), {}, CERTIFIED),
        (kept, {"moment": True}, BELIEVED),
    ):
        again = repeated(case.data, case.replay_settings(site), evidence, **options)
        assert found(again) == found(report)
        assert said(again) - {"repeat-rules-differ"} == about
    # without either, there is no telling when that was
    doubtful = repeated(case.data, case.replay_settings(site), kept)
    assert "repeat-moment-claimed" in said(doubtful)
    assert doubtful.verdict is (Verdict.INVALID if case.verdict is Verdict.INVALID else Verdict.NOT_ESTABLISHED)
    # and without evidence, the question is another
    if case.material:
        assert found(repeated_without(case, site)) != found(report)


def repeated_without(case: Case, site: Site) -> VerificationReport:
    return first(case.data, replace(case.replay_settings(site), now=LATER))


def test_what_is_kept_is_what_was_used(lasting: Authority, site: Site) -> None:
    case = good_through_intermediates(lasting)
    grounds = evidence_of(evidence_bytes(case.first_report(site))).record
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
        assert evidence_of(evidence_bytes(report)).record.material.crls == (crl,)


def test_an_authority_whose_certificate_was_given(lasting: Authority, site: Site) -> None:
    """The timestamp of the signature comes without it; so does whoever repeats."""
    leaf, tsa = lasting.issue("leaf", valid=(on(2023), on(2025))), authority_of_time(lasting)
    data = signed_by(leaf, stamped_by=tsa, embedded=())
    settings = site.settings(lasting, revocation=Revocation.SOFT)
    report = first(data, settings, timestamp_certificates=(tsa.der,))
    assert report.verdict is Verdict.VALID
    assert first(data, settings).verdict is Verdict.NOT_ESTABLISHED
    evidence = stamped(evidence_bytes(report), authority_of_time(lasting))
    assert found(repeated(data, settings, evidence)) == found(report)


def test_a_claimed_moment_establishes_nothing(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    (signature,) = repeated(case.data, case.replay_settings(site), evidence_bytes(case.first_report(site))).signatures
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
    evidence = stamped(evidence_bytes(case.first_report(site)), authority_of_time(lasting), moment)
    for believed in (False, True):
        report = repeated(case.data, case.replay_settings(site), evidence, moment=believed)
        assert code in said(report)
        assert report.verdict is (Verdict.VALID if code == "repeat-moment-certified" else Verdict.NOT_ESTABLISHED)


def test_who_certified_the_evidence_is_judged_today(lasting: Authority, site: Site) -> None:
    """By the verifier's own anchors and CRLs: an authority that was robbed since can certify any time."""
    case = good(lasting)
    kept = evidence_bytes(case.first_report(site))
    expired, fake = authority_of_time(lasting, valid=(on(2023), on(2040))), authority_of_time(root("fake"))
    no_authority = lasting.issue("tsa", valid=(on(2023), on(2059)))
    for tsa in (expired, fake):
        report = repeated(case.data, case.replay_settings(site), stamped(kept, tsa))
        assert "repeat-moment-claimed" in said(report)
        assert report.verdict is Verdict.NOT_ESTABLISHED
        # who vouches for the file needs no authority
        assert repeated(case.data, case.replay_settings(site), stamped(kept, tsa), moment=True).verdict is Verdict.VALID
    assert "repeat-timestamp-wrong" in said(
        repeated(case.data, case.replay_settings(site), stamped(kept, no_authority))
    )
    robbed = authority_of_time(lasting)
    crl = lasting.crl((robbed, on(2030)), issued=on(2045, 12), due=on(2046, 2))
    own = site.settings(lasting, crls=[crl])
    assert repeated(case.data, own, stamped(kept, robbed)).verdict is Verdict.NOT_ESTABLISHED


def test_no_moment_is_believed_that_has_yet_to_come(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    evidence = evidence_bytes(case.first_report(site))
    for each in (evidence, stamped(evidence, authority_of_time(lasting))):
        report = repeated(case.data, replace(case.replay_settings(site), now=on(2025)), each, moment=True)
        assert "repeat-moment-future" in said(report)
        assert report.verdict is Verdict.NOT_ESTABLISHED


def test_the_verifiers_rules_count(lasting: Authority, site: Site) -> None:
    case = good_without_revocation(lasting)
    evidence = stamped(evidence_bytes(case.first_report(site)), authority_of_time(lasting))
    report = repeated(case.data, site.settings(lasting), evidence)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    (told,) = (each.message for each in report.notes if each.code == "repeat-rules-differ")
    assert told.endswith("revocation is hard, and was soft")
    assert {"repeat-verdict-differs"} < said(report)


def test_what_the_verifier_knows_besides_counts(lasting: Authority, site: Site) -> None:
    """The key turned out to be stolen before it signed."""
    leaf = lasting.issue("leaf")
    case = Case(signed_by(leaf), Verdict.VALID, "", lasting, material={"crls": [lasting.crl()]})
    evidence = stamped(evidence_bytes(case.first_report(site)), authority_of_time(lasting))
    crl = lasting.crl((leaf, on(2024, 1)), issued=on(2026, 2), due=DUE + dt.timedelta(days=90))
    own = site.settings(lasting, crls=[crl], revocation=Revocation.SOFT)
    assert repeated(case.data, own, evidence).verdict is not Verdict.VALID


def test_anchors_of_the_evidence_are_trusted_on_request_only(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    evidence = stamped(evidence_bytes(case.first_report(site)), authority_of_time(lasting))
    others = site.settings(root("other"))
    report = repeated(case.data, others, evidence)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    assert "repeat-chain-differs" in said(report)
    believed = repeated(case.data, others, evidence, anchors=True)
    assert believed.verdict is Verdict.VALID
    assert "repeat-anchors-believed" in said(believed)


def test_a_file_that_changed_where_nothing_is_signed(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    evidence = stamped(evidence_bytes(case.first_report(site)), authority_of_time(lasting))
    preamble = b"later on" + case.data[8:]
    report = repeated(preamble, case.replay_settings(site), evidence)
    assert report.verdict is Verdict.VALID
    assert said(report) == CERTIFIED - {"repeat-file-matches"} | {"repeat-file-differs"}
    changed = repeated(case.data.replace(b"4711", b"4712"), case.replay_settings(site), evidence)
    assert changed.verdict is Verdict.INVALID
    assert "repeat-data-differs" in said(changed)


def test_another_signature_is_not_cleared(lasting: Authority, site: Site) -> None:
    case = good(lasting)
    evidence = stamped(evidence_bytes(case.first_report(site)), authority_of_time(lasting))
    other = signed_by(lasting.issue("leaf"), patient="other")
    for believed in (False, True):
        report = repeated(other, case.replay_settings(site), evidence, moment=believed)
        assert report.verdict is Verdict.NOT_ESTABLISHED
        assert {"repeat-signature-missing", "repeat-file-differs"} < said(report)
        assert report.signatures[0].verdict() is Verdict.NOT_ESTABLISHED
