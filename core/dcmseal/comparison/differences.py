"""Compare two instances: what differs, and which signature each difference breaks.

>>> from dcmseal import compare
>>> comparison = compare("signed.dcm", "tampered.dcm")
>>> [(each.path, each.kind.value, each.breaks_signature) for each in comparison.differences]
[('PixelData', 'changed', True)]
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from msgspec import Struct

from dcmseal.comparison.changes import Change, ChangeKind, PixelPartChanges, iter_changes
from dcmseal.comparison.frames import map_fragments_to_frames, to_runs
from dcmseal.comparison.inventory import Element, Inventory, build_inventory
from dcmseal.comparison.signed_paths import ComparedSignature, SignedPaths
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.dataset.vr import TEXT_VRS, is_unknown_vr
from dcmseal.macro.read import ItemValues
from dcmseal.tags import DATA_SET_TRAILING_PADDING, LENGTH_TO_END, PIXEL_DATA, SOP_INSTANCE_UID
from dcmseal.verification.pipeline import verify_file
from dcmseal.verification.verification_context import VerificationContext

_MAX_SHOWN_BYTES: Final = 64
"""Maximum number of bytes of a value that are shown."""
_STRUCT_CODES: Final = {
    b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"UV": "Q", b"SV": "q", b"FL": "f", b"FD": "d"
}  # fmt: skip
_PUBLIC_VRS: Final = frozenset((*_STRUCT_CODES, b"AT", b"CS", b"DS", b"IS"))
"""VRs of numbers, tags and codes, which do not identify a person in the public groups."""
_PUBLIC_UIDS: Final = frozenset({0x00020002, 0x00020010, 0x00080016, 0x00081150})
"""Tags of SOP class and transfer syntax UIDs."""
_PUBLIC_GROUPS: Final = frozenset(
    {0x0002, 0x0008, 0x0018, 0x0020, 0x0028, 0x0048, 0x0054, 0x0062, 0x3002, 0x3004, 0x300A}
)
"""Groups that describe the object and how it was acquired, not the patient."""


def is_public(tags: tuple[int, ...], vr: bytes) -> bool:
    """Whether the value of an element may be shown, because it cannot identify the patient.

    Args:
        tags: The tags of the enclosing sequences, followed by the element's own.
        vr: The VR of the element.

    Returns:
        False if the element is not known to be harmless.
    """
    if any(tag >> 16 not in _PUBLIC_GROUPS for tag in tags):
        return False
    return tags[-1] in _PUBLIC_UIDS or vr in _PUBLIC_VRS


def format_value(source: Source, element: Element) -> str:
    """Format the beginning of a value.

    Args:
        source: The bytes of the Data Set.
        element: The element.

    Returns:
        The text; empty for sequences and fragments.
    """
    if element.value is None or element.items is not None or element.fragmented:
        return ""
    start, end, encoding = element.value
    length = end - start
    data = source.read(start, min(end, start + _MAX_SHOWN_BYTES))
    more = "" if length <= _MAX_SHOWN_BYTES else f"... ({length} bytes)"
    if element.vr in TEXT_VRS:
        try:
            return data.decode("utf-8").rstrip(" \0") + more
        except UnicodeDecodeError:
            return data.decode("ascii", "backslashreplace").rstrip(" \0") + more
    order = ">" if encoding.is_big_endian else "<"
    if element.vr == b"AT":
        halves = struct.unpack(f"{order}{len(data) // 4 * 2}H", data[: len(data) // 4 * 4])
        return "\\".join(f"({halves[at]:04X},{halves[at + 1]:04X})" for at in range(0, len(halves), 2)) + more
    code = _STRUCT_CODES.get(element.vr)
    if code is None:
        return data.hex(" ") + more
    size = struct.calcsize(code)
    numbers = struct.unpack(f"{order}{len(data) // size}{code}", data[: len(data) // size * size])
    return "\\".join(f"{number:g}" if code in "fd" else str(number) for number in numbers) + more


_PREAMBLE: Final = 128
_PREFIX: Final = b"DICM"
_TRANSFER_SYNTAX_UID: Final = 0x00020010


class FilePart(StrEnum):
    """The part of a file that a difference is in."""

    DATA_SET = "data-set"
    META = "meta"
    """File Meta Information, which signatures never cover."""
    PREAMBLE = "preamble"


class FrameRuns(Struct, frozen=True, kw_only=True):
    """Ranges of frames or fragments that differ, as first and last number.

    Frames are counted from 1. Fragments are counted from 0, which is the offset table.
    """

    fragments: bool
    changed: tuple[tuple[int, int], ...]
    removed: tuple[tuple[int, int], ...]
    added: tuple[tuple[int, int], ...]
    """As counted in B; all others as counted in A."""
    moved: tuple[tuple[int, int], ...]
    frames: tuple[tuple[int, int], ...] = ()
    """The frames that changed fragments belong to, if that is known."""


class Difference(Struct, frozen=True, kw_only=True):
    """One difference; paths look like ``BeamSequence[0].ControlPointSequence[1].GantryAngle``."""

    part: FilePart
    kind: ChangeKind
    path: str
    """The path in A, or in B if the element was added."""
    path_in_b: str = ""
    """The path in B, if it differs because items were reordered."""
    representation: bool = False
    """Whether only the encoding differs, not the meaning."""
    recoded: bool = False
    """The compression differs, so the pixels would have to be decoded to compare them."""
    vr_in_a: str = ""
    vr_in_b: str = ""
    value_in_a: str | None = None
    """The beginning of the value; None if it is not shown or does not exist."""
    value_in_b: str | None = None
    frames: FrameRuns | None = None
    signed_in_a: tuple[str, ...] = ()
    """Digital Signature UIDs of the signatures in A that cover the element, and would be invalid over B."""
    signed_in_b: tuple[str, ...] = ()
    """Digital Signature UIDs of the signatures in B that cover the element, and would be invalid over A."""

    @property
    def breaks_signature(self) -> bool:
        """Whether a signature of A or B covers the difference."""
        return bool(self.signed_in_a or self.signed_in_b)


class Comparison(Struct, frozen=True, kw_only=True):
    """The result of comparing two instances, A and B."""

    differences: tuple[Difference, ...]
    signatures_in_a: tuple[ComparedSignature, ...]
    signatures_in_b: tuple[ComparedSignature, ...]
    notes: tuple[str, ...] = ()
    """Remarks for people."""

    @property
    def is_equivalent(self) -> bool:
        """Whether the Data Sets differ at most in their encoding."""
        return all(each.representation or each.part is not FilePart.DATA_SET for each in self.differences)

    @property
    def breaks_signature(self) -> bool:
        """Whether a signature of A or B covers a difference."""
        return any(each.breaks_signature for each in self.differences)

    @property
    def is_signed(self) -> bool:
        """Whether A or B has a signature."""
        return bool(self.signatures_in_a or self.signatures_in_b)


def compare_files(a: DicomFile, b: DicomFile, context: VerificationContext, *, show_values: bool = False) -> Comparison:
    """Compare two open instances; see ``dcmseal.api.compare``.

    Args:
        a: The first instance.
        b: The second instance.
        context: How the signatures are verified.
        show_values: Include all values, even those that may identify the patient.

    Returns:
        The differences, and the signatures of both instances.

    Raises:
        DatasetError: An instance cannot be parsed, or the subclass that says why.
    """
    inventory = _build_inventory(a)
    against = _build_inventory(b, inventory.frame or None)
    signed_a, signed_b = (SignedPaths(each, verify_file(each, context)) for each in (a, b))
    writer = _DifferenceBuilder(a, b, frames=inventory.number_of_frames, show_values=show_values)
    found = [
        *_iter_meta_differences(a, b, show_values=show_values),
        *(writer.build(each, signed_a, signed_b) for each in iter_changes(inventory.elements, against.elements)),
    ]
    return Comparison(
        differences=tuple(found),
        signatures_in_a=signed_a.signatures,
        signatures_in_b=signed_b.signatures,
        notes=tuple(_iter_notes(a, b)),
    )


def _build_inventory(file: DicomFile, frame: int | None = None) -> Inventory:
    return build_inventory(file.body, file.start, file.end, file.encoding, frame=frame)


class _DifferenceBuilder:
    """Converts changes to differences, which do not need the open files any longer."""

    def __init__(self, a: DicomFile, b: DicomFile, *, frames: int, show_values: bool) -> None:
        self._sources: tuple[Source, Source] = a.body, b.body
        self._recompressed = a.syntax.uid != b.syntax.uid and (a.syntax.is_encapsulated or b.syntax.is_encapsulated)
        self._frames = frames
        self._show_values = show_values

    def build(self, change: Change, signed_a: SignedPaths, signed_b: SignedPaths) -> Difference:
        breaks = _breaks_mac(change)
        before, after = str(change.before), str(change.after)
        old, new = change.old, change.new
        tags = change.path.tags
        return Difference(
            part=FilePart.DATA_SET,
            kind=change.kind,
            path=str(change.path),
            path_in_b=after if before != after and change.kind not in (ChangeKind.ADDED, ChangeKind.REMOVED) else "",
            representation=change.kind.is_representation or _is_structural(tags[-1]),
            recoded=change.recoded or (self._recompressed and tags == (PIXEL_DATA,)),
            vr_in_a=_format_vr(old),
            vr_in_b=_format_vr(new),
            value_in_a=self._value(self._sources[0], tags, old),
            value_in_b=self._value(self._sources[1], tags, new),
            frames=None if change.parts is None else build_frame_runs(change.parts, self._frames),
            signed_in_a=signed_a.covering_uids(change.before) if breaks else (),
            signed_in_b=signed_b.covering_uids(change.after) if breaks else (),
        )

    def _value(self, source: Source, tags: tuple[int, ...], element: Element | None) -> str | None:
        if element is None or not (self._show_values or is_public(tags, element.vr)):
            return None
        return format_value(source, element)


def _breaks_mac(change: Change) -> bool:
    """Whether a change affects the MAC, which includes VRs but tolerates padding; UN cannot be signed."""
    if change.kind is ChangeKind.VR_NOT_STATED:
        return any(is_unknown_vr(each.vr) for each in (change.old, change.new) if each is not None)
    return not change.kind.is_representation


def _is_structural(tag: int) -> bool:
    """Whether an element only describes the encoding: group lengths, trailing padding (PS3.5 7.2, PS3.10 7.2)."""
    return not tag & 0xFFFF or tag in (LENGTH_TO_END, DATA_SET_TRAILING_PADDING)


def _format_vr(element: Element | None) -> str:
    return "" if element is None else element.vr.decode("latin-1")


def build_frame_runs(parts: PixelPartChanges, number_of_frames: int) -> FrameRuns:
    """Collect the frames or fragments that differ.

    Args:
        parts: The changes of pixel data.
        number_of_frames: Number of Frames (0028,0008) of the first version.

    Returns:
        The ranges, as people count them.
    """
    found, first = parts.alignment, 0 if parts.fragments else 1
    changed = [i for i, _ in found.changed]
    frames = map_fragments_to_frames(parts.before, number_of_frames) if parts.fragments else None
    return FrameRuns(
        fragments=parts.fragments,
        changed=tuple(to_runs(i + first for i in changed)),
        removed=tuple(to_runs(i + first for i in found.removed)),
        added=tuple(to_runs(j + first for j in found.added)),
        moved=tuple(to_runs(i + first for i, _ in found.moved)),
        frames=() if frames is None else tuple(to_runs(sorted({frames[i] for i in changed} - {0}))),
    )


def _iter_meta_differences(a: DicomFile, b: DicomFile, *, show_values: bool) -> Iterator[Difference]:
    """Compare preambles and File Meta Information, which signatures never cover (PS3.10 7.1)."""
    (preamble_a, meta_a), (preamble_b, meta_b) = (_read_head(each) for each in (a, b))
    if preamble_a != preamble_b:
        kind = ChangeKind.ADDED if not preamble_a else ChangeKind.REMOVED if not preamble_b else ChangeKind.CHANGED
        yield Difference(part=FilePart.PREAMBLE, kind=kind, path="preamble")
    for each in iter_changes(meta_a.elements, meta_b.elements):
        tags = each.path.tags
        old, new = each.old, each.new
        shown = [
            format_value(file.file, element) if element and (show_values or is_public(tags, element.vr)) else None
            for file, element in ((a, old), (b, new))
        ]
        yield Difference(
            part=FilePart.META,
            kind=each.kind,
            path=str(each.path),
            representation=each.kind.is_representation or tags[-1] == _TRANSFER_SYNTAX_UID or _is_structural(tags[-1]),
            vr_in_a=_format_vr(old),
            vr_in_b=_format_vr(new),
            value_in_a=shown[0],
            value_in_b=shown[1],
        )


def _read_head(file: DicomFile) -> tuple[bytes, Inventory]:
    """Read the preamble, which may be missing, and the File Meta Information."""
    start = file.file.read(0, min(file.file.size, _PREAMBLE + len(_PREFIX)))
    begins = len(start) if start.endswith(_PREFIX) and len(start) > _PREAMBLE else 0
    inventory = build_inventory(file.file, begins, max(begins, file.meta_end), Encoding.EXPLICIT_LITTLE)
    return start[:_PREAMBLE] if begins else b"", inventory


def _iter_notes(a: DicomFile, b: DicomFile) -> Iterator[str]:
    if _read_instance_uid(a) != _read_instance_uid(b):
        yield "A and B are different instances: their SOP Instance UIDs differ"
    if a.syntax.uid != b.syntax.uid:
        yield f"transfer syntax: {a.syntax.name} in A, {b.syntax.name} in B"


def _read_instance_uid(file: DicomFile) -> bytes:
    scan = LevelScanner(file.body, file.start, file.end, file.encoding).finish()
    return ItemValues(scan)[SOP_INSTANCE_UID].rstrip(b" \0")
