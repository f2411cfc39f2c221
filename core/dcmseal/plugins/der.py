"""Places in DER (X.690): values are passed over by their lengths, so that what is not asked for is never parsed."""

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
    """The bytes are not what was to be there, cut short, or of indefinite length."""


class DerReader:
    """A place in DER, up to where the value around it ends."""

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._at = start
        self._end = len(data) if end is None else end

    @property
    def next_tag(self) -> int:
        """The tag of what comes next; -1 if nothing does."""
        return self._data[self._at] if self._at < self._end else -1

    @property
    def is_at_end(self) -> bool:
        return self._at == self._end

    @property
    def remaining(self) -> int:
        return self._end - self._at

    @property
    def content(self) -> bytes:
        """What is left."""
        return self._data[self._at : self._end]

    def enter(self, tag: int) -> DerReader:
        """Go into the next value, which has this tag and a definite length, and past it here; raises NotDer."""
        if self.next_tag != tag or self._end - self._at < 2:
            raise DerError("another value was to be there")
        length, start = self._data[self._at + 1], self._at + 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(self._data[start : start + count], "big") if 0 < count <= 4 else self._end
            start += count
        if start + length > self._end:
            raise DerError("a value is cut short, or of indefinite length")
        self._at = start + length
        return DerReader(self._data, start, start + length)

    def take(self, tag: int) -> bytes:
        """The next value whole, with its tag, which has to be this one, and its length; raises NotDer."""
        start = self._at
        self.enter(tag)
        return self._data[start : self._at]

    def skip(self, tag: int) -> None:
        """Pass over the next value if it has this tag; raises NotDer."""
        if self.next_tag == tag:
            self.enter(tag)


def decode_oid(oid: bytes) -> str:
    """The content of an OBJECT IDENTIFIER in dotted decimals (X.690 8.19); raises NotDer.

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
        raise DerError("an object identifier cannot be read")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
