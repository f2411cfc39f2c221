"""Reads codes out of the source code: those of findings, and those of warnings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("core", "backends", "profiles")
FINDINGS = frozenset({"Finding", "VariantMatch", "NoPath", "ChangeWording"})
"""Classes whose argument ``code`` is the code of a finding."""
WARNINGS = frozenset({"SigningWarning"})


class UnreadableCode(Exception):
    """A code that is not a literal where it is used, so that it cannot be searched for."""


def find_codes(classes: frozenset[str]) -> set[str]:
    """All codes that the project gives to these classes, directly or through functions that make them.

    Raises UnreadableCode.
    """
    modules = [_load_module(path, classes) for root in SOURCE_ROOTS for path in sorted((ROOT / root).rglob("*.py"))]
    public = {name: at for module in modules for name, at in module.makers.items() if not name.startswith("_")}
    return {code for module in modules for code in _codes(module, public | module.makers, classes)}


@dataclass(frozen=True, slots=True)
class _ModuleCodes:
    tree: ast.Module
    makers: dict[str, int] = field(default_factory=dict)
    """Functions that make an instance from an argument ``code``, and its position."""
    choices: dict[str, set[str]] = field(default_factory=dict)
    """Names that a loop over written-out tuples binds to texts."""


def _load_module(path: Path, classes: frozenset[str]) -> _ModuleCodes:
    module = _ModuleCodes(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef):
            names = _parameters(node)
            if "code" in names and node.returns is not None and ast.unparse(node.returns) in classes:
                module.makers[node.name] = names.index("code")
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Tuple) and isinstance(node.iter, ast.Tuple):
            rows = [row.elts for row in node.iter.elts if isinstance(row, ast.Tuple)]
            for at, target in enumerate(node.target.elts):
                if isinstance(target, ast.Name):
                    module.choices[target.id] = {text for row in rows for text in _text(row[at])}
    return module


def _codes(module: _ModuleCodes, makers: dict[str, int], classes: frozenset[str]) -> Iterator[str]:
    for scope, parameters in _scopes(module.tree):
        for call in ast.walk(scope):
            if isinstance(call, ast.Call) and isinstance(call.func, (ast.Name, ast.Attribute)):
                name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr
                code = _argument(call, makers.get(name), known=name in classes)
                if code is not None:
                    yield from _find_texts(code, module, parameters)


def _scopes(tree: ast.Module) -> Iterator[tuple[ast.AST, list[str]]]:
    """Functions with their parameters, and what a module assigns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node, _parameters(node)
    for node in tree.body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield node, []


def _argument(call: ast.Call, position: int | None, *, known: bool) -> ast.expr | None:
    if position is None and not known:
        return None
    named = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    if named:
        return named[0]
    # a method of the same name may take fewer
    return call.args[position or 0] if len(call.args) > (position or 0) else None


def _find_texts(code: ast.expr, module: _ModuleCodes, parameters: list[str]) -> set[str]:
    if _text(code):
        return _text(code)
    if isinstance(code, ast.Name):
        if code.id in parameters:
            return set()  # a maker hands on what it was given
        if module.choices.get(code.id):
            return module.choices[code.id]
    if isinstance(code, ast.Attribute) and code.attr == "code":
        return set()  # taken from an instance, and written out where that is made
    raise UnreadableCode(f"line {code.lineno}: {ast.unparse(code)}")


def _parameters(function: ast.FunctionDef) -> list[str]:
    names = [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
    return names[1:] if names[:1] == ["self"] else names


def _text(node: ast.expr) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()
