"""Cuts one signature out of a file byte by byte, as the engine should have put it in; independent of the engine.

A file is taken apart into pieces of bytes; where something is cut out, the defined lengths around it and the group
lengths beside it are written again. Everything else is copied.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from tests.support.dcmtk_vrs import implicit_vr
from tests.support.dicom_tree import DEFLATED_LE, EXPLICIT_BE, IMPLICIT_LE, LONG_VRS, UNDEFINED, parse_file

MAC_PARAMETERS, SIGNATURES = 0x4FFE0001, 0xFFFAFFFA
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def split_file(data: bytes) -> tuple[bytes, bytes, str]:
    """What stands before the Data Set, the Data Set (inflated), and its Transfer Syntax UID."""
    start = 132 if data[128:132] == b"DICM" else 0
    while data[start : start + 2] == b"\x02\x00":
        is_long = data[start + 4 : start + 6].decode() in LONG_VRS
        code, at = ("<I", 8) if is_long else ("<H", 6)
        start += at + struct.calcsize(code) + int(struct.unpack_from(code, data, start + at)[0])
    syntax = parse_file(data).transfer_syntax
    body = data[start:]
    return data[:start], zlib.decompress(body, wbits=-15) if syntax == DEFLATED_LE else body, syntax


def remove_signature(data: bytes, uid: str, mac_id: int) -> tuple[bytes, bytes]:
    """A file less one signature and its MAC Parameters item: what stands before the Data Set, and the Data Set."""
    head, body, syntax = split_file(data)
    cutter = _SignatureRemover(body, uid.encode(), mac_id, big=syntax == EXPLICIT_BE, implicit=syntax == IMPLICIT_LE)
    return head, cutter.level(0, len(body))[0]


@dataclass(slots=True)
class _WrittenElement:
    """An element as it is written, and how many bytes it lost."""

    tag: int
    data: bytes
    removed: int
    value_at: int


class _SignatureRemover:
    def __init__(self, data: bytes, uid: bytes, mac_id: int, *, big: bool, implicit: bool) -> None:
        self.data, self.uid, self.mac_id, self.implicit = data, uid, mac_id, implicit
        self.order = ">" if big else "<"

    def number(self, code: str, at: int) -> int:
        return int(struct.unpack_from(self.order + code, self.data, at)[0])

    def tag(self, at: int) -> int:
        return self.number("H", at) << 16 | self.number("H", at + 2)

    def header(self, at: int) -> tuple[str, int, int]:
        """VR, value length and header size."""
        if self.implicit:
            return implicit_vr(self.tag(at), ()), self.number("I", at + 4), 8
        vr = self.data[at + 4 : at + 6].decode("latin-1")
        return (vr, self.number("I", at + 8), 12) if vr in LONG_VRS else (vr, self.number("H", at + 6), 8)

    def level(self, start: int, end: int) -> tuple[bytes, int]:
        """The elements up to the end or, if that is UNDEFINED, up to a delimiter."""
        pieces: list[_WrittenElement] = []
        at = start
        while at < min(end, len(self.data)) and self.tag(at) != _ITEM_END:
            piece, at = self.element(at)
            pieces.append(piece)
        for length in [piece for piece in pieces if not piece.tag & 0xFFFF]:
            lost = sum(piece.removed for piece in pieces if piece.tag >> 16 == length.tag >> 16)
            if not lost:
                continue
            old = int(struct.unpack_from(self.order + "I", length.data, length.value_at)[0])
            length.data = length.data[: length.value_at] + struct.pack(self.order + "I", old - lost)
        return b"".join(piece.data for piece in pieces), at

    def element(self, at: int) -> tuple[_WrittenElement, int]:
        tag = self.tag(at)
        vr, length, size = self.header(at)
        value = at + size
        if vr == "SQ" or (vr == "UN" and length == UNDEFINED):
            inner = self
            if vr == "UN":
                inner = _SignatureRemover(self.data, self.uid, self.mac_id, big=False, implicit=True)
            content, end = inner.items(tag, value, length)
            whole = self.data[at:end]
            if tag in (MAC_PARAMETERS, SIGNATURES) and not content and end - value > 8:
                return _WrittenElement(tag, b"", len(whole), size), end
            head = self.data[at : value - 4]
            written = head + self.encode_length(length, len(content)) + content
            written += self.data[end - 8 : end] if length == UNDEFINED else b""
            return _WrittenElement(tag, written, len(whole) - len(written), size), end
        end = self.fragments(value) if length == UNDEFINED else value + length
        return _WrittenElement(tag, self.data[at:end], 0, size), end

    def items(self, sequence: int, at: int, length: int) -> tuple[bytes, int]:
        end = len(self.data) if length == UNDEFINED else at + length
        content = b""
        while at < end:
            tag, size = self.tag(at), self.number("I", at + 4)
            if tag == _SEQUENCE_END:
                return content, at + 8
            inner, stop = self.level(at + 8, UNDEFINED if size == UNDEFINED else at + 8 + size)
            tail = self.data[stop : stop + 8] if size == UNDEFINED else b""
            if not self.is_wanted(sequence, inner):
                content += self.data[at : at + 4] + self.encode_length(size, len(inner)) + inner + tail
            at = stop + len(tail)
        return content, end

    def is_wanted(self, sequence: int, item: bytes) -> bool:
        """Whether this is the item to be cut out."""
        if sequence == SIGNATURES:
            return self.uid in item
        mac_id = struct.pack(self.order + "HH", 0x0400, 0x0005), struct.pack(self.order + "H", self.mac_id)
        return sequence == MAC_PARAMETERS and (item[:4], item[8:10]) == mac_id

    def encode_length(self, length: int, content: int) -> bytes:
        return struct.pack(self.order + "I", UNDEFINED if length == UNDEFINED else content)

    def fragments(self, at: int) -> int:
        while self.tag(at) != _SEQUENCE_END:
            at += 8 + self.number("I", at + 4)
        return at + 8
