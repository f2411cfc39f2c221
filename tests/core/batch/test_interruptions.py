"""Interrupted runs: every file is whole and signed at most once, and no process is left."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import dcmseal
from dcmseal import errors
from dcmseal.batch.tasks.skip_rule import SkipRule
from dcmseal.errors import Malformed, NotSignable, ProfileViolation, SealError, UnknownProfile, UsageError
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.registry import installed_registry
from tests.support import tags as t

Tree = Callable[..., Path]
ROOT = Path(__file__).parents[3]


def program(folder: Path, key: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.core.batch.signing_program", str(folder), key],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def in_session(session: int) -> list[int]:
    """The processes of a session, by their numbers."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM], ids=lambda each: each.name)
def test_a_program_that_is_ended_leaves_whole_files_and_goes_on(
    tree: Tree, image: bytes, key: str, ending: signal.Signals
) -> None:
    folder = tree({f"{number:03}": image for number in range(200)})
    with program(folder, key) as running:
        assert running.stdout is not None
        for _ in range(20):
            assert running.stdout.readline() == "signed\n"
        if ending is signal.SIGINT:
            os.killpg(running.pid, ending)  # as a terminal does
        else:
            running.send_signal(ending)
        running.stdout.read()
        assert running.wait() != 0
        session = running.pid
    for _ in range(600):
        if not in_session(session):
            break
        time.sleep(0.05)
    assert in_session(session) == []
    files = sorted(folder.iterdir())
    assert [path.name for path in files] == [f"{number:03}" for number in range(200)]
    assert 20 <= sum(len(dcmseal.signatures(path)) for path in files) < 200
    with program(folder, key) as again:
        written, complaints = again.communicate()
    assert (written.split(), complaints) == (["signed"] * 200, "")
    for path in files:
        assert len(dcmseal.signatures(path)) == 1
    assert {each.verdict for each in dcmseal.verify_many([folder], integrity_only=True)} == {Verdict.VALID.value}


@pytest.mark.parametrize(
    "error",
    [
        UsageError("no", hint="yes"),
        Malformed("cut", 12),
        NotSignable(t.PATIENT_NAME, "why", hint="what"),
        ProfileViolation("broken", (), hint="repair it"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_get_from_one_process_to_another(error: SealError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert copy.__dict__ == error.__dict__


def test_every_kind_of_error_gets_from_one_process_to_another() -> None:
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, SealError):
            assert type(pickle.loads(pickle.dumps(kind.__new__(kind, "text")))) is kind


@pytest.mark.parametrize(
    ("rule", "spares"),
    [
        ("any", True),
        ("purpose:verification", True),
        ("purpose:1", False),
        ("profile:base-rsa", False),
        ("signer:CN=Nobody", False),
    ],
)
def test_which_signatures_make_another_unnecessary(image: bytes, key: str, rule: str, spares: bool) -> None:
    signed = dcmseal.sign(image, key=key, purpose="verification")
    assert signed.data is not None
    registry = installed_registry()
    assert SkipRule.parse(rule).find_match(signed.data, registry) == (signed.uid if spares else "")
    assert SkipRule.parse(rule).find_match(image, registry) == ""
    changed = signed.data.replace(b"4711", b"4712", 1)
    assert SkipRule.parse(rule).find_match(changed, registry) == ""


def test_signers_are_known_by_subject_common_name_or_fingerprint(image: bytes, key: str) -> None:
    signed = dcmseal.sign(image, key=key)
    certificate = dcmseal.signatures(signed.data or b"")[0].content.certificate
    from dcmseal.macro.signer_certificate import read_certificate

    known = read_certificate(certificate)
    for name in (known.subject, known.sha256):
        assert SkipRule.parse(f"signer:{name}").find_match(signed.data or b"", installed_registry()) == signed.uid


@pytest.mark.parametrize("text", ["", "all", "any:one", "profile:", "purpose:why", "signer"])
def test_rules_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        SkipRule.parse(text)


def test_a_rule_with_a_profile_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownProfile):
        SkipRule.parse("profile:no-such").check_profile(installed_registry())
    SkipRule.parse("profile:base-rsa").check_profile(installed_registry())
