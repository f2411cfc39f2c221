"""``dcmseal verify`` keeps evidence, and repeats verdicts by it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.cli.conftest import Run
from tests.core.cli.test_start import modules_after
from tests.support.pki import Pki
from tests.support.tsa import RunningAuthority


@pytest.fixture
def trusting(pki: Pki) -> list[str]:
    return ["--trust-anchor", str(pki.root.certificate_pem), "--revocation", "soft"]


@pytest.fixture
def evidence(run: Run, signed: Path, trusting: list[str], tmp_path: Path) -> Path:
    path = tmp_path / "signed.evidence"
    assert run("verify", signed, *trusting, "--save-evidence", path).code == 0
    return path


def test_a_claimed_moment_is_not_established_unless_vouched_for(
    run: Run, signed: Path, trusting: list[str], evidence: Path
) -> None:
    ran = run("verify", signed, *trusting, "--evidence", evidence)
    assert ran.code == 4
    assert "  unknown trust evidence-time-claimed: " in ran.out
    ran = run("verify", signed, *trusting, "--evidence", evidence, "--trust-evidence-moment")
    assert ran.code == 0
    assert "  passed  trust evidence-verdict-same: " in ran.out


def test_a_timestamp_certifies_it(
    run: Run, signed: Path, trusting: list[str], served: RunningAuthority, tmp_path: Path
) -> None:
    path = tmp_path / "certified.evidence"
    places = ["--evidence-timestamp", "http://127.0.0.1:1/", "--evidence-timestamp", served.url]
    assert run("verify", signed, *trusting, "--save-evidence", path, *places).code == 0
    ran = run("verify", signed, *trusting, "--evidence", path, "--json")
    assert ran.code == 0
    (signature,) = ran.document["signatures"]
    assert "evidence-time-certified" in {each["code"] for each in signature["findings"]}


def test_anchors_of_the_evidence_are_trusted_on_request(run: Run, signed: Path, evidence: Path) -> None:
    believing: list[str | Path] = ["--evidence", evidence, "--trust-evidence-moment", "--revocation", "soft"]
    ran = run("verify", signed, *believing)
    assert ran.code == 2
    ran = run("verify", signed, *believing, "--trust-evidence-anchors")
    assert ran.code == 0
    assert "evidence-anchors-trusted" in ran.out


def test_a_timestamp_that_cannot_be_had_stops_it(run: Run, signed: Path, trusting: list[str], tmp_path: Path) -> None:
    path = tmp_path / "evidence"
    ran = run("verify", signed, *trusting, "--save-evidence", path, "--evidence-timestamp", "http://127.0.0.1:1/")
    assert ran.code == 6
    assert "hint: " in ran.err
    assert not path.exists()


def test_evidence_is_never_overwritten(run: Run, signed: Path, trusting: list[str], evidence: Path) -> None:
    before = evidence.read_bytes()
    ran = run("verify", signed, *trusting, "--save-evidence", evidence)
    assert (ran.code, ran.out) == (2, "")
    assert "never overwritten" in ran.err
    assert evidence.read_bytes() == before


def test_a_file_from_standard_input(run: Run, signed: Path, trusting: list[str], evidence: Path) -> None:
    data = signed.read_bytes()
    ran = run("verify", "-", *trusting, "--evidence", evidence, "--trust-evidence-moment", stdin=data)
    assert ran.code == 0
    assert "evidence-file-matches" in ran.out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--evidence", "EVIDENCE"], 2, "your own trust anchors"),
        (["--save-evidence", "NEW"], 2, "requires trust settings"),
        (["--integrity-only", "--save-evidence", "NEW"], 2, "omit one of the two options"),
        (["--integrity-only", "--evidence", "EVIDENCE"], 2, "omit one of the two options"),
        (["--evidence", "EVIDENCE", "--save-evidence", "NEW"], 2, "exclude each other"),
        (["--evidence", "EVIDENCE", "--evidence-timestamp", "http://tsa"], 2, "does not apply to --evidence"),
        (["--save-evidence", "NEW", "--trust-evidence-moment"], 2, "do not apply to --save-evidence"),
        (["--evidence-timestamp", "http://tsa"], 2, "--save-evidence"),
        (["--trust-evidence-anchors"], 2, "--evidence FILE"),
        (["another.dcm", "--evidence", "EVIDENCE"], 2, "verify them one by one"),
        (["--evidence", "SIGNED"], 5, "not an evidence file"),
        (["--evidence", "NEW"], 5, "cannot be read"),
    ],
)
def test_contradictory_options_are_refused_with_a_hint(
    run: Run, signed: Path, evidence: Path, options: list[str], code: int, said: str
) -> None:
    words = {"EVIDENCE": evidence, "SIGNED": signed, "NEW": evidence.with_name("new")}
    ran = run("verify", signed, *(str(words.get(word, word)) for word in options))
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err
    assert "hint: " in ran.err
    assert not evidence.with_name("new").exists()


def test_nothing_of_it_is_imported_unless_asked_for(signed: Path, pki: Pki) -> None:
    modules = modules_after("verify", str(signed), "--trust-anchor", str(pki.root.certificate_pem), "-q")
    assert not [each for each in modules if each.startswith("dcmseal.evidence")]
