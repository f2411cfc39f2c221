"""Access to the compiled walker, which is optional: without it, loops in Python do the same.

The environment variable DCMSEAL_COMPILED decides: ``no`` does without it, ``must`` makes it an error if it is missing.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Final, Protocol, TypeAlias, cast

from dcmseal import tags
from dcmseal.dictionary import iter_vrs
from dcmseal.errors import UsageError

VARIABLE: Final = "DCMSEAL_COMPILED"

AT_END: Final = 0
"""Everything is done."""
TRUNCATED: Final = 1
"""The buffer ends inside an ordinary element or item."""
UNUSUAL: Final = 2
"""What follows is not ordinary, or there is no room for it."""

NOTE_UNUSUAL: Final = 1
NOTE_AMBIGUOUS: Final = 2
NOTE_DELIMITERS: Final = 4
"""Flags for what was found; see ``dcmseal.mac.stream_common.EncodingNotes``."""

Gathered: TypeAlias = tuple[int, int, int, int, int]
"""Why the walk stopped, where to continue, bytes written, items of undefined length, and flags for what was found."""


class Gather(Protocol):
    """A function of the extension module that writes bytes of the MAC."""

    def __call__(
        self,
        buffer: bytes,
        position: int,
        end: int,
        room: memoryview,
        encoding: int,
        dictionary: bytes,
        check_padding: bool,  # noqa: FBT001 - the extension takes positions only
        rules: int,
        context: int,
        /,
    ) -> Gathered: ...


class Walker(Protocol):
    """The functions of the extension module; ``walker.h`` documents the arguments."""

    @property
    def gather_items(self) -> Gather:
        """Writes the items of a sequence as they are in the MAC to ``room``."""
        ...

    @property
    def gather_elements(self) -> Gather:
        """Writes plain elements as they are in the MAC to ``room``; padding is not checked."""
        ...

    def scan_level(
        self,
        buffer: bytes,
        position: int,
        end: int,
        base: int,
        encoding: int,
        dictionary: bytes,
        all_tags: list[int],
        starts: list[int],
        /,
    ) -> int:
        """Append the tags and starts of plain elements to the lists; returns where to continue."""
        ...

    def find_mark(self, buffer: bytes | bytearray | memoryview, start: int, end: int, /) -> int:
        """Find the tag of an item or of a Sequence Delimitation Item in little endian; -1 if there is none."""
        ...

    def build_dictionary(self, entries: list[int], /) -> bytes:
        """Build the dictionary of implicit VR."""
        ...


def load_walker(choice: str) -> Walker | None:
    """Load the compiled walker.

    Args:
        choice: ``no`` to do without it, ``must`` to require it; empty to use it if it is installed.

    Returns:
        The walker, or None to do without it.

    Raises:
        UsageError: It is required but not installed, or ``choice`` is another word.
    """
    if choice == "no":
        return None
    if choice not in ("", "must"):
        raise UsageError(f"{VARIABLE} is {choice!r}", hint="use no or must, or unset it")
    try:
        return cast("Walker", import_module("dcmseal.walker._walker"))
    except ImportError as error:
        if choice == "must":
            hint = f"install dcmseal on a system with a C compiler, or unset {VARIABLE}"
            raise UsageError("the compiled walker is not installed", hint=hint) from error
        return None


WALKER: Final = load_walker(os.environ.get(VARIABLE, ""))
"""The compiled walker; None to do without it."""


def describe_walker() -> str:
    """Describe in a few words which walker is in use, and why it is not the compiled one."""
    if WALKER is not None:
        return "compiled"
    if os.environ.get(VARIABLE) == "no":
        return f"Python, because {VARIABLE} is no"
    return "Python, because the compiled one is not installed"


_US_OR_SS_IF_ASKED: Final = 2
_CHOICES: Final = {"US or SS": 1, "OB or OW": 3}
_DEFAULTS: Final = {"US or SS": "US"}
_OTHER_CHOICE: Final = 4
_CONTEXT: Final = 5
"""How a VR is chosen, as in ``walker.h``."""


def find_dictionary(*, is_implicit: bool) -> bytes:
    """Return the dictionary that the walker needs: that of implicit VR, or an empty one."""
    return _build_dictionary() if is_implicit and WALKER is not None else b""


@cache
def _build_dictionary() -> bytes:
    """Build the dictionary of implicit VR, which never changes afterwards."""
    assert WALKER is not None
    codes = {vr: _encode_vr(vr) for _, vr in iter_vrs()}
    entries = {tag: codes[vr] for tag, vr in iter_vrs()}
    for tag in tags.ALWAYS_US & entries.keys():
        if entries[tag] == codes["US or SS"]:
            entries[tag] += _US_OR_SS_IF_ASKED - _CHOICES["US or SS"]
    for tag in tags.VR_CONTEXT:
        entries[tag] += _CONTEXT
    return WALKER.build_dictionary([tag << 32 | code for tag, code in entries.items()])


def _encode_vr(vr: str) -> int:
    """Encode the VR of an attribute and how it is chosen, as in ``walker.h``."""
    name = vr if len(vr) == 2 else _DEFAULTS.get(vr, "OW")
    choice = 0 if len(vr) == 2 else _CHOICES.get(vr, _OTHER_CHOICE)
    return ord(name[0]) << 24 | ord(name[1]) << 16 | choice
