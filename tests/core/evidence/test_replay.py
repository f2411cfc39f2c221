"""A verdict replayed years later, offline: the same report, and no better one with forged evidence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from msgspec.structs import replace

import dcmseal
from dcmseal.evidence.evidence_store import build_evidence, parse_evidence
from dcmseal.model.report import VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import RevocationMode
from tests.backends.trust.trust_pki import CRL_DUE, NOW, PkiAuthority, Site, make_root, utc_date
from tests.core.evidence.replay_cases import (
    CASES,
    ReplayCase,
    good,
    good_through_intermediates,
    good_without_revocation,
)
from tests.support.evidence_files import (
    LATER,
    evidence_codes,
    make_lasting_root,
    make_timestamp_authority,
    replay,
    report_without_evidence,
    sign_by,
    timestamp_evidence,
    verify_first,
)

CERTIFIED = {"evidence-time-certified", "evidence-signature-matches", "evidence-file-matches", "evidence-verdict-same"}
BELIEVED = CERTIFIED - {"evidence-time-certified"} | {"evidence-time-trusted"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def lasting() -> PkiAuthority:
    return make_lasting_root()


@pytest.mark.parametrize("make", CASES)
def test_the_same_verdict_twenty_years_later(
    make: Callable[[PkiAuthority], ReplayCase], lasting: PkiAuthority, site: Site
) -> None:
    case = make(lasting)
    report = case.first_report(site)
    assert report.verdict is case.verdict
    assert case.code in {each.code for each in report.signatures[0].findings}
    kept = build_evidence(report)
    for evidence, options, about in (
        (timestamp_evidence(kept, make_timestamp_authority(lasting)), {}, CERTIFIED),
        (kept, {"moment": True}, BELIEVED),
    ):
        again = replay(case.data, case.replay_settings(site), evidence, **options)
        assert report_without_evidence(again) == report_without_evidence(report)
        assert evidence_codes(again) - {"evidence-settings-differ"} == about
    # without either, the time is unknown
    doubtful = replay(case.data, case.replay_settings(site), kept)
    assert "evidence-time-claimed" in evidence_codes(doubtful)
    assert doubtful.verdict is (Verdict.INVALID if case.verdict is Verdict.INVALID else Verdict.NOT_ESTABLISHED)
    # and without evidence, the question is another
    if case.material:
        assert report_without_evidence(repeated_without(case, site)) != report_without_evidence(report)


def repeated_without(case: ReplayCase, site: Site) -> VerificationReport:
    return verify_first(case.data, replace(case.replay_settings(site), now=LATER))


def test_the_evidence_contains_the_material_that_was_used(lasting: PkiAuthority, site: Site) -> None:
    case = good_through_intermediates(lasting)
    grounds = parse_evidence(build_evidence(case.first_report(site))).record
    assert grounds.moment == NOW
    assert grounds.material.anchors == (lasting.der,)
    names = {x509.load_der_x509_certificate(each).subject.rfc4514_string() for each in grounds.material.certificates}
    assert names == {"CN=leaf", "CN=issuing", "CN=upper"}
    issuers = {x509.load_der_x509_crl(each).issuer.rfc4514_string() for each in grounds.material.crls}
    assert issuers == {"CN=issuing", "CN=upper", "CN=lasting"}


def test_an_archive_of_one_signer_has_the_material_for_each_file(lasting: PkiAuthority, site: Site) -> None:
    """Answers that were remembered come with it, too; also if they were first given without."""
    leaf = lasting.issue("leaf")
    crl = lasting.crl()
    trust = dcmseal.open_trust(site.settings(lasting, crls=[crl], now=NOW))
    files = [sign_by(leaf, patient=str(number)) for number in range(3)]
    dcmseal.verify(files[0], trust=trust)
    for each in files:
        report = dcmseal.verify(each, trust=trust, keep_evidence=True)
        assert parse_evidence(build_evidence(report)).record.material.crls == (crl,)


def test_an_authority_whose_certificate_was_given(lasting: PkiAuthority, site: Site) -> None:
    """Neither the timestamp of the signature nor the replay provides it."""
    leaf, tsa = lasting.issue("leaf", valid=(utc_date(2023), utc_date(2025))), make_timestamp_authority(lasting)
    data = sign_by(leaf, stamped_by=tsa, embedded=())
    settings = site.settings(lasting, revocation=RevocationMode.SOFT)
    report = verify_first(data, settings, timestamp_certificates=(tsa.der,))
    assert report.verdict is Verdict.VALID
    assert verify_first(data, settings).verdict is Verdict.NOT_ESTABLISHED
    evidence = timestamp_evidence(build_evidence(report), make_timestamp_authority(lasting))
    assert report_without_evidence(replay(data, settings, evidence)) == report_without_evidence(report)


def test_a_claimed_moment_establishes_nothing(lasting: PkiAuthority, site: Site) -> None:
    case = good(lasting)
    (signature,) = replay(case.data, case.replay_settings(site), build_evidence(case.first_report(site))).signatures
    assert signature.verdict is Verdict.NOT_ESTABLISHED


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (NOW, "evidence-time-certified"),
        (NOW + dt.timedelta(minutes=4), "evidence-time-certified"),
        (NOW + dt.timedelta(minutes=6), "evidence-timestamp-late"),
        (NOW - dt.timedelta(minutes=6), "evidence-timestamp-late"),
        (LATER, "evidence-timestamp-late"),
    ],
)
def test_evidence_is_certified_when_it_is_found(
    lasting: PkiAuthority, site: Site, moment: dt.datetime, code: str
) -> None:
    case = good(lasting)
    evidence = timestamp_evidence(build_evidence(case.first_report(site)), make_timestamp_authority(lasting), moment)
    for believed in (False, True):
        report = replay(case.data, case.replay_settings(site), evidence, moment=believed)
        assert code in evidence_codes(report)
        assert report.verdict is (Verdict.VALID if code == "evidence-time-certified" else Verdict.NOT_ESTABLISHED)


def test_the_timestamp_of_the_evidence_is_verified_at_the_current_time(lasting: PkiAuthority, site: Site) -> None:
    """By the verifier's own anchors and CRLs: an authority that was robbed since can certify any time."""
    case = good(lasting)
    kept = build_evidence(case.first_report(site))
    expired, fake = (
        make_timestamp_authority(lasting, valid=(utc_date(2023), utc_date(2040))),
        make_timestamp_authority(make_root("fake")),
    )
    no_authority = lasting.issue("tsa", valid=(utc_date(2023), utc_date(2059)))
    for tsa in (expired, fake):
        report = replay(case.data, case.replay_settings(site), timestamp_evidence(kept, tsa))
        assert "evidence-time-claimed" in evidence_codes(report)
        assert report.verdict is Verdict.NOT_ESTABLISHED
        # who vouches for the file needs no authority
        assert (
            replay(case.data, case.replay_settings(site), timestamp_evidence(kept, tsa), moment=True).verdict
            is Verdict.VALID
        )
    assert "evidence-timestamp-invalid" in evidence_codes(
        replay(case.data, case.replay_settings(site), timestamp_evidence(kept, no_authority))
    )
    robbed = make_timestamp_authority(lasting)
    crl = lasting.crl((robbed, utc_date(2030)), issued=utc_date(2045, 12), due=utc_date(2046, 2))
    own = site.settings(lasting, crls=[crl])
    assert replay(case.data, own, timestamp_evidence(kept, robbed)).verdict is Verdict.NOT_ESTABLISHED


def test_no_moment_is_believed_that_has_yet_to_come(lasting: PkiAuthority, site: Site) -> None:
    case = good(lasting)
    evidence = build_evidence(case.first_report(site))
    for each in (evidence, timestamp_evidence(evidence, make_timestamp_authority(lasting))):
        report = replay(case.data, replace(case.replay_settings(site), now=utc_date(2025)), each, moment=True)
        assert "evidence-time-in-future" in evidence_codes(report)
        assert report.verdict is Verdict.NOT_ESTABLISHED


def test_the_verifiers_rules_count(lasting: PkiAuthority, site: Site) -> None:
    case = good_without_revocation(lasting)
    evidence = timestamp_evidence(build_evidence(case.first_report(site)), make_timestamp_authority(lasting))
    report = replay(case.data, site.settings(lasting), evidence)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    (told,) = (each.message for each in report.notes if each.code == "evidence-settings-differ")
    assert told.endswith("revocation is hard, and was soft")
    assert {"evidence-verdict-differs"} < evidence_codes(report)


def test_the_material_of_the_verifier_counts_too(lasting: PkiAuthority, site: Site) -> None:
    """The key turned out to be stolen before it signed."""
    leaf = lasting.issue("leaf")
    case = ReplayCase(sign_by(leaf), Verdict.VALID, "", lasting, material={"crls": [lasting.crl()]})
    evidence = timestamp_evidence(build_evidence(case.first_report(site)), make_timestamp_authority(lasting))
    crl = lasting.crl((leaf, utc_date(2024, 1)), issued=utc_date(2026, 2), due=CRL_DUE + dt.timedelta(days=90))
    own = site.settings(lasting, crls=[crl], revocation=RevocationMode.SOFT)
    assert replay(case.data, own, evidence).verdict is not Verdict.VALID


def test_anchors_of_the_evidence_are_trusted_on_request_only(lasting: PkiAuthority, site: Site) -> None:
    case = good(lasting)
    evidence = timestamp_evidence(build_evidence(case.first_report(site)), make_timestamp_authority(lasting))
    others = site.settings(make_root("other"))
    report = replay(case.data, others, evidence)
    assert report.verdict is Verdict.NOT_ESTABLISHED
    assert "evidence-chain-differs" in evidence_codes(report)
    believed = replay(case.data, others, evidence, anchors=True)
    assert believed.verdict is Verdict.VALID
    assert "evidence-anchors-trusted" in evidence_codes(believed)


def test_a_file_that_changed_where_nothing_is_signed(lasting: PkiAuthority, site: Site) -> None:
    case = good(lasting)
    evidence = timestamp_evidence(build_evidence(case.first_report(site)), make_timestamp_authority(lasting))
    preamble = b"later on" + case.data[8:]
    report = replay(preamble, case.replay_settings(site), evidence)
    assert report.verdict is Verdict.VALID
    assert evidence_codes(report) == CERTIFIED - {"evidence-file-matches"} | {"evidence-file-differs"}
    changed = replay(case.data.replace(b"4711", b"4712", 1), case.replay_settings(site), evidence)
    assert changed.verdict is Verdict.INVALID
    assert "evidence-data-differs" in evidence_codes(changed)


def test_another_signature_is_not_cleared(lasting: PkiAuthority, site: Site) -> None:
    case = good(lasting)
    evidence = timestamp_evidence(build_evidence(case.first_report(site)), make_timestamp_authority(lasting))
    other = sign_by(lasting.issue("leaf"), patient="other")
    for believed in (False, True):
        report = replay(other, case.replay_settings(site), evidence, moment=believed)
        assert report.verdict is Verdict.NOT_ESTABLISHED
        assert {"evidence-signature-missing", "evidence-file-differs"} < evidence_codes(report)
        assert report.signatures[0].verdict is Verdict.NOT_ESTABLISHED
