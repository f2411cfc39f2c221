"""The walker is compiled where there is a compiler, and dcmseal works the same where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import compile_walker

ROOT = Path(__file__).parents[3]
PROGRAM = "from dcmseal.walker.compiled import WALKER; print(WALKER is not None)"
needs_compiler = pytest.mark.skipif(shutil.which(os.environ.get("CC", "cc")) is None, reason="there is no C compiler")


def build_wheel(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    program = f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})"
    environment = {**os.environ, "DCMSEAL_COMPILED": "", **variables}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@needs_compiler
def test_a_wheel_with_the_walker_is_for_all_newer_versions_of_python(tmp_path: Path) -> None:
    assert build_wheel(tmp_path, DCMSEAL_COMPILED="must").returncode == 0
    (wheel,) = tmp_path.iterdir()
    assert "-cp311-abi3-" in wheel.name


@pytest.mark.parametrize(
    "variables", [{"DCMSEAL_COMPILED": "no"}, {"CC": "no-such-compiler"}], ids=["turned off", "no compiler"]
)
def test_a_wheel_without_the_walker_is_for_all_platforms(tmp_path: Path, variables: dict[str, str]) -> None:
    built = build_wheel(tmp_path, **variables)
    assert built.returncode == 0
    assert [wheel.name.endswith("-py3-none-any.whl") for wheel in tmp_path.iterdir()] == [True]
    assert ("The compiled walker was not built" in built.stdout + built.stderr) is ("CC" in variables)


def test_a_build_that_must_compile_fails_without_a_compiler(tmp_path: Path) -> None:
    built = build_wheel(tmp_path, DCMSEAL_COMPILED="must", CC="no-such-compiler")
    assert built.returncode != 0
    assert "cannot run the C compiler no-such-compiler" in built.stderr


@needs_compiler
def test_a_compiler_error_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(compile_walker.CompileError) as raised:
        compile_walker.compile_walker(tmp_path / compile_walker.NAME, ["--no-such-option"])
    assert "no-such-option" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_python_does_without_the_walker_if_it_is_turned_off() -> None:
    environment = {**os.environ, "DCMSEAL_COMPILED": "no"}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
