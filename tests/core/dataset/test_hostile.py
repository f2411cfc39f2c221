"""Hostile input: whatever the bytes are, there is a report or a SealError, and neither memory nor time runs away."""

from __future__ import annotations

import struct
import subprocess
import sys
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal.dataset import part10
from dcmseal.dataset.source import WINDOW
from dcmseal.errors import Malformed, SealError
from dcmseal.report import Verdict
from tests.core.engine.kit import (
    MAC_ID,
    MAC_PARAMETERS,
    SIGNATURES,
    SIGNED,
    codes,
    edited,
    items_of,
    sealed,
    signed,
    signer_of,
    stream_of,
    verdict,
    verified,
)
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
    at,
    encode,
    file,
    image,
    text,
    us,
)
from tests.support.pki import Pki

NESTED = Sequence(0x00081140, (Item((us(0x00280010, 7), Sequence(0x00400555, undefined=True)), undefined=True),))
ICON = Sequence(0x00880200, (Item((Fragments(fragments=(b"", b"ab")),)),))
SMALL: tuple[Node, ...] = (
    text(0x00080060, "CS", "OT"),
    NESTED,
    text(0x00100010, "PN", "Doe^Jane"),
    ICON,
    Fragments(fragments=(b"", b"ab")),
)


def survive(data: bytes) -> Verdict | None:
    """Do all that can be done with a data set; None if it cannot be read."""

    def first(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return function(*arguments, **options)
            except SealError:
                return None

    report = first(verified, data)
    for signature in first(dcmseal.signatures, data) or ():
        first(dcmseal.stream, data, signature.uid, lambda _: None)
        first(lambda found: found.certificate, signature)
    first(dcmseal.remove, data)
    plan = first(dcmseal.plan, data)
    if plan is not None:
        plan.close()
    return report.verdict if report is not None else None


def test_data_sets_and_items_without_elements(pki: Pki) -> None:
    assert survive(file((), DEFLATED_LE)) is Verdict.NO_SIGNATURE
    data = file((Sequence(0x00081140, (Item(), Item(undefined=True))), text(0x00100010, "PN", "Doe^Jane")))
    for item in (0, 1):
        with pytest.raises(SealError, match="nothing"):
            signed(data, pki["p256"], location=f"ReferencedImageSequence[{item}]")
    assert verdict(signed(data, pki["p256"])) is Verdict.VALID


@contextmanager
def little_memory(megabytes: int) -> Iterator[None]:
    """No more than so much is allocated inside."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes << 20
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def small(pki: Pki) -> bytes:
    return signed(file(SMALL, JPEG_BASELINE), pki["p256"])


def test_cut_short_anywhere(small: bytes) -> None:
    assert survive(small) is Verdict.VALID
    for length in range(len(small)):
        assert survive(small[:length]) in (None, Verdict.NO_SIGNATURE, Verdict.INVALID, Verdict.NOT_ESTABLISHED)


@pytest.mark.parametrize("number", [0, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF], ids=hex)
def test_any_number_anywhere(number: int, small: bytes) -> None:
    """Lengths among them, as long as memory, negative, or undefined."""
    certificate = small.index(b"\x00\x04\x15\x01OB")
    before = stream_of(small)
    with little_memory(8):
        for position in [*range(132, certificate + 60, 2), *range(len(small) - 90, len(small) - 3, 2)]:
            changed = small[:position] + struct.pack("<I", number) + small[position + 4 :]
            if survive(changed) is Verdict.VALID:
                assert stream_of(changed) == before


@pytest.mark.parametrize("syntax", [*NATIVE_SYNTAXES, JPEG_BASELINE], ids=lambda syntax: syntax.uid)
@given(data=st.binary(max_size=200))
def test_random_bytes_behind_the_header(syntax: Syntax, data: bytes) -> None:
    survive(file((), syntax, after=data))
    survive(data)
    survive(b"\x08\x00\x05\x00CS" + data)


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
    assert verdict(signed(fine, pki["p256"])) is Verdict.VALID
    path = ".".join(["ReferencedImageSequence[0]"] * 200)
    inner = signed(fine, pki["p256"], location=path)
    assert verdict(inner) is Verdict.VALID
    assert [str(each.location) for each in dcmseal.signatures(inner)] == [path]
    assert dcmseal.remove(inner).data == fine
    for depth in (1000, 10_000):
        bomb = file((Raw(deep(depth, syntax, undefined=undefined)), name), syntax)
        with little_memory(16), pytest.raises(Malformed, match="nested"):
            verified(bomb)
        assert survive(bomb) is None


def test_nesting_without_end_in_a_signed_file(pki: Pki) -> None:
    data = sealed(pki["p256"], image(), listed=(0x00100010,))
    for undefined in (True, False):
        assert survive(edited(data, main={0x00081140: Raw(deep(2000, EXPLICIT_LE, undefined=undefined))})) is None


def test_deep_sequences_of_unknown_vr() -> None:
    """Of undefined length they hold implicit VR little endian (PS3.5 6.2.2), whatever is around them."""
    inside = deep(1000, IMPLICIT_LE, undefined=True)
    unknown = struct.pack("<HH", 9, 0x1001) + b"UN\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + inside
    assert survive(file((Raw(unknown + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"),))) is None


@pytest.mark.parametrize("tag", [0xE000, 0xE00D, 0xE0DD], ids=hex)
@pytest.mark.parametrize("length", [0, 8, 0xFFFFFFFF], ids=hex)
def test_items_and_delimiters_outside_sequences(tag: int, length: int, pki: Pki) -> None:
    stray = Raw(struct.pack("<HHI", 0xFFFE, tag, length))
    name = text(0x00100010, "PN", "Doe^Jane")
    assert survive(file((stray, name))) is None
    assert survive(file((name, stray))) is None
    assert survive(file((name, stray, Value(0x00104000, "LT", b"ab")))) is None
    for undefined in (True, False):
        within = Sequence(0x00081140, (Item((stray, name), undefined=undefined),), undefined=undefined)
        assert survive(file((within, name))) in (None, Verdict.NO_SIGNATURE)
    good = signed(file(image()), pki["p256"])
    assert survive(good + stray.data) in (None, Verdict.VALID)


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
    assert survive(file((*nodes, text(0x7FE10010, "LO", "ACME")))) is None
    within = Sequence(0x00081115, (Item(nodes), Item()))
    assert survive(file((within, text(0x7FE10010, "LO", "ACME")))) is None


def test_a_sequence_that_ends_inside_its_item(pki: Pki) -> None:
    """The end that the sequence claims lies in a value, where an element seems to begin that holds the delimiter.

    Read to that end, the bytes behind it are an element of their own; read to the delimiter, they are part of the
    sequence. As lengths are in no MAC, only refusing it helps.
    """
    hidden = b"\x09\x00\x02\x10OB\0\0\x08\0\0\0"
    item = Item((Value(0x00091001, "OB", b"abcd" + hidden),), undefined=True)
    for more in ((), (Value(0x7FE00010, "OW", bytes(3 << 20)),)):
        nodes = (Sequence(0x00081140, (item,)), text(0x00104000, "LT", "ab"), *more)
        data = signed(file(nodes), pki["p256"], tags=[0x00081140])
        assert verdict(data) is Verdict.VALID
        head = b"\x08\x00\x40\x11SQ\0\0"
        at_length = data.index(head) + len(head)
        (length,) = struct.unpack_from("<I", data, at_length)
        shorter = struct.pack("<I", length - 8 - len(hidden))
        twofold = data[:at_length] + shorter + data[at_length + 4 :]
        for source in (twofold, BytesIO(twofold)):
            with pytest.raises(Malformed):
                verified(source)


def test_a_small_sequence_that_contradicts_itself_and_repeats() -> None:
    """Small sequences are remembered; what is wrong with one stays wrong at its second sight and in a large item."""
    wrong = b"\x08\x00\x40\x11SQ\0\0\x14\0\0\0\xfe\xff\x00\xe0\x64\0\0\0\x28\x00\x10\x00US\x5c\x00abcd"
    large = Value(0x00091001, "OB", bytes(300_000))
    for repeats in (1, 2, 3):
        item = Item((Raw(wrong * repeats), large), undefined=True)
        data = file((Sequence(0x0040A730, (item, item)), Value(0x7FE00010, "OW", bytes(3 << 20))))
        for source in (data, BytesIO(data)):
            with pytest.raises(Malformed):
                dcmseal.plan(source)


BOMB = """
import resource, sys
import dcmseal
from dcmseal.errors import SealError
import cryptography.x509
from dcmseal_software.signer import SoftwareSigner
free = 100 << 20
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + free, used + free))
print(dcmseal.verify(sys.argv[1], integrity_only=True).verdict)
with dcmseal.plan(sys.argv[1]) as plan:
    print(len(plan.elements))
dcmseal.remove(sys.argv[1], output=sys.argv[2])
"""


def test_a_deflate_bomb(tmp_path: Path) -> None:
    """It may fill the disk up to a limit, but not the memory."""
    size = 60 << 20
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(b"\x09\x00\x01\x10OB\0\0" + struct.pack("<I", size))
    zeros = bytes(1 << 20)
    bomb += b"".join(packer.compress(zeros) for _ in range(size >> 20)) + packer.flush()
    path = tmp_path / "bomb.dcm"
    path.write_bytes(file((), DEFLATED_LE)[:-2] + bomb)
    assert path.stat().st_size < 400_000
    command = [sys.executable, "-c", BOMB, str(path), str(tmp_path / "out.dcm")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "no-signature\n1\n"), done.stderr


def test_a_deflate_bomb_has_a_limit(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    data = signed(file(image(Value(0x00091001, "OB", bytes(1 << 20))), DEFLATED_LE), pki["p256"])
    assert verdict(data) is Verdict.VALID
    monkeypatch.setattr(part10, "MAX_INFLATED", 1 << 20)
    with pytest.raises(Malformed, match="comes to more than"):
        verified(data)


def test_deflated_bytes_that_are_none(pki: Pki) -> None:
    data = signed(file(image(), DEFLATED_LE), pki["p256"])
    start = len(file((), DEFLATED_LE)) - 2
    for position in range(start, len(data) - 1, 7):
        assert survive(data[:position]) is None
        assert survive(data[:position] + b"\xff\xff" + data[position + 2 :]) is not Verdict.VALID
    assert survive(data + b"\0\0") is Verdict.VALID


def elements(count: int) -> Raw:
    """So many empty private elements in ascending order."""
    pack = struct.Struct("<HH2sH").pack
    return Raw(b"".join(pack(9 + n // 0xE000 * 2, 0x1000 + n % 0xE000, b"LO", 0) for n in range(count)))


def test_very_many_elements(pki: Pki) -> None:
    some = signed(file((elements(100_000),)), pki["p256"], tags=[0x00091001])
    with little_memory(60):
        assert verdict(some) is Verdict.VALID
    with pytest.raises(Malformed, match="more than 250000"):
        verified(file((elements(250_001),)))
    with pytest.raises(Malformed, match="more than 250000"):
        dcmseal.signatures(file((elements(250_001),)))
    nested = Sequence(0x00081140, (Item((elements(300_000),)),))
    assert verdict(signed(file((nested,)), pki["p256"])) is Verdict.VALID


def test_very_many_items(pki: Pki) -> None:
    """A signature may stand in any of them."""
    data = file((Sequence(0x00081140, tuple(Item((us(0x00280010, n),)) for n in range(5000))),))
    once = signed(data, pki["p256"], location="ReferencedImageSequence[4999]")
    assert verdict(once) is Verdict.VALID
    assert dcmseal.remove(once).data == data


class Counting(BytesIO):
    """Counts the bytes that are read."""

    total = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.total += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer)
        self.total += count
        return count


def passes(data: bytes) -> float:
    """How often verification reads the file."""
    source = Counting(data)
    verified(source)
    return source.total / len(data)


def with_signatures(count: int, good: bytes, *extra: Node, syntax: Syntax = EXPLICIT_LE) -> bytes:
    """The same signature many times; with ``extra`` elements it may not be valid any more."""
    macro = (
        Sequence(MAC_PARAMETERS, items_of(good, MAC_PARAMETERS)),
        Sequence(SIGNATURES, items_of(good, SIGNATURES) * count),
    )
    return file(image(*macro, *extra), syntax)


def test_very_many_signatures(pki: Pki) -> None:
    good = signed(file(image()), pki["rsa2048"])
    with little_memory(60):
        report = verified(with_signatures(300, good))
    assert (len(report.signatures), report.verdict) == (300, Verdict.VALID)
    with pytest.raises(Malformed, match="more than 4096 items"):
        verified(with_signatures(5000, good))
    (item,) = items_of(good, MAC_PARAMETERS)
    with pytest.raises(Malformed, match="more than 4096 items"):
        verified(edited(good, main={MAC_PARAMETERS: Sequence(MAC_PARAMETERS, (item,) * 5000)}))


def test_very_many_bad_signatures(pki: Pki) -> None:
    """Looking for what is wrong with a signature takes more passes, but not for each of them."""
    good = signed(file(image()), pki["rsa2048"])
    other = (text(0x00100010, "PN", "Doe^John"), Value(0x00104000, "LT", b"x     "), us(0x00280106, 1), NESTED)
    bulk = Value(0x7FE00010, "OW", bytes(1 << 20))
    few, many = (with_signatures(count, good, *other, bulk, syntax=IMPLICIT_LE) for count in (1, 300))
    assert codes(verified(many))["mac-differs"]
    assert passes(few) > 2
    assert passes(many) < passes(few) + 20


def test_very_many_levels(pki: Pki) -> None:
    """Each item with a signature of its own, all of them wrong."""
    good = signed(file(image()), pki["p256"])
    macro = (Sequence(MAC_PARAMETERS, items_of(good, MAC_PARAMETERS)), Sequence(SIGNATURES, items_of(good, SIGNATURES)))
    for padding in (b"x ", b"x      "):
        item = Item((Value(0x00104000, "LT", padding), *macro))
        data = file((Sequence(0x00081140, (item,) * 1000),))
        assert passes(data) * len(data) / 1000 < 3 * WINDOW
        report = verified(data)
        assert (len(report.signatures), report.verdict) == (1000, Verdict.INVALID)
        assert dcmseal.remove(data).data == file((Sequence(0x00081140, (Item(item.elements[:1]),) * 1000),))


def test_very_many_lists_and_long_ones(pki: Pki) -> None:
    """What signatures share is worked out once: a small file must not fill the memory with what it lists."""
    good = signed(file(image()), pki["p256"])
    listed = at(SIGNED, *(0x00090010 + n for n in range(16_000)))
    for count in (25, 1000):
        signatures = Sequence(SIGNATURES, items_of(good, SIGNATURES) * count)
        data = edited(good, mac={SIGNED: listed}, main={SIGNATURES: signatures})
        with little_memory(60):
            if count == 25:
                assert len(verified(data).signatures) == len(dcmseal.signatures(data)) == count
            else:
                assert survive(data) is None
    excluded = at(SIGNED, *(n << 16 | 0x00000010 for n in range(2, 16_002)))
    with little_memory(60):
        assert verified(edited(good, mac={SIGNED: excluded})).verdict is Verdict.INVALID


def test_many_lists_over_many_elements(pki: Pki) -> None:
    good = signed(file(image()), pki["p256"])
    (item,) = items_of(good, MAC_PARAMETERS)
    (signature,) = items_of(good, SIGNATURES)

    def numbered(item: Item, number: int, *more: Node) -> Item:
        changed = (us(MAC_ID, number), *more)
        tags = {node.tag for node in changed if not isinstance(node, Raw)}
        kept = [node for node in item.elements if not isinstance(node, Raw) and node.tag not in tags]
        return Item(tuple(sorted((*kept, *changed), key=lambda node: 0 if isinstance(node, Raw) else node.tag)))

    count = 100
    macro = (
        Sequence(
            MAC_PARAMETERS, tuple(numbered(item, n, at(SIGNED, 0x00100010, 0x00110010 + n)) for n in range(count))
        ),
        Sequence(SIGNATURES, tuple(numbered(signature, n) for n in range(count))),
    )
    nodes = image(*macro)
    data = file((*nodes[:3], elements(50_000), *nodes[3:]))
    with little_memory(100):
        report = verified(data)
    assert len(report.signatures) == count
    assert "too-many-macs" in codes(report)
    assert report.signatures[-1].coverage is None


def test_the_macro_twice(pki: Pki) -> None:
    data = signed(file(image()), pki["p256"])
    macro = {tag: Sequence(tag, items_of(data, tag)) for tag in (MAC_PARAMETERS, SIGNATURES)}
    for tag, again in macro.items():
        both = file((*image(*(each for key, each in macro.items() if key != tag)), again, again))
        assert survive(both) in (Verdict.INVALID, None)
        first_empty = file((*image(*(each for key, each in macro.items() if key != tag)), Sequence(tag), again))
        assert survive(first_empty) in (Verdict.INVALID, None)


def test_no_more_memory_than_windows_for_large_values(pki: Pki, tmp_path: Path) -> None:
    path, out = tmp_path / "large.dcm", tmp_path / "signed.dcm"
    path.write_bytes(file(image(Value(0x7FE00010, "OW", bytes(50 << 20)))))
    with little_memory(8):
        dcmseal.sign(path, signer=signer_of(pki["p256"]), output=out)
        assert verdict(out) is Verdict.VALID
