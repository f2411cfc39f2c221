"""docs/reference/findings.md names every code there is, and no other, with its true aspect, outcome and clause."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dcmseal.findings import Aspect
from tests.docs.finding_samples import findings
from tests.docs.source_codes import FINDINGS, ROOT, WARNINGS, UnreadableCode, find_codes
from tests.support.pki import Pki

_ROW = re.compile(r"\| `([a-z0-9-]+)` \| ([^|]+) \| ([^|]+) \|(?: ([^|]+) \|)?")
_DASH = "—"


class Row(NamedTuple):
    section: str
    code: str
    outcomes: tuple[str, ...]
    clause: str


def rows() -> Iterator[Row]:
    section = ""
    for line in (ROOT / "docs" / "reference" / "findings.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            section = line[3:].lower()
        elif line.startswith("| `"):
            match = _ROW.fullmatch(line)
            assert match, line
            yield Row(section, match[1], tuple(match[2].split(", ")), match[4] or "")


def test_every_finding_code_is_documented_and_no_other() -> None:
    assert {row.code for row in rows() if row.section in {*Aspect}} == find_codes(FINDINGS)


def test_every_warning_code_is_documented_and_no_other() -> None:
    assert {row.code for row in rows() if row.section == "warnings"} == find_codes(WARNINGS)


def test_every_finding_about_timestamps_is_provoked_by_a_test() -> None:
    """They take authorities and broken tokens, which the samples below do not have."""
    sources = (
        *ROOT.glob("tests/core/**/test_timestamp*.py"),
        *ROOT.glob("tests/backends/**/test_timestamp*.py"),
        *ROOT.glob("tests/interop/test_independent_timestamps.py"),
    )
    tested = "".join(path.read_text("utf-8") for path in sources)
    codes = [row.code for row in rows() if row.section == Aspect.TIMESTAMP]
    assert len(codes) > 20
    assert [code for code in codes if f'"{code}"' not in tested] == []


def test_every_finding_about_trust_is_provoked_by_a_test() -> None:
    """They take a past of certificates, CRLs and responders, which the samples below do not have."""
    sources = (
        *ROOT.glob("tests/backends/trust/test_*.py"),
        *ROOT.glob("tests/core/verification/test_*.py"),
        *ROOT.glob("tests/core/evidence/test_*.py"),
        *ROOT.glob("tests/interop/test_independent_trust.py"),
    )
    tested = "".join(path.read_text("utf-8") for path in sources)
    codes = [row.code for row in rows() if row.section == Aspect.TRUST]
    assert len(codes) > 20
    assert [code for code in codes if f'"{code}"' not in tested] == []


def test_every_finding_about_manifests_is_provoked_by_a_test() -> None:
    """They take a manifest, which the samples below do not have."""
    tested = "".join(path.read_text("utf-8") for path in ROOT.glob("tests/core/change_manifest/test_manifest*.py"))
    others = {"elements-unchanged", "element-changed", "element-added", "element-removed", "element-moved"}
    others |= {"unsigned-changed", "unsigned-added", "unsigned-removed", "unsigned-moved"}
    codes = [row.code for row in rows() if row.code.startswith("manifest-") or row.code in others]
    assert len(codes) == 16
    assert [code for code in codes if f'"{code}"' not in tested] == []


def test_no_code_means_two_things() -> None:
    codes = [row.code for row in rows()]
    assert len(codes) == len(set(codes))


def test_codes_are_read_from_all_ways_to_write_them(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "core" / "module.py"
    source.parent.mkdir()
    source.write_text(
        "def _make(aspect, code) -> Finding:\n    return Finding(code=code, aspect=aspect)\n"
        "def other() -> None:\n    Finding(code='a'); _make(1, 'b'); _make(1, code='c'); SigningWarning(code='x')\n"
        "def loop() -> None:\n    for n, code in ((1, 'd'), (2, 'e')):\n        _make(n, code)\n"
    )
    monkeypatch.setattr("tests.docs.source_codes.ROOT", tmp_path)
    assert find_codes(FINDINGS) == set("abcde")
    assert find_codes(WARNINGS) == {"x"}
    source.write_text("def hidden(name) -> None:\n    Finding(code=f'{name}-missing')\n")
    with pytest.raises(UnreadableCode, match="line 2"):
        find_codes(FINDINGS)


def test_findings_match_the_tables(pki: Pki, tmp_path: Path) -> None:
    documented = {row.code: row for row in rows()}
    shown: set[str] = set()
    for finding in findings(pki, tmp_path):
        row = documented[finding.code]
        assert finding.aspect.value == row.section, finding
        assert finding.outcome.value in row.outcomes, finding
        assert row.clause in (finding.clause, _DASH), finding
        shown.add(finding.code)
    # the others take larger samples: 64 MACs, the two formats of DCMTK, VRs that depend on their context, odd keys
    assert len(shown) >= 113
    demanded = {code for code in documented if code.endswith("-not-met") or code.startswith(("too-few-", "signers-"))}
    assert {*demanded, "required-not-covered", "unsigned-additions"} <= shown
    about_references = {code for code in documented if code.startswith("reference-")}
    assert about_references - shown == {"reference-other-representation"}  # it takes compressed pixels
