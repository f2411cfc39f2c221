"""What a MAC does not bind although it matches: where fragments end, and the Transfer Syntax of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from dcmseal import tags
from dcmseal.dataset.fragments import FragmentLayout
from dcmseal.dataset.header import ElementKind
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.structure import analyze_structure
from dcmseal.dataset.transfer_syntax import TransferSyntax
from dcmseal.errors import AmbiguousStructure
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.mac.level_pass import LevelFacts
from dcmseal.mac.stream_common import SEQUENCE_DELIMITER
from dcmseal.model.signature import MacParameters
from dcmseal.tags import PIXEL_DATA, format_tag

_CLAUSE: Final = "PS3.3 C.12.1.1.3.1.2"
_DELIMITER_SIZE: Final = 8
_END_OF_STREAM: Final = b"\xff\xd9"
"""EOI of JPEG and JPEG-LS, EOC of JPEG 2000: what follows in a fragment is shown by no decoder."""
_MAX_TABLE: Final = 1 << 24
_MAX_NUMBER: Final = 64


class FragmentBoundaries:
    """Elements of a level whose fragments the MAC may not tell apart: each is looked through once at most."""

    def __init__(self, scan: LevelScanner, facts: LevelFacts) -> None:
        self._scan = scan
        self._inside = facts.hidden_boundaries
        self._layouts = facts.layouts
        self._known: dict[frozenset[int], tuple[tuple[int, str], ...]] = {}

    def findings(self) -> Iterator[Finding]:
        """What readers take differently about the level's own fragments, whether they are signed or not."""
        for index, layout in self._layouts.items():
            offsets, lengths = map(self._value, (tags.EXTENDED_OFFSET_TABLE, tags.EXTENDED_OFFSET_TABLE_LENGTHS))
            yield from layout.findings(self._offset_table(index), offsets, lengths, self._frames)

    def find_ambiguous(self, signed: frozenset[int]) -> tuple[tuple[int, str], ...]:
        """Signed elements whose MAC does not tell where their fragments end, and why."""
        if not self._layouts and not self._inside:
            return ()
        if signed not in self._known:
            self._known[signed] = tuple(self._iter_ambiguous(signed))
        return self._known[signed]

    def _iter_ambiguous(self, signed: frozenset[int]) -> Iterator[tuple[int, str]]:
        yield from ((tag, why) for tag, why in self._inside.items() if tag in signed)
        for index, layout in self._layouts.items():
            tag = self._scan.tags[index]
            if tag not in signed:
                continue
            if layout.holds_boundary:
                yield tag, "a fragment contains bytes that look like the end of a fragment"
            elif self._end_may_follow(index, layout, signed):
                yield tag, "signed elements after it contain bytes that look like the end of the fragments"

    def _end_may_follow(self, index: int, layout: FragmentLayout, signed: frozenset[int]) -> bool:
        """Whether signed elements behind the fragments could have been part of the last one.

        That does no harm where the last fragment ends with its code stream: decoders show nothing that follows.
        """
        scan = self._scan
        for later in range(index + 1, len(scan.tags)):
            if scan.tags[later] not in signed:
                continue
            if scan.kinds.get(later, ElementKind.PLAIN) not in (
                ElementKind.PLAIN,
                ElementKind.RESERVED_NONZERO,
            ) or self._holds_delimiter(later):
                return not self._ends_with_stream(index, layout)
        return False

    def _holds_delimiter(self, index: int) -> bool:
        held = b""
        for piece in self._scan.source.chunks(*self._scan.element_range(index)):
            held = held[-3:] + bytes(piece)
            if SEQUENCE_DELIMITER in held:
                return True
        return False

    def _ends_with_stream(self, index: int, layout: FragmentLayout) -> bool:
        end = self._scan.element_range(index)[1] - _DELIMITER_SIZE
        last = self._scan.source.read(end - min(layout.last_size, 3), end)
        return last[-2:] == _END_OF_STREAM or last[-3:] == _END_OF_STREAM + b"\0"

    def _offset_table(self, index: int) -> bytes:
        scan = self._scan
        start, end = scan.value_range(index)
        header = scan.source.read(start, start + _DELIMITER_SIZE)
        group, element, length = scan.encoding.item_header.unpack(header)
        if group << 16 | element != tags.ITEM:
            return b""
        return scan.source.read(start + 8, min(end, start + 8 + min(length, _MAX_TABLE + 1)))

    @property
    def _frames(self) -> int | None:
        text = self._value(tags.NUMBER_OF_FRAMES, _MAX_NUMBER).strip(b" \0")
        return int(text) if text.isdigit() else None

    def _value(self, tag: int, max_bytes: int = _MAX_TABLE) -> bytes:
        index = self._scan.index(tag)
        if index is None:
            return b""
        start, end = self._scan.value_range(index)
        return self._scan.source.read(start, min(end, start + max_bytes + 1))


def check_structure(
    file: DicomFile,
    main: LevelScanner,
    fragments: FragmentBoundaries,
    is_signed: Callable[[int], bool] | None = None,
    sound: Mapping[int, int] | None = None,
) -> None:
    """Refuse a file whose structure has more than one reading: no verification would call a signature over it valid.

    Args:
        file: holds the level.
        main: scan of the main level, complete.
        fragments: of the level that is to be signed.
        is_signed: whether the tag of an element of the main level is to be signed; None if another level is.
        sound: sequences of the main level that are not walked again, as of ``structure_of``.

    Raises:
        OddStructure: names the first problem.
    """
    for problem in (*analyze_structure(file, main, sound).findings(is_signed), *fragments.findings()):
        if problem.aspect is Aspect.FORM and problem.outcome is not Outcome.PASSED:
            raise AmbiguousStructure(f"{problem.message}: readers interpret the file differently ({problem.clause})")


def binding_findings(
    file: DicomFile, fragments: FragmentBoundaries, mac: MacParameters | None, signed: frozenset[int]
) -> Iterator[Finding]:
    """Findings where the MAC matches and yet does not bind what it should."""
    for tag, why in fragments.find_ambiguous(signed):
        yield Finding(
            aspect=Aspect.INTEGRITY,
            outcome=Outcome.UNKNOWN,
            code="fragments-ambiguous",
            message=f"{format_tag(tag)}: {why}",
            where=format_tag(tag),
            clause=_CLAUSE,
        )
    if mac is not None and PIXEL_DATA in signed and mac.transfer_syntax != file.syntax.uid:
        then = TransferSyntax(mac.transfer_syntax)
        if then.is_encapsulated or file.syntax.is_encapsulated:
            yield Finding(
                aspect=Aspect.COVERAGE,
                outcome=Outcome.UNKNOWN,
                code="transfer-syntax-differs",
                message=f"the pixels were signed in syntax {then.uid}, but the file, unsigned, names {file.syntax.uid}",
                clause=_CLAUSE,
            )
