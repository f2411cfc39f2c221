"""What a MAC does not bind although it matches: where fragments end, and the Transfer Syntax of the file."""

from __future__ import annotations

from collections.abc import Iterator

from dcmseal.dataset.header import Kind
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import Source
from dcmseal.dataset.syntax import TransferSyntax
from dcmseal.mac.level import LevelFacts
from dcmseal.mac.parts import SEQUENCE_DELIMITER
from dcmseal.model import MacParameters
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import PIXEL_DATA, tag_text

_CLAUSE = "PS3.3 C.12.1.1.3.1.2"
_DELIMITER_SIZE = 8


class Fragments:
    """Elements of a level with fragments that hold what reads as their end: each is looked through once at most."""

    def __init__(self, scan: LevelScanner, facts: LevelFacts) -> None:
        self._scan = scan
        self._inside = facts.hiding
        self._sequences = [index for index, kind in scan.kinds.items() if kind is Kind.SEQUENCE]
        self._encapsulated = [index for index, kind in scan.kinds.items() if kind is Kind.ENCAPSULATED]
        self._hides: dict[int, bool] = {}
        self._known: dict[frozenset[int], tuple[tuple[int, str], ...]] = {}

    def ambiguous(self, signed: frozenset[int]) -> tuple[tuple[int, str], ...]:
        """Those that are signed, and why their MAC does not tell where they end."""
        if not self._encapsulated and not self._inside:
            return ()
        if signed not in self._known:
            self._known[signed] = tuple(self._among(signed))
        return self._known[signed]

    def _among(self, signed: frozenset[int]) -> Iterator[tuple[int, str]]:
        yield from ((tag, why) for tag, why in self._inside.items() if tag in signed)
        tags = self._scan.tags
        last = max((index for index in self._sequences if tags[index] in signed), default=-1)
        for index in self._encapsulated:
            # what reads as their end does no harm unless a sequence could follow it in the MAC
            if index < last and tags[index] in signed and self._hides_delimiter(index):
                yield tags[index], "a fragment reads as the end of all fragments"

    def _hides_delimiter(self, index: int) -> bool:
        if index not in self._hides:
            start, end = self._scan.value_range(index)
            self._hides[index] = _holds_delimiter(self._scan.source, start, end - _DELIMITER_SIZE)
        return self._hides[index]


def _holds_delimiter(source: Source, start: int, end: int) -> bool:
    held = b""
    for piece in source.chunks(start, end):
        held = held[-3:] + bytes(piece)
        if SEQUENCE_DELIMITER in held:
            return True
    return False


def binding_findings(
    file: DicomFile, fragments: Fragments, mac: MacParameters | None, signed: frozenset[int]
) -> Iterator[Finding]:
    """Findings where the MAC matches and yet does not bind what it should."""
    for tag, why in fragments.ambiguous(signed):
        yield Finding(
            aspect=Aspect.INTEGRITY,
            outcome=Outcome.UNKNOWN,
            code="fragments-ambiguous",
            message=f"{tag_text(tag)}: {why}",
            where=tag_text(tag),
            clause=_CLAUSE,
        )
    if mac is not None and PIXEL_DATA in signed and mac.transfer_syntax != file.syntax.uid:
        then = TransferSyntax(mac.transfer_syntax)
        if then.is_encapsulated or file.syntax.is_encapsulated:
            yield Finding(
                aspect=Aspect.COVERAGE,
                outcome=Outcome.UNKNOWN,
                code="transfer-syntax-differs",
                message=f"the pixels were signed in syntax {then.uid}, and the file, unsigned, says {file.syntax.uid}",
                clause=_CLAUSE,
            )
