"""Text that comes from files, certificates and plugins, with everything made visible that does not show."""

from __future__ import annotations

from typing import Final

MAX_LENGTH: Final = 400
"""Characters of one value that are shown."""


def escape_unprintable(text: str, limit: int = MAX_LENGTH) -> str:
    r"""The text with everything escaped that a terminal might obey, or that does not show, and bounded in length.

    >>> printable("DOE\x1b[2J^JANE")
    'DOE\\x1b[2J^JANE'
    """
    left_out = len(text) - limit
    if left_out > 0:
        text = text[:limit]
    if not text.isprintable():
        text = "".join(each if each.isprintable() else _escape(each) for each in text)
    return f"{text}... ({left_out} more characters)" if left_out > 0 else text


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
