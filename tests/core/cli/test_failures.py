"""Ends that are not good: exit codes, one line and a hint, never a traceback or a secret."""

from __future__ import annotations

import errno
import inspect
import io
import os
from pathlib import Path

import pytest

from dcmseal import errors
from dcmseal.cli.error_handling import run_with_error_handling
from dcmseal.exit_codes import ExitCode, error_exit_code, verdict_exit_code, worst_exit_code
from dcmseal.model.verdict import Verdict
from tests.core.cli.conftest import Run

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.SealError)]
REFUSED = {
    *("UsageError", "NotSignable", "NotIntact", "NoSuchItem", "ProfileError", "ProfileViolation", "UnknownProfile"),
    "ProfileFileError",
    *("WeakAlgorithm", "CertificateMismatch", "CertificateNotValid", "CertificateUnreadable"),
}
UNREADABLE = {
    *(
        "DatasetError",
        "NotDicom",
        "Malformed",
        "OutputError",
        "ConcurrentModification",
        "EvidenceError",
        "JournalError",
    ),
    *("InstanceNotFound", "InstanceAmbiguous", "AlreadySigned", "ProcessDied", "AmbiguousStructure"),
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_its_exit_code(kind: type[errors.SealError]) -> None:
    expected = ExitCode.UNAVAILABLE
    if kind.__name__ in REFUSED:
        expected = ExitCode.USAGE
    elif kind.__name__ in UNREADABLE:
        expected = ExitCode.UNREADABLE
    elif kind is errors.Interrupted:
        expected = ExitCode.INTERRUPTED
    elif kind is errors.InternalError:
        expected = ExitCode.INTERNAL
    elif kind is errors.NoSuchSignature:
        expected = ExitCode.NO_SIGNATURE
    assert error_exit_code(kind.__new__(kind)) is expected


def test_every_verdict_has_its_exit_code() -> None:
    assert [verdict_exit_code(verdict) for verdict in Verdict] == [0, 1, 4, 3]


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([0, 0], 0), ([0, 3], 3), ([3, 4, 0], 4), ([4, 5, 3], 5), ([5, 1, 2, 6, 7], 1), ([2, 6], 6), ([5, 7, 6], 7)],
)
def test_the_worst_of_several_exit_codes(codes: list[int], expected: int) -> None:
    assert worst_exit_code(map(ExitCode, codes)) == expected


def raising(error: BaseException) -> int:
    raise error


def test_an_unexpected_error_shows_its_location_but_not_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with_error_handling(lambda: raising(ValueError("s3cret")), as_json=False) == 7
    written = capsys.readouterr()
    assert written.out == ""
    message, hint = written.err.splitlines()
    assert message.startswith("dcmseal: internal error: ValueError in test_failures.py, line ")
    assert "DCMSEAL_DEBUG=1" in hint


def test_the_traceback_is_shown_on_request(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCMSEAL_DEBUG", "1")
    run_with_error_handling(lambda: raising(ValueError("\x1b[2Jdetails")), as_json=False)
    written = capsys.readouterr().err
    assert "Traceback" in written
    assert "\\x1b[2Jdetails" in written


def test_an_unexpected_error_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    run_with_error_handling(lambda: raising(RecursionError()), as_json=True)
    assert '"exit_code": 7' in capsys.readouterr().out


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_called_that(capsys: pytest.CaptureFixture[str], number: int) -> None:
    error = OSError(number, os.strerror(number))
    assert run_with_error_handling(lambda: raising(error), as_json=False) == 5
    written = capsys.readouterr().err
    assert written.startswith(f"dcmseal: the disk is full: {os.strerror(number)}\nhint: ")


@pytest.mark.parametrize("kind", [BaseException, GeneratorExit, RecursionError, MemoryError])
def test_no_exception_is_mistaken_for_a_verdict(kind: type[BaseException]) -> None:
    assert run_with_error_handling(lambda: raising(kind()), as_json=True) == 7


def test_ctrl_c_ends_without_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_with_error_handling(lambda: raising(KeyboardInterrupt()), as_json=False) == 130
    assert capsys.readouterr().err == "dcmseal: interrupted\n"


def test_hostile_names_are_escaped(run: Run) -> None:
    ran = run("verify", "\x1b]0;owned\x07\u202e.dcm")
    assert ran.code == 5
    assert "\\x1b]0;owned\\x07\\u202e.dcm" in ran.err
    assert "\x1b" not in ran.err


def test_an_error_is_a_document_on_request(run: Run) -> None:
    ran = run("list", "no-such-file", "--json")
    assert ran.code == 5
    assert ran.document["document"] == "error"
    assert ran.document["exit_code"] == 5
    assert ran.document["hint"]
    assert "cannot be read" in ran.err
    usage = run("list", "--json")
    assert usage.code == usage.document["exit_code"] == 2


def test_names_that_the_terminal_cannot_encode_cause_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", ascii_only)

    def write() -> int:
        print("Müller")
        return 0

    assert run_with_error_handling(write, as_json=False) == 0
    ascii_only.flush()
    assert ascii_only.buffer.seek(0) == 0
    assert ascii_only.buffer.read() == b"M\\xfcller\n"


def test_every_error_names_the_file(run: Run, image: Path, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.dcm"
    truncated.write_bytes(image.read_bytes()[:20000])
    message = "file is truncated inside Pixel Data (7FE0,0010)"
    for words in (("verify",), ("list",), ("show",), ("sign", "--dry-run"), ("profiles", "explain", "base-rsa")):
        ran = run(*words, truncated)
        assert ran.err.startswith(f"dcmseal: {truncated}: {message}"), words
    document = run("verify", truncated, "--json").document
    assert document["file"] == str(truncated)
    assert document["message"].startswith(message)
    for files in ((image, truncated), (truncated, image)):
        assert run("compare", *files).err.startswith(f"dcmseal: {truncated}: {message}")
    missing = tmp_path / "missing.dcm"
    assert run("verify", missing).err.startswith(f"dcmseal: {missing}: cannot be read: ")
    assert run("verify", missing, "--json").document["file"] == str(missing)
