"""Whether a Data Set is in the encoding that the Transfer Syntax UID names (PS3.5 7.1 and Annex A)."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Final

from dcmseal.dataset.header import read_header
from dcmseal.dataset.source import BytesSource, Source
from dcmseal.dataset.syntax import UNDEFINED_LENGTH, Encoding, TransferSyntax
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS
from dcmseal.errors import DatasetError

_ENCODING_HINT: Final = (
    "readers differ in what they make of it: have the file written anew with the right Transfer Syntax UID"
)
_LEADING_GROUPS: Final = range(0x0004, 0x0100)
_CHECKED_ELEMENTS: Final = 2
"""Elements that have to make sense: of one alone, the length of implicit VR may look like a VR."""
_SAMPLE_SIZE: Final = 1 << 12


def check_encoding(body: Source, start: int, syntax: TransferSyntax) -> None:
    """Refuse a Data Set that makes sense in another encoding than that of its transfer syntax, and not in that.

    Raises:
        DatasetError: It is encoded otherwise.
    """
    if _fits_encoding(body, start, syntax.encoding):
        return
    for encoding in Encoding:
        if _fits_encoding(body, start, encoding):
            raise encoding_mismatch_error(syntax, encoding.value)
    if not syntax.is_deflated and _is_deflated(body.read(start, min(body.size, start + _SAMPLE_SIZE))):
        raise encoding_mismatch_error(syntax, "a deflated stream")


def check_deflate_header(file: Source, start: int, syntax: TransferSyntax) -> None:
    """Say of a Data Set that cannot be inflated what it is instead.

    Raises:
        DatasetError: It is not deflated, or wrapped as zlib or gzip have it.
    """
    for encoding in Encoding:
        if _fits_encoding(file, start, encoding):
            raise encoding_mismatch_error(syntax, f"{encoding.value}, not deflated")
    head = file.read(start, min(file.size, start + 2))
    if head == b"\x1f\x8b" or (head[:1] == b"\x78" and int.from_bytes(head, "big") % 31 == 0):
        kind = "gzip" if head[0] == 0x1F else "zlib"
        raise DatasetError(
            f"the deflated Data Set has a {kind} header: PS3.5 A.5 wants the stream of RFC 1951 alone",
            hint=_ENCODING_HINT,
        )


def encoding_mismatch_error(syntax: TransferSyntax, actual: str) -> DatasetError:
    """The error for a Data Set whose transfer syntax is not what its bytes are."""
    named = syntax.name if syntax.name == syntax.uid else f"{syntax.name} ({syntax.uid})"
    return DatasetError(f"the file is labelled {named}, but encoded as {actual}", hint=_ENCODING_HINT)


def _fits_encoding(source: Source, start: int, encoding: Encoding) -> bool:
    """Whether the first elements read as elements of a Data Set."""
    position, previous = start, -1
    for _ in range(_CHECKED_ELEMENTS):
        if position == source.size and previous >= 0:
            return True
        header = read_header(source.read(position, min(source.size, position + 12)), 0, encoding)
        if header is None or header.tag <= previous:
            return False
        if not encoding.is_implicit and header.vr not in SHORT_VRS and header.vr not in LONG_VRS:
            return False
        if previous < 0 and header.tag >> 16 not in _LEADING_GROUPS:
            return False
        if header.length == UNDEFINED_LENGTH:
            return True
        position, previous = position + header.size + header.length, header.tag
        if position > source.size:
            return False
    return True


def _is_deflated(sample: bytes) -> bool:
    with suppress(zlib.error):
        head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(sample, _SAMPLE_SIZE)
        # the sample may end within an element: padded, that still fits
        return len(head) >= 16 and _fits_encoding(BytesSource(head + bytes(1 << 16)), 0, Encoding.EXPLICIT_LITTLE)
    return False
