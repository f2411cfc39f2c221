"""Messages about mistakes on the command line: what is wrong, where, and what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.cli.conftest import Run


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("sign", "IN", "--padding", "none"), "unknown value 'none' for --padding", "use one of: minimal, keep"),
        (("journal", "stats", "IN"), "unknown value 'stats' for action", "use one of: status, export, merge"),
        (("compare", "IN"), "missing argument: FILE", "see dcmseal compare --help"),
        (("verify", "IN", "--jsn"), "unknown option --jsn", "did you mean --json?"),
        (("verify", "IN", "--nope"), "unknown option --nope", "see dcmseal verify --help"),
        (("sing", "IN"), "unknown command 'sing'", "did you mean sign?"),
        (
            ("verify", "IN", "--require-signatures", "0"),
            "argument --require-signatures: '0' is not a whole number of at least 1",
            "see dcmseal verify --help",
        ),
        (("verify", "IN", "--jobs", "x"), "--jobs requires a number, not 'x'", "see dcmseal verify --help"),
        (("verify", "IN", "--shard", "3/2"), "invalid shard 3/2", "write I/N, with I from 1 to N"),
        (
            ("profiles", "explain", "base-rsa"),
            "expected show PROFILE or explain PROFILE FILE",
            "dcmseal profiles without arguments lists the profiles",
        ),
        (
            ("verify", "IN", "--save-evidence", "NEW"),
            "evidence requires trust settings",
            "add --trust-anchor FILE or --trust NAME",
        ),
        (("show", "IN", "--uid", "1.2"), "IN: no signature has UID 1.2", "dcmseal list FILE shows all signatures"),
        (("certificate", "IN"), "IN: the file has no signature", "dcmseal sign adds one"),
        (("stream", "IN"), "IN: the file has no signature", "dcmseal sign adds one"),
    ],
)
def test_mistakes(
    run: Run, image: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str, hint: str
) -> None:
    monkeypatch.chdir(image.parent)
    Path("IN").write_bytes(image.read_bytes())
    ran = run(*words)
    assert ran.err == f"dcmseal: {message}\nhint: {hint}\n"
    document = run(*words, "--json").document
    assert (document["message"], document["hint"]) == (message.removeprefix("IN: "), hint)


def test_a_rule_that_is_not_understood_is_quoted(run: Run, image: Path) -> None:
    ran = run("verify", image, "--integrity-only", "--require", "singer:CN=A")
    assert ran.code == 2
    assert ran.err.startswith("dcmseal: --require singer:CN=A: unknown kind of rule\nhint: did you mean signer? ")


def test_a_file_that_is_not_evidence_is_named(run: Run, image: Path, tmp_path: Path) -> None:
    (tmp_path / "other.zip").write_bytes(b"no evidence")
    ran = run("verify", image, "--evidence", tmp_path / "other.zip", "--trust-anchor", image)
    assert ran.code == 5
    assert ran.err.startswith(f"dcmseal: {tmp_path / 'other.zip'}: ")
    assert "hint: give a file written by dcmseal verify --save-evidence" in ran.err


def test_runs_over_many_files_name_a_file_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "gone.dcm").symlink_to("nowhere")
    ran = run("verify", tmp_path, "--integrity-only")
    assert f"  {tmp_path / 'gone.dcm'}: cannot be read: No such file or directory\n" in ran.out
