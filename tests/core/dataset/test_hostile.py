"""Hostile input: any bytes lead to a report or a SealError."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.errors import Malformed, SealError
from dcmseal.model.verdict import Verdict
from tests.core.dataset.robustness import exercise, limit_memory
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import (
    edit_signed,
    integrity_verdict,
    read_items,
    reference_stream,
    sign_by_hand,
    sign_dataset,
    verify_integrity,
)

NESTED = b.Sequence(
    t.REFERENCED_IMAGE_SEQUENCE,
    (b.Item((b.us(tags.ROWS, 7), b.Sequence(t.ACQUISITION_CONTEXT_SEQUENCE, undefined=True)), undefined=True),),
)
ICON = b.Sequence(tags.ICON_IMAGE_SEQUENCE, (b.Item((b.Fragments(fragments=(b"", b"ab")),)),))
SMALL: tuple[b.Node, ...] = (
    b.text(t.MODALITY, "CS", "OT"),
    NESTED,
    b.text(t.PATIENT_NAME, "PN", "Doe^Jane"),
    ICON,
    b.Fragments(fragments=(b"", b"ab")),
)


def test_data_sets_and_items_without_elements(pki: Pki) -> None:
    assert exercise(b.file((), b.DEFLATED_LE)) is Verdict.NO_SIGNATURE
    data = b.file(
        (
            b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item(), b.Item(undefined=True))),
            b.text(t.PATIENT_NAME, "PN", "Doe^Jane"),
        )
    )
    for item in (0, 1):
        with pytest.raises(SealError, match="nothing"):
            sign_dataset(data, pki["p256"], location=f"ReferencedImageSequence[{item}]")
    assert integrity_verdict(sign_dataset(data, pki["p256"])) is Verdict.VALID


@pytest.fixture(scope="module")
def small(pki: Pki) -> bytes:
    return sign_dataset(b.file(SMALL, b.JPEG_BASELINE), pki["p256"])


def test_cut_short_anywhere(small: bytes) -> None:
    assert exercise(small) is Verdict.VALID
    for length in range(len(small)):
        assert exercise(small[:length]) in (None, Verdict.NO_SIGNATURE, Verdict.INVALID, Verdict.NOT_ESTABLISHED)


@pytest.mark.parametrize("number", [0, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF], ids=hex)
def test_any_number_anywhere(number: int, small: bytes) -> None:
    """Lengths among them, as long as memory, negative, or undefined."""
    certificate = small.index(b"\x00\x04\x15\x01OB")
    before = reference_stream(small)
    # following every allocation takes its time: once is enough
    with limit_memory(8) if number == 0x7FFFFFFF else nullcontext():
        for position in [*range(132, certificate + 60, 2), *range(len(small) - 90, len(small) - 3, 2)]:
            changed = small[:position] + struct.pack("<I", number) + small[position + 4 :]
            if exercise(changed) is Verdict.VALID:
                assert reference_stream(changed) == before


@pytest.mark.parametrize("syntax", [*b.NATIVE_SYNTAXES, b.JPEG_BASELINE], ids=lambda syntax: syntax.uid)
@given(data=st.binary(max_size=200))
def test_random_bytes_behind_the_header(syntax: b.Syntax, data: bytes) -> None:
    exercise(b.file((), syntax, after=data))
    exercise(data)
    exercise(b"\x08\x00\x05\x00CS" + data)


def deep(depth: int, syntax: b.Syntax, *, undefined: bool, inside: bytes = b"") -> bytes:
    """Sequences in sequences, written without recursion."""
    order = ">" if syntax.big else "<"
    head = struct.pack(order + "HH", 0x0008, 0x1140) + (b"" if syntax.implicit else b"SQ\0\0")
    item, ends = struct.pack(order + "HH", 0xFFFE, 0xE000), (0xE00D, 0xE0DD)
    closing = b"".join(struct.pack(order + "HHI", 0xFFFE, end, 0) for end in ends) if undefined else b""
    step = len(head) + 4 + 8
    parts: list[bytes] = []
    for level in range(depth):
        rest = (depth - level - 1) * step + len(inside)
        lengths = (0xFFFFFFFF, 0xFFFFFFFF) if undefined else (rest + 8, rest)
        parts += [head, struct.pack(order + "I", lengths[0]), item, struct.pack(order + "I", lengths[1])]
    return b"".join(parts) + inside + closing * depth


@pytest.mark.parametrize("undefined", [True, False], ids=["undefined", "defined"])
@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.IMPLICIT_LE, b.EXPLICIT_BE], ids=lambda syntax: syntax.uid)
def test_nesting_without_end(syntax: b.Syntax, undefined: bool, pki: Pki) -> None:
    """Up to a depth that no real object comes near, all works; beyond it nothing does, and the stack is not asked."""
    name = b.text(t.PATIENT_NAME, "PN", "Doe^Jane")
    fine = b.file((b.Raw(deep(200, syntax, undefined=undefined, inside=b.encode((name,), syntax))), name), syntax)
    assert integrity_verdict(sign_dataset(fine, pki["p256"])) is Verdict.VALID
    path = ".".join(["ReferencedImageSequence[0]"] * 200)
    inner = sign_dataset(fine, pki["p256"], location=path)
    assert integrity_verdict(inner, location=path) is Verdict.VALID
    assert integrity_verdict(inner) is Verdict.NOT_ESTABLISHED
    assert [str(each.location) for each in dcmseal.signatures(inner)] == [path]
    assert dcmseal.remove(inner).data == fine
    for depth in (1000, 10_000):
        bomb = b.file((b.Raw(deep(depth, syntax, undefined=undefined)), name), syntax)
        with limit_memory(16), pytest.raises(Malformed, match="nested"):
            verify_integrity(bomb)
        assert exercise(bomb) is None


def test_nesting_without_end_in_a_signed_file(pki: Pki) -> None:
    data = sign_by_hand(pki["p256"], b.image(), listed=(t.PATIENT_NAME,))
    for undefined in (True, False):
        assert (
            exercise(
                edit_signed(
                    data, main={t.REFERENCED_IMAGE_SEQUENCE: b.Raw(deep(2000, b.EXPLICIT_LE, undefined=undefined))}
                )
            )
            is None
        )


def test_deep_sequences_of_unknown_vr() -> None:
    """With undefined length, they contain implicit VR little endian in any transfer syntax (PS3.5 6.2.2)."""
    inside = deep(1000, b.IMPLICIT_LE, undefined=True)
    unknown = struct.pack("<HH", 9, 0x1001) + b"UN\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + inside
    assert exercise(b.file((b.Raw(unknown + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"),))) is None


@pytest.mark.parametrize("tag", [0xE000, 0xE00D, 0xE0DD], ids=hex)
@pytest.mark.parametrize("length", [0, 8, 0xFFFFFFFF], ids=hex)
def test_items_and_delimiters_outside_sequences(tag: int, length: int, pki: Pki) -> None:
    stray = b.Raw(struct.pack("<HHI", 0xFFFE, tag, length))
    name = b.text(t.PATIENT_NAME, "PN", "Doe^Jane")
    assert exercise(b.file((stray, name))) is None
    assert exercise(b.file((name, stray))) is None
    assert exercise(b.file((name, stray, b.Value(t.PATIENT_COMMENTS, "LT", b"ab")))) is None
    for undefined in (True, False):
        within = b.Sequence(
            t.REFERENCED_IMAGE_SEQUENCE, (b.Item((stray, name), undefined=undefined),), undefined=undefined
        )
        assert exercise(b.file((within, name))) in (None, Verdict.NO_SIGNATURE)
    good = sign_dataset(b.file(b.image()), pki["p256"])
    assert exercise(good + stray.data) in (None, Verdict.VALID)


CONTRADICTIONS: dict[str, tuple[b.Node, ...]] = {
    "item longer than its sequence": (
        b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 7),), length=11),)),
    ),
    "item shorter than its elements": (
        b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 7),), length=9),)),
    ),
    "sequence shorter than its items": (
        b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 7),)),), length=17),
    ),
    "sequence longer than the file": (
        b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 7),)),), length=1000),
    ),
    "element longer than its item": (
        b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.Value(tags.ROWS, "US", b"ab", length=3),)),)),
    ),
    "fragment of undefined length": (
        b.Raw(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0"),
    ),
    "fragment longer than the file": (
        b.Raw(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"),
    ),
    "text of undefined length": (b.Raw(b"\x10\x00\x20\x40UT\0\0\xff\xff\xff\xffab"),),
    "VR of no letters": (b.Raw(b"\x10\x00\x10\x00\x01\x02\x02\x00ab"),),
}


@pytest.mark.parametrize("nodes", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_lengths_that_contradict_each_other(nodes: tuple[b.Node, ...]) -> None:
    assert exercise(b.file((*nodes, b.text(0x7FE10010, "LO", "ACME")))) is None
    within = b.Sequence(tags.REFERENCED_SERIES_SEQUENCE, (b.Item(nodes), b.Item()))
    assert exercise(b.file((within, b.text(0x7FE10010, "LO", "ACME")))) is None


def test_a_sequence_that_ends_inside_its_item(pki: Pki) -> None:
    """The end that the sequence claims lies in a value, where an element seems to begin that holds the delimiter.

    Read to that end, the bytes behind it are an element of their own; read to the delimiter, they are part of the
    sequence. As lengths are in no MAC, only refusing it helps.
    """
    hidden = b"\x09\x00\x02\x10OB\0\0\x08\0\0\0"
    item = b.Item((b.Value(0x00091001, "OB", b"abcd" + hidden),), undefined=True)
    for more in ((), (b.Value(tags.PIXEL_DATA, "OW", bytes(3 << 20)),)):
        nodes = (b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (item,)), b.text(t.PATIENT_COMMENTS, "LT", "ab"), *more)
        data = sign_dataset(b.file(nodes), pki["p256"], tags=[t.REFERENCED_IMAGE_SEQUENCE])
        assert integrity_verdict(data) is Verdict.VALID
        head = b"\x08\x00\x40\x11SQ\0\0"
        at_length = data.index(head) + len(head)
        (length,) = struct.unpack_from("<I", data, at_length)
        shorter = struct.pack("<I", length - 8 - len(hidden))
        twofold = data[:at_length] + shorter + data[at_length + 4 :]
        for source in (twofold, BytesIO(twofold)):
            with pytest.raises(Malformed):
                verify_integrity(source)


def test_a_small_sequence_that_contradicts_itself_and_repeats() -> None:
    """Small sequences are remembered; what is wrong with one stays wrong at its second sight and in a large item."""
    wrong = b"\x08\x00\x40\x11SQ\0\0\x14\0\0\0\xfe\xff\x00\xe0\x64\0\0\0\x28\x00\x10\x00US\x5c\x00abcd"
    large = b.Value(0x00091001, "OB", bytes(300_000))
    for repeats in (1, 2, 3):
        item = b.Item((b.Raw(wrong * repeats), large), undefined=True)
        data = b.file((b.Sequence(t.CONTENT_SEQUENCE, (item, item)), b.Value(tags.PIXEL_DATA, "OW", bytes(3 << 20))))
        for source in (data, BytesIO(data)):
            with pytest.raises(Malformed):
                dcmseal.plan_signing(source)


def test_invalid_deflated_bytes(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image(), b.DEFLATED_LE), pki["p256"])
    start = len(b.file((), b.DEFLATED_LE)) - 2
    for position in range(start, len(data) - 1, 7):
        assert exercise(data[:position]) is None
        assert exercise(data[:position] + b"\xff\xff" + data[position + 2 :]) is not Verdict.VALID
    assert exercise(data + b"\0\0") is Verdict.INVALID


def test_a_delimiter_in_a_sequence_of_defined_length(pki: Pki) -> None:
    """It would hide the items behind it."""
    data = sign_dataset(b.file(b.image()), pki["p256"])
    delimiter = b"\xfe\xff\xdd\xe0\0\0\0\0"
    for mark in (b"\xfe\x4f\x01\x00SQ\0\0", b"\xfa\xff\xfa\xffSQ\0\0"):
        start = data.index(mark) + 8
        (length,) = struct.unpack_from("<I", data, start)
        assert exercise(data[:start] + struct.pack("<I", length + 8) + delimiter + data[start + 4 :]) is None


def test_the_macro_twice(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    macro = {
        tag: b.Sequence(tag, read_items(data, tag))
        for tag in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE)
    }
    for tag, again in macro.items():
        both = b.file((*b.image(*(each for key, each in macro.items() if key != tag)), again, again))
        assert exercise(both) in (Verdict.INVALID, None)
        first_empty = b.file((*b.image(*(each for key, each in macro.items() if key != tag)), b.Sequence(tag), again))
        assert exercise(first_empty) in (Verdict.INVALID, None)
