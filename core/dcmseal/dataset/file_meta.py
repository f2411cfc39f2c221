"""File Meta Information: its values, and whether all readers agree about them (PS3.10 7.1)."""

# Kept apart: File Meta Information and the file around it would be more than 350 lines.

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from struct import unpack_from
from typing import Final

from msgspec import Struct

from dcmseal.dataset.meta_elements import (
    GROUP_LENGTH,
    META_VRS,
    REWRITE_HINT,
    SOP_CLASS,
    SOP_INSTANCE,
    TRANSFER_SYNTAX,
    MetaElement,
    has_same_value,
    iter_meta_elements,
)
from dcmseal.dataset.source import Source
from dcmseal.dataset.transfer_syntax import EXPLICIT_LITTLE_UID, Encoding, TransferSyntax
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS
from dcmseal.dictionary import tag_keyword
from dcmseal.errors import DatasetError, Malformed
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.tags import format_tag, is_ascending
from dcmseal.text import escape_unprintable

_PREAMBLE: Final = 128
_PREFIX: Final = b"DICM"
_CLAUSE: Final = "PS3.10 7.1"
_MAX_UID: Final = 256
"""Bytes of a UID to read; 64 are allowed (PS3.5 9.1)."""
_UID: Final = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")
_LENGTH: Final = format_tag(GROUP_LENGTH)
_SYNTAX: Final = format_tag(TRANSFER_SYNTAX)
_UNAMBIGUOUS_VRS: Final = (SHORT_VRS | LONG_VRS) - {b"SQ", b"OV", b"SV", b"UV"}
"""VRs of elements that end at the same position for all readers; old readers do not know all of the others."""


class FileMeta(Struct, frozen=True, kw_only=True):
    """What precedes the Data Set of a file."""

    end: int
    """Where the File Meta Information ends and the Data Set starts."""
    syntax: str | None = None
    """Transfer Syntax UID; None if it is missing or empty."""
    sop_class: str = ""
    sop_instance: str = ""
    problems: tuple[Finding, ...] = ()
    """What readers disagree about (FAILED), and what is unusual but unambiguous (PASSED)."""


def read_file_meta(source: Source) -> FileMeta:
    """Read preamble and File Meta Information, both of which may be missing.

    Raises:
        Malformed: The information is truncated.
        DatasetError: It cannot be read without guessing, or has two transfer syntaxes.
    """
    head = source.read(0, min(source.size, _PREAMBLE + len(_PREFIX)))
    start = len(head) if head.endswith(_PREFIX) and len(head) > _PREAMBLE else 0
    elements = tuple(iter_meta_elements(source, start))
    end = elements[-1].end if elements else start
    if start and end >= source.size:
        raise Malformed("the file ends before the Data Set", source.size)
    if not elements:
        return FileMeta(end=end)
    group = _MetaGroup(source, elements)
    problems = list(group.iter_findings())
    if (
        start
        and TransferSyntax(group.syntax).is_deflated
        and not (_is_preamble_skipped(head[:_PREAMBLE]) and group.has_plain_length())
    ):
        message = "preamble or (0002,0000) is unusual: some readers of deflated files parse them as Data Elements"
        problems.append(_failed_finding("deflate-preamble", message, _LENGTH, start))
    return FileMeta(
        end=end,
        syntax=group.syntax or None,
        sop_class=group.uid(SOP_CLASS),
        sop_instance=group.uid(SOP_INSTANCE),
        problems=tuple(problems),
    )


def _is_preamble_skipped(preamble: bytes) -> bool:
    """Whether readers that parse the preamble as elements get to its end without meeting an element that they know."""
    position = 0
    while position < len(preamble):
        group, element, vr, length = unpack_from("<HH2sH", preamble, position)
        is_known = bool(group and tag_keyword(group << 16 | element))
        if is_known or vr in LONG_VRS or position + 8 + length > len(preamble):
            return False
        position += 8 + length
        if len(preamble) - position in range(1, 8):
            return False
    return True


class _MetaGroup:
    """The elements of group 0002, at least one."""

    def __init__(self, source: Source, elements: Sequence[MetaElement]) -> None:
        self._source = source
        self._elements = elements
        self._firsts: dict[int, MetaElement] = {}
        self._repeats: list[MetaElement] = []
        for element in elements:
            if self._firsts.setdefault(element.tag, element) is not element:
                self._repeats.append(element)
        self.syntax = self.uid(TRANSFER_SYNTAX)

    def uid(self, tag: int) -> str:
        """Return the value of a UID as most readers see it; empty if there is none."""
        element = self._firsts.get(tag)
        return "" if element is None else _clean_uid(self._raw(element))

    def _raw(self, element: MetaElement) -> bytes:
        return self._source.read(element.value, min(element.end, element.value + _MAX_UID))

    def has_plain_length(self) -> bool:
        """Whether (0002,0000) comes first, with a value that does not look like a VR."""
        first = self._elements[0]
        return first.tag == GROUP_LENGTH and not self._raw(first)[:2].isalpha()

    def iter_findings(self) -> Iterator[Finding]:
        yield from self._vr_findings()
        yield from self._repeat_findings()
        if not is_ascending(tuple(self._firsts)):
            yield _passed_finding("meta-disordered", "the File Meta Information is not in ascending order")
        yield from self._length_findings()
        yield from self._syntax_findings()
        yield from self._end_findings()

    def _vr_findings(self) -> Iterator[Finding]:
        for element in self._elements:
            tag, vr, start = element.tag, element.vr, element.start
            right = META_VRS.get(tag)
            if vr == right:
                continue
            where = format_tag(tag)
            shown = escape_unprintable(vr.decode("latin-1"))
            same_form = right is None or (vr in LONG_VRS) == (right in LONG_VRS)
            if vr not in _UNAMBIGUOUS_VRS or not same_form or tag in (GROUP_LENGTH, TRANSFER_SYNTAX):
                wanted = "" if right is None else f", not {right.decode()}"
                message = f"{where} has VR {shown}{wanted}: readers disagree about its value or end"
                yield _failed_finding("meta-vr-wrong", message, where, start)
            elif right is None:
                message = f"{where} is not an element of File Meta Information: readers ignore it"
                yield _passed_finding("meta-element-unknown", message, where)
            else:
                message = f"{where} has VR {shown}, not {right.decode()}: readers agree about its value"
                yield _passed_finding("meta-vr-odd", message, where)

    def _repeat_findings(self) -> Iterator[Finding]:
        for element in self._repeats:
            where = format_tag(element.tag)
            if self._is_same(element):
                message = f"{where} occurs in the File Meta Information again, with the same value"
                yield _passed_finding("meta-element-repeated", message, where)
            elif element.tag == TRANSFER_SYNTAX:
                other = _clean_uid(self._raw(element))
                raise DatasetError(
                    f"the File Meta Information has two transfer syntaxes, {escape_unprintable(self.syntax)} and "
                    f"{escape_unprintable(other)} (at byte {element.start}): "
                    "readers disagree about which one applies (PS3.10 7.1)",
                    hint=REWRITE_HINT,
                )
            else:
                message = f"{where} occurs in the File Meta Information with two values"
                yield _failed_finding("meta-element-conflicting", message, where, element.start)

    def _is_same(self, element: MetaElement) -> bool:
        first = self._firsts[element.tag]
        return first.vr == element.vr and has_same_value(self._source, first, element)

    def _length_findings(self) -> Iterator[Finding]:
        """Check the group length: some readers use it, others look at the group of each element."""
        length = self._firsts.get(GROUP_LENGTH)
        if length is None:
            message = "(0002,0000) is missing: readers find the end by the group of the elements"
            yield _passed_finding("meta-length-missing", message)
            return
        end = self._elements[-1].end
        value = self._source.read(length.value, length.value + 4) if length.end - length.value == 4 else b""
        stated_end = length.end + int.from_bytes(value, "little") if value else -1
        if stated_end == end:
            return
        behind = [element for element in self._elements if element.start >= stated_end]
        if (
            self.syntax == EXPLICIT_LITTLE_UID
            and any(element.end == stated_end for element in self._elements)
            and all(element in self._repeats and self._is_same(element) for element in behind)
        ):
            # readers that use the group length see only repeated values at the start of the data set
            return
        message = (
            f"(0002,0000) puts the end of the File Meta Information at byte {stated_end}, but group 0002 ends at {end}"
        )
        if stated_end < 0:
            message = "(0002,0000) does not have a value of four bytes"
        yield _failed_finding("meta-length-wrong", message, _LENGTH, length.start)

    def _syntax_findings(self) -> Iterator[Finding]:
        element = self._firsts.get(TRANSFER_SYNTAX)
        if element is None:
            message = "Transfer Syntax UID is missing: readers guess the encoding from the first Data Element"
            yield _passed_finding("meta-syntax-missing", message, _SYNTAX)
            return
        raw = self._raw(element)
        text = raw.rstrip(b"\0 ")
        padding = raw[len(text) :]
        if not _UID.fullmatch(text.decode("latin-1")) or len(text) > 64:
            shown = escape_unprintable(raw.decode("latin-1"))
            message = f"Transfer Syntax UID '{shown}' is not a UID (PS3.5 9.1): readers disagree about its meaning"
            yield _failed_finding("meta-syntax-malformed", message, _SYNTAX, element.start)
        elif padding not in (b"", b"\0") or len(raw) % 2:
            syntax = TransferSyntax(self.syntax)
            if b" " in padding and (syntax.is_deflated or syntax.encoding is not Encoding.EXPLICIT_LITTLE):
                message = "Transfer Syntax UID is padded with spaces: some readers do not recognize it"
                yield _failed_finding("meta-syntax-padding", message, _SYNTAX, element.start)
            else:
                message = "Transfer Syntax UID is not padded as PS3.5 6.2 requires, which readers ignore"
                yield _passed_finding("meta-syntax-padded", message, _SYNTAX)

    def _end_findings(self) -> Iterator[Finding]:
        """Check that the Data Set does not look like more of it: some readers include groups 0000 and 0001."""
        end = self._elements[-1].end
        group = int.from_bytes(self._source.read(end, min(self._source.size, end + 2)), "little")
        if group < 2 or (group == 0x0200 and GROUP_LENGTH not in self._firsts):
            message = f"an element of group {group:04X} follows the File Meta Information: readers disagree"
            message = f"{message} about whether it belongs to the Data Set"
            yield _failed_finding("meta-end-ambiguous", message, f"({group:04X},xxxx)", end)


def _clean_uid(raw: bytes) -> str:
    return raw.decode("latin-1").strip("\0 ").split("\0", 1)[0].split("\\", 1)[0].strip()


def _failed_finding(code: str, message: str, where: str, start: int) -> Finding:
    return Finding(
        aspect=Aspect.FORM,
        outcome=Outcome.FAILED,
        code=code,
        message=f"{message} (at byte {start})",
        where=where,
        clause=_CLAUSE,
    )


def _passed_finding(code: str, message: str, where: str = "") -> Finding:
    return Finding(aspect=Aspect.FORM, outcome=Outcome.PASSED, code=code, message=message, where=where, clause=_CLAUSE)
