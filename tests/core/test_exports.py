"""What ``dcmseal``, ``dcmseal.plugins`` and ``dcmseal.testing`` export is public, and imported when it is used."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import dcmseal
import dcmseal.plugins
import dcmseal.testing
from dcmseal import errors

PACKAGES = (dcmseal, dcmseal.plugins, dcmseal.testing)


def typed_exports(package: ModuleType) -> dict[str, str]:
    """The names that type checkers see, and their modules."""
    assert package.__file__
    tree = ast.parse(Path(package.__file__).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0]
    return {
        name.asname or name.name: node.module or ""
        for node in imports
        for name in node.names
        if name.name in {name.asname, "*"}
    }


def runtime_exports(package: ModuleType) -> dict[str, str]:
    exports: dict[str, str] = package._EXPORTS
    return {name: module for module, names in exports.items() for name in names.split()}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_type_checkers_see_what_can_be_imported(package: ModuleType) -> None:
    typed, runtime = typed_exports(package), runtime_exports(package)
    if typed.pop("*", "") == errors.__name__:
        typed |= {name: errors.__name__ for name, value in vars(errors).items() if inspect.isclass(value)}
        typed = {name: module for name, module in typed.items() if name in runtime or module != errors.__name__}
    assert typed == runtime


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_export_can_be_imported_and_listed(package: ModuleType) -> None:
    assert vars(package)["__all__"] == dir(package) == sorted(runtime_exports(package))
    assert all(getattr(package, name) is not None for name in dir(package))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_exports_come_from_the_modules_that_define_them(package: ModuleType) -> None:
    for name, module in runtime_exports(package).items():
        value = getattr(package, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__module__ == module


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_an_unknown_name_is_an_attribute_error(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nothing'"):
        _ = package.nothing


def test_a_name_means_the_same_in_every_package() -> None:
    for name in {*dir(dcmseal)} & {*dir(dcmseal.plugins)}:
        assert getattr(dcmseal, name) is getattr(dcmseal.plugins, name)


def test_every_error_is_exported() -> None:
    defined = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert {name for name in defined if issubclass(vars(errors)[name], errors.SealError)} <= {*dir(dcmseal)}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_package_imports_nothing_before_it_is_used(package: ModuleType) -> None:
    program = f"import sys, {package.__name__}\nprint(*(name for name in sys.modules if name.startswith('dcmseal')))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert {*ran.stdout.split()} == {"dcmseal", "dcmseal.lazy_exports", package.__name__}
