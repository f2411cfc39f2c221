"""Each irregularity of File Meta Information, by its finding."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Final, NamedTuple

import pytest
from pydicom import dcmread

from dcmseal.errors import DatasetError
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.verdict import Verdict
from tests.core.dataset.meta_information import (
    CLASS,
    DEFLATED_META,
    FAILED,
    INSTANCE,
    PASSED,
    SOFTWARE,
    STANDARD,
    UNKNOWN,
    USUAL,
    VERSION,
    deflated,
    part10,
    syntax_element,
    with_syntax,
)
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import finding_outcomes, integrity_verdict, sign_dataset, verify_integrity

EVIL: Final = b.encode(b.image(b.text(t.PATIENT_NAME, "PN", "Evil^Eve")))
TITLE: Final = 0x00020016


def with_title(vr: str, value: bytes = b"TITLE ") -> tuple[b.Value, ...]:
    return (*USUAL, b.Value(TITLE, vr, value))


class Case(NamedTuple):
    make: Callable[[bytes], bytes]
    """The file around a Data Set."""
    code: str
    outcome: Outcome
    syntax: b.Syntax = b.EXPLICIT_LE
    """That of the Data Set."""


def end_in_sequence(vr_tag: int) -> Callable[[bytes], bytes]:
    """A sequence that DCMTK leaves at its delimiter, so that it reads another data set in front of the signed one."""
    inside = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) + EVIL
    return lambda body: part10(body, *USUAL, b.Value(vr_tag, "SQ", inside))


def swallowing(body: bytes) -> bytes:
    """An element that ends elsewhere to those who read its VR with a short length."""
    value = EVIL + struct.pack("<HH2sHI", 0x7FFF, 0x1001, b"OB", 0, len(body))
    element = struct.pack("<HH2sHI", 0x0002, 0x0102, b"OX", 4, len(value)) + value
    return part10(element + body, *USUAL, length=len(element))


def read_as_commands(body: bytes) -> bytes:
    """A deflated stream that begins with empty blocks: pydicom passes over it as group 0000, and inflates another."""
    stream = b"\0\0\0\xff\xff" + b"\0\1\0\xfe\xff" + body[:1] + deflated(body[1:])
    (length,) = struct.unpack_from("<I", stream, 4)
    return part10(stream + bytes(8 + length - len(stream)) + deflated(EVIL), *with_syntax(b.DEFLATED_LE.uid))


def filling(elements: tuple[b.Value, ...], length: int) -> b.Value:
    """Private Information that brings the group length to a number."""
    return b.Value(0x00020102, "OB", bytes(length - len(b.encode(elements)) - 12))


def trailer(body: bytes) -> bytes:
    return struct.pack("<II", zlib.crc32(body), len(body))


IMPLICIT_META: Final = with_syntax(f"{STANDARD}\0")
CASES: Final = {
    "length is too large": Case(lambda body: part10(body, *USUAL, length=8), "meta-length-wrong", FAILED),
    "length is too small": Case(lambda body: part10(body, *USUAL, length=-8), "meta-length-wrong", FAILED),
    "length ends within an element": Case(lambda body: part10(body, *USUAL, length=-3), "meta-length-wrong", FAILED),
    "length ends in the data set": Case(lambda body: part10(body, *USUAL, length=34), "meta-length-wrong", FAILED),
    "length of another size": Case(
        lambda body: part10(body, b.Value(t.FILE_META_INFORMATION_GROUP_LENGTH, "UL", bytes(8)), *USUAL, length=None),
        "meta-length-wrong",
        FAILED,
    ),
    "no length": Case(lambda body: part10(body, *USUAL, length=None), "meta-length-missing", PASSED),
    "no length, big endian": Case(
        lambda body: part10(body, *with_syntax(f"{STANDARD}.2\0"), length=None),
        "meta-length-missing",
        PASSED,
        b.EXPLICIT_BE,
    ),
    "length with another VR": Case(
        lambda body: part10(
            body,
            b.Value(t.FILE_META_INFORMATION_GROUP_LENGTH, "SL", struct.pack("<I", len(b.encode(USUAL)))),
            *USUAL,
            length=None,
        ),
        "meta-vr-wrong",
        FAILED,
    ),
    "the same syntax twice": Case(lambda body: part10(body, *USUAL, syntax_element()), "meta-element-repeated", PASSED),
    "the syntax at the start of the data set": Case(
        lambda body: part10(b.encode((syntax_element(),)) + body, *USUAL), "meta-element-repeated", PASSED
    ),
    "the syntax at the start of an implicit data set": Case(
        lambda body: part10(b.encode((syntax_element(f"{STANDARD}\0"),)) + body, *IMPLICIT_META),
        "meta-length-wrong",
        FAILED,
        b.IMPLICIT_LE,
    ),
    "two instances": Case(
        lambda body: part10(body, *USUAL, b.uid(t.MEDIA_STORAGE_SOP_INSTANCE_UID, "1.2.3.5")),
        "meta-element-conflicting",
        FAILED,
    ),
    "out of order": Case(lambda body: part10(body, CLASS, VERSION, *USUAL[2:]), "meta-disordered", PASSED),
    "sequence in (0002,0016)": Case(end_in_sequence(0x00020016), "meta-vr-wrong", FAILED),
    "sequence in (0002,0102)": Case(end_in_sequence(0x00020102), "meta-vr-wrong", FAILED),
    "sequence of a tag that is not known": Case(end_in_sequence(0x00020200), "meta-vr-wrong", FAILED),
    "VR that is not known": Case(swallowing, "meta-vr-wrong", FAILED),
    "VR in lower case": Case(lambda body: part10(body, *with_title("ae")), "meta-vr-wrong", FAILED),
    "VR of signs": Case(lambda body: part10(body, *with_title("??")), "meta-vr-wrong", FAILED),
    "VR with a long length": Case(lambda body: part10(body, *with_title("UT")), "meta-vr-wrong", FAILED),
    "VR that is new": Case(lambda body: part10(body, *with_title("SV", bytes(8))), "meta-vr-wrong", FAILED),
    "VR of the same form": Case(lambda body: part10(body, *with_title("LO")), "meta-vr-odd", PASSED),
    "element that is not known": Case(
        lambda body: part10(body, *USUAL, b.text(0x00020200, "LO", "ab")), "meta-element-unknown", PASSED
    ),
    "syntax with VR LO": Case(
        lambda body: part10(body, *with_syntax(f"{STANDARD}.1\0", "LO")), "meta-vr-wrong", FAILED
    ),
    "no syntax": Case(lambda body: part10(body, VERSION, CLASS, INSTANCE, SOFTWARE), "meta-syntax-missing", PASSED),
    "empty syntax": Case(lambda body: part10(body, *with_syntax("")), "meta-syntax-malformed", FAILED),
    "zero at the start of a component": Case(
        lambda body: part10(body, *with_syntax(f"{STANDARD}.01")), "meta-syntax-malformed", FAILED
    ),
    "dot at the end": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.1.")), "meta-syntax-malformed", FAILED),
    "more than 64 characters": Case(
        lambda body: part10(body, *with_syntax(f"{STANDARD}.1" + ".1" * 30 + "\0")), "meta-syntax-malformed", FAILED
    ),
    "two values": Case(
        lambda body: part10(body, *with_syntax(f"{STANDARD}.1\\{STANDARD}\0\0")), "meta-syntax-malformed", FAILED
    ),
    "NULL within": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.1\0.99")), "meta-syntax-malformed", FAILED),
    "space in front": Case(lambda body: part10(body, *with_syntax(f" {STANDARD}.1")), "meta-syntax-malformed", FAILED),
    "line feed": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.1\n")), "meta-syntax-malformed", FAILED),
    "several NULLs": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.1\0\0\0")), "meta-syntax-padded", PASSED),
    "space at the end": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.1 ")), "meta-syntax-padded", PASSED),
    "odd length": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.1")), "meta-syntax-padded", PASSED),
    "space at the end, implicit": Case(
        lambda body: part10(body, *with_syntax(f"{STANDARD} ")), "meta-syntax-padding", FAILED, b.IMPLICIT_LE
    ),
    "space at the end, big endian": Case(
        lambda body: part10(body, *with_syntax(f"{STANDARD}.2 ")), "meta-syntax-padding", FAILED, b.EXPLICIT_BE
    ),
    "space at the end, deflated": Case(
        lambda body: part10(deflated(body), *with_syntax(f"{b.DEFLATED_LE.uid}  ")), "meta-syntax-padding", FAILED
    ),
    "group 0000 behind": Case(
        lambda body: part10(b.encode((b.text(0x00000010, "LO", "ab"),)) + body, *USUAL), "meta-end-ambiguous", FAILED
    ),
    "group 0001 behind": Case(
        lambda body: part10(b.encode((b.text(0x00010010, "LO", "ab"),)) + body, *USUAL), "meta-end-ambiguous", FAILED
    ),
    "deflated, read as group 0000": Case(read_as_commands, "meta-end-ambiguous", FAILED),
    "another instance": Case(
        lambda body: part10(body, VERSION, CLASS, b.uid(t.MEDIA_STORAGE_SOP_INSTANCE_UID, "1.2.3.5"), syntax_element()),
        "meta-identity-differs",
        PASSED,
    ),
    "another class": Case(
        lambda body: part10(
            body, VERSION, b.uid(t.MEDIA_STORAGE_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.2"), INSTANCE, syntax_element()
        ),
        "meta-identity-differs",
        PASSED,
    ),
    "deflated, with a preamble that swallows the rest": Case(
        lambda body: part10(deflated(body), *DEFLATED_META, preamble=b"\t\0\1\x10OB\0\0" + b"\1" * 120),
        "deflate-preamble",
        FAILED,
    ),
    "deflated, with a patient in the preamble": Case(
        lambda body: part10(deflated(body), *DEFLATED_META, preamble=b"\x10\0\x10\0PN\x08\0Evil^Eve" + bytes(112)),
        "deflate-preamble",
        FAILED,
    ),
    "deflated, without length": Case(
        lambda body: part10(deflated(body), *DEFLATED_META, length=None), "deflate-preamble", FAILED
    ),
    "deflated, with a length like a VR": Case(
        lambda body: part10(deflated(body), *DEFLATED_META, filling(DEFLATED_META, 0x4242)), "deflate-preamble", FAILED
    ),
    "bytes behind the stream": Case(
        lambda body: part10(deflated(body, b"x"), *DEFLATED_META), "deflate-trailing", FAILED
    ),
    "NULLs behind the stream": Case(
        lambda body: part10(deflated(body, b"\0\0"), *DEFLATED_META), "deflate-trailing", FAILED
    ),
    "another stream behind": Case(
        lambda body: part10(deflated(body, deflated(EVIL)), *DEFLATED_META), "deflate-trailing", FAILED
    ),
    "checksum of something else behind": Case(
        lambda body: part10(deflated(body, trailer(EVIL)), *DEFLATED_META), "deflate-trailing", FAILED
    ),
    "checksum behind": Case(
        lambda body: part10(deflated(body, trailer(body)), *DEFLATED_META), "deflate-checksum", PASSED
    ),
    "JPIP deflate": Case(
        lambda body: part10(deflated(body), *with_syntax(f"{STANDARD}.4.95")), "file-syntax-ambiguous", FAILED
    ),
    "JPIP HTJ2K deflate": Case(
        lambda body: part10(deflated(body), *with_syntax(f"{STANDARD}.4.205\0")), "file-syntax-ambiguous", FAILED
    ),
    "Papyrus": Case(
        lambda body: part10(body, *with_syntax("1.2.840.10008.1.20")), "file-syntax-ambiguous", FAILED, b.IMPLICIT_LE
    ),
    "GE": Case(
        lambda body: part10(body, *with_syntax("1.2.840.113619.5.2")), "file-syntax-ambiguous", FAILED, b.IMPLICIT_LE
    ),
    "Philips": Case(lambda body: part10(body, *with_syntax("1.3.46.670589.33.1.4.1")), "file-syntax-unknown", UNKNOWN),
    "private": Case(lambda body: part10(body, *with_syntax("1.2.276.0.50.1.2.1")), "file-syntax-unknown", UNKNOWN),
    "not registered": Case(
        lambda body: part10(body, *with_syntax(f"{STANDARD}.4.999\0")), "file-syntax-unknown", UNKNOWN
    ),
    "MIME": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.6.1\0")), "file-syntax-unknown", UNKNOWN),
    "XML": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.6.2\0")), "file-syntax-unknown", UNKNOWN),
    "JPIP": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.4.94")), "pixels-elsewhere", UNKNOWN),
    "JPIP HTJ2K": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.4.204\0")), "pixels-elsewhere", UNKNOWN),
    "SMPTE": Case(lambda body: part10(body, *with_syntax(f"{STANDARD}.7.2\0")), "pixels-elsewhere", UNKNOWN),
}
VERDICTS: Final = {FAILED: Verdict.INVALID, UNKNOWN: Verdict.NOT_ESTABLISHED, PASSED: Verdict.VALID}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")
def test_verdict_and_findings_of_a_file(name: str, pki: Pki) -> None:
    make, code, outcome, syntax = CASES[name]
    plain = b.encode(b.image(), syntax)
    whole = sign_dataset(b.file(b.image(), syntax), pki["p256"])
    data = make(whole[whole.index(plain[:8], 132) :])
    report = verify_integrity(data)
    assert finding_outcomes(report)[code] is outcome
    assert report.verdict is VERDICTS[outcome]
    if outcome is PASSED:
        assert code in {note.code for note in report.notes if note.aspect is Aspect.FORM}
        assert dcmread(BytesIO(data)).PatientName == "Doe^Jane"
        assert integrity_verdict(sign_dataset(make(plain), pki["p256"])) is Verdict.VALID
    else:
        with pytest.raises(DatasetError, match=r"\(PS3\.(5|10) [0-9A-Z.]+\)"):
            sign_dataset(make(plain), pki["p256"])
