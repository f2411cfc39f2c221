"""Plugins that misbehave harm nothing but themselves: each is installed, and the program runs as people run it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.core.cli.test_start import DCMSEAL

PANICS = """
class PanicException(BaseException): "what every extension in Rust raises when it panics"
raise PanicException("index out of bounds")
"""
ENDS = """
import sys
sys.exit(1)
"""
INTERRUPTS = """
raise KeyboardInterrupt
"""
LAZY = """
from dcmseal.plugins.hookspecs import hookimpl
class Lazy:
    name = "x"; title = "t"; reference = "r"
    def requirements(self, dataset): ...
    def check(self, dataset, facts): ...
    def __getattr__(self, name): raise RuntimeError("not configured")
@hookimpl
def dcmseal_profiles(): return (Lazy(),)
"""
PRINTS = """
import os, subprocess, sys
from dcmseal.plugins.hookspecs import hookimpl
def speak():
    print("loading the driver")
    sys.__stdout__.write("once more")
    os.write(1, b"from C")
    subprocess.run(["echo", "from a program"])
speak()
class Speaks:
    name = "speaks"; title = "t"; reference = "r"
    def requirements(self, dataset):
        speak()
        from dcmseal.plugins.profile import Requirements
        return Requirements()
    def check(self, dataset, facts):
        speak()
        return ()
@hookimpl
def dcmseal_profiles():
    speak()
    return (Speaks(),)
"""
BROKEN = {"panics": PANICS, "ends": ENDS, "interrupts": INTERRUPTS, "lazy": LAZY}

Ran = subprocess.CompletedProcess[str]
RunWith = Callable[..., Ran]


@pytest.fixture
def run_with(tmp_path: Path) -> RunWith:
    """Runs ``dcmseal`` with a plugin of this name and source installed."""

    def run(name: str, source: str, *words: str | Path) -> Ran:
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir(exist_ok=True)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[dcmseal]\n{name} = {name}_module\n")
        (tmp_path / f"{name}_module.py").write_text(source)
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        return subprocess.run([DCMSEAL, *words], env=environment, check=False, capture_output=True, text=True)

    return run


def plugins_of(ran: Ran) -> dict[str, Any]:
    return {each["name"]: each for each in json.loads(ran.stdout)["plugins"]}


@pytest.mark.parametrize("name", BROKEN)
def test_one_that_is_broken_is_named_and_no_other_is_touched(run_with: RunWith, signed: Path, name: str) -> None:
    listed = run_with(name, BROKEN[name], "plugins", "--json")
    assert listed.returncode == 6
    plugins = plugins_of(listed)
    assert plugins[name]["problem"]
    assert not plugins["profiles"]["problem"]
    words = ["verify", signed, "--integrity-only", "--require", "base-rsa", "--json"]
    verified = run_with(name, BROKEN[name], *words)
    assert (verified.returncode, verified.stderr) == (1, "")  # the key is not an RSA key
    assert json.loads(verified.stdout)["document"] == "verification"
    missing = run_with(name, BROKEN[name], "verify", signed, "--integrity-only", "--require", "unheard-of")
    assert missing.returncode == 6
    assert f"{name} 1.0" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_one_that_prints_is_not_among_results(run_with: RunWith, signed: Path) -> None:
    listed = run_with("prints", PRINTS, "plugins", "--json")
    assert listed.returncode == 0
    assert plugins_of(listed)["prints"]["contributes"] == ["profile:speaks"]
    verified = run_with(
        "prints", PRINTS, "verify", signed, "--integrity-only", "--require", "speaks", "--json-lines", "--jobs", "2"
    )
    assert verified.returncode == 0
    assert [json.loads(line)["document"] for line in verified.stdout.splitlines()] == ["verdict", "summary"]
    for words in ("loading the driver", "once more", "from C", "from a program"):
        assert words in verified.stderr
