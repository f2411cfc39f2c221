"""Errors speak Python: flags and commands are named by the command line only, which has hints of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.results import BatchResult
from dcmseal.cli import error_hints
from dcmseal.cli.error_hints import to_shell_hint, with_shell_hint
from dcmseal.cli.main import COMMANDS
from dcmseal.errors import OutputError, UsageError

ROOT = Path(__file__).parents[2]
FLAG = re.compile(rf"(?:^|[\s('\"])--[a-z]|\bdcmseal (?:{'|'.join(COMMANDS)})\b")
LIBRARY = sorted(
    path
    for root in ("core", "backends", "profiles")
    for path in (ROOT / root).rglob("*.py")
    if "cli" not in path.relative_to(ROOT).parts
)
SHELL_HINTS = error_hints._SHELL_HINTS


def texts_in(path: Path) -> Iterator[str]:
    """All literal texts but docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_names_no_flag_and_no_command(path: Path) -> None:
    assert [text for text in texts_in(path) if FLAG.search(text)] == []


def test_each_code_with_a_hint_of_the_shell_is_one_of_the_library() -> None:
    known = {text for path in LIBRARY for text in texts_in(path)}
    assert set(SHELL_HINTS) <= known


def test_a_hint_is_reworded_once() -> None:
    error = UsageError("there is no module", hint="install it", code="module-not-found")
    for _ in range(2):
        assert to_shell_hint(error).hint == "install it; dcmseal keys lists the modules found"


def test_facts_stand_in_hints() -> None:
    error = UsageError("no", hint="add Rows to tags", code="evidence-not-covered", facts={"keyword": "Rows"})
    assert to_shell_hint(error).hint == "add --tag Rows, or sign everything"
    lacking = UsageError("no", hint="add Rows to tags", code="evidence-not-covered")
    assert to_shell_hint(lacking).hint == "add Rows to tags"


def test_results_of_workers_are_reworded_with_their_documents() -> None:
    item = InputFile(source="a.dcm", relative="a.dcm")
    error = OutputError("out/a.dcm exists", hint="overwrite=True", code="folder-output-exists")
    result = with_shell_hint(BatchResult.from_error(item, error)._replace(document_text='{"hint": "overwrite=True"}'))
    assert result.to_document()["hint"] == "choose another folder, or use --force to overwrite its files"
