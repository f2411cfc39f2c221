"""Warnings when signing: each is given where it is due, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from tests.support import reference
from tests.support.builder import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    NATIVE_SYNTAXES,
    Fragments,
    Item,
    Node,
    Sequence,
    Syntax,
    Value,
    file,
    image,
    text,
    us,
)
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset
from tests.support.truncated_reference import truncated_stream

CREATOR = text(0x00090010, "LO", "ACME")
PRIVATE = (CREATOR, Value(0x00091001, "OB", b"abcd"))
UNKNOWN = Value(0x00091002, "UN", b"abcd")
WITH_UNKNOWN = Sequence(0x00081140, (Item((UNKNOWN,)),))
TABLE = Sequence(0x00283000, (Item((Value(0x00283002, "US", b"\1\0\0\0\x10\0"),)),))

CASES: dict[str, tuple[tuple[Node, ...], Syntax, dict[str, tuple[int, ...]]]] = {
    "nothing": (image(), EXPLICIT_LE, {}),
    "private": (image(*PRIVATE), EXPLICIT_LE, {"private-signed": (0x00090010, 0x00091001)}),
    "private, implicit": (
        image(*PRIVATE),
        IMPLICIT_LE,
        {"private-implicit": (0x00091001,), "context-dependent-vrs": ()},
    ),
    "unknown": (image(UNKNOWN), EXPLICIT_LE, {"vr-un-not-signed": (0x00091002,)}),
    "sequence with unknown": (image(WITH_UNKNOWN), EXPLICIT_LE, {"sequence-with-un": (0x00081140,)}),
    "context": (image(TABLE), IMPLICIT_LE, {"context-dependent-vrs": ()}),
    "no context": (image(TABLE), EXPLICIT_LE, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_warnings(name: str) -> None:
    nodes, syntax, expected = CASES[name]
    with dcmseal.plan_signing(file(nodes, syntax)) as plan:
        assert {advice.code: advice.elements for advice in plan.warnings} == expected
        assert all(advice.message for advice in plan.warnings)


def test_padding_that_is_kept(pki: Pki) -> None:
    data = sign_dataset(file(image(Value(0x00104000, "LT", b"comment     "))), pki["p256"], padding="keep")
    with dcmseal.plan_signing(data) as plan:
        assert [advice.code for advice in plan.warnings] == ["padding-kept"]


def contours(count: int, points: int) -> Sequence:
    contour = Item((Value(0x30060050, "DS", b"-12.5\\" * points + b"1 "),))
    return Sequence(0x30060039, tuple(Item((Sequence(0x30060040, (contour,) * 3),)) for _ in range(count)))


def is_announced(nodes: tuple[Node, ...], syntax: Syntax) -> bool:
    with dcmseal.plan_signing(file(nodes, syntax)) as plan:
        return "dcmtk-truncates" in [advice.code for advice in plan.warnings]


def is_truncated(nodes: tuple[Node, ...]) -> bool:
    return bool(truncated_stream(reference.parse_file(file(nodes)).dataset).lost)


@pytest.mark.parametrize("syntax", NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
@pytest.mark.parametrize(("count", "points"), [(1, 10), (1, 800), (1, 900), (5, 100), (3, 700), (30, 300)])
def test_large_nested_sequences(count: int, points: int, syntax: Syntax) -> None:
    """Where DCMTK cuts its MAC short, and only there."""
    nodes = image(contours(count, points))
    assert is_announced(nodes, syntax) == is_truncated(nodes)


@given(sizes=st.lists(st.integers(0, 9000), min_size=2, max_size=6), syntax=st.sampled_from(NATIVE_SYNTAXES))
def test_random_sizes(sizes: list[int], syntax: Syntax) -> None:
    first, *others = (Value(0x00104000, "LT", b"x" * (size & ~1)) for size in sizes)
    inner = Sequence(0x0040A730, tuple(Item((other,)) for other in others))
    nodes = image(first, Sequence(0x00400555, (Item((inner,)), Item((us(0x00280010, 1),)))))
    assert is_announced(nodes, syntax) == is_truncated(nodes)


def test_large_but_flat() -> None:
    flat = Sequence(0x00081140, tuple(Item((Value(0x00104000, "LT", b"x" * 5000),)) for _ in range(20)))
    for nodes, syntax in (
        (image(flat), EXPLICIT_LE),
        (image(flat, Fragments(fragments=(b"", bytes(40_000)))), JPEG_BASELINE),
    ):
        assert not is_announced(nodes, syntax)


def test_only_what_is_signed_counts() -> None:
    data = file(image(contours(5, 700), *PRIVATE))
    with dcmseal.plan_signing(data, tags=["PatientName"]) as plan:
        assert plan.warnings == ()
