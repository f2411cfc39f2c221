"""Comparison of File Meta Information, which signatures do not cover, with the Data Set."""

from __future__ import annotations

from collections.abc import Iterator

from dcmseal import tags
from dcmseal.dataset.code_stream import detect_code_stream, expected_code_streams, find_first_fragment, is_distinctive
from dcmseal.dataset.header import ElementKind
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.transfer_syntax import ENCAPSULATED_UNCOMPRESSED_UID
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.tags import format_tag
from dcmseal.text import escape_unprintable

_META = "PS3.10 7.1"
_FRAGMENTS = "PS3.5 A.4"
_MAX_UID = 256
_WHERE = format_tag(tags.PIXEL_DATA)


def file_meta_findings(file: DicomFile, scan: LevelScanner) -> tuple[Finding, ...]:
    """Collect what readers disagree about outside the Data Set, and what is unusual there (PASSED).

    Args:
        file: The file.
        scan: A complete scan of its main data set.
    """
    return (*file.problems, *_pixel_data_findings(file, scan))


def identity_notes(file: DicomFile, scan: LevelScanner) -> Iterator[Finding]:
    """Report UIDs in the File Meta Information that differ from the data set.

    This is common after de-identification, and all tested readers use the data set.
    """
    for tag, stated in ((tags.SOP_CLASS_UID, file.meta.sop_class), (tags.SOP_INSTANCE_UID, file.meta.sop_instance)):
        own = _read_value(scan, tag).decode("latin-1").strip(" \0")
        if own and stated and own != stated:
            yield Finding(
                aspect=Aspect.FORM,
                outcome=Outcome.PASSED,
                code="meta-identity-differs",
                message=f"File Meta Information has {escape_unprintable(stated)}, but the data set, which viewers "
                f"show, has {escape_unprintable(own)}: some software sends and lists the file by the former",
                where=format_tag(tag),
                clause=_META,
            )


def _pixel_data_findings(file: DicomFile, scan: LevelScanner) -> Iterator[Finding]:
    if not (file.syntax.is_known and file.syntax.is_encapsulated):
        return
    name = file.syntax.name
    index = scan.special_index(tags.PIXEL_DATA)
    if index is None or scan.kinds[index] is not ElementKind.ENCAPSULATED:
        return
    fragment = find_first_fragment(scan.source, *scan.value_range(index), scan.encoding)
    if fragment is None:
        return
    stream = detect_code_stream(scan.source, *fragment)
    expected = expected_code_streams(file.syntax.uid)
    if stream not in expected and (stream if expected else is_distinctive(stream)):
        message = f"the pixels are {stream}, but the file is labelled {name}: decoders show different images"
        yield _pixel_finding(Outcome.FAILED, "code-stream-differs", f"{message} (at byte {fragment[0]})")
    elif expected and not stream:
        message = f"the first fragment does not start like {name}: no decoder should show an image"
        yield _pixel_finding(Outcome.PASSED, "code-stream-unrecognised", message)
    elif file.syntax.uid == ENCAPSULATED_UNCOMPRESSED_UID and (size := _frame_size(scan)):
        length = fragment[1] - fragment[0]
        if length != size + size % 2:
            message = f"a frame has {size} bytes, but the first fragment has {length}, which {name} does not allow"
            yield _pixel_finding(Outcome.FAILED, "frame-size-differs", f"{message} (at byte {fragment[0]})")


def _frame_size(scan: LevelScanner) -> int:
    """Compute the size in bytes of an uncompressed frame; 0 if it is not known."""
    bits = 1
    for tag in (tags.ROWS, tags.COLUMNS, tags.SAMPLES_PER_PIXEL, tags.BITS_ALLOCATED):
        value = _read_value(scan, tag)
        bits *= scan.encoding.u16.unpack(value)[0] if len(value) == 2 else 0
    return (bits + 7) // 8


def _read_value(scan: LevelScanner, tag: int) -> bytes:
    """Read the start of a value, enough for a UID; empty if there is none."""
    index = scan.index(tag)
    if index is None:
        return b""
    start, end = scan.value_range(index)
    return scan.source.read(start, min(end, start + _MAX_UID))


def _pixel_finding(outcome: Outcome, code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.FORM, outcome=outcome, code=code, message=message, where=_WHERE, clause=_FRAGMENTS)
