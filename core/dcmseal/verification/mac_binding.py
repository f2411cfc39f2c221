"""Check what a matching MAC leaves open: where fragments end, and the transfer syntax of the file."""

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
"""EOI of JPEG and JPEG-LS, EOC of JPEG 2000. Decoders ignore what follows in the fragment."""
_MAX_TABLE: Final = 1 << 24
_MAX_NUMBER: Final = 64


class FragmentBoundaries:
    """Finds elements of a level whose fragment boundaries the MAC does not cover; searches each element only once."""

    def __init__(self, scan: LevelScanner, facts: LevelFacts) -> None:
        self._scan = scan
        self._inside = facts.hidden_boundaries
        self._layouts = facts.layouts
        self._known: dict[frozenset[int], tuple[tuple[int, str], ...]] = {}

    def findings(self) -> Iterator[Finding]:
        """Find what readers interpret differently in the level's own fragments, signed or not."""
        for index, layout in self._layouts.items():
            offsets, lengths = map(self._value, (tags.EXTENDED_OFFSET_TABLE, tags.EXTENDED_OFFSET_TABLE_LENGTHS))
            yield from layout.findings(self._offset_table(index), offsets, lengths, self._frames)

    def find_ambiguous(self, signed: frozenset[int]) -> tuple[tuple[int, str], ...]:
        """Find signed elements for which the MAC does not show where fragments end.

        Args:
            signed: The tags of the signed elements.

        Returns:
            Tags and reasons.
        """
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
        """Whether signed elements after the fragments could have been part of the last fragment.

        This is harmless if the last fragment ends with its code stream, because decoders ignore what follows.
        """
        scan = self._scan
        for later in range(index + 1, len(scan.tags)):
            if scan.tags[later] not in signed:
                continue
            if scan.kinds.get(later, ElementKind.PLAIN) not in (
                ElementKind.PLAIN,
                ElementKind.RESERVED_NONZERO,
            ) or self._contains_delimiter(later):
                return not self._ends_with_stream(index, layout)
        return False

    def _contains_delimiter(self, index: int) -> bool:
        window = b""
        for piece in self._scan.source.chunks(*self._scan.element_range(index)):
            window = window[-3:] + bytes(piece)
            if SEQUENCE_DELIMITER in window:
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
    well_formed_sequences: Mapping[int, int] | None = None,
) -> None:
    """Reject a file that readers interpret differently, because a signature over it could not be valid.

    Args:
        file: The file.
        main: A complete scan of its main level.
        fragments: The fragments of the level to sign.
        is_signed: Whether an element of the main level is to be signed, by tag; None if another level is to be signed.
        well_formed_sequences: Sequences of the main level that need no walk, with the number of their items of
            undefined length, by index.

    Raises:
        AmbiguousStructure: Readers disagree; the message names the first problem.
    """
    structure = analyze_structure(file, main, well_formed_sequences)
    for problem in (*structure.findings(is_signed), *fragments.findings()):
        if problem.aspect is Aspect.FORM and problem.outcome is not Outcome.PASSED:
            raise AmbiguousStructure(f"{problem.message}: readers interpret the file differently ({problem.clause})")


def binding_findings(
    file: DicomFile, fragments: FragmentBoundaries, mac: MacParameters | None, signed: frozenset[int]
) -> Iterator[Finding]:
    """Find what the MAC leaves ambiguous even if it matches.

    Args:
        file: The file.
        fragments: The fragments of the signature's level.
        mac: The signature's MAC parameters.
        signed: The tags of the signed elements.

    Returns:
        Findings of aspects INTEGRITY and COVERAGE.
    """
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
        signed_syntax = TransferSyntax(mac.transfer_syntax)
        if signed_syntax.is_encapsulated or file.syntax.is_encapsulated:
            message = (
                f"the pixels were signed in transfer syntax {signed_syntax.uid}, "
                f"but the file states {file.syntax.uid}, which is not signed"
            )
            yield Finding(
                aspect=Aspect.COVERAGE,
                outcome=Outcome.UNKNOWN,
                code="transfer-syntax-differs",
                message=message,
                clause=_CLAUSE,
            )
