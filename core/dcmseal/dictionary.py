"""The data dictionary: Value Representation, keyword and name of every attribute (PS3.6, PS3.7 Annex E).

The table is a text file, which is loaded at the first lookup::

    >>> tag_vr(0x00100010), tag_keyword(0x00100010)
    ('PN', 'PatientName')
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from dcmseal.tags import parse_hex_tag

_FILE: Final = os.path.join(os.path.dirname(__file__), "data", "dictionary.txt")
_VR: Final = 1  # columns of the file
_KEYWORD: Final = 4
_NAME: Final = 5
_REPEATING_GROUPS: Final = 0xFF00FFFF
"""The mask of the fixed digits in tags of repeating groups (PS3.5 7.6)."""


def tag_vr(tag: int) -> str | None:
    """Look up the VR of an attribute.

    Returns:
        The VR, which may be a choice such as ``US or SS``. None for unknown attributes, for private ones except
        creators (PS3.5 7.8.1), and for items and delimiters, which have no VR.
    """
    if not tag & 0xFFFF:
        return "UL"
    if _is_private(tag):
        return "LO" if _is_private_creator(tag) else None
    row = _find_row(tag)
    return row[_VR] if row and row[_VR] != "NONE" else None


def tag_keyword(tag: int) -> str | None:
    """Look up the keyword of a tag; None if it has none of its own, as in repeating groups (PS3.5 7.6)."""
    row = _load_table().singles.get(tag)
    return row[_KEYWORD] if row else None


def tag_name(tag: int) -> str | None:
    """Look up the name of an attribute, also in repeating groups; None if it is unknown."""
    if _is_private_creator(tag):
        return "Private Creator"
    row = None if _is_private(tag) else _find_row(tag)
    if row:
        return row[_NAME]
    return None if tag & 0xFFFF else "Group Length"


def iter_vrs() -> Iterator[tuple[int, str]]:
    """Iterate over public attributes and their VRs; those of the repeating groups 50xx and 60xx have xx = 00."""
    table = _load_table()
    for rows in (table.singles, table.repeating.get(_REPEATING_GROUPS, {})):
        for tag, row in rows.items():
            if row[_VR] != "NONE":
                yield tag, row[_VR]


def parse_tag(text: str) -> int | None:
    """Parse a keyword, ``(gggg,eeee)``, ``gggg,eeee`` or ``ggggeeee``; None for other text."""
    tag = _tags_by_keyword().get(text.strip())
    return parse_hex_tag(text) if tag is None else tag


class _DictionaryTable(NamedTuple):
    singles: dict[int, list[str]]
    repeating: dict[int, dict[int, list[str]]]
    """Rows by the mask of the fixed digits, then by these digits."""


def _is_private(tag: int) -> bool:
    return bool(tag & 0x10000)


def _is_private_creator(tag: int) -> bool:
    return _is_private(tag) and 0x10 <= tag & 0xFFFF <= 0xFF


def _find_row(tag: int) -> list[str] | None:
    table = _load_table()
    row = table.singles.get(tag)
    if row is None and tag & 0xFFFF:
        for mask, rows in table.repeating.items():
            row = rows.get(tag & mask)
            if row:
                break
    return row


@cache
def _load_table() -> _DictionaryTable:
    singles: dict[int, list[str]] = {}
    repeating: dict[int, dict[int, list[str]]] = {}
    with open(_FILE, encoding="ascii") as file:
        for line in file.read().splitlines():
            row = line.split("\t")
            digits = row[0]
            if "x" in digits:
                mask = int("".join("0" if digit == "x" else "F" for digit in digits), 16)
                repeating.setdefault(mask, {})[int(digits.replace("x", "0"), 16)] = row
            else:
                singles[int(digits, 16)] = row
    return _DictionaryTable(singles, repeating)


@cache
def _tags_by_keyword() -> dict[str, int]:
    return {row[_KEYWORD]: tag for tag, row in _load_table().singles.items()}
