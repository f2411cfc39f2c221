"""Closed, full and unread streams: the exit code is right, and standard output contains only results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dcmseal.cli.main import _show_warning
from tests.core.cli.conftest import Run

DCMSEAL = Path(sys.executable).with_name("dcmseal")
FULL = "No space left on device"

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


def shell(command: str, *words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run ``command`` in a shell: ``$0`` is dcmseal, and the words are ``$1`` and so on."""
    return subprocess.run(["/bin/bash", "-c", command, DCMSEAL, *words], check=False, capture_output=True, cwd=cwd)


@pytest.mark.parametrize("to", ["2>/dev/full", "2>&-", "2>/dev/null"])
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("verify nofile.dcm --integrity-only", 5),
        ("sign $1 x.dcm --key pem:none.pem", 6),
        ("verify --nonsense", 2),
        ("frobnicate", 2),
        ("", 2),
        ("verify $1 --integrity-only", 3),
        ("verify $2 --integrity-only", 0),
        ("verify $2", 4),
        ("verify $2 $2 --integrity-only --jobs 1", 0),
    ],
)
def test_messages_that_cannot_be_written_change_no_exit_code(
    image: Path, signed: Path, tmp_path: Path, words: str, code: int, to: str
) -> None:
    assert shell(f'"$0" {words} {to}', image, signed, cwd=tmp_path).returncode == code


def test_a_reader_of_messages_that_is_gone_changes_no_exit_code(tmp_path: Path) -> None:
    ran = shell('{ { "$0" verify nofile.dcm; echo $? >&3; } 2>&1 >/dev/null | true; } 3>&1', cwd=tmp_path)
    assert ran.stdout == b"5\n"


@pytest.mark.parametrize(
    "words",
    [
        *("--help", "--version", "verify --help", "list $1", "show $1", "keys", "profiles", "completion bash"),
        *("verify $1 --integrity-only", "verify $1 --integrity-only --json", "verify $1 --integrity-only --json-lines"),
        *("verify $1 $1 --integrity-only", "stream $1", "certificate $1", "remove $1 - --all", "verify nofile --json"),
    ],
)
def test_results_that_cannot_be_written_are_an_error_of_the_output(signed: Path, words: str) -> None:
    ran = shell(f'"$0" {words} >/dev/full', signed)
    assert ran.returncode == 5
    assert b"internal error" not in ran.stderr
    assert b"Traceback" not in ran.stderr
    if "nofile" not in words:
        assert FULL.encode() in ran.stderr


def test_both_full_at_once(signed: Path) -> None:
    assert shell('"$0" verify "$1" --integrity-only >/dev/full 2>&1', signed).returncode == 5


def test_nothing_but_the_file_goes_to_standard_output(image: Path, signed: Path, key: str, tmp_path: Path) -> None:
    for closed in ("2>&-", "0<&- 2>&-"):
        ran = shell(f'"$0" remove "$1" - --all {closed}', signed)
        assert (ran.returncode, ran.stdout) == (0, image.read_bytes())
    for output in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"):
        if output == "link":
            (tmp_path / "link").symlink_to("/dev/stdout")
        ran = shell(f'"$0" remove "$1" {output} --all', signed, cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (0, image.read_bytes()), output
        assert b"removed 1 signature" in ran.stderr
    ran = shell('"$0" sign "$1" /dev/stdout --key "$2" | "$0" verify /dev/stdin --integrity-only -q', image, key)
    assert ran.returncode == 0
    assert os.listdir(tmp_path) == ["link"]


def test_a_file_behind_standard_output_is_written_to_and_not_replaced(signed: Path, tmp_path: Path) -> None:
    command = 'exec 3>out; echo before >&3; "$0" verify "$1" --integrity-only -q {} >&3; echo after >&3'
    for option in ("--html /dev/stdout", "--html /dev/fd/1", "--report html:/dev/stdout"):
        assert shell(command.format(option), signed, cwd=tmp_path).returncode == 0
        written = (tmp_path / "out").read_bytes()
        assert written.startswith(b"before\n<!DOCTYPE html>")
        assert written.endswith(b"after\n")


def test_an_open_descriptor_may_be_the_output(image: Path, signed: Path, tmp_path: Path) -> None:
    for name in ("/dev/fd/5", "/proc/self/fd/5"):
        assert shell(f'"$0" remove "$1" {name} --all 5>out', signed, cwd=tmp_path).returncode == 0
        assert (tmp_path / "out").read_bytes() == image.read_bytes()
    assert shell('"$0" certificate "$1" -o /dev/fd/5 5>cert', signed, cwd=tmp_path).returncode == 0
    assert b"BEGIN CERTIFICATE" in (tmp_path / "cert").read_bytes()


def test_no_file_gets_the_number_of_a_closed_stream(signed: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.dcm").write_bytes(signed.read_bytes())
    ran = shell('"$0" verify copy.dcm --integrity-only --html page.html >&- 2>&- <&-', cwd=tmp_path)
    assert ran.returncode == 0
    assert (tmp_path / "copy.dcm").read_bytes() == signed.read_bytes()
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert page.endswith("</html>\n") or page.rstrip().endswith("</html>")


def test_a_pipe_without_a_writer_is_an_error(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmseal.input_files.open_input.__kwdefaults__", {"timeout": 0.1})
    os.mkfifo(tmp_path / "pipe")
    lines: tuple[list[str | Path], ...] = (
        ["verify", tmp_path / "pipe", "--integrity-only"],
        ["verify", "--files-from", tmp_path / "pipe"],
        ["sign", tmp_path / "pipe", tmp_path / "out", "--key", f"pem:{tmp_path}/pipe"],
        ["verify", tmp_path / "pipe", "--trust-anchor", tmp_path / "pipe"],
        ["verify", "x", "--config", tmp_path / "pipe", "--trust", "x"],
    )
    for words in lines:
        ran = run(*words)
        assert ran.code in {2, 5, 6}
        assert "named pipe that no program opened for writing" in ran.err


def test_a_pipe_that_is_written_to_is_read(signed: Path, tmp_path: Path) -> None:
    ran = shell('"$0" verify <(cat "$1") --integrity-only -q --files-from <(echo "$1")', signed, cwd=tmp_path)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_warnings_of_libraries_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    _show_warning("\x1b]0;owned\x07", UserWarning, "/lib/pydicom/valuerep.py", 4)
    assert capsys.readouterr().err == ("dcmseal: warning: UserWarning in valuerep.py, line 4: \\x1b]0;owned\\x07\n")
