"""docs/reference/glossary.md has an entry for every exported class, and none for a class that does not exist."""

from __future__ import annotations

import ast
import inspect
import re

import dcmseal
import dcmseal.plugins
import dcmseal.testing
from tests.docs.doc_pages import DOCS
from tests.docs.source_codes import ROOT, SOURCE_ROOTS

PACKAGES = (dcmseal, dcmseal.plugins, dcmseal.testing)
_CLASS_NAME = re.compile(r"(?:[A-Z][a-z0-9]+){2,}")
_STANDARD_NAMES = {"DigestInfo"}
"""Written like classes, but names of the standards."""


def entries() -> list[str]:
    page = (DOCS / "reference" / "glossary.md").read_text("utf-8")
    return re.findall(r"^\*\*(.+)\*\*\n:   ", page, re.MULTILINE)


def defined_classes() -> set[str]:
    modules = (ast.parse(path.read_text("utf-8")) for root in SOURCE_ROOTS for path in (ROOT / root).rglob("*.py"))
    return {node.name for module in modules for node in ast.walk(module) if isinstance(node, ast.ClassDef)}


def test_every_exported_class_has_an_entry() -> None:
    exported = {name for package in PACKAGES for name in dir(package) if inspect.isclass(getattr(package, name))}
    assert exported - {*entries()} == set()


def test_every_entry_named_like_a_class_is_one() -> None:
    names = {name for name in entries() if _CLASS_NAME.fullmatch(name)}
    assert names - defined_classes() - _STANDARD_NAMES == set()


def test_entries_are_sorted_and_unique() -> None:
    names = [re.sub(r"[^a-z0-9]", "", name.lower()) for name in entries()]
    assert len(names) > 300
    assert names == sorted(names)
    assert len(entries()) == len({*entries()})
