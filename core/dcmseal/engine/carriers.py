"""What no MAC holds, and could carry another Data Set past a signature to software that reads the file otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from dcmseal import tags
from dcmseal.dataset.header import Kind
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS
from dcmseal.engine.labels import label_findings
from dcmseal.engine.reading import form_problem
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import tag_text


def carrier_findings(file: DicomFile, scan: LevelScanner) -> list[Finding]:
    """Findings about a level that is signed: whatever looks harmless only because it is never signed.

    Elements that are never signed have to be what they are for; VRs have to be known, for parsers differ in how long
    values of others are (PS3.5 6.2); and the encoding must not look like another one.
    """
    findings = [
        finding
        for index, kind in scan.kinds.items()
        if kind in (Kind.EXCLUDED, Kind.UNKNOWN)
        for finding in _of_element(scan, index)
    ]
    findings.extend(label_findings(file, scan))
    findings.extend(_of_encoding(file, scan))
    return findings


def _of_element(scan: LevelScanner, index: int) -> Iterator[Finding]:
    header = scan.header(index)
    tag = header.tag
    if header.vr == b"SQ" and tag in tags.MACRO:
        return
    where = tag_text(tag)
    if header.vr not in SHORT_VRS and header.vr not in LONG_VRS:
        yield form_problem("unknown-vr", f"{where} has a VR that PS3.5 does not know", where)
    elif tag & 0xFFFF == 0 or tag == tags.LENGTH_TO_END:
        if header.vr != b"UL" or header.length % 4:
            yield form_problem("length-malformed", f"{where} is no number of VR UL", where)
    elif tag >> 16 < 0x0008:
        yield _unsigned(
            "element-out-of-place", f"{where} is of a group that has no place here and is never signed", where
        )
    elif tag >> 16 == 0xFFFA and tag not in tags.MACRO:
        yield _unsigned("element-never-signed", f"{where} is of a group that is never signed", where)


def _of_encoding(file: DicomFile, scan: LevelScanner) -> Iterator[Finding]:
    yield from (problem for problem in file.problems if problem.outcome is not Outcome.PASSED)
    if scan.encoding.is_implicit and scan.starts:
        first = scan.source.read(scan.starts[0], scan.starts[0] + 8)
        if first[4:6].isalpha() and first[4:6].isupper():
            yield form_problem("ambiguous-encoding", "the first length looks like a VR: it may be read as explicit VR")


def _unsigned(code: str, message: str, where: str) -> Finding:
    return Finding(
        aspect=Aspect.COVERAGE,
        outcome=Outcome.UNKNOWN,
        code=code,
        message=message,
        where=where,
        clause="PS3.3 C.12.1.1.3.1.1",
    )
