"""All levels of a SOP Instance that carry the Digital Signatures Macro, read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dcmseal import tags
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.engine.levels import Level, iter_nested_levels, main_level
from dcmseal.engine.reading import LevelSignatures, read_signatures
from dcmseal.mac.encoding import MacEncoder
from dcmseal.mac.level import LevelFacts, LevelPass


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLevel:
    """A level that carries the macro, scanned and read."""

    level: Level
    scan: LevelScanner
    level_signatures: LevelSignatures


def iter_signed_levels(file: DicomFile) -> Iterator[SignedLevel]:
    """All levels that carry a sequence of the macro, those in Original Attributes Sequence too."""
    main = main_level(file)
    scan = main.scanner()
    facts = LevelPass(scan, MacEncoder(source=main.source, encoding=main.encoding), lambda _: ()).run()
    if any(scan.index(tag) is not None for tag in tags.MACRO):
        yield SignedLevel(level=main, scan=scan, level_signatures=read_signatures(scan, main.location))
    yield from iter_nested_signed_levels(main, scan, facts)


def iter_nested_signed_levels(main: Level, scan: LevelScanner, facts: LevelFacts) -> Iterator[SignedLevel]:
    """Those in the items of a main Data Set that was passed over."""
    for index in facts.with_signatures:
        for level in iter_nested_levels(main, scan, index):
            inner = level.scanner().finish()
            yield SignedLevel(level=level, scan=inner, level_signatures=read_signatures(inner, level.location))
