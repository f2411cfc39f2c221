"""What stands around the Data Set: what readers take differently is not valid, what is odd is noted and signed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any, Final, NamedTuple

import pytest
from pydicom import dcmread
from pydicom.uid import AllTransferSyntaxes

import dcmseal
from dcmseal import tags
from dcmseal.dataset.meta_elements import META_VRS
from dcmseal.dataset.syntax_registry import REGISTERED
from dcmseal.dataset.transfer_syntax import TransferSyntax
from dcmseal.dictionary import tag_vr
from dcmseal.errors import DatasetError, Malformed, SealError
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import finding_outcomes, integrity_verdict, sign_dataset, verify_integrity

FAILED, UNKNOWN, PASSED = Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED
STANDARD: Final = "1.2.840.10008.1.2"
VERSION: Final = b.Value(t.FILE_META_INFORMATION_VERSION, "OB", b"\0\1")
CLASS: Final = b.uid(t.MEDIA_STORAGE_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.7")
INSTANCE: Final = b.uid(t.MEDIA_STORAGE_SOP_INSTANCE_UID, "1.2.3.4")
SOFTWARE: Final = b.uid(t.IMPLEMENTATION_CLASS_UID, "1.2.3.4.5")
CREATOR: Final = b.uid(0x00020100, "1.2.9")
EVIL: Final = b.encode(b.image(b.text(t.PATIENT_NAME, "PN", "Evil^Eve")))
TITLE: Final = 0x00020016


def syntax_element(value: str | bytes = f"{STANDARD}.1\0", vr: str = "UI") -> b.Value:
    return b.Value(t.TRANSFER_SYNTAX_UID, vr, value if isinstance(value, bytes) else value.encode())


USUAL: Final = (VERSION, CLASS, INSTANCE, syntax_element(), SOFTWARE)


def part10(body: bytes, *elements: Any, length: int | None = 0, preamble: bytes = bytes(128)) -> bytes:
    """A file with these meta elements; ``length`` is how far (0002,0000) is off, None leaves it out."""
    meta = b.encode(elements)
    group = b"" if length is None else b.encode((b.ul(t.FILE_META_INFORMATION_GROUP_LENGTH, len(meta) + length),))
    return preamble + b"DICM" + group + meta + body


def with_syntax(value: str | bytes, vr: str = "UI") -> tuple[b.Value, ...]:
    return VERSION, CLASS, INSTANCE, syntax_element(value, vr), SOFTWARE


def with_title(vr: str, value: bytes = b"TITLE ") -> tuple[b.Value, ...]:
    return (*USUAL, b.Value(TITLE, vr, value))


def deflated(body: bytes, behind: bytes = b"") -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush() + behind


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


DEFLATED_META: Final = with_syntax(b.DEFLATED_LE.uid)
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
def test_what_a_file_comes_to(name: str, pki: Pki) -> None:
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


def test_a_usual_file_has_nothing_to_note(pki: Pki) -> None:
    for syntax in (b.EXPLICIT_LE, b.IMPLICIT_LE, b.EXPLICIT_BE, b.DEFLATED_LE):
        report = verify_integrity(sign_dataset(b.file(b.image(), syntax), pki["p256"]))
        assert report.verdict is Verdict.VALID
        assert report.notes == ()


def test_a_preamble_that_is_used_in_a_deflated_file(pki: Pki) -> None:
    """Readers that take it for elements come to its end, as of TIFF in the real file MR_small.dcm."""
    data = part10(deflated(b.encode(b.image())), *DEFLATED_META, preamble=b"II*\0\xe8\5\x08" + bytes(121))
    assert verify_integrity(sign_dataset(data, pki["p256"])).verdict is Verdict.VALID


def test_a_preamble_that_is_used(pki: Pki) -> None:
    """PS3.10 7.1 has it for other formats, and no reader of DICOM looks at it."""
    report = verify_integrity(
        sign_dataset(part10(b.encode(b.image()), *USUAL, preamble=b"II*\0" + bytes(124)), pki["p256"])
    )
    assert report.verdict is Verdict.VALID
    assert report.notes == ()


def test_two_transfer_syntaxes(pki: Pki) -> None:
    """Which of them is meant, nobody can tell."""
    data = part10(b.encode(b.image()), *USUAL, syntax_element(f"{STANDARD}\0"))
    for ask in (verify_integrity, lambda source: sign_dataset(source, pki["p256"])):
        with pytest.raises(
            DatasetError, match=r"two transfer syntaxes, 1\.2\.840\.10008\.1\.2\.1 and 1\.2\.840\.10008\.1\.2 "
        ):
            ask(data)


def test_undefined_length() -> None:
    for vr in ("OB", "SQ", "UN"):
        data = part10(b.encode(b.image()), *USUAL, b.Value(0x00020102, vr, b"", 0xFFFFFFFF))
        with pytest.raises(DatasetError, match=r"\(0002,0102\) has an undefined length"):
            verify_integrity(data)


def test_meta_information_in_implicit_vr() -> None:
    data = (
        bytes(128)
        + b"DICM"
        + b.encode((b.ul(t.FILE_META_INFORMATION_GROUP_LENGTH, 0), *USUAL), b.IMPLICIT_LE)
        + b.encode(b.image())
    )
    with pytest.raises(DatasetError, match="is in implicit VR, but File Meta Information"):
        verify_integrity(data)


def test_private_information_of_any_size(pki: Pki) -> None:
    data = part10(b.encode(b.image()), *USUAL, CREATOR, b.Value(0x00020102, "OB", bytes(3 << 20)))
    assert integrity_verdict(BytesIO(sign_dataset(data, pki["p256"]))) is Verdict.VALID
    repeated = part10(b.encode(b.image()), *USUAL, CREATOR, *(2 * (b.Value(0x00020102, "OB", bytes(3 << 20)),)))
    assert finding_outcomes(verify_integrity(sign_dataset(repeated, pki["p256"])))["meta-element-repeated"] is PASSED


def test_more_elements_than_there_can_be() -> None:
    with pytest.raises(DatasetError, match="more than 256 elements"):
        verify_integrity(part10(b.encode(b.image()), *(300 * USUAL)))


@pytest.mark.parametrize(
    ("label", "data", "message"),
    [
        (
            f"{STANDARD}.1\0",
            b.encode(b.image(), b.IMPLICIT_LE),
            "labelled Explicit VR Little Endian .* encoded as implicit VR",
        ),
        (
            f"{STANDARD}\0",
            b.encode(b.image()),
            "labelled Implicit VR Little Endian .* encoded as explicit VR little endian",
        ),
        (
            f"{STANDARD}.2\0",
            b.encode(b.image()),
            "labelled Explicit VR Big Endian .* encoded as explicit VR little endian",
        ),
        (f"{STANDARD}.2\0", b.encode(b.image(), b.IMPLICIT_LE), "labelled Explicit VR Big Endian .* as implicit VR"),
        (
            f"{STANDARD}.1\0",
            b.encode(b.image(), b.EXPLICIT_BE),
            "labelled Explicit VR Little Endian .* explicit VR big endian",
        ),
        (
            f"{STANDARD}\0",
            b.encode(b.image(), b.EXPLICIT_BE),
            "labelled Implicit VR Little Endian .* explicit VR big endian",
        ),
        (f"{STANDARD}.4.50", b.encode(b.image(), b.IMPLICIT_LE), "labelled JPEG Baseline .* encoded as implicit VR"),
        ("1.2.840.113619.5.2", b.encode(b.image()), "labelled GE private.* encoded as explicit VR little endian"),
        (f"{STANDARD}.1\0", deflated(b.encode(b.image())), "labelled Explicit VR Little Endian .* a deflated stream"),
        (b.DEFLATED_LE.uid, b.encode(b.image()), "labelled Deflated .* explicit VR little endian, not deflated"),
        (
            b.DEFLATED_LE.uid,
            deflated(b.encode(b.image(), b.IMPLICIT_LE)),
            "labelled Deflated .* implicit VR little endian",
        ),
        (b.DEFLATED_LE.uid, zlib.compress(b.encode(b.image())), "has a zlib header"),
        (b.DEFLATED_LE.uid, zlib.compress(b.encode(b.image()), wbits=31), "has a gzip header"),
        (f"{STANDARD}.4.95", b.encode(b.image()), "labelled JPIP Referenced Deflate .* not deflated"),
    ],
)
def test_a_label_that_is_not_that_of_the_data(label: str, data: bytes, message: str, pki: Pki) -> None:
    source = part10(data, *with_syntax(label))
    for ask in (verify_integrity, lambda each: sign_dataset(each, pki["p256"])):
        with pytest.raises(DatasetError, match=message) as raised:
            ask(source)
        assert "damaged" not in raised.value.hint


@pytest.mark.parametrize(
    ("behind", "message"),
    [
        (b"\0", "1 bytes are left"),
        (b"hello", "5 bytes are left"),
        (bytes(512), "found zeros instead of a Data Element"),
        (struct.pack("<HH2sH", 0x7FFF, 1, b"??", 0), r"\(7FFF,0001\) has VR '\?\?'"),
    ],
)
def test_bytes_behind_the_data_set(behind: bytes, message: str, pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    for ask in (verify_integrity, lambda source: sign_dataset(source, pki["p256"])):
        with pytest.raises(Malformed, match=message) as raised:
            ask(data + behind)
        assert raised.value.offset == len(data)
        assert "the file is damaged or truncated: fetch" not in raised.value.hint


def test_zeros_behind_an_implicit_data_set(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image(), b.IMPLICIT_LE), pki["p256"])
    assert integrity_verdict(data + bytes(512)) is Verdict.INVALID


def test_other_places_for_the_prefix() -> None:
    good = b.file(b.image())
    for data in (good[128:], b"\0" + good, bytes(128) + b"DICM" + good, good[:132] + b"DICM" + good[132:]):
        with pytest.raises(DatasetError):
            verify_integrity(data)
    with pytest.raises(SealError):
        verify_integrity(part10(good, *USUAL))


def test_what_does_not_name_its_encoding() -> None:
    data = part10(b.encode((b.text(0x00090010, "LO", "ACME"),)), VERSION)
    with pytest.raises(DatasetError, match="Transfer Syntax UID is missing"):
        verify_integrity(data)


def test_every_bit_of_the_meta_information(pki: Pki) -> None:
    """Whatever bit is changed: the file is not valid, or pydicom shows what was signed."""
    data = sign_dataset(b.file(b.image()), pki["p256"])
    end = data.index(b"\x08\0\x16\0UI")
    for at in range(132, end):
        for bit in range(8):
            changed = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
            try:
                result = integrity_verdict(changed)
            except DatasetError:
                continue
            if result is Verdict.VALID:
                shown = dcmread(BytesIO(changed))
                assert (shown.PatientName, shown.PixelData) == ("Doe^Jane", bytes(range(16)))


def test_nothing_but_un() -> None:
    with pytest.raises(SealError, match=r"\(0040,A375\) cannot, its VR is UN") as raised:
        dcmseal.sign(
            b.file((b.Value(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, "UN", b"ab"),)), key="pem:missing.pem"
        )
    assert "0008" not in raised.value.hint
    with pytest.raises(SealError) as raised:
        dcmseal.sign(
            b.file((b.Sequence(t.DIRECTORY_RECORD_SEQUENCE, (b.Item((b.text(t.MODALITY, "CS", "CT"),)),)),)),
            key="pem:missing.pem",
        )
    assert "DICOMDIR" in raised.value.hint


def test_the_table_is_that_of_the_dictionary() -> None:
    assert {tag: vr.decode() for tag, vr in META_VRS.items()} == {
        tag: vr for tag in range(t.FILE_META_INFORMATION_GROUP_LENGTH, 0x00020200) if (vr := tag_vr(tag))
    }


def test_registered_syntaxes() -> None:
    assert {*map(str, AllTransferSyntaxes)} <= {*REGISTERED}
    assert not TransferSyntax(f"{STANDARD}.4.999").is_known
    assert not TransferSyntax(f"{STANDARD}.1.").is_known
