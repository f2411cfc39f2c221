"""Builds files with irregular File Meta Information."""

from __future__ import annotations

import zlib
from typing import Any, Final

from dcmseal.findings import Outcome
from tests.support import builder as b
from tests.support import tags as t

FAILED, UNKNOWN, PASSED = Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED
STANDARD: Final = "1.2.840.10008.1.2"
VERSION: Final = b.Value(t.FILE_META_INFORMATION_VERSION, "OB", b"\0\1")
CLASS: Final = b.uid(t.MEDIA_STORAGE_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.7")
INSTANCE: Final = b.uid(t.MEDIA_STORAGE_SOP_INSTANCE_UID, "1.2.3.4")
SOFTWARE: Final = b.uid(t.IMPLEMENTATION_CLASS_UID, "1.2.3.4.5")


def syntax_element(value: str | bytes = f"{STANDARD}.1\0", vr: str = "UI") -> b.Value:
    return b.Value(t.TRANSFER_SYNTAX_UID, vr, value if isinstance(value, bytes) else value.encode())


USUAL: Final = (VERSION, CLASS, INSTANCE, syntax_element(), SOFTWARE)


def part10(body: bytes, *elements: Any, length: int | None = 0, preamble: bytes = bytes(128)) -> bytes:
    """A file with these meta elements; ``length`` is how far (0002,0000) is off, None leaves it out."""
    meta = b.encode(elements)
    group = b"" if length is None else b.encode((b.ul(t.FILE_META_INFORMATION_GROUP_LENGTH, len(meta) + length),))
    return preamble + b"DICM" + group + meta + body


def with_syntax(value: str | bytes, vr: str = "UI") -> tuple[b.Value, ...]:
    return VERSION, CLASS, INSTANCE, syntax_element(value, vr), SOFTWARE


def deflated(body: bytes, behind: bytes = b"") -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush() + behind


DEFLATED_META: Final = with_syntax(b.DEFLATED_LE.uid)
