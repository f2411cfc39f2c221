"""Advice on the page: each cause has its own, and intact data is not fetched again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal.model.causes import FailureCause, is_data_unchanged, report_causes
from dcmseal.model.report import VerificationReport
from dcmseal.plugins.report_writer import ReportedFile
from dcmseal_html.recommendations import explain_verdict, recommend_actions
from tests.backends.trust.trust_pki import NOW, PkiAuthority, Site, make_root, utc_date
from tests.support.evidence_files import sign_by


@pytest.fixture(scope="module")
def ca() -> PkiAuthority:
    return make_root("lasting")


def words(report: VerificationReport) -> tuple[list[str], str]:
    """The meaning of the verdict, and the advice."""
    file = ReportedFile(name="a file", report=report)
    return list(explain_verdict(file)), " ".join(recommend_actions(file))


def of_leaf(ca: PkiAuthority, site: Site, *, changed: bool = False, **more: Any) -> VerificationReport:
    """A report about a file of a signer of the authority."""
    leaf = ca.issue("leaf", **{name: more.pop(name) for name in ("valid",) if name in more})
    revoked = more.pop("revoked", None)
    if revoked:
        more["crls"] = [ca.crl((leaf, revoked))]
    data = sign_by(leaf)
    if changed:
        data = data.replace(b"Doe", b"Roe")
    return dcmseal.verify(data, trust=site.settings(more.pop("anchor", ca), now=NOW, **more))


@pytest.mark.parametrize(
    ("how", "cause", "meant", "to_do"),
    [
        ({"revoked": utc_date(2024, 1)}, FailureCause.REVOKED, "is revoked", "may be compromised"),
        ({"revoked": utc_date(2025)}, FailureCause.REVOKED, "is revoked", "may be compromised"),
        ({"valid": (utc_date(2020), utc_date(2021))}, FailureCause.EXPIRED, "had expired", "certified timestamp"),
        ({"valid": (utc_date(2024), utc_date(2025))}, FailureCause.EXPIRED, "had expired", "certified timestamp"),
        (
            {"anchor": make_root("another")},
            FailureCause.UNTRUSTED,
            "does not chain to",
            "Find out whose certificate",
        ),
        (
            {"pinned_subjects": frozenset({"CN=other"})},
            FailureCause.UNTRUSTED,
            "does not chain to",
            "Find out whose certificate",
        ),
    ],
)
def test_fetching_is_not_advised_for_a_bad_signer(
    ca: PkiAuthority, tmp_path: Path, how: dict[str, Any], cause: FailureCause, meant: str, to_do: str
) -> None:
    report = of_leaf(ca, Site(tmp_path), **how)
    assert cause in report_causes(report)
    assert is_data_unchanged(report)
    said, done = words(report)
    assert meant in said[0]
    assert to_do in done
    assert "no need to fetch the instance again" in done
    assert "Fetch the instance again" not in done


def test_changed_data_is_reported_first(ca: PkiAuthority, tmp_path: Path) -> None:
    report = of_leaf(ca, Site(tmp_path), changed=True, revoked=utc_date(2024, 1))
    assert report_causes(report) == (FailureCause.ALTERED, FailureCause.REVOKED)
    said, done = words(report)
    assert "has changed since it was signed" in said[0]
    assert any("revoked" in each for each in said)
    assert "Fetch the instance again" in done
    assert "no need" not in done


def test_a_signature_that_is_valid_has_no_cause(ca: PkiAuthority, tmp_path: Path) -> None:
    assert report_causes(of_leaf(ca, Site(tmp_path))) == ()
