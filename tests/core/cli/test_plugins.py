"""``dcmseal plugins``, ``profiles`` and ``completion``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from dcmseal.cli.main import COMMANDS
from dcmseal.plugins.registry import Registry
from dcmseal.walker.compiled import describe_walker
from tests.core.cli.conftest import Run
from tests.core.cli.test_start import DCMSEAL


def test_plugins_that_ship_are_sound(run: Run) -> None:
    ran = run("plugins")
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0] == ["PLUGIN", "DISTRIBUTION", "VERSION", "CONTRIBUTES", "PROBLEM"]
    software = next(line for line in lines if line[:1] == ["software"])
    assert software[1] == "dcmseal"
    assert "signer:pem" in software
    assert ran.out.splitlines()[-1] == f"walker: {describe_walker()}"
    document = run("plugins", "--json").document
    assert document["document"] == "plugins"
    assert "software" in [each["name"] for each in document["plugins"]]


def test_a_broken_plugin_shows_in_text_and_exit_code(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile() -> list[object]:
        raise RuntimeError("\x1b[2Jout of order")

    registry = Registry.from_plugins(SimpleNamespace(__name__="faulty", dcmseal_profiles=hostile))
    monkeypatch.setattr("dcmseal.plugins.registry.installed_registry", lambda: registry)
    ran = run("plugins")
    assert ran.code == 6
    assert "\x1b" not in ran.out
    assert run("plugins", "--json").code == 6


def test_profiles(run: Run) -> None:
    ran = run("profiles")
    assert ran.code == 0
    assert any(line.startswith("base-rsa  ") and "PS3.15 C.1" in line for line in ran.out.splitlines())
    assert "base-rsa" in [each["name"] for each in run("profiles", "--json").document["profiles"]]


@pytest.mark.parametrize(("shell", "mark"), [("bash", "complete "), ("zsh", "compdef"), ("fish", "complete --command")])
def test_completion_code(run: Run, shell: str, mark: str) -> None:
    ran = run("completion", shell)
    assert ran.code == 0
    assert mark in ran.out
    assert "dcmseal" in ran.out
    assert run("completion", shell, "--json").document["code"] == ran.out


def complete(line: str, folder: Path) -> list[str]:
    """What is offered at the end of a line, as bash asks for it."""
    answer = folder / "answer"
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": "bash",
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    subprocess.run([DCMSEAL], check=True, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    return [each.strip() for each in answer.read_text().split("\v")]


def test_commands_are_completed(tmp_path: Path) -> None:
    assert set(COMMANDS) <= set(complete("dcmseal ", tmp_path))


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("dcmseal verify --integ", "--integrity-only"),
        ("dcmseal sign x.dcm --padding k", "keep"),
        ("dcmseal sign x.dcm --profile base", "base-rsa"),
        ("dcmseal completion f", "fish"),
    ],
)
def test_options_and_values_are_completed(tmp_path: Path, line: str, offered: str) -> None:
    assert offered in complete(line, tmp_path)


@pytest.mark.parametrize("command", ["verify", "show", "remove", "stream"])
def test_uids_of_the_file_are_completed(tmp_path: Path, signed: Path, uid: str, command: str) -> None:
    assert complete(f"dcmseal {command} {signed} --uid ", tmp_path) == [uid]
    assert complete(f"dcmseal {command} {signed.with_name('none')} --uid ", tmp_path) == [""]
