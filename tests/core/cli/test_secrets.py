"""Passphrases on their way from the person to the key."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend

from dcmseal.cli.options.secret_options import load_option_secrets
from dcmseal.plugins.signer_backend import SecretRequest
from tests.core.cli.conftest import Run
from tests.support.pki import PASSPHRASE, Pki

GIVEN = {"passphrase_env": None, "passphrase_file": None, "passphrase_fd": None, "passphrase_keyring": None}


@pytest.fixture
def locked(pki: Pki) -> str:
    """The URI of an encrypted key."""
    return f"pem:{pki['p256'].encrypted_key_pem}?cert={pki['p256'].certificate_pem}"


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{PASSPHRASE}\r\nnot this\n")
    path.chmod(0o600)
    return path


def test_from_the_environment(
    run: Run, image: Path, locked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["sign", str(image), str(tmp_path / "out.dcm"), "--key", locked, "--passphrase-env", "SECRET"]
    missing = run(*words)
    assert missing.code == 2
    assert "environment variable SECRET is not set" in missing.err
    monkeypatch.setenv("SECRET", "wrong")
    wrong = run(*words)
    assert wrong.code == 6
    assert "wrong" in wrong.err.splitlines()[0]
    monkeypatch.setenv("SECRET", PASSPHRASE)
    right = run(*words)
    assert (right.code, right.err) == (0, "")
    assert PASSPHRASE not in right.out


def test_from_a_file(run: Run, image: Path, locked: str, secret_file: Path, tmp_path: Path) -> None:
    ran = run("sign", image, tmp_path / "out.dcm", "--key", locked, "--passphrase-file", secret_file)
    assert (ran.code, ran.err) == (0, "")


def test_a_file_that_others_can_read_is_warned_of(
    run: Run, image: Path, locked: str, secret_file: Path, tmp_path: Path
) -> None:
    secret_file.chmod(0o640)
    ran = run("sign", image, tmp_path / "out.dcm", "--key", locked, "--passphrase-file", secret_file)
    assert ran.code == 0
    assert ran.err == f"dcmseal: warning: others can read {secret_file}; run chmod 600 on it\n"


def test_from_a_file_descriptor(run: Run, image: Path, locked: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.write(writing, f"{PASSPHRASE}\n".encode())
    os.close(writing)
    try:
        ran = run("sign", image, tmp_path / "out.dcm", "--key", locked, "--passphrase-fd", str(reading))
    finally:
        os.close(reading)
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "no passphrase"), (b"\nsecond\n", "no passphrase"), (b"\xff\n", "not in UTF-8")]
)
def test_files_without_a_passphrase(run: Run, image: Path, secret_file: Path, content: bytes, said: str) -> None:
    secret_file.write_bytes(content)
    ran = run("sign", image, "out.dcm", "--key", "pem:k", "--passphrase-file", secret_file)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize(
    "option", [["--passphrase-file", "none"], ["--passphrase-fd", "987654"], ["--passphrase-fd", "-1"]]
)
def test_sources_that_are_not_there(run: Run, image: Path, in_folder: Path, option: list[str]) -> None:
    ran = run("sign", image, "out.dcm", "--key", "pem:k", *option)
    assert ran.code == 2
    assert not list(in_folder.iterdir())


def test_one_source_only(run: Run, image: Path) -> None:
    words = ["--passphrase-env", "A", "--passphrase-fd", "0"]
    assert run("sign", image, "out.dcm", "--key", "pem:k", *words).code == 2


def test_without_a_source_and_a_terminal(run: Run, image: Path, locked: str, tmp_path: Path) -> None:
    ran = run("sign", image, tmp_path / "out.dcm", "--key", locked)
    assert ran.code == 6
    assert "--passphrase-env" in ran.err


def test_a_person_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    prompts: list[str] = []

    def getpass(prompt: str) -> str:
        prompts.append(prompt)
        if len(prompts) == 3:
            raise EOFError
        return "" if len(prompts) == 2 else "typed"

    monkeypatch.setattr("getpass.getpass", getpass)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    secrets = load_option_secrets(Namespace(**GIVEN))
    answers = [secrets(SecretRequest(purpose="card\x1b[2J", uri="x:", attempt=attempt)) for attempt in (1, 2, 3, 4)]
    assert answers == ["typed", None, None, None]
    assert prompts[0] == "Passphrase or PIN of card\\x1b[2J: "
    assert "try again" in prompts[1]
    assert len(prompts) == 3


def test_a_given_pin_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1234")
    secrets = load_option_secrets(Namespace(**{**GIVEN, "passphrase_env": "SECRET"}))
    assert [secrets(SecretRequest(purpose="card", uri="x:", attempt=attempt)) for attempt in (1, 2)] == ["1234", None]


class Memory(KeyringBackend):
    """A keyring that forgets when the tests end."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # keyring does not type it
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture
def memory() -> Iterator[Memory]:
    before = keyring.get_keyring()
    memory = Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def test_from_the_keyring_of_the_system(run: Run, image: Path, locked: str, tmp_path: Path, memory: Memory) -> None:
    words = ["sign", str(image), str(tmp_path / "out.dcm"), "--key", locked, "--passphrase-keyring", "radiology"]
    account = locked.partition("?")[0]
    missing = run(*words)
    assert missing.code == 6
    assert f"keyring set radiology '{account}'" in missing.err
    memory.set_password("radiology", account, PASSPHRASE)
    right = run(*words)
    assert (right.code, right.err) == (0, "")


def test_a_setup_names_its_entry_in_the_keyring(
    run: Run, image: Path, locked: str, tmp_path: Path, memory: Memory
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[keys.reading-room]\nuri = "{locked}"\npin-source = "keyring"\n')
    config.chmod(0o600)
    memory.set_password("dcmseal", "reading-room", PASSPHRASE)
    ran = run("sign", image, tmp_path / "out.dcm", "--key", "reading-room", "--config", config)
    assert (ran.code, ran.err) == (0, "")


def test_a_failing_keyring_is_reported_by_the_type_of_its_error(
    run: Run, image: Path, locked: str, tmp_path: Path, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: str) -> str:
        raise RuntimeError(PASSPHRASE)

    monkeypatch.setattr(memory, "get_password", fail)
    ran = run("sign", image, tmp_path / "out.dcm", "--key", locked, "--passphrase-keyring", "radiology")
    assert ran.code == 6
    assert "RuntimeError" in ran.err
    assert PASSPHRASE not in ran.err


def test_without_the_extra_the_error_says_what_to_install(
    run: Run, image: Path, locked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    ran = run("sign", image, tmp_path / "out.dcm", "--key", locked, "--passphrase-keyring", "radiology")
    assert ran.code == 2
    assert "dcmseal[keyring]" in ran.err
