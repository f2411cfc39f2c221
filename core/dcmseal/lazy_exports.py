"""Exports of a package that are imported when they are first used (PEP 562), so that importing the package is fast."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeAlias

ModuleHooks: TypeAlias = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def attach_exports(package: str, exports: Mapping[str, str]) -> ModuleHooks:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` for a package.

    Args:
        package: The name of the package.
        exports: The names to export, separated by spaces, by the module that defines them.
    """
    modules = {name: module for module, names in exports.items() for name in names.split()}

    def import_export(name: str) -> Any:
        module = modules.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(module), name)
        setattr(sys.modules[package], name, value)
        return value

    names = sorted(modules)
    return import_export, names.copy, names
