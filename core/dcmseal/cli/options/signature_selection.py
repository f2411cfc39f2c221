"""Selects a signature of a file: by UID, or the only one."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from dcmseal.cli.file_arguments import display_name
from dcmseal.cli.render.text_layout import escape_unprintable, format_count
from dcmseal.errors import NoSuchSignature, UsageError

if TYPE_CHECKING:
    from dcmseal.macro.inspection import Signature

_UID: Final = re.compile(r"[0-2](\.[0-9]+)+")
_MAX_SHOWN: Final = 8


def is_uid(word: str) -> bool:
    """Whether a word is a UID, and not the name of a file: many DICOM files have a UID as their name."""
    return len(word) <= 64 and _UID.fullmatch(word) is not None and not os.path.exists(word)


def parse_file_and_uid(options: Namespace) -> tuple[str, str | None]:
    """The file, and the UID if one is given; the two words may be in either order. Raises UsageError."""
    words: list[str] = options.words
    uid: str | None = options.uid
    if len(words) == 2 and uid is None:
        first, second = words
        if is_uid(first):
            return second, first
        if is_uid(second):
            return first, second
    if len(words) != 1:
        raise UsageError("expected one file and at most one UID", hint="use FILE, FILE --uid UID, or UID FILE")
    return words[0], uid


def select_signature(signatures: Sequence[Signature], uid: str | None, word: str) -> Signature:
    """The signature with the UID, or the only one of the file.

    Raises:
        NoSuchSignature: The file has no such signature.
        UsageError: The file has several signatures, and no UID is given.
    """
    if uid is not None:
        signatures = [each for each in signatures if each.uid == uid]
    if not signatures:
        if uid is None:
            error = NoSuchSignature("the file has no signature", hint="dcmseal sign adds one")
        else:
            error = NoSuchSignature(f"no signature has UID {uid}", hint="dcmseal list FILE shows all signatures")
        error.file = display_name(word)
        raise error
    if len(signatures) > 1 and uid is None:
        uids = [escape_unprintable(each.uid, 64) for each in signatures[:_MAX_SHOWN]]
        raise UsageError(
            f"{display_name(word)} has {format_count(len(signatures), 'signature')}",
            hint=f"choose one with --uid: {' '.join(uids)}",
        )
    return signatures[0]
