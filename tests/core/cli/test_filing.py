"""Results that can be filed: the object and what it was judged by, in text and JSON; and what comes first."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

import dcmseal
from tests.core.cli.conftest import Run
from tests.support.real_files import real_file

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/reference/report.schema.json").read_text("utf-8"))


@pytest.fixture
def item(key: str, tmp_path: Path) -> Path:
    path = tmp_path / "item.dcm"
    dcmseal.sign(real_file("rtplan.dcm").path, key=key, output=path, location="BeamSequence[0]")
    return path


def test_that_only_items_are_signed_comes_first(run: Run, item: Path) -> None:
    ran = run("verify", item, "--integrity-only")
    first, second, third, *_ = ran.out.splitlines()
    assert ran.code == 4
    assert "not established (1 signature" in first
    assert "only items are signed, not the object" in first
    assert "the object is not signed" in second
    assert "--item" in third
    document = run("verify", item, "--integrity-only", "--json").document
    assert (document["verdict"], document["object_signed"]) == ("not-established", False)
    assert [each["code"] for each in document["reasons"]] == ["object-not-signed"]
    assert run("verify", item, "--integrity-only", "--item", "BeamSequence[0]").code == 0


def test_an_archive_counts_it_as_not_established(run: Run, item: Path, in_folder: Path) -> None:
    (in_folder / "archive").mkdir()
    shutil.copy(item, in_folder / "archive")
    ran = run("verify", "archive", "--integrity-only")
    assert ran.code == 4
    assert "object-not-signed: the object is not signed" in ran.out
    line, summary = map(json.loads, run("verify", "archive", "--integrity-only", "--json-lines").out.splitlines())
    assert (line["verdict"], line["object_signed"]) == ("not-established", False)
    assert summary["verdicts"] == {"not-established": 1}


def test_a_uid_alone_does_not_ask_about_an_item(run: Run, item: Path) -> None:
    uid = dcmseal.signatures(item)[0].uid
    assert run("verify", item, "--integrity-only", "--uid", uid).code == 4
    assert run("verify", item, "--integrity-only", "--uid", uid, "--item", "BeamSequence[0]").code == 0


def test_verbose_names_the_object_and_the_options(run: Run, signed: Path) -> None:
    ran = run("verify", signed, "--integrity-only", "-v", "--sha256")
    assert f"  SHA-256       {hashlib.sha256(signed.read_bytes()).hexdigest()}\n" in ran.out
    assert "  SOP Class     CT Image Storage (1.2.840.10008.5.1.4.1.1.2)\n" in ran.out
    assert "  patient       PatientName (masked), PatientID (masked)\n" in ran.out
    assert "CompressedSamples" not in ran.out
    assert f"  program: dcmseal {dcmseal.__version__}\n" in ran.out
    assert "  trust in the signer: not checked (integrity only)\n" in ran.out
    assert "SHA-256 " not in run("verify", signed, "--integrity-only", "-v").out


def test_json_has_the_same(run: Run, signed: Path, in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = in_folder / "config.toml"
    config.write_text(
        '[trust.site]\nanchors = ["anchor.pem"]\nrevocation = "soft"\n'
        '[policies.release]\nrequire = ["covers:PatientID"]\nsignatures = 1\n'
    )
    certificate = dcmseal.signatures(signed)[0].certificate.pem
    (in_folder / "anchor.pem").write_bytes(certificate)
    monkeypatch.chdir(in_folder)
    words = ("--trust", "site", "--policy", "release", "--config", config)
    document = run("verify", signed, "--json", "--sha256", *words).document
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document["instance"]["sha256"] == hashlib.sha256(signed.read_bytes()).hexdigest()
    assert document["instance"]["sop_class"]["name"] == "CT Image Storage"
    settings = {each["name"]: each["value"] for each in document["context"]["settings"]}
    assert settings["trust setup"] == "site"
    assert settings["trust anchors of [trust.site]"].endswith("anchor.pem")
    assert settings["revocation of [trust.site]"] == "soft"
    assert settings["required of a signature of [policies.release]"] == "covers:PatientID"
    assert document["context"]["version"] == dcmseal.__version__


def test_a_folder_without_trust_has_one_hint_to_configure_it(run: Run, signed: Path, in_folder: Path) -> None:
    for name in ("a", "b"):
        shutil.copy(signed, in_folder / name)
    ran = run("verify", ".")
    assert ran.out.count("no trust anchor is configured, so no signer is trusted") == 1
    assert ran.out.splitlines()[-1].startswith("no trust anchor is configured")
    assert "--trust-anchor FILE" in ran.out
    assert "--trust-anchor FILE" not in run("verify", ".", "--integrity-only").out


def test_a_run_counts_files_that_are_signed_in_part(
    run: Run, signed_twice: Path, signed: Path, key: str, in_folder: Path
) -> None:
    folder = in_folder / "archive"
    folder.mkdir()
    shutil.copy(signed, folder / "all.dcm")
    # one of two signatures covers all
    shutil.copy(signed_twice, folder / "both.dcm")
    dcmseal.sign(real_file("CT_small.dcm").path, key=key, output=folder / "part.dcm", tags=["PatientID"])
    journal = ("--journal", "run.journal")
    for words in ((), journal, journal):
        ran = run("verify", "archive", "--integrity-only", *words)
        assert "  valid                     3  1 of them only partly covered\n" in ran.out
