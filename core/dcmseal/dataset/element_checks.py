"""What is wrong with one element, whatever stands around it (PS3.5 section 7)."""

from __future__ import annotations

from typing import Final

from dcmseal import tags
from dcmseal.dataset.header import ElementKind, Header, element_kind, implicit_vr, is_length_ambiguous
from dcmseal.dataset.source import Source
from dcmseal.dataset.structure_problems import StructureProblems
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH, Encoding
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS

_MISPLACED_GROUPS: Final = frozenset({0x0000, 0x0002, 0x0006, 0xFFFF})
"""Groups of commands and File Meta Information, and those that nothing is for (PS3.5 7.1).

0004 is the group of a DICOMDIR; 0001, 0003, 0005 and 0007 are forbidden (PS3.5 7.8), but read alike by all.
"""
ITEM_MARKS: Final = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0")
"""What sequences begin with in little endian: the tag of an item, or of the delimiter."""
_CAPITALS: Final = range(0x41, 0x5B)
_UNORDERED: Final = -1
_MISPLACED_AND_SIGNABLE: Final = 0xFFFF
_FIRST_GROUP: Final = 8


def ordering_key(header: Header | None, encoding: Encoding) -> int:
    """What the order of elements in an item goes by: the tag, or -1 if the walk has to look at the element itself.

    That comes before every tag: one comparison with the element before tells whether there is anything to report. What
    a value begins with is not known here, nor a length that is given as 0, because it stands behind the header's first
    eight bytes. None, for what is no element, comes behind all.
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
    """Where the rest of an element ends cannot be told for certain: its walk ends here."""


class ElementChecks:
    """Checks elements of one Data Set, and reports what readers take differently.

    Args:
        source: holds the Data Set.
        is_encapsulated: whether the transfer syntax has Pixel Data in fragments (PS3.5 A.4); None if that is not known.
        problems: takes the reports.
    """

    def __init__(self, source: Source, problems: StructureProblems, *, is_encapsulated: bool | None) -> None:
        self._source = source
        self._is_encapsulated = is_encapsulated
        self.problems = problems

    def check_special(self, header: Header, start: int, encoding: Encoding, sequence: int | None = None) -> None:
        """Check an element that is not plain; ``sequence`` is the tag of the one it stands in.

        Raises Broken if readers differ in where it ends.
        """
        tag, vr, _, length = header
        if vr not in SHORT_VRS and vr not in LONG_VRS:
            self.problems.record_problem(
                "unknown-vr", "has a VR that PS3.5 does not define", tag, start, clause="PS3.5 6.2"
            )
            raise StructureBroken
        if tag >> 16 in _MISPLACED_GROUPS and tag:
            self.problems.add_misplaced(tag, start)
        elif (tag & 0xFFFF == 0 or tag == tags.LENGTH_TO_END) and (vr != b"UL" or length not in (0, 4)):
            message = "is not a number of VR UL"
            self.problems.record_problem("length-malformed", message, tag, start, clause="PS3.5 7.2")
        if length != UNDEFINED_LENGTH:
            return
        if encoding.is_implicit:
            # the VR of the dictionary, not the one that a value so long has in explicit VR
            vr = implicit_vr(tag)
        if vr == b"SQ" or (vr == b"UN" and not encoding.is_big_endian):
            return
        if tag != tags.PIXEL_DATA or vr not in (b"OB", b"OW"):
            message = f"has VR {vr.decode()} and an undefined length, which do not go together"
            self.problems.record_problem("undefined-length", message, tag, start, clause="PS3.5 7.1.1")
            raise StructureBroken
        if self._is_encapsulated is False or sequence not in (None, tags.ICON_IMAGE_SEQUENCE):
            message = "is encapsulated where transfer syntax or place do not allow it"
            self.problems.record_problem("encapsulated-misplaced", message, tag, start, clause="PS3.5 A.4")

    def resolve_header(self, header: Header, start: int, encoding: Encoding) -> Header:
        """The header, as a sequence if readers without its VR take the value for items: they have to fit (PS3.5 7.5).

        In implicit VR, a reader that knows no dictionary, or not the element, can go by the value alone.
        """
        if not encoding.is_implicit or header.vr == b"SQ" or not 4 <= header.length < UNDEFINED_LENGTH:
            return header
        value = start + header.size
        mark = self._source.read(value, min(self._source.size, value + 4))
        if mark not in ITEM_MARKS:
            return header
        if mark == ITEM_MARKS[0] and header.vr == b"UN":
            return header._replace(vr=b"SQ")
        message = "has a value that some readers take for items of a sequence"
        self.problems.record_problem("value-reads-as-items", message, header.tag, start, clause="PS3.5 7.5")
        return header

    def check_ambiguous_encoding(self, start: int) -> None:
        """Report an implicit VR element whose length reads as a VR: the first one tells pydicom the encoding."""
        header = self._source.read(start, min(self._source.size, start + 6))
        if len(header) == 6 and header[4] in _CAPITALS and header[5] in _CAPITALS:
            tag = int.from_bytes(header[:2], "little") << 16 | int.from_bytes(header[2:4], "little")
            message = "has a length that reads as a VR: some readers take what follows for explicit VR"
            self.problems.record_problem("ambiguous-encoding", message, tag, start, clause="PS3.5 7.1.3")
