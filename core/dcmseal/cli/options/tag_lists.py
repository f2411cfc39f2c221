"""Lists of elements, from the command line or from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dcmseal.dictionary import parse_tag
from dcmseal.errors import UsageError
from dcmseal.text import load_text

_TAG: Final = re.compile(r"\(?[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)?|[^\s,]+")
"""A tag may contain a comma, and commas may separate tags."""
_MAX_BYTES: Final = 1 << 20


def parse_tags(words: Iterable[str]) -> list[str]:
    """Parse elements separated by commas or white space.

    >>> parse_tags(["PatientID,(0010,0010)", "0020000D StudyDate"])
    ['PatientID', '(0010,0010)', '0020000D', 'StudyDate']

    Raises UsageError for text that is not an element.
    """
    tags = [tag for word in words for tag in _TAG.findall(word)]
    for tag in tags:
        if parse_tag(tag) is None:
            raise _invalid_tag(tag)
    return tags


def load_tags(path: str) -> list[str]:
    """Load elements from a file, one or more per line; raises UsageError with the line number."""
    tags: list[str] = []
    for number, line in enumerate(load_text(path, _MAX_BYTES).split("\n"), 1):
        try:
            tags += parse_tags([line.partition("#")[0]])
        except UsageError as error:
            raise UsageError(f"{path}, line {number}: {error}", hint=error.hint) from None
    return tags


def _invalid_tag(text: str) -> UsageError:
    return UsageError(f"{text!r} is not a tag", hint="write a keyword such as PatientID, (0010,0020) or 00100020")
