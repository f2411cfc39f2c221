"""Count what makes the code hard to navigate: ambiguous names, import cycles, private vocabulary.

``python tools/code_figures.py`` prints a table, and exits with 1 if a figure exceeds its limit.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_SOURCES: Final = ("core", "backends", "profiles")
# Words that look like participles but are not.
_NOT_PARTICIPLES: Final = frozenset("need feed seed speed embed shed red unmet need exceed proceed succeed".split())
_IRREGULAR: Final = frozenset(
    "begun built done found given gone held kept known left lost made meant met said sent shown taken told "
    "written".split()
)


_KEPT_APART: Final = re.compile(r"(?m)^# Kept apart: \S+")
"""The comment with the reason why a module with one importer is not merged into it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A count and its limit."""

    name: str
    found: tuple[str, ...]
    limit: int

    @property
    def is_met(self) -> bool:
        return len(self.found) <= self.limit


@dataclass(frozen=True, slots=True)
class Module:
    """A module, parsed."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def basename(self) -> str:
        return self.path.stem


def read_modules(root: Path = ROOT) -> dict[str, Module]:
    """The modules of all packages by dotted name."""
    modules: dict[str, Module] = {}
    for source in _SOURCES:
        for path in sorted((root / source).rglob("*.py")):
            parts = path.relative_to(root / source).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            text = path.read_text(encoding="utf-8")
            modules[name] = Module(name, path, text, ast.parse(text))
    return modules


def import_graph(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """The modules that each module imports: at the top, in functions, and for types only."""
    return {name: set(_imports(module, modules)) - {name} for name, module in modules.items()}


def find_circles(graph: Mapping[str, Iterable[str]]) -> list[tuple[str, ...]]:
    """Groups of modules that import each other (strongly connected components, Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles: list[tuple[str, ...]] = []
    for start in graph:
        if start in index:
            continue
        work: list[tuple[str, Iterator[str]]] = [(start, iter(sorted(graph[start])))]
        index[start] = low[start] = len(index)
        stack.append(start)
        while work:
            name, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    cut = stack.index(name)
                    if len(stack) - cut > 1:
                        circles.append(tuple(sorted(stack[cut:])))
                    del stack[cut:]
            elif target not in index:
                index[target] = low[target] = len(index)
                stack.append(target)
                work.append((target, iter(sorted(graph[target]))))
            elif target in stack:
                low[name] = min(low[name], index[target])
    return circles


def count_all(root: Path = ROOT) -> tuple[Figure, ...]:
    """Every figure of the table."""
    modules = read_modules(root)
    graph = import_graph(modules)
    return (
        Figure("modules with one importer, and no reason", tuple(_single_importers(modules, graph)), 50),
        Figure("module names that stand for several modules", tuple(_repeated_modules(modules)), 0),
        Figure("class names that stand for several classes", tuple(_repeated_classes(modules)), 0),
        Figure("import circles", tuple(" <-> ".join(circle) for circle in find_circles(graph)), 0),
        Figure("places that name the option only_required", tuple(_mentions(modules, "only_required")), 3),
        Figure("functions named by a participle", tuple(_functions(modules, _is_participle)), 0),
        Figure("functions named x_of", tuple(_functions(modules, lambda name: name.endswith("_of"))), 0),
        Figure("limits not named MAX_", tuple(_matches(modules, r"\b_?(?:MOST|LONGEST|LARGEST)(?:_\w+)?\b")), 0),
        Figure("public names documented by deep paths", tuple(_deep_paths(root)), 0),
        Figure('"is no", "are no" in texts', tuple(_negations(root, modules)), 0),
        Figure("modules of more than 350 lines", tuple(_long_modules(modules)), 0),
    )


def _imports(module: Module, modules: Mapping[str, Module]) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                full = f"{node.module}.{each.name}"
                if full in modules:
                    yield full
                elif node.module in modules:
                    yield node.module


def _single_importers(modules: Mapping[str, Module], graph: Mapping[str, set[str]]) -> Iterator[str]:
    importers: dict[str, set[str]] = defaultdict(set)
    for name, targets in graph.items():
        for target in targets:
            importers[target].add(name)
    for name, module in modules.items():
        is_apart = module.basename in {"__init__", "plugin"} or _KEPT_APART.search(module.text)
        if len(importers[name]) == 1 and not is_apart:
            yield f"{name} <- {next(iter(importers[name]))}"


def _repeated_modules(modules: Mapping[str, Module]) -> Iterator[str]:
    names: dict[str, list[str]] = defaultdict(list)
    for name, module in modules.items():
        if module.basename not in {"__init__", "plugin"}:
            names[module.basename].append(name)
    yield from (", ".join(places) for places in names.values() if len(places) > 1)


def _repeated_classes(modules: Mapping[str, Module]) -> Iterator[str]:
    counts = Counter(
        node.name.lstrip("_")
        for module in modules.values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    )
    yield from (name for name, count in counts.items() if count > 1)


def _mentions(modules: Mapping[str, Module], word: str) -> Iterator[str]:
    for module in modules.values():
        for number, line in enumerate(module.text.splitlines(), 1):
            if re.search(rf"\b{word}\b", line):
                yield f"{module.name}:{number}"


def _functions(modules: Mapping[str, Module], is_meant: object) -> Iterator[str]:
    assert callable(is_meant)
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and is_meant(node.name.strip("_")):
                yield f"{module.name}:{node.lineno} {node.name}"


def _is_participle(name: str) -> bool:
    words = name.split("_")
    if words[0] in {"is", "has", "are", "was", "can", "test", "on", "assert", "never"}:
        return False
    last = words[-1]
    return last not in _NOT_PARTICIPLES and (last.endswith("ed") or last in _IRREGULAR)


def _matches(modules: Mapping[str, Module], pattern: str) -> Iterator[str]:
    for module in modules.values():
        for match in re.finditer(rf"(?m)^\s*({pattern})\s*[:=]", module.text):
            yield f"{module.name} {match[1]}"


def _deep_paths(root: Path) -> Iterator[str]:
    for match in re.finditer(r"(?m)^::: (\S+)", (root / "docs/reference/api.md").read_text(encoding="utf-8")):
        home, _, _ = match[1].rpartition(".")
        if home not in {"dcmseal", "dcmseal.plugins", "dcmseal.testing", ""}:
            yield match[1]


def _negations(root: Path, modules: Mapping[str, Module]) -> Iterator[str]:
    """Places that say "X is no Y" instead of "X is not a Y"; "there is no Y" and "no longer" are plain English."""
    pattern = re.compile(
        r"(?<![Tt]here\s)\b(?:is|are|was|were)\s+no\s+(?!longer|more|less|later|earlier|fewer|other|way)\w+"
    )
    for module in modules.values():
        yield from (f"{module.name}: {match[0]}" for match in pattern.finditer(module.text))
    for page in sorted((*root.glob("*.md"), *(root / "docs").rglob("*.md"))):
        yield from (f"{page.relative_to(root)}: {match[0]}" for match in pattern.finditer(page.read_text("utf-8")))


def _long_modules(modules: Mapping[str, Module]) -> Iterator[str]:
    for module in modules.values():
        lines = module.text.count("\n")
        if lines > 350:
            yield f"{module.name} ({lines})"


def main(arguments: list[str]) -> int:
    """Print the table; with -v, also everything that was counted."""
    figures = count_all()
    for figure in figures:
        print(f"{len(figure.found):>5}  (at most {figure.limit:>2})  {figure.name}")
        if "-v" in arguments:
            print(*(f"         {each}" for each in figure.found), sep="\n")
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
