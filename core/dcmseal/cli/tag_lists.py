"""Lists of elements, from the command line or from a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dcmseal.dictionary import tag_of
from dcmseal.errors import UsageError
from dcmseal.text_files import read_text

_ONE: Final = re.compile(r"\(?[0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)?|[^\s,]+")
"""A tag may have a comma in it, and lists may have commas between tags."""
_MOST_BYTES: Final = 1 << 20


def tags_in_words(words: Iterable[str]) -> list[str]:
    """The elements named, separated by commas or white space.

    >>> tags_in_words(["PatientID,(0010,0010)", "0020000D StudyDate"])
    ['PatientID', '(0010,0010)', '0020000D', 'StudyDate']

    Raises UsageError for one that is none.
    """
    tags = [tag for word in words for tag in _ONE.findall(word)]
    for tag in tags:
        if tag_of(tag) is None:
            raise _no_tag(tag)
    return tags


def tags_in_file(path: str) -> list[str]:
    """The elements in a file, one or more a line; raises UsageError, with the line."""
    tags: list[str] = []
    for number, line in enumerate(read_text(path, _MOST_BYTES).split("\n"), 1):
        try:
            tags += tags_in_words([line.partition("#")[0]])
        except UsageError as error:
            raise UsageError(f"{path}, line {number}: {error}", hint=error.hint) from None
    return tags


def _no_tag(text: str) -> UsageError:
    return UsageError(f"{text!r} is no tag", hint="write a keyword such as PatientID, (0010,0020) or 00100020")
