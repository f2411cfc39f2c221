"""What the pages quote of dcmseal's messages and output, where no command that is run shows it.

A code span of several words is such a quote, unless it is something to type or to write: it then begins with the name
of a command, is not made of words, or assigns a value. Output below a command that is not run is one, too. Three dots
stand for anything in a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dcmseal.cli.main import COMMANDS
from tests.docs.doc_pages import PROJECTS, blocks, pages
from tests.docs.page_reader import commands
from tests.docs.source_codes import ROOT

SOURCES: Final = (*pages(), ROOT / "SECURITY.md", *(page for project in PROJECTS for page in project.rglob("*.md")))
"""All pages that may quote."""

_FENCED: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_DOTS: Final = "..."
_PROGRAMS: Final = frozenset(
    "apt-get brew cd chattr chmod dask dcmseal dcmsign dnf eval find gcloud keyring make openssl pip python sudo"
    " systemctl tpm2_dictionarylockout".split()
)
_STATEMENTS: Final = frozenset({"from", "if", "import"})
_TYPED: Final = _PROGRAMS | _STATEMENTS | COMMANDS.keys()
_NO_WORD: Final = re.compile(r".*[/:(\[{|~+=].*|-.*")
_PLACEHOLDERS: Final = re.compile(r"[A-Z\[\] ]+")


def quotes(page: Path) -> tuple[str, ...]:
    """What a page quotes, each once."""
    return tuple(dict.fromkeys((*messages(page.read_text("utf-8")), *_unrun_output(page))))


def messages(text: str) -> Iterator[str]:
    """The messages among the code spans of a text."""
    for span in _SPAN.findall(_FENCED.sub("", text)):
        words = span.split()
        quote = " ".join(words)
        typed = words[0] in _TYPED or " = " in quote or _NO_WORD.fullmatch(words[0]) or _PLACEHOLDERS.fullmatch(quote)
        if len(words) > 1 and not typed:
            yield quote


def says(output: str, quote: str) -> bool:
    """Whether the output has a line with what is quoted."""
    return re.search(re.escape(quote).replace(re.escape(_DOTS), ".+"), output) is not None


def _unrun_output(page: Path) -> Iterator[str]:
    for block in blocks(page):
        if block.not_run and block.language == "console":
            for command in commands(block.code):
                yield from (line for line in command.shown.splitlines() if line != _DOTS)
