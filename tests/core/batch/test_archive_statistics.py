"""An archive report counts everything once, in bounded memory."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from dcmseal.batch.archive_statistics import ArchiveStatistics
from dcmseal.batch.journal.result_summary import ResultSummary
from dcmseal.batch.journal.signature_summary import SignatureSummary
from dcmseal.plugins.archive_report import FileCounts, SignatureCounts


def make_summary(verdict: str = "valid", *signatures: SignatureSummary, codes: tuple[str, ...] = ()) -> ResultSummary:
    kind = verdict if verdict in {"failed", "ignored"} else "verified"
    return ResultSummary(kind=kind, verdict=verdict, exit_code=0, codes=codes, signatures=signatures)


def signature(who: int = 0, **values: Any) -> SignatureSummary:
    settings: dict[str, Any] = {
        "verdict": "valid",
        "signer": f"CN={who}",
        "sha256": f"{who:064x}",
        "month": "2026-03",
        **values,
    }
    return SignatureSummary(**settings)


def test_files_are_counted_by_verdict() -> None:
    tally = ArchiveStatistics()
    for verdict in ("valid", "valid", "not-established", "no-signature", "invalid", "failed", "ignored"):
        tally.add("a.dcm", make_summary(verdict), recorded=verdict == "invalid")
    report = tally.report()
    assert report.files == FileCounts(valid=2, not_established=1, no_signature=1, invalid=1, failed=1)
    assert (report.files.total, report.passed_over, report.recorded) == (6, 1, 1)


def test_a_verdict_of_another_task_is_ignored() -> None:
    tally = ArchiveStatistics()
    tally.add("a", make_summary("signed"), recorded=True)
    report = tally.report()
    assert report.files == FileCounts(failed=1)
    assert [each.verdict for each in report.attention] == ["failed"]


def test_signatures_are_counted_by_signer_profile_and_month() -> None:
    tally = ArchiveStatistics()
    tally.add(
        "a", make_summary("valid", signature(1, profiles=("base-rsa", "creator-rsa", "none")), signature(2, number=3))
    )
    tally.add("b", make_summary("invalid", signature(1, verdict="invalid", month="2026-01", certified=True)))
    tally.add("c", make_summary("invalid", SignatureSummary(verdict="invalid", number=5)))
    report = tally.report()
    assert report.signatures == SignatureCounts(valid=4, invalid=6)
    assert [(each.subject, each.signatures) for each in report.signers] == [
        ("CN=2", SignatureCounts(valid=3)),
        ("CN=1", SignatureCounts(valid=1, invalid=1)),
    ]
    assert report.more_signers == SignatureCounts(invalid=5)
    assert [(each.name, each.signatures.total) for each in report.profiles] == [("base-rsa", 1), ("creator-rsa", 1)]
    assert report.no_profile == SignatureCounts(valid=3, invalid=6)
    months = [(each.month, each.certified, each.claimed) for each in report.months]
    assert months == [("2026-01", 1, 0), ("2026-03", 0, 4)]
    assert (report.undated, report.more_months) == (5, 0)


def test_the_worst_is_named_first_with_its_reason() -> None:
    tally = ArchiveStatistics()
    tally.add("z", make_summary("no-signature"))
    tally.add("y", make_summary("failed", codes=("NotDicom",)), "no DICOM: at all")
    tally.add("x", make_summary("invalid", codes=("a", "mac-differs")), "mac-differs: the data differs")
    tally.add("b", make_summary("invalid", codes=("mac-differs", "other")), recorded=True)
    tally.add("a", make_summary("valid"))
    assert [(each.name, each.verdict, each.reason, each.code) for each in tally.report().attention] == [
        ("b", "invalid", "", "mac-differs, other"),
        ("x", "invalid", "the data differs", "mac-differs"),
        ("y", "failed", "no DICOM: at all", "NotDicom"),
        ("z", "no-signature", "", ""),
    ]


@pytest.mark.parametrize("seed", [0, 1])
def test_lists_are_bounded_and_nothing_is_lost(seed: int) -> None:
    """The report does not depend on the order of results: the same entries are named and the rest counted."""
    files = [
        (f"{number:06}", make_summary("no-signature", signature(number, month=f"{number:07}")))
        for number in range(9_000)
    ]
    files += [(f"bad{number:04}", make_summary("invalid")) for number in range(990)]
    expected = ArchiveStatistics()
    for name, each in files:
        expected.add(name, each)
    Random(seed).shuffle(files)
    tally = ArchiveStatistics()
    for name, each in files:
        tally.add(name, each)
    report = tally.report()
    assert report == expected.report()
    assert (len(report.attention), report.more_attention) == (1000, 8990)
    assert [each.name for each in report.attention[-10:]] == [f"{number:06}" for number in range(10)]
    assert (len(report.signers), report.more_signers.total) == (100, 8900)
    assert (len(report.months), report.more_months) == (240, 8760)


def test_hostile_names_take_no_room() -> None:
    tally = ArchiveStatistics()
    for number in range(20_000):
        tally.add("a", make_summary("valid", signature(number, month=f"{number:07}", profiles=(f"p{number}",))))
    assert {len(each) for each in (tally._signers, tally._profiles, tally._months)} == {10_000}
    report = tally.report()
    assert sum(each.signatures.total for each in report.signers) + report.more_signers.total == 20_000
    assert sum(each.claimed for each in report.months) + report.more_months == 20_000


@pytest.mark.parametrize(
    "change", [{0: "good"}, {0: []}, {1: 7}, {3: "name"}, {3: [7]}, {5: 1}, {6: 0}, {6: True}, {6: "1"}]
)
def test_a_damaged_summary_is_ignored(change: dict[int, object]) -> None:
    values = signature(profiles=("base-rsa",)).to_values()
    assert SignatureSummary.from_values(values) == signature(profiles=("base-rsa",))
    for place, value in change.items():
        values[place] = value
    with pytest.raises(ValueError, match="is expected"):
        SignatureSummary.from_values(values)


@pytest.mark.parametrize(
    ("kind", "verdict", "code"),
    [("verified", "ignored", 0), ("signed", "valid", 0), ("failed", "no-signature", 3), ("verified", "valid", 130)],
)
def test_a_journal_contains_no_verdicts_of_other_tasks(kind: str, verdict: str, code: int) -> None:
    with pytest.raises(ValueError, match="a verdict is expected"):
        ResultSummary.parse(str(ResultSummary(kind=kind, verdict=verdict, exit_code=code)))
