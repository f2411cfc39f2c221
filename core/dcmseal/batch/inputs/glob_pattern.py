"""Patterns for paths, as shells have them, for words that no shell has expanded.

>>> bool(compile_glob("a/**/*.dcm").fullmatch("a/b/c/image.dcm")), bool(compile_glob("a/*.dcm").fullmatch("a/b/c.dcm"))
(True, False)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_WILDCARD: Final = re.compile(r"[*?\[]")
_TOKEN: Final = re.compile(r"\[!?\]?[^\]/]*\]|.", re.DOTALL)
_ANY_FOLDERS: Final = "**"
_NOT_HIDDEN: Final = r"(?!\.)"


def is_pattern(word: str) -> bool:
    """Whether a word that names nothing may be meant as a pattern."""
    return bool(_WILDCARD.search(word))


class GlobPattern(NamedTuple):
    """A folder to look through, what paths below it have to match, and how deep they may be."""

    folder: str
    regex: re.Pattern[str]
    depth: int | None
    """None is without end."""

    @classmethod
    def parse(cls, text: str) -> GlobPattern:
        """Read a pattern: ``*``, ``?``, ``[...]``, and ``**`` for any number of folders.

        Names that begin with a point are matched by those that do.
        """
        parts = text.rstrip("/").split("/")
        first = next(index for index, part in enumerate(parts) if _WILDCARD.search(part))
        wanted = parts[first:]
        if wanted[-1] == _ANY_FOLDERS:
            wanted.append("*")
        folder = "/".join(parts[:first]) or ("/" if text.startswith("/") else ".")
        return cls(folder, compile_glob("/".join(wanted)), None if _ANY_FOLDERS in wanted else len(wanted))


def compile_glob(pattern: str) -> re.Pattern[str]:
    """What whole paths have to match."""
    parts = [
        f"(?:{_NOT_HIDDEN}[^/]+/)*" if part == _ANY_FOLDERS else f"{''.join(_iter_name_regex(part))}/"
        for part in pattern.split("/")
    ]
    return re.compile("".join(parts).removesuffix("/"), re.DOTALL)


def _iter_name_regex(part: str) -> Iterator[str]:
    """An expression for one name, in pieces."""
    if not part.startswith("."):
        yield _NOT_HIDDEN
    for piece in _TOKEN.findall(part):
        if piece == "*":
            yield "[^/]*"
        elif piece == "?":
            yield "[^/]"
        elif len(piece) > 2:
            negated = piece[1] == "!"
            members = re.sub(r"([\\\[\]^&~|])", r"\\\1", piece[1 + negated : -1])
            yield f"(?!/)[{'^' if negated else ''}{members}]"
        else:
            yield re.escape(piece)
