"""What no MAC holds: elements of a level that are never signed, and say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmseal import tags
from dcmseal.dataset.header import ElementKind
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.tags import format_tag

_NEVER_SIGNED_GROUPS: Final = frozenset({0x0001, 0x0003, 0x0004, 0x0005, 0x0007})
_SIGNATURES_GROUP: Final = 0xFFFA


def unsigned_group_findings(scan: LevelScanner) -> Iterator[Finding]:
    """COVERAGE findings about a level: elements of groups that are never signed.

    Whether readers differ in what such elements are is a question of structure (``dataset.structure``).
    """
    for index, kind in scan.kinds.items():
        tag = scan.tags[index]
        if kind is not ElementKind.EXCLUDED or not tag & 0xFFFF:
            continue
        where = format_tag(tag)
        if tag >> 16 in _NEVER_SIGNED_GROUPS:
            yield _unsigned_group_finding("element-out-of-place", f"{where} is of a group that is never signed", where)
        elif tag >> 16 == _SIGNATURES_GROUP and tag not in tags.MACRO:
            yield _unsigned_group_finding("element-never-signed", f"{where} is of a group that is never signed", where)


def _unsigned_group_finding(code: str, message: str, where: str) -> Finding:
    return Finding(
        aspect=Aspect.COVERAGE,
        outcome=Outcome.UNKNOWN,
        code=code,
        message=message,
        where=where,
        clause="PS3.3 C.12.1.1.3.1.1",
    )
