"""Several CRLs and OCSP responses about one certificate: which of them count, and that the worst answer wins."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from dcmseal.findings import Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import RevocationMode, Strictness
from tests.backends.trust import malformed_pki
from tests.backends.trust.revocation_cases import BEFORE, HOLD, LONG_AGO, SINCE, revocation_codes
from tests.backends.trust.trust_pki import CRL_ISSUED, NOW, PkiAuthority, Site, find_finding, finding_codes, utc_date

Sources = dict[str, Any]
AHEAD = NOW + dt.timedelta(minutes=4)
TOO_FAR_AHEAD = NOW + dt.timedelta(minutes=6)


@pytest.mark.parametrize(("issued", "code"), [(AHEAD, "not-revoked"), (TOO_FAR_AHEAD, "revocation-unknown")])
def test_an_answer_from_the_future_does_not_count(site: Site, ca: PkiAuthority, issued: dt.datetime, code: str) -> None:
    leaf = ca.issue("leaf")
    assert revocation_codes(site, leaf, ca, crls=[ca.crl(issued=issued, due=utc_date(2027))]) == [code]
    assert revocation_codes(site, leaf, ca, ocsp_responses=[ca.ocsp(leaf, issued=issued, due=utc_date(2027))]) == [code]


def test_a_response_that_has_yet_to_be_made_does_not_count(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    for produced, code in ((CRL_ISSUED, "not-revoked"), (utc_date(9999), "revocation-unknown")):
        response = malformed_pki.build_response(ca, [malformed_pki.build_single(leaf, ca)], produced=produced)
        assert revocation_codes(site, leaf, ca, ocsp_responses=[response]) == [code]


@pytest.mark.parametrize("rule", [RevocationMode.SOFT, RevocationMode.HARD])
def test_a_revocation_from_the_future_is_a_doubt(site: Site, ca: PkiAuthority, rule: RevocationMode) -> None:
    leaf = ca.issue("leaf")
    crl = ca.crl((leaf, BEFORE), issued=utc_date(2030), due=utc_date(2031))
    response = ca.ocsp(leaf, revoked=BEFORE, issued=utc_date(2030), due=utc_date(2031))
    every: tuple[Sources, ...] = ({"crls": [crl]}, {"ocsp_responses": [response]}, {"crls": [crl, ca.crl()]})
    for more in every:
        answer = site.ask(leaf, ca, revocation=rule, **more)
        assert finding_codes(answer, Outcome.UNKNOWN) == ["revocation-indeterminate"]


@pytest.mark.parametrize("basis", [TimeBasis.CLAIMED, TimeBasis.NOW])
def test_a_listed_certificate_is_revoked_before_its_revocation_date(
    site: Site, ca: PkiAuthority, basis: TimeBasis
) -> None:
    leaf = ca.issue("leaf")
    by_crl: Sources = {"crls": [ca.crl((leaf, utc_date(2029)))]}
    by_ocsp: Sources = {"ocsp_responses": [ca.ocsp(leaf, revoked=utc_date(2029))]}
    for more in by_crl, by_ocsp:
        answer = site.ask(leaf, ca, basis=basis, claimed_time=Strictness.ACCEPT, **more)
        assert finding_codes(answer, Outcome.FAILED) == ["revoked"]
        assert "a date in the future" in find_finding(answer, "revoked").message
        # what is certified was signed before
        certified = site.ask(leaf, ca, basis=TimeBasis.CERTIFIED, **more)
        assert find_finding(certified, "revoked-since").outcome is Outcome.PASSED


@pytest.mark.parametrize("turn", [1, -1])
def test_of_several_entries_the_worst_counts(site: Site, ca: PkiAuthority, turn: int) -> None:
    leaf = ca.issue("leaf")
    entries = [
        malformed_pki.build_entry(leaf, utc_date(2029)),
        malformed_pki.build_entry(leaf, SINCE, HOLD),
        malformed_pki.build_entry(leaf, BEFORE),
    ][::turn]
    answer = site.ask(leaf, ca, crls=[malformed_pki.build_crl(ca, *entries)])
    assert "2024" in find_finding(answer, "revoked").message
    responses = [ca.ocsp(leaf, revoked=SINCE), ca.ocsp(leaf), ca.ocsp(leaf, revoked=BEFORE)][::turn]
    answer = site.ask(leaf, ca, ocsp_responses=responses)
    assert finding_codes(answer, Outcome.FAILED) == ["revoked"]
    assert "2024" in find_finding(answer, "revoked").message


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(
    ("others", "code"), [({"revoked": BEFORE}, "revoked"), ({"status": "unknown"}, "revocation-unknown")]
)
def test_of_several_answers_in_a_response_the_worst_counts(
    site: Site, ca: PkiAuthority, turn: int, others: dict[str, Any], code: str
) -> None:
    leaf = ca.issue("leaf")
    singles = [malformed_pki.build_single(leaf, ca), malformed_pki.build_single(leaf, ca, **others)][::turn]
    for rule in RevocationMode.SOFT, RevocationMode.HARD:
        assert revocation_codes(
            site, leaf, ca, ocsp_responses=[malformed_pki.build_response(ca, singles)], revocation=rule
        ) == [code]


@pytest.mark.parametrize("rule", [RevocationMode.SOFT, RevocationMode.HARD])
def test_a_revocation_in_an_outdated_crl_counts(site: Site, ca: PkiAuthority, rule: RevocationMode) -> None:
    leaf = ca.issue("leaf")
    undated = malformed_pki.modify_crl(ca.crl((leaf, BEFORE)), ca, lambda tbs: tbs.__setitem__("next_update", None))
    both = [malformed_pki.build_single(leaf, ca), malformed_pki.build_single(leaf, ca, revoked=BEFORE, **LONG_AGO)]
    every: tuple[Sources, ...] = (
        {"crls": [ca.crl((leaf, BEFORE), **LONG_AGO)]},
        {"crls": [undated]},
        {"crls": [ca.crl((leaf, BEFORE), **LONG_AGO), ca.crl()]},
        {"ocsp_responses": [ca.ocsp(leaf, revoked=BEFORE, **LONG_AGO)]},
        {"ocsp_responses": [ca.ocsp(leaf, revoked=BEFORE, issued=utc_date(2024, 2), due=None)]},
        {"ocsp_responses": [ca.ocsp(leaf, revoked=BEFORE, **LONG_AGO), ca.ocsp(leaf)]},
        {"ocsp_responses": [malformed_pki.build_response(ca, both)]},
    )
    for more in every:
        assert "revoked" in finding_codes(site.ask(leaf, ca, revocation=rule, **more), Outcome.FAILED)


def test_a_hold_that_may_have_ended_is_indeterminate_without_newer_information(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    held = malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE, HOLD), **LONG_AGO)
    answer = site.ask(leaf, ca, crls=[held], revocation=RevocationMode.SOFT)
    assert finding_codes(answer, Outcome.UNKNOWN) == ["revocation-stale"]
    assert revocation_codes(site, leaf, ca, crls=[held, ca.crl()]) == ["not-revoked"]


def test_a_crl_without_next_update_does_not_establish_a_good_status(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    undated = malformed_pki.modify_crl(ca.crl(), ca, lambda tbs: tbs.__setitem__("next_update", None))
    assert revocation_codes(site, leaf, ca, crls=[undated]) == ["revocation-stale"]
