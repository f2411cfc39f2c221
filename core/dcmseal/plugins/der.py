"""A reader of DER (X.690) that skips values by their length, without parsing them."""

from __future__ import annotations

from typing import Final

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OID: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
CONTEXT_0: Final = 0xA0
"""The context-specific tag [0], constructed."""
_MAX_ARCS: Final = 64


class DerError(ValueError):
    """The data has an unexpected tag, an indefinite length, or is truncated."""


class DerReader:
    """A position in DER, and the end of the enclosing value."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._at = start
        self._end = len(data) if end is None else end

    @property
    def next_tag(self) -> int:
        """The tag of the next value; -1 at the end."""
        return self._data[self._at] if self._at < self._end else -1

    @property
    def is_at_end(self) -> bool:
        return self._at == self._end

    @property
    def remaining(self) -> int:
        return self._end - self._at

    @property
    def content(self) -> bytes:
        """The remaining bytes."""
        return self._data[self._at : self._end]

    def enter(self, tag: int) -> DerReader:
        """Return a reader of the contents of the next value, and skip the value here.

        Raises:
            DerError: The value has another tag or an indefinite length, or is truncated.
        """
        if self.next_tag != tag or self._end - self._at < 2:
            raise DerError("unexpected tag")
        length, start = self._data[self._at + 1], self._at + 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(self._data[start : start + count], "big") if 0 < count <= 4 else self._end
            start += count
        if start + length > self._end:
            raise DerError("a value is truncated, or has an indefinite length")
        self._at = start + length
        return DerReader(self._data, start, start + length)

    def take(self, tag: int) -> bytes:
        """Return the next value with its tag, which must be this one, and length; raises DerError."""
        start = self._at
        self.enter(tag)
        return self._data[start : self._at]

    def skip(self, tag: int) -> None:
        """Skip the next value if it has this tag; raises DerError."""
        if self.next_tag == tag:
            self.enter(tag)


def decode_oid(oid: bytes) -> str:
    """Decode the contents of an OBJECT IDENTIFIER to dotted notation (X.690 8.19); raises DerError.

    >>> decode_oid(bytes.fromhex("2a864886f70d01010a"))
    '1.2.840.113549.1.1.10'
    """
    arcs: list[int] = []
    arc = 0
    for byte in oid[:_MAX_ARCS]:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    if not arcs or oid[-1] & 0x80 or len(oid) > _MAX_ARCS:
        raise DerError("invalid object identifier")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
