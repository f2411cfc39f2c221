"""An archive of one signer costs one validation, and no answer is given for a moment that has another."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal_trust.trust_evaluator
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import TrustRequest
from dcmseal_trust.certification_paths import find_path
from dcmseal_trust.fetcher import EvaluatorLimits
from dcmseal_trust.trust_evaluator import X509Evaluator
from dcmseal_trust.x509_backend import X509Backend
from tests.backends.trust.trust_pki import NOW, SIGNED, PkiAuthority, Site, make_root, utc_date


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[dt.datetime]:
    """The moments for which paths were searched."""
    moments: list[dt.datetime] = []

    def spy(leaf: Any, material: Any, moment: dt.datetime) -> Any:
        moments.append(moment)
        return find_path(leaf, material, moment)

    monkeypatch.setattr(dcmseal_trust.trust_evaluator, "find_path", spy)
    return moments


def ask(
    evaluator: X509Evaluator, leaf: PkiAuthority, at: dt.datetime, basis: TimeBasis = TimeBasis.CLAIMED
) -> list[str]:
    question = TrustRequest(certificate=leaf.der, moment=at, basis=basis, now=NOW)
    return [each.code for each in evaluator.evaluate(question).findings]


def test_a_thousand_signatures_cost_one_validation(site: Site, ca: PkiAuthority, searched: list[dt.datetime]) -> None:
    leaf = ca.issue("leaf")
    evaluator = X509Backend().open(site.settings(ca, crls=[ca.crl(others=100)]))
    for minutes in range(1000):
        assert ask(evaluator, leaf, SIGNED + dt.timedelta(minutes=minutes)) == ["leads-to-anchor", "not-revoked"]
    assert len(searched) == 1
    ask(evaluator, ca.issue("other"), SIGNED)
    assert len(searched) == 2


def test_the_cache_is_bounded(site: Site, ca: PkiAuthority, searched: list[dt.datetime]) -> None:
    evaluator = X509Backend(limits=EvaluatorLimits(max_results=2)).open(site.settings(ca))
    leaves = [ca.issue("leaf") for _ in range(3)]
    for leaf in (*leaves, leaves[0]):
        ask(evaluator, leaf, SIGNED)
    assert len(searched) == 4


MOMENTS = [
    utc_date(2022),
    utc_date(2023),
    utc_date(2024),
    utc_date(2024, 6),
    utc_date(2025),
    utc_date(2025, 12, 31),
    utc_date(2026),
    utc_date(2030),
]
SECONDS = st.integers(-2, 2).map(lambda seconds: dt.timedelta(seconds=seconds, microseconds=seconds))
DELAYS = st.builds(dt.timedelta.__add__, SECONDS, st.sampled_from([dt.timedelta(minutes=each) for each in (-5, 0, 30)]))


class Archive:
    """One evaluator for all questions, and a new one for each."""

    def __init__(self, site: Site) -> None:
        ca = make_root("archive", valid=(utc_date(2022), utc_date(2030)))
        issuing = ca.issue("issuing", authority=True, valid=(utc_date(2023), utc_date(2026)))
        self.leaf = issuing.issue("leaf", valid=(utc_date(2024), utc_date(2025)))
        crls = [
            ca.crl((issuing, utc_date(2025))),
            issuing.crl((self.leaf, utc_date(2024, 6)), issued=utc_date(2024), due=utc_date(2025)),
        ]
        # from the future, at some of the moments; about others; and of a date that is still to come
        crls += [
            ca.crl(issued=utc_date(2026), due=utc_date(2030)),
            issuing.crl(issued=utc_date(2024, 6), due=utc_date(2030)),
        ]
        crls += [issuing.crl((self.leaf, utc_date(2030)), issued=utc_date(2025))]
        responses = [
            issuing.ocsp(self.leaf, issued=utc_date(2024), due=None),
            ca.ocsp(issuing, issued=utc_date(2024, 6)),
        ]
        self.settings = site.settings(ca, intermediates=[issuing], crls=crls, ocsp_responses=responses)
        self.evaluator = X509Backend().open(self.settings)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive(Site(tmp_path_factory.mktemp("archive")))


@given(
    at=st.builds(dt.datetime.__add__, st.sampled_from(MOMENTS), DELAYS),
    now=st.builds(dt.datetime.__add__, st.sampled_from(MOMENTS), DELAYS),
    basis=st.sampled_from(TimeBasis),
)
def test_cached_results_match_fresh_ones(archive: Archive, at: dt.datetime, now: dt.datetime, basis: TimeBasis) -> None:
    question = TrustRequest(certificate=archive.leaf.der, moment=at, basis=basis, now=now)
    afresh = X509Backend().open(archive.settings).evaluate(question)
    assert archive.evaluator.evaluate(question) == afresh
