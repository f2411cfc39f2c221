"""What gives a Data Set more than one reading is named, wherever it stands; what is merely rare is not."""

from __future__ import annotations

import struct
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmseal import tags
from dcmseal.dataset.part10 import open_dicom
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import BytesSource
from dcmseal.dataset.structure import analyze_structure
from dcmseal.errors import DatasetError
from tests.support import builder as b
from tests.support import tags as t
from tests.support.real_files import RealFile, signable_files
from tests.support.strategies import portable_data_sets, sound_data_sets

PRIVATE = 0x00091001
EMPTY, THIRTEEN = b.Item(), b.Value(PRIVATE, "LO", bytes(13))
UNKNOWN_ITEM = struct.pack("<HHI", 0x0009, 0x1002, 0x424F) + bytes(0x424F)
"""An element in implicit VR whose length reads as VR OB."""


def codes(data: bytes, signed: Collection[int] | None = None) -> set[str]:
    with open_dicom(BytesSource(data)) as file:
        scan = LevelScanner(file.body, file.start, file.end, file.encoding).finish()
        findings = analyze_structure(file, scan).findings(None if signed is None else signed.__contains__)
    assert len({(each.code, each.where) for each in findings}) == len(findings)
    placed = [each for each in findings if each.code != "file-syntax-unknown"]
    assert all(each.where and "at byte" in each.message and each.clause for each in placed)
    return {each.code for each in findings}


def at_main(*nodes: b.Node, syntax: b.Syntax = b.EXPLICIT_LE) -> bytes:
    return b.file((b.uid(tags.SOP_INSTANCE_UID, "1.2.3.4"), *nodes), syntax)


def in_item(
    *nodes: b.Node, syntax: b.Syntax = b.EXPLICIT_LE, undefined: bool = False, tag: int = t.REFERENCED_IMAGE_SEQUENCE
) -> bytes:
    """Two levels deep, with an item and an element behind it."""
    inner = b.Sequence(tag, (b.Item(nodes, undefined=undefined), EMPTY), undefined=undefined)
    outer = b.Sequence(t.REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, (b.Item((inner,), undefined=undefined),))
    return b.file((b.uid(tags.SOP_INSTANCE_UID, "1.2.3.4"), outer, b.text(t.PATIENT_ID, "LO", "4711")), syntax)


def in_parameters(*nodes: b.Node) -> bytes:
    return at_main(b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (b.Item((b.us(tags.MAC_ID_NUMBER, 0), *nodes)),)))


def delimiter(tag: int, length: int = 0) -> b.Raw:
    return b.Raw(struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length))


def items(vr: str, tag: int = PRIVATE, *held: b.Item) -> b.Sequence:
    """An element of undefined length that holds items."""
    return b.Sequence(tag, held or (EMPTY,), undefined=True, vr=vr)


ICON_PIXELS = b.Fragments(fragments=(b"", b"ab"))
ODD_PIXELS = b.Fragments(fragments=(b"", b"abc"))
NATIVE_PIXELS = b.Value(tags.PIXEL_DATA, "OB", b"ab")

PROBLEMS: dict[str, tuple[bytes, str]] = {
    # undefined lengths (PS3.5 7.1.1, 6.2.2, A.4)
    **{f"{vr} at the main level": (at_main(items(vr)), "undefined-length") for vr in ("OB", "OW", "OF", "UT", "UC")},
    **{f"{vr} in an item": (in_item(items(vr)), "undefined-length") for vr in ("OB", "OW", "UR", "SV", "UV", "OL")},
    **{f"{vr} in an open item": (in_item(items(vr), undefined=True), "undefined-length") for vr in ("OB", "OV", "OD")},
    "trailing padding": (at_main(items("OB", tags.DATA_SET_TRAILING_PADDING)), "undefined-length"),
    "group length": (in_item(items("UT", 0x00080000)), "undefined-length"),
    "in MAC parameters": (in_parameters(items("OB", 0x04010010)), "undefined-length"),
    "certificate": (
        at_main(b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item((items("OB", tags.CERTIFICATE_OF_SIGNER),)),))),
        "undefined-length",
    ),
    "known element in implicit VR": (in_item(items("PN", t.PATIENT_NAME), syntax=b.IMPLICIT_LE), "undefined-length"),
    "UN in big endian": (in_item(items("UN"), syntax=b.EXPLICIT_BE), "undefined-length"),
    "pixels of a native syntax": (at_main(b.Fragments()), "encapsulated-misplaced"),
    "pixels of an item": (in_item(ICON_PIXELS, syntax=b.JPEG_BASELINE), "encapsulated-misplaced"),
    "icon of a native syntax": (in_item(ICON_PIXELS, tag=tags.ICON_IMAGE_SEQUENCE), "encapsulated-misplaced"),
    "odd fragment of an icon": (
        in_item(ODD_PIXELS, tag=tags.ICON_IMAGE_SEQUENCE, syntax=b.JPEG_BASELINE),
        "fragment-odd",
    ),
    "native pixels of a compressed syntax": (at_main(NATIVE_PIXELS, syntax=b.JPEG_BASELINE), "pixel-data-native"),
    # delimiters (PS3.5 7.5)
    "delimiter in an item": (in_item(delimiter(tags.ITEM_DELIMITATION_ITEM)), "structure-broken"),
    "end of a sequence in an item": (in_item(delimiter(tags.SEQUENCE_DELIMITATION_ITEM)), "structure-broken"),
    "item in an item": (in_item(delimiter(tags.ITEM)), "structure-broken"),
    "delimiter first in an unsigned sequence": (
        at_main(
            b.Sequence(0xFFFA0010, (EMPTY,)),
            b.Value(tags.DATA_SET_TRAILING_PADDING, "SQ", b.encode((delimiter(tags.SEQUENCE_DELIMITATION_ITEM),))),
        ),
        "structure-broken",
    ),
    "delimiter in private sequence of MAC parameters": (
        in_parameters(b.Value(0x04011001, "SQ", b.encode((delimiter(tags.SEQUENCE_DELIMITATION_ITEM),)))),
        "structure-broken",
    ),
    "delimiter with a length": (
        at_main(
            b.Raw(
                b.encode(
                    (
                        b.Value(t.REFERENCED_IMAGE_SEQUENCE, "SQ", length=b.UNDEFINED),
                        delimiter(tags.SEQUENCE_DELIMITATION_ITEM, 4),
                    )
                )
            )
        ),
        "delimiter-length",
    ),
    "end of an item with a length": (
        at_main(
            b.Value(
                t.REFERENCED_IMAGE_SEQUENCE,
                "SQ",
                b.encode((delimiter(tags.ITEM, b.UNDEFINED), delimiter(tags.ITEM_DELIMITATION_ITEM, 2))),
            )
        ),
        "delimiter-length",
    ),
    # lengths that contradict each other
    "item longer than its sequence": (
        at_main(
            b.Sequence(0xFFFA0010, (b.Item((b.us(tags.ROWS, 7),), length=100),)),
            b.Value(tags.DATA_SET_TRAILING_PADDING, "OB", bytes(98)),
        ),
        "structure-broken",
    ),
    "item shorter than its elements": (
        at_main(b.Sequence(0xFFFA0010, (b.Item((b.us(tags.ROWS, 7),), length=4),))),
        "structure-broken",
    ),
    # order (PS3.5 7.1)
    "twice at the main level": (at_main(b.us(tags.ROWS, 1), b.us(tags.ROWS, 2)), "duplicate-element"),
    "twice, apart": (at_main(b.us(tags.ROWS, 1), b.us(tags.COLUMNS, 2), b.us(tags.ROWS, 2)), "duplicate-element"),
    "twice in an item": (in_item(b.us(tags.ROWS, 1), b.us(tags.ROWS, 2)), "duplicate-element"),
    "sequences twice in an item": (
        in_item(b.Sequence(t.REFERENCED_IMAGE_SEQUENCE), b.Sequence(t.REFERENCED_IMAGE_SEQUENCE)),
        "duplicate-element",
    ),
    "out of order in an item": (in_item(b.us(tags.COLUMNS, 1), b.us(tags.ROWS, 2)), "disordered"),
    "out of order at the main level": (at_main(b.us(tags.COLUMNS, 1), b.us(tags.ROWS, 2)), "disordered"),
    "out of order behind a sequence": (
        in_item(b.Sequence(t.ACQUISITION_CONTEXT_SEQUENCE), b.us(tags.ROWS, 2)),
        "disordered",
    ),
    # VRs (PS3.5 6.2)
    "unknown VR": (at_main(b.Value(PRIVATE, "ZZ", b"\0\0\0\0")), "unknown-vr"),
    "unknown VR in an item": (in_item(b.Value(PRIVATE, "QQ", b"\0\0\0\0")), "unknown-vr"),
    "unknown VR in MAC parameters": (in_parameters(b.Value(0x04010010, "OX", b"\0\0\0\0")), "unknown-vr"),
    "implicit VR that reads as explicit": (
        b.file((b.Raw(UNKNOWN_ITEM),), b.IMPLICIT_LE),
        "ambiguous-encoding",
    ),
    "UN item that reads as explicit": (
        at_main(b.Sequence(PRIVATE, (b.Item((b.Raw(UNKNOWN_ITEM),)),), undefined=True, vr="UN")),
        "ambiguous-encoding",
    ),
    # lengths of values
    "UL of six bytes": (at_main(b.Value(PRIVATE, "UL", bytes(6))), "length-misread"),
    "SS of one byte, in an item": (in_item(b.Value(PRIVATE, "SS", b"a")), "length-misread"),
    "FD of four bytes, in an item": (in_item(b.Value(PRIVATE, "FD", bytes(4))), "length-misread"),
    "SV of four bytes": (at_main(b.Value(PRIVATE, "SV", bytes(4))), "length-misread"),
    "FD of four bytes in implicit VR": (
        at_main(b.Value(t.WATER_EQUIVALENT_DIAMETER, "FD", bytes(4)), syntax=b.IMPLICIT_LE),
        "length-misread",
    ),
    "odd text in an open item": (in_item(b.Value(PRIVATE, "LO", b"abc"), undefined=True), "length-misread"),
    "odd bytes in an open item": (in_item(b.Value(PRIVATE, "OB", b"abc"), undefined=True), "length-misread"),
    "thirteen bytes in implicit VR": (at_main(THIRTEEN, syntax=b.IMPLICIT_LE), "length-misread"),
    "thirteen bytes in a UN item": (
        in_item(items("UN", PRIVATE, b.Item((THIRTEEN,)))),
        "length-misread",
    ),
    # values that some readers search for delimiters
    "delimiter in the value of an open item": (
        in_item(
            b.Value(
                PRIVATE,
                "OB",
                b.encode((delimiter(tags.ITEM_DELIMITATION_ITEM), delimiter(tags.SEQUENCE_DELIMITATION_ITEM))),
            ),
            undefined=True,
        ),
        "delimiter-in-value",
    ),
    "delimiter with a length in the value of an open item": (
        in_item(b.Value(PRIVATE, "OB", b.encode((delimiter(tags.ITEM_DELIMITATION_ITEM, 6),))), undefined=True),
        "delimiter-in-value",
    ),
    "group length of many numbers": (in_item(b.Value(0x00080000, "UL", bytes(64))), "length-malformed"),
    "open item in the value of an open item": (
        in_item(b.Value(PRIVATE, "OB", b.encode((delimiter(tags.ITEM, b.UNDEFINED),))), undefined=True),
        "delimiter-in-value",
    ),
    "text of implicit VR that begins as an item": (
        at_main(b.Value(0x00080022, "DA", b.encode((delimiter(tags.ITEM),))), syntax=b.IMPLICIT_LE),
        "value-reads-as-items",
    ),
    "text in an item of implicit VR": (
        in_item(
            b.Value(0x00080022, "DA", b.encode((delimiter(tags.SEQUENCE_DELIMITATION_ITEM),))), syntax=b.IMPLICIT_LE
        ),
        "value-reads-as-items",
    ),
    "private items of implicit VR that do not fit": (
        in_item(b.Value(PRIVATE, "UN", b.encode((delimiter(tags.ITEM, 30),)) + bytes(8)), syntax=b.IMPLICIT_LE),
        "structure-broken",
    ),
    "group length of text": (in_item(b.Value(0x00080000, "LO", b"abcd")), "length-malformed"),
    "Length to End of six bytes": (at_main(b.Value(tags.LENGTH_TO_END, "UL", bytes(6))), "length-malformed"),
    # groups (PS3.5 7.1)
    **{
        f"group {group:04X} in an item": (in_item(b.Value(group << 16 | 0x10, "LO", b"ab")), "group-misplaced")
        for group in (0x0000, 0x0002, 0x0006, 0xFFFF)
    },
    "group FFFF": (at_main(b.Value(0xFFFF0010, "LO", b"ab")), "group-misplaced"),
    "trailing padding of a late VR": (
        at_main(b.Value(tags.DATA_SET_TRAILING_PADDING, "OV", bytes(8))),
        "latest-vr-unsigned",
    ),
    "length of a group, of a late VR": (in_item(b.Value(0x00080000, "UV", bytes(8))), "latest-vr-unsigned"),
    # items of the macro (PS3.3 Table C.12-6)
    "private element in MAC parameters": (in_parameters(b.Value(0x04010010, "LO", b"ACME")), "macro-foreign-element"),
    "patient in a signature": (
        at_main(
            b.Sequence(
                tags.DIGITAL_SIGNATURES_SEQUENCE,
                (b.Item((b.us(tags.MAC_ID_NUMBER, 0), b.text(0x04010010, "LO", "ab"))),),
            )
        ),
        "macro-foreign-element",
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_more_than_one_reading(name: str) -> None:
    data, code = PROBLEMS[name]
    assert code in codes(data)


@pytest.mark.parametrize("depth", [255, 300])
def test_nesting_is_bounded(depth: int) -> None:
    head = b.encode((b.Value(0xFFFA0010, "SQ", length=b.UNDEFINED), delimiter(tags.ITEM, b.UNDEFINED)))
    end = b.encode((delimiter(tags.ITEM_DELIMITATION_ITEM), delimiter(tags.SEQUENCE_DELIMITATION_ITEM)))
    content = head * depth + end * depth
    assert codes(at_main(b.Value(0xFFFA0011, "SQ", b.encode((delimiter(tags.ITEM, len(content)),)) + content))) == (
        {"structure-broken"} if depth > 256 else set()
    )


def test_problems_are_counted_to_a_bound() -> None:
    tags = range(0x00091001, 0x00091001 + 100)
    assert codes(at_main(*[b.Value(tag, "UL", bytes(6)) for tag in tags])) == {"length-misread"}


@pytest.mark.parametrize("real", signable_files(), ids=str)
def test_real_files_have_one_reading(real: RealFile) -> None:
    assert codes(real.data) == set()


@given(nodes=portable_data_sets(), syntax=st.sampled_from(b.NATIVE_SYNTAXES), grouped=st.booleans())
def test_sound_data_sets_have_one_reading(nodes: tuple[b.Node, ...], syntax: b.Syntax, grouped: bool) -> None:
    grown = b.with_group_lengths(nodes, syntax) if grouped else nodes
    assert codes(b.file(grown, syntax)) == set()


@given(nodes=sound_data_sets())
def test_sound_data_sets_with_fragments_have_one_reading(nodes: tuple[b.Node, ...]) -> None:
    assert codes(b.file(nodes, b.JPEG_BASELINE)) == set()


@given(nodes=sound_data_sets(max_depth=3), at=st.integers(0, 2**16), value=st.integers(0, 255))
def test_any_byte_may_be_anything(nodes: tuple[b.Node, ...], at: int, value: int) -> None:
    """Any contents: the walk ends, with or without findings, unless the scan before refused the file."""
    data = bytearray(b.file(nodes, b.JPEG_BASELINE))
    data[132 + at % (len(data) - 132)] = value
    try:
        codes(bytes(data))
    except DatasetError:
        return


HARMLESS: dict[str, bytes] = {
    "padding in MAC parameters": in_parameters(b.Value(tags.DATA_SET_TRAILING_PADDING, "OB", bytes(4))),
    "icon of a compressed image": in_item(ICON_PIXELS, tag=tags.ICON_IMAGE_SEQUENCE, syntax=b.JPEG_BASELINE),
    "UN of undefined length": in_item(items("UN", PRIVATE, b.Item((b.text(t.PATIENT_ID, "LO", "47"),)))),
    "odd text at the main level": at_main(THIRTEEN),
    "odd text in an item": in_item(THIRTEEN),
    "odd groups": in_item(*[b.Value(group << 16 | 0x10, "LO", b"ab") for group in (1, 3, 5, 7)]),
    "reserved bytes": at_main(b.Value(PRIVATE, "OB", b"ab")).replace(b"OB\0\0\2", b"OB\1\1\2"),
    "empty items of undefined length": in_item(items("SQ", PRIVATE, b.Item(undefined=True)), undefined=True),
    "directory": b.file(
        (b.text(t.FILE_SET_ID, "CS", "A"), b.Sequence(t.DIRECTORY_RECORD_SEQUENCE, (b.Item((b.ul(0x00041400, 0),)),)))
    ),
    "private items of implicit VR": at_main(
        b.Sequence(PRIVATE, (b.Item((b.text(t.PATIENT_ID, "LO", "47"),)),)), syntax=b.IMPLICIT_LE
    ),
    "open items, alike": at_main(
        b.Sequence(
            t.REFERENCED_IMAGE_SEQUENCE,
            tuple(b.Item((b.Sequence(t.CONCEPT_NAME_CODE_SEQUENCE, (b.Item(undefined=True),)),)) for _ in range(50)),
        )
    ),
    "many alike": at_main(
        b.Sequence(
            t.REFERENCED_IMAGE_SEQUENCE,
            tuple(b.Item((b.Sequence(t.CONCEPT_NAME_CODE_SEQUENCE, (EMPTY,)),)) for _ in range(50)),
        )
    ),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_rare_but_sound(name: str) -> None:
    assert codes(HARMLESS[name]) == set()


@pytest.mark.parametrize("vr", ["OV", "SV", "UV"])
def test_late_vrs_have_to_be_signed(vr: str) -> None:
    """dicomParser takes them for short ones, and their values for elements."""
    value = b.Value(PRIVATE, vr, bytes(8))
    assert codes(at_main(value), {tags.SOP_INSTANCE_UID, PRIVATE}) == set()
    assert codes(at_main(value), {tags.SOP_INSTANCE_UID}) == {"latest-vr-unsigned"}
    assert codes(in_item(value), {t.REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE}) == set()
    assert codes(in_item(value), {tags.SOP_INSTANCE_UID}) == {"latest-vr-unsigned"}
    assert codes(at_main(value, syntax=b.IMPLICIT_LE), set()) == set()
