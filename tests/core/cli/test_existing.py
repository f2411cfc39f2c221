"""Signing where an existing signature is invalid: the warning is prominent, and signing can be refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.core.cli.conftest import Run

WARNING = "WARNING: the existing signature "


@pytest.fixture
def folder(in_folder: Path, signed: Path, tampered: Path, image: Path) -> Path:
    (in_folder / "in").mkdir()
    for source in (signed, tampered, image):
        shutil.copy(source, in_folder / "in" / source.name)
    return Path("in")


@pytest.mark.usefixtures("in_folder")
def test_it_is_the_first_line(run: Run, tampered: Path, key: str) -> None:
    ran = run("sign", tampered, "out.dcm", "--key", key)
    assert ran.code == 0
    first, second, *_ = ran.out.splitlines()
    assert first.startswith(f"out.dcm: {WARNING}")
    assert second == "out.dcm: signed"
    assert run("sign", tampered, "--dry-run").out.startswith(f"{tampered}: {WARNING}")
    document = run("sign", tampered, "json.dcm", "--key", key, "--json").document
    assert document["warnings"][0]["code"] == "existing-signature-invalid"


@pytest.mark.usefixtures("in_folder")
def test_it_is_refused_on_request(run: Run, signed: Path, tampered: Path, key: str) -> None:
    for words in (["out.dcm", "--key", key], ["--dry-run"]):
        ran = run("sign", tampered, *words, "--require-intact")
        assert ran.code == 2
        assert "is invalid" in ran.err
    assert not Path("out.dcm").exists()
    assert run("sign", signed, "out.dcm", "--key", key, "--require-intact").code == 0


def test_a_setup_may_ask_for_it(run: Run, tampered: Path, key: str, in_folder: Path) -> None:
    uri = json.dumps(key)
    (in_folder / "config.toml").write_text(f"[keys.mine]\nuri = {uri}\nrequire-intact = true\n")
    ran = run("sign", tampered, "out.dcm", "--key", "mine", "--config", "config.toml")
    assert ran.code == 2
    assert "is invalid" in ran.err
    assert run("config", "check", "--config", "config.toml", "--json").document["keys"][0]["require_intact"] is True


def test_several_files_are_reported_one_by_one(run: Run, folder: Path, key: str) -> None:
    ran = run("sign", folder / "signed.dcm", folder / "tampered.dcm", "-o", "out", "--key", key)
    assert ran.code == 0
    assert [line.split(":")[:2] for line in ran.out.splitlines() if "WARNING" in line] == [
        ["out/tampered.dcm", " WARNING"]
    ]


def test_a_run_over_many_files_reports_it_in_lines_and_summary(run: Run, folder: Path, key: str) -> None:
    ran = run("sign", folder, "-o", "out", "-v", "--key", key, "--journal", "run.journal")
    told = ran.out.splitlines()
    assert "out/tampered.dcm: signed; WARNING: an existing signature is invalid" in told
    counted = "existing-signature-invalid: an existing signature is invalid"
    assert f"  {'warnings':17}{1:>10}  {counted}" in told
    assert told[-2:] == ["an existing signature is invalid:", "  in/tampered.dcm"]
    again = run("sign", folder, "-o", "out", "--key", key, "--journal", "run.journal")
    assert f"  {'warnings':17}{1:>10}  {counted}" in again.out.splitlines()


def test_json_for_programs(run: Run, folder: Path, key: str) -> None:
    *files, summary = map(json.loads, run("sign", folder, "-o", "1", "--key", key, "--json-lines").out.splitlines())
    assert summary["warnings"] == {"existing-signature-invalid": 1}
    first = {Path(each["file"]).name: [warning["code"] for warning in each["warnings"]][:1] for each in files}
    assert first["tampered.dcm"] == ["existing-signature-invalid"]
    ran = run("sign", folder, "-o", "2", "--key", key, "--json-lines", "--require-intact")
    *files, summary = map(json.loads, ran.out.splitlines())
    assert [each["error"] for each in files if each["document"] == "error"] == ["NotIntact"]
    assert (ran.code, summary["warnings"]) == (2, {})
