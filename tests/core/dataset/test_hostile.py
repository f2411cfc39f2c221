"""Hostile input: whatever the bytes are, there is a report or a SealError."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal.errors import Malformed, SealError
from dcmseal.model.verdict import Verdict
from tests.core.dataset.robustness import exercise, limit_memory
from tests.support.builder import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    NATIVE_SYNTAXES,
    Fragments,
    Item,
    Node,
    Raw,
    Sequence,
    Syntax,
    Value,
    encode,
    file,
    image,
    text,
    us,
)
from tests.support.pki import Pki
from tests.support.signed_files import (
    MAC_PARAMETERS,
    SIGNATURES,
    edit_signed,
    integrity_verdict,
    read_items,
    reference_stream,
    sign_by_hand,
    sign_dataset,
    verify_integrity,
)

NESTED = Sequence(0x00081140, (Item((us(0x00280010, 7), Sequence(0x00400555, undefined=True)), undefined=True),))
ICON = Sequence(0x00880200, (Item((Fragments(fragments=(b"", b"ab")),)),))
SMALL: tuple[Node, ...] = (
    text(0x00080060, "CS", "OT"),
    NESTED,
    text(0x00100010, "PN", "Doe^Jane"),
    ICON,
    Fragments(fragments=(b"", b"ab")),
)


def test_data_sets_and_items_without_elements(pki: Pki) -> None:
    assert exercise(file((), DEFLATED_LE)) is Verdict.NO_SIGNATURE
    data = file((Sequence(0x00081140, (Item(), Item(undefined=True))), text(0x00100010, "PN", "Doe^Jane")))
    for item in (0, 1):
        with pytest.raises(SealError, match="nothing"):
            sign_dataset(data, pki["p256"], location=f"ReferencedImageSequence[{item}]")
    assert integrity_verdict(sign_dataset(data, pki["p256"])) is Verdict.VALID


@pytest.fixture(scope="module")
def small(pki: Pki) -> bytes:
    return sign_dataset(file(SMALL, JPEG_BASELINE), pki["p256"])


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


@pytest.mark.parametrize("syntax", [*NATIVE_SYNTAXES, JPEG_BASELINE], ids=lambda syntax: syntax.uid)
@given(data=st.binary(max_size=200))
def test_random_bytes_behind_the_header(syntax: Syntax, data: bytes) -> None:
    exercise(file((), syntax, after=data))
    exercise(data)
    exercise(b"\x08\x00\x05\x00CS" + data)


def deep(depth: int, syntax: Syntax, *, undefined: bool, inside: bytes = b"") -> bytes:
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
@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE], ids=lambda syntax: syntax.uid)
def test_nesting_without_end(syntax: Syntax, undefined: bool, pki: Pki) -> None:
    """Up to a depth that no real object comes near, all works; beyond it nothing does, and the stack is not asked."""
    name = text(0x00100010, "PN", "Doe^Jane")
    fine = file((Raw(deep(200, syntax, undefined=undefined, inside=encode((name,), syntax))), name), syntax)
    assert integrity_verdict(sign_dataset(fine, pki["p256"])) is Verdict.VALID
    path = ".".join(["ReferencedImageSequence[0]"] * 200)
    inner = sign_dataset(fine, pki["p256"], location=path)
    assert integrity_verdict(inner, location=path) is Verdict.VALID
    assert integrity_verdict(inner) is Verdict.NOT_ESTABLISHED
    assert [str(each.location) for each in dcmseal.signatures(inner)] == [path]
    assert dcmseal.remove(inner).data == fine
    for depth in (1000, 10_000):
        bomb = file((Raw(deep(depth, syntax, undefined=undefined)), name), syntax)
        with limit_memory(16), pytest.raises(Malformed, match="nested"):
            verify_integrity(bomb)
        assert exercise(bomb) is None


def test_nesting_without_end_in_a_signed_file(pki: Pki) -> None:
    data = sign_by_hand(pki["p256"], image(), listed=(0x00100010,))
    for undefined in (True, False):
        assert exercise(edit_signed(data, main={0x00081140: Raw(deep(2000, EXPLICIT_LE, undefined=undefined))})) is None


def test_deep_sequences_of_unknown_vr() -> None:
    """Of undefined length they hold implicit VR little endian (PS3.5 6.2.2), whatever is around them."""
    inside = deep(1000, IMPLICIT_LE, undefined=True)
    unknown = struct.pack("<HH", 9, 0x1001) + b"UN\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + inside
    assert exercise(file((Raw(unknown + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"),))) is None


@pytest.mark.parametrize("tag", [0xE000, 0xE00D, 0xE0DD], ids=hex)
@pytest.mark.parametrize("length", [0, 8, 0xFFFFFFFF], ids=hex)
def test_items_and_delimiters_outside_sequences(tag: int, length: int, pki: Pki) -> None:
    stray = Raw(struct.pack("<HHI", 0xFFFE, tag, length))
    name = text(0x00100010, "PN", "Doe^Jane")
    assert exercise(file((stray, name))) is None
    assert exercise(file((name, stray))) is None
    assert exercise(file((name, stray, Value(0x00104000, "LT", b"ab")))) is None
    for undefined in (True, False):
        within = Sequence(0x00081140, (Item((stray, name), undefined=undefined),), undefined=undefined)
        assert exercise(file((within, name))) in (None, Verdict.NO_SIGNATURE)
    good = sign_dataset(file(image()), pki["p256"])
    assert exercise(good + stray.data) in (None, Verdict.VALID)


CONTRADICTIONS: dict[str, tuple[Node, ...]] = {
    "item longer than its sequence": (Sequence(0x00081140, (Item((us(0x00280010, 7),), length=11),)),),
    "item shorter than its elements": (Sequence(0x00081140, (Item((us(0x00280010, 7),), length=9),)),),
    "sequence shorter than its items": (Sequence(0x00081140, (Item((us(0x00280010, 7),)),), length=17),),
    "sequence longer than the file": (Sequence(0x00081140, (Item((us(0x00280010, 7),)),), length=1000),),
    "element longer than its item": (Sequence(0x00081140, (Item((Value(0x00280010, "US", b"ab", length=3),)),)),),
    "fragment of undefined length": (
        Raw(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff\xfe\xff\xdd\xe0\0\0\0\0"),
    ),
    "fragment longer than the file": (
        Raw(b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"),
    ),
    "text of undefined length": (Raw(b"\x10\x00\x20\x40UT\0\0\xff\xff\xff\xffab"),),
    "VR of no letters": (Raw(b"\x10\x00\x10\x00\x01\x02\x02\x00ab"),),
}


@pytest.mark.parametrize("nodes", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_lengths_that_contradict_each_other(nodes: tuple[Node, ...]) -> None:
    assert exercise(file((*nodes, text(0x7FE10010, "LO", "ACME")))) is None
    within = Sequence(0x00081115, (Item(nodes), Item()))
    assert exercise(file((within, text(0x7FE10010, "LO", "ACME")))) is None


def test_a_sequence_that_ends_inside_its_item(pki: Pki) -> None:
    """The end that the sequence claims lies in a value, where an element seems to begin that holds the delimiter.

    Read to that end, the bytes behind it are an element of their own; read to the delimiter, they are part of the
    sequence. As lengths are in no MAC, only refusing it helps.
    """
    hidden = b"\x09\x00\x02\x10OB\0\0\x08\0\0\0"
    item = Item((Value(0x00091001, "OB", b"abcd" + hidden),), undefined=True)
    for more in ((), (Value(0x7FE00010, "OW", bytes(3 << 20)),)):
        nodes = (Sequence(0x00081140, (item,)), text(0x00104000, "LT", "ab"), *more)
        data = sign_dataset(file(nodes), pki["p256"], tags=[0x00081140])
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
    large = Value(0x00091001, "OB", bytes(300_000))
    for repeats in (1, 2, 3):
        item = Item((Raw(wrong * repeats), large), undefined=True)
        data = file((Sequence(0x0040A730, (item, item)), Value(0x7FE00010, "OW", bytes(3 << 20))))
        for source in (data, BytesIO(data)):
            with pytest.raises(Malformed):
                dcmseal.plan_signing(source)


def test_deflated_bytes_that_are_none(pki: Pki) -> None:
    data = sign_dataset(file(image(), DEFLATED_LE), pki["p256"])
    start = len(file((), DEFLATED_LE)) - 2
    for position in range(start, len(data) - 1, 7):
        assert exercise(data[:position]) is None
        assert exercise(data[:position] + b"\xff\xff" + data[position + 2 :]) is not Verdict.VALID
    assert exercise(data + b"\0\0") is Verdict.INVALID


def test_a_delimiter_in_a_sequence_of_defined_length(pki: Pki) -> None:
    """It would hide the items behind it."""
    data = sign_dataset(file(image()), pki["p256"])
    delimiter = b"\xfe\xff\xdd\xe0\0\0\0\0"
    for mark in (b"\xfe\x4f\x01\x00SQ\0\0", b"\xfa\xff\xfa\xffSQ\0\0"):
        start = data.index(mark) + 8
        (length,) = struct.unpack_from("<I", data, start)
        assert exercise(data[:start] + struct.pack("<I", length + 8) + delimiter + data[start + 4 :]) is None


def test_the_macro_twice(pki: Pki) -> None:
    data = sign_dataset(file(image()), pki["p256"])
    macro = {tag: Sequence(tag, read_items(data, tag)) for tag in (MAC_PARAMETERS, SIGNATURES)}
    for tag, again in macro.items():
        both = file((*image(*(each for key, each in macro.items() if key != tag)), again, again))
        assert exercise(both) in (Verdict.INVALID, None)
        first_empty = file((*image(*(each for key, each in macro.items() if key != tag)), Sequence(tag), again))
        assert exercise(first_empty) in (Verdict.INVALID, None)
