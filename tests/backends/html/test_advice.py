"""What the page tells people to do: each cause has an advice of its own, and intact data is not fetched again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal.causes import Cause, causes_of_all, is_data_intact
from dcmseal.plugins.reporting import ReportedFile
from dcmseal.report import VerificationReport
from dcmseal_html.advice import meaning, what_to_do
from tests.backends.trust.authority import NOW, Authority, Site, on, root
from tests.support.keeping import signed_by


@pytest.fixture(scope="module")
def ca() -> Authority:
    return root("lasting")


def words(report: VerificationReport) -> tuple[list[str], str]:
    """What it means, and what to do."""
    file = ReportedFile(name="a file", report=report)
    return list(meaning(file)), " ".join(what_to_do(file))


def of_leaf(ca: Authority, site: Site, *, changed: bool = False, **more: Any) -> VerificationReport:
    """A report about what a signer of the authority signed."""
    leaf = ca.issue("leaf", **{name: more.pop(name) for name in ("valid",) if name in more})
    revoked = more.pop("revoked", None)
    if revoked:
        more["crls"] = [ca.crl((leaf, revoked))]
    data = signed_by(leaf)
    if changed:
        data = data.replace(b"Doe", b"Roe")
    return dcmseal.verify(data, trust=site.settings(more.pop("anchor", ca), now=NOW, **more))


@pytest.mark.parametrize(
    ("how", "cause", "meant", "to_do"),
    [
        ({"revoked": on(2024, 1)}, Cause.REVOKED, "is revoked", "whoever has the key now"),
        ({"revoked": on(2025)}, Cause.REVOKED, "is revoked", "whoever has the key now"),
        ({"valid": (on(2020), on(2021))}, Cause.EXPIRED, "had expired", "certified timestamp"),
        ({"valid": (on(2024), on(2025))}, Cause.EXPIRED, "had expired", "certified timestamp"),
        ({"anchor": root("another")}, Cause.UNTRUSTED, "does not lead to an authority", "Find out whose certificate"),
        ({"pinned_subjects": frozenset({"CN=other"})}, Cause.UNTRUSTED, "does not lead", "Find out whose certificate"),
    ],
)
def test_what_is_wrong_with_a_signer_is_not_put_right_by_fetching(
    ca: Authority, tmp_path: Path, how: dict[str, Any], cause: Cause, meant: str, to_do: str
) -> None:
    report = of_leaf(ca, Site(tmp_path), **how)
    assert cause in causes_of_all(report)
    assert is_data_intact(report)
    said, done = words(report)
    assert meant in said[0]
    assert to_do in done
    assert "no need to fetch the instance again" in done
    assert "Fetch the instance again" not in done


def test_of_data_that_changed_this_is_said_first(ca: Authority, tmp_path: Path) -> None:
    report = of_leaf(ca, Site(tmp_path), changed=True, revoked=on(2024, 1))
    assert causes_of_all(report) == (Cause.ALTERED, Cause.REVOKED)
    said, done = words(report)
    assert "not what was signed" in said[0]
    assert any("revoked" in each for each in said)
    assert "Fetch the instance again" in done
    assert "no need" not in done


def test_a_signature_that_is_valid_has_no_cause(ca: Authority, tmp_path: Path) -> None:
    assert causes_of_all(of_leaf(ca, Site(tmp_path))) == ()
