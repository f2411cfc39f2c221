"""Signed files changed at random: only SealError comes out, and what is valid has the same MAC byte stream.

How many examples are tried is up to the profile that HYPOTHESIS_PROFILE names: ``thorough`` has many.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import dcmseal
from dcmseal.errors import SealError
from dcmseal.report import Verdict
from tests.core.engine.cutting import split
from tests.core.engine.kit import signed, stream_of, verified
from tests.support.builder import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    Fragments,
    Item,
    Node,
    Sequence,
    Syntax,
    all_vrs,
    file,
    image,
    text,
    trailing_padding,
    us,
    with_group_lengths,
)
from tests.support.pki import Pki

ITEM = Item((us(0x00280010, 7), Sequence(0x00400555, (Item(),), undefined=True), text(0x0040A160, "UT", "text")))
NESTED = Sequence(0x00081140, (ITEM, Item((us(0x00280010, 8),), undefined=True)), undefined=True)
ICON = Sequence(0x00880200, (Item((Fragments(fragments=(b"", b"ab")),)),))
RICH: tuple[Node, ...] = image(NESTED, text(0x00104000, "LT", "comment"), trailing_padding(10))
SEEDS: dict[str, tuple[tuple[Node, ...], Syntax]] = {
    "explicit": (RICH, EXPLICIT_LE),
    "implicit": (RICH, IMPLICIT_LE),
    "big endian": (RICH, EXPLICIT_BE),
    "deflated": (RICH, DEFLATED_LE),
    "fragments": (image(NESTED, ICON, Fragments(fragments=(b"", b"abcd", b"ef"))), JPEG_BASELINE),
    "all VRs": (all_vrs(), EXPLICIT_LE),
    "group lengths": (with_group_lengths(RICH), EXPLICIT_LE),
}
fuzz = settings(deadline=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True, slots=True)
class Seed:
    """A signed file and its stream."""

    data: bytes
    start: int
    """Where the Data Set begins."""
    stream: bytes


@pytest.fixture(scope="module")
def seeds(pki: Pki) -> dict[str, Seed]:
    made = {}
    for name, (nodes, syntax) in SEEDS.items():
        data = signed(file(nodes, syntax), pki["p256"], purpose=1)
        if name == "group lengths":
            data = signed(data, pki["p256"], location="ReferencedImageSequence[0]")
        made[name] = Seed(data, len(split(data)[0]), stream_of(data, lenient=True) or b"")
    return made


Mutation = Callable[[bytes, int], bytes]


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    """A change somewhere behind the meta information, mostly; places are fractions of the file."""
    kind = draw(st.sampled_from(["flip", "set", "cut", "repeat", "insert", "move", "number", "end"]))
    place, other = (draw(st.floats(0, 1, exclude_max=True)) for _ in range(2))
    size = draw(st.integers(1, 64))
    bytes_ = draw(st.binary(min_size=1, max_size=16) | st.sampled_from(TOKENS))
    anywhere = draw(st.integers(0, 9)) == 0

    def mutate(data: bytes, start: int) -> bytes:
        first = 0 if anywhere else min(start, len(data))
        at, to = (first + int(fraction * (len(data) - first)) for fraction in (place, other))
        return {
            "flip": lambda: data[:at] + bytes([data[at] ^ 1 << size % 8]) + data[at + 1 :] if at < len(data) else data,
            "set": lambda: data[:at] + bytes_ + data[at + len(bytes_) :],
            "cut": lambda: data[:at] + data[at + size :],
            "repeat": lambda: data[: at + size] + data[at : at + size] + data[at + size :],
            "insert": lambda: data[:at] + bytes_ + data[at:],
            "move": lambda: data[:to] + data[at : at + size] + data[to:],
            "number": lambda: data[:at] + (size - 32).to_bytes(4, "little", signed=True) + data[at + 4 :],
            "end": lambda: data[:at],
        }[kind]()

    return mutate


TOKENS = (
    b"\xfe\xff\x00\xe0\x00\x00\x00\x00",
    b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
    b"\xfe\xff\x0d\xe0\x00\x00\x00\x00",
    b"\xfe\xff\xdd\xe0\x00\x00\x00\x00",
    b"SQ\x00\x00\xff\xff\xff\xff",
    b"UN\x00\x00\xff\xff\xff\xff",
    b"\xfa\xff\xfa\xffSQ\x00\x00",
    b"\x00\x04\x01\x04SQ\x00\x00",
    b"\x00\x00",
    b" ",
)


def survive(data: bytes, pki: Pki) -> Verdict | None:
    """All that can be done with a file; whatever is not a SealError comes out."""

    def attempt(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return function(*arguments, **options)
            except SealError:
                return None

    report = attempt(verified, data)
    for signature in attempt(dcmseal.signatures, data) or ():
        attempt(dcmseal.stream, data, signature.uid, lambda _: None)
        attempt(lambda found: (found.certificate.subject, found.moment), signature)
    attempt(dcmseal.remove, data)
    again = attempt(signed, data, pki["p256"])
    if again is not None and report is not None:
        assert len(attempt(verified, again).signatures) == len(report.signatures) + 1
    return report.verdict if report is not None else None


@pytest.mark.parametrize("name", SEEDS)
@fuzz
@given(changes=st.lists(mutations(), min_size=1, max_size=4))
def test_changed_files(name: str, changes: list[Mutation], seeds: dict[str, Seed], pki: Pki) -> None:
    seed = seeds[name]
    data = seed.data
    for change in changes:
        data = change(data, seed.start)
    found = survive(data, pki)
    if found is Verdict.VALID and seed.stream:
        report = verified(data)
        (signature,) = {each.signature for each in report.signatures}
        stream = stream_of(data, lenient=True)
        # the reference encoder reads less than others: only what it reads can be compared
        assert stream is None or stream == seed.stream
        assert signature.purpose is not None
        assert signature.purpose.value == "1"


@pytest.mark.parametrize("name", SEEDS)
def test_the_seeds_are_valid(name: str, seeds: dict[str, Seed], pki: Pki) -> None:
    assert survive(seeds[name].data, pki) is Verdict.VALID
    assert bool(seeds[name].stream) == (name != "group lengths")
