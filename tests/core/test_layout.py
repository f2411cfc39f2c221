"""The house is built as pyproject.toml says: what is in the tree is in the wheel, and what the wheel names is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from importlib.metadata import distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import dcmseal
import lowest_versions

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("core", "backends", "profiles")
PACKAGES = sorted(folder for root in SOURCE_ROOTS for folder in (ROOT / root).iterdir() if folder.name[0] not in "._")
MODULES = sorted(module for package in PACKAGES for module in package.rglob("*.py"))
MAXIMUM_LINES = 350
PYTHON_FILES = sorted(
    file
    for folder in ("core", "backends", "profiles", "tests", "tools", "docs")
    for file in (ROOT / folder).rglob("*.py")
)
SILENCED = re.compile(r"#\s*(?:noqa|(?:type|pyright):\s*ignore)\b")
REASONED = re.compile(
    r"# (?:noqa: [A-Z]+\d+(?:, [A-Z]+\d+)* - \w"
    r"|type: ignore\[[\w,-]+\] # (?!noqa)\w"
    r"|type: ignore\[[\w,-]+\] [#] noqa: [A-Z]+\d+ - \w"
    r"|pyright: ignore\[\w+\] - \w)"
)
"""A silenced check names its code, and gives a reason after it."""

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
BUILD = PYPROJECT["tool"]["hatch"]["build"]


def test_the_wheel_contains_every_package_of_the_source_roots() -> None:
    assert tuple(BUILD["dev-mode-dirs"]) == SOURCE_ROOTS
    assert sorted(BUILD["targets"]["wheel"]["packages"]) == [str(path.relative_to(ROOT)) for path in sorted(PACKAGES)]


def test_the_import_contracts_know_every_package() -> None:
    assert sorted(PYPROJECT["tool"]["importlinter"]["root_packages"]) == sorted(path.name for path in PACKAGES)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_is_dcmseals_by_name_and_typed(package: Path) -> None:
    assert package.name.startswith("dcmseal")
    assert (package / "__init__.py").is_file()
    assert (package / "py.typed").read_bytes() == b""


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_has_a_docstring(module: Path) -> None:
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAXIMUM_LINES
    assert re.match(r'r?"""\S', text), "no docstring on the first line"
    assert (module.parent / "__init__.py").is_file()


def test_only_the_front_door_looks_for_installed_plugins() -> None:
    """Everything below gets the plugins from its caller, so that ``registry=`` applies throughout."""
    package = ROOT / "core" / "dcmseal"
    callers = {
        module.relative_to(package).parts[0]
        for module in package.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Name) and node.id == "installed_registry")
        or (isinstance(node, ast.Attribute) and node.attr == "installed_registry")
    }
    # the registry itself restores the plugins of a value that was pickled
    assert callers == {"api", "cli", "plugins"}


def test_every_silenced_check_has_a_reason() -> None:
    unreasoned = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in PYTHON_FILES
        if not any(part.startswith(".") for part in file.relative_to(ROOT).parts)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if SILENCED.search(line) and not REASONED.search(line)
    ]
    assert unreasoned == []


def test_no_module_of_the_tests_is_too_long() -> None:
    lengths = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in (ROOT / "tests").rglob("*.py")}
    assert {file: lines for file, lines in lengths.items() if lines > MAXIMUM_LINES} == {}


@pytest.mark.parametrize(("name", "module"), PROJECT["entry-points"]["dcmseal"].items())
def test_an_entry_point_names_a_module_of_its_own_package(name: str, module: str) -> None:
    assert find_spec(module), f"{name} = {module}"
    assert module.partition(".")[0] in {package.name for package in PACKAGES}


def test_the_command_calls_a_function_that_exists() -> None:
    module, _, function = PROJECT["scripts"]["dcmseal"].partition(":")
    assert callable(getattr(import_module(module), function))


def test_the_installed_metadata_are_those_of_the_tree() -> None:
    installed = {entry.name: entry.value for entry in distribution("dcmseal").entry_points if entry.group == "dcmseal"}
    assert installed == PROJECT["entry-points"]["dcmseal"], "install again: make"
    assert version("dcmseal") == dcmseal.__version__


def test_the_built_wheel_is_complete_and_claims_no_other_name(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licenses = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]
    expected = {
        str(file.relative_to(package.parent))
        for package in PACKAGES
        for file in package.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix not in {".c", ".h", ".so"}
    }
    # the walker is there if there is a C compiler
    assert names - {"dcmseal/walker/_walker.abi3.so"} == expected
    assert licenses


def test_every_dependency_has_a_lower_bound_that_can_be_tested() -> None:
    lowest = lowest_versions.find_lowest(PROJECT["dependencies"])
    lines = list(lowest_versions.iter_constraints())
    assert {f"{name}=={bound}" for name, bound in lowest.items()} <= set(lines)
    assert all(sum(line.startswith(f"{name}==") for line in lines) == 1 for name in lowest)


def test_a_dependency_without_a_lower_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="pydicom"):
        lowest_versions.find_lowest(["pydicom"])
