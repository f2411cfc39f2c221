"""Patterns for paths as in shells, for arguments that no shell has expanded.

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
    """Whether an argument that does not exist may be a pattern."""
    return bool(_WILDCARD.search(word))


class GlobPattern(NamedTuple):
    """The folder to search, the expression that paths below it must match, and the depth of the search."""

    folder: str
    regex: re.Pattern[str]
    depth: int | None
    """None is without end."""

    @classmethod
    def parse(cls, text: str) -> GlobPattern:
        """Parse a pattern with ``*``, ``?``, ``[...]``, and ``**`` for any number of folders.

        Names that begin with a dot match only patterns that begin with one.
        """
        parts = text.rstrip("/").split("/")
        first = next(index for index, part in enumerate(parts) if _WILDCARD.search(part))
        wanted = parts[first:]
        if wanted[-1] == _ANY_FOLDERS:
            wanted.append("*")
        folder = "/".join(parts[:first]) or ("/" if text.startswith("/") else ".")
        return cls(folder, compile_glob("/".join(wanted)), None if _ANY_FOLDERS in wanted else len(wanted))


def compile_glob(pattern: str) -> re.Pattern[str]:
    """Compile a pattern to an expression for whole paths."""
    parts = [
        f"(?:{_NOT_HIDDEN}[^/]+/)*" if part == _ANY_FOLDERS else f"{''.join(_iter_name_regex(part))}/"
        for part in pattern.split("/")
    ]
    return re.compile("".join(parts).removesuffix("/"), re.DOTALL)


def _iter_name_regex(part: str) -> Iterator[str]:
    """Iterate over the pieces of an expression for one name."""
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
