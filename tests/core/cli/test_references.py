"""``dcmseal sign --references`` and ``dcmseal verify --references``."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from dcmseal import tags
from dcmseal.cli.options.reference_options import build_reference_folders
from dcmseal.exit_codes import ExitCode
from tests.core.cli.conftest import Run
from tests.support import builder as b
from tests.support.cited_evidence import make_citation, make_document, make_evidence_sequence


@pytest.fixture
def study(tmp_path: Path) -> Path:
    study = tmp_path / "study"
    study.mkdir()
    (study / "a.dcm").write_bytes(b.file(b.image(instance="1.2.3.4.1")))
    return study


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.dcm"
    path.write_bytes(
        b.file(
            make_document(
                make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation("1.2.3.4.1"))
            )
        )
    )
    return path


def test_signs_and_verifies_with_evidence(run: Run, key: str, study: Path, report: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.dcm"
    ran = run("sign", report, out, "--key", key, "--references", study)
    assert (ran.code, "1 instance: 0 referenced by signature, 1 by MAC" in ran.out) == (0, True)
    ran = run("verify", out, "--references", study, "--integrity-only")
    assert (ran.code, "1 instance verified" in ran.out) == (0, True)
    assert ran.err == ""
    (study / "a.dcm").write_bytes(b.file(b.image(instance="1.2.3.4.1", pixels=bytes(16))))
    ran = run("verify", out, "--references", study, "--integrity-only")
    assert (ran.code, "reference-changed" in ran.out) == (ExitCode.INVALID, True)
    (study / "a.dcm").unlink()
    ran = run("verify", out, "--references", study, "--integrity-only", "--json")
    (finding,) = ran.document["references"]
    assert (ran.code, finding["code"], finding["where"]) == (4, "reference-missing", "1.2.3.4.1")
    ran = run("verify", out, "--references", study, "--integrity-only")
    assert "who signed it is not established" not in ran.out


def test_the_dry_run_lists_the_references(run: Run, study: Path, report: Path) -> None:
    ran = run("sign", report, "--dry-run", "--references", study, "--json")
    (reference,) = ran.document["references"]
    assert reference == {
        "location": "CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]",
        "sop_instance_uid": "1.2.3.4.1",
        "file": str(study / "a.dcm"),
        "signatures": [],
        "mac": True,
        "already_present": False,
    }
    assert "1 by MAC" in run("sign", report, "--dry-run", "--references", study).out


def test_nothing_is_written_without_the_instances(run: Run, key: str, report: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    ran = run("sign", report, tmp_path / "out.dcm", "--key", key, "--references", empty)
    assert ran.code == ExitCode.UNREADABLE
    assert "instance 1.2.3.4.1 is not in the folders" in ran.err
    assert not (tmp_path / "out.dcm").exists()
    assert run("verify", report, "--references", tmp_path / "nowhere").code == ExitCode.USAGE


def test_how_far_it_is_is_shown_on_terminals_only(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    assert build_reference_folders([]) is None
    for stream, shown in ((StringIO(), False), (Terminal(), True)):
        monkeypatch.setattr("sys.stderr", stream)
        found = build_reference_folders([str(study)])
        assert found is not None
        assert found.find_files("1.2.3.4.1")
        assert ("looking for instances: 0 files" in stream.getvalue()) is shown
        assert not shown or stream.getvalue().endswith(f"\r{'':40}\r")
