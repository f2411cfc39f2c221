"""Checks of single Data Elements (PS3.5 section 7)."""

from __future__ import annotations

from typing import Final

from dcmseal import tags
from dcmseal.dataset.header import ElementKind, Header, element_kind, implicit_vr, is_length_ambiguous
from dcmseal.dataset.source import Source
from dcmseal.dataset.structure_problems import StructureProblems
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS

_MISPLACED_GROUPS: Final = frozenset({0x0000, 0x0002, 0x0006, 0xFFFF})
"""Groups of commands and File Meta Information, and groups without a use (PS3.5 7.1).

0004 is the group of a DICOMDIR. 0001, 0003, 0005 and 0007 are forbidden (PS3.5 7.8), but readers agree about them.
"""
ITEM_MARKS: Final = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0")
"""The first bytes of a sequence in little endian: the tag of an item or delimiter."""
_CAPITALS: Final = range(0x41, 0x5B)
_UNORDERED: Final = -1
_MISPLACED_AND_SIGNABLE: Final = 0xFFFF
_FIRST_GROUP: Final = 8


def ordering_key(header: Header | None, encoding: Encoding) -> int:
    """Return the key that shows with one comparison whether an element needs a closer look.

    Keys of harmless elements in the right order ascend. The key is the tag, or -1, less than any tag, if the structure
    walk has to check the element. The start of the value is not taken into account, nor is a length that is given as 0
    because it is not among the first eight bytes of the header.

    Args:
        header: The header of the element; None, for bytes that are not an element, has a key above all others.
        encoding: How it is encoded.
    """
    if header is None:
        return tags.ITEM_DELIMITATION_ITEM
    tag, vr, _, length = header
    if not vr:
        return _UNORDERED if length else tag
    kind = element_kind(tag, vr, length)
    if kind is ElementKind.EXCLUDED:
        is_group_length = not tag & 0xFFFF and tag >> 16 >= _FIRST_GROUP
        return tag if is_group_length and vr == b"UL" and length == 4 else _UNORDERED
    if tag >> 16 == _MISPLACED_AND_SIGNABLE or kind not in (ElementKind.SEQUENCE, ElementKind.PLAIN):
        return _UNORDERED
    if kind is ElementKind.PLAIN and (length & 1 or is_length_ambiguous(vr, length, encoding)):
        return _UNORDERED
    return tag


class StructureBroken(Exception):
    """It is not certain where an element ends, so the rest of it is not checked."""


class ElementChecks:
    """Checks elements of a Data Set, and reports what readers disagree about.

    Args:
        source: The Data Set.
        problems: Collects the reports.
        is_encapsulated: Whether the transfer syntax has Pixel Data in fragments (PS3.5 A.4); None if it is not known.
    """

    def __init__(self, source: Source, problems: StructureProblems, *, is_encapsulated: bool | None) -> None:
        self._source = source
        self._is_encapsulated = is_encapsulated
        self.problems = problems

    def check_special(self, header: Header, start: int, encoding: Encoding, sequence: int | None = None) -> None:
        """Check an element that is not plain.

        Args:
            header: The header of the element.
            start: Where it starts.
            encoding: How it is encoded.
            sequence: The tag of the sequence that contains it; None for the main data set.

        Raises:
            StructureBroken: Readers disagree about where the element ends.
        """
        tag, vr, _, length = header
        if vr not in SHORT_VRS and vr not in LONG_VRS:
            self.problems.record_problem(
                "unknown-vr", "has a VR that PS3.5 does not define", tag, start, clause="PS3.5 6.2"
            )
            raise StructureBroken
        if tag >> 16 in _MISPLACED_GROUPS and tag:
            self.problems.add_misplaced_group(tag, start)
        elif (tag & 0xFFFF == 0 or tag == tags.LENGTH_TO_END) and (vr != b"UL" or length not in (0, 4)):
            message = "is not a UL value"
            self.problems.record_problem("length-malformed", message, tag, start, clause="PS3.5 7.2")
        if length != UNDEFINED_LENGTH:
            return
        if encoding.is_implicit:
            # the VR in the dictionary; the header has UN, because the value is so long
            vr = implicit_vr(tag)
        if vr == b"SQ" or (vr == b"UN" and not encoding.is_big_endian):
            return
        if tag != tags.PIXEL_DATA or vr not in (b"OB", b"OW"):
            message = f"has an undefined length, which VR {vr.decode()} does not allow here"
            self.problems.record_problem("undefined-length", message, tag, start, clause="PS3.5 7.1.1")
            raise StructureBroken
        if self._is_encapsulated is False or sequence not in (None, tags.ICON_IMAGE_SEQUENCE):
            message = "is encapsulated, which the transfer syntax or its position does not allow"
            self.problems.record_problem("encapsulated-misplaced", message, tag, start, clause="PS3.5 A.4")

    def resolve_header(self, header: Header, start: int, encoding: Encoding) -> Header:
        """Return the header with VR SQ if the value of an unknown element looks like items (PS3.5 7.5).

        In implicit VR, readers that do not know the element in their dictionary look at its value. If those bytes look
        like items of a known element, that is reported.
        """
        if not encoding.is_implicit or header.vr == b"SQ" or not 4 <= header.length < UNDEFINED_LENGTH:
            return header
        value = start + header.size
        mark = self._source.read(value, min(self._source.size, value + 4))
        if mark not in ITEM_MARKS:
            return header
        if mark == ITEM_MARKS[0] and header.vr == b"UN":
            return header._replace(vr=b"SQ")
        message = "has a value that some readers interpret as sequence items"
        self.problems.record_problem("value-reads-as-items", message, header.tag, start, clause="PS3.5 7.5")
        return header

    def check_ambiguous_encoding(self, start: int) -> None:
        """Report an implicit VR element whose length looks like a VR: pydicom detects the encoding by the first one."""
        header = self._source.read(start, min(self._source.size, start + 6))
        if len(header) == 6 and header[4] in _CAPITALS and header[5] in _CAPITALS:
            tag = int.from_bytes(header[:2], "little") << 16 | int.from_bytes(header[2:4], "little")
            message = "has a length that looks like a VR: some readers assume explicit VR from here on"
            self.problems.record_problem("ambiguous-encoding", message, tag, start, clause="PS3.5 7.1.3")
