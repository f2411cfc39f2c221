"""Warnings when signing: each is given where it is due, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset
from tests.support.truncated_reference import truncated_stream

CREATOR = b.text(0x00090010, "LO", "ACME")
PRIVATE = (CREATOR, b.Value(0x00091001, "OB", b"abcd"))
UNKNOWN = b.Value(0x00091002, "UN", b"abcd")
WITH_UNKNOWN = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((UNKNOWN,)),))
TABLE = b.Sequence(t.MODALITY_LUT_SEQUENCE, (b.Item((b.Value(t.LUT_DESCRIPTOR, "US", b"\1\0\0\0\x10\0"),)),))

CASES: dict[str, tuple[tuple[b.Node, ...], b.Syntax, dict[str, tuple[int, ...]]]] = {
    "nothing": (b.image(), b.EXPLICIT_LE, {}),
    "private": (b.image(*PRIVATE), b.EXPLICIT_LE, {"private-signed": (0x00090010, 0x00091001)}),
    "private, implicit": (
        b.image(*PRIVATE),
        b.IMPLICIT_LE,
        {"private-implicit": (0x00091001,), "context-dependent-vrs": ()},
    ),
    "unknown": (b.image(UNKNOWN), b.EXPLICIT_LE, {"vr-un-not-signed": (0x00091002,)}),
    "sequence with unknown": (
        b.image(WITH_UNKNOWN),
        b.EXPLICIT_LE,
        {"sequence-with-un": (t.REFERENCED_IMAGE_SEQUENCE,)},
    ),
    "context": (b.image(TABLE), b.IMPLICIT_LE, {"context-dependent-vrs": ()}),
    "no context": (b.image(TABLE), b.EXPLICIT_LE, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_warnings(name: str) -> None:
    nodes, syntax, expected = CASES[name]
    with dcmseal.plan_signing(b.file(nodes, syntax)) as plan:
        assert {advice.code: advice.elements for advice in plan.warnings} == expected
        assert all(advice.message for advice in plan.warnings)


def test_padding_that_is_kept(pki: Pki) -> None:
    data = sign_dataset(
        b.file(b.image(b.Value(t.PATIENT_COMMENTS, "LT", b"comment     "))), pki["p256"], padding="keep"
    )
    with dcmseal.plan_signing(data) as plan:
        assert [advice.code for advice in plan.warnings] == ["padding-kept"]


def contours(count: int, points: int) -> b.Sequence:
    contour = b.Item((b.Value(t.CONTOUR_DATA, "DS", b"-12.5\\" * points + b"1 "),))
    return b.Sequence(
        t.ROI_CONTOUR_SEQUENCE, tuple(b.Item((b.Sequence(t.CONTOUR_SEQUENCE, (contour,) * 3),)) for _ in range(count))
    )


def is_announced(nodes: tuple[b.Node, ...], syntax: b.Syntax) -> bool:
    with dcmseal.plan_signing(b.file(nodes, syntax)) as plan:
        return "dcmtk-truncates" in [advice.code for advice in plan.warnings]


def is_truncated(nodes: tuple[b.Node, ...]) -> bool:
    return bool(truncated_stream(reference.parse_file(b.file(nodes)).dataset).lost)


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
@pytest.mark.parametrize(("count", "points"), [(1, 10), (1, 800), (1, 900), (5, 100), (3, 700), (30, 300)])
def test_large_nested_sequences(count: int, points: int, syntax: b.Syntax) -> None:
    """Where DCMTK cuts its MAC short, and only there."""
    nodes = b.image(contours(count, points))
    assert is_announced(nodes, syntax) == is_truncated(nodes)


@given(sizes=st.lists(st.integers(0, 9000), min_size=2, max_size=6), syntax=st.sampled_from(b.NATIVE_SYNTAXES))
def test_random_sizes(sizes: list[int], syntax: b.Syntax) -> None:
    first, *others = (b.Value(t.PATIENT_COMMENTS, "LT", b"x" * (size & ~1)) for size in sizes)
    inner = b.Sequence(t.CONTENT_SEQUENCE, tuple(b.Item((other,)) for other in others))
    nodes = b.image(
        first, b.Sequence(t.ACQUISITION_CONTEXT_SEQUENCE, (b.Item((inner,)), b.Item((b.us(tags.ROWS, 1),))))
    )
    assert is_announced(nodes, syntax) == is_truncated(nodes)


def test_large_but_flat() -> None:
    flat = b.Sequence(
        t.REFERENCED_IMAGE_SEQUENCE, tuple(b.Item((b.Value(t.PATIENT_COMMENTS, "LT", b"x" * 5000),)) for _ in range(20))
    )
    for nodes, syntax in (
        (b.image(flat), b.EXPLICIT_LE),
        (b.image(flat, b.Fragments(fragments=(b"", bytes(40_000)))), b.JPEG_BASELINE),
    ):
        assert not is_announced(nodes, syntax)


def test_very_large_but_flat() -> None:
    """There is no search, so that its limits do not matter."""
    items = tuple(b.Item((b.Value(t.TEXT_VALUE, "UT", b"x" * 1000),)) for _ in range(5000))
    assert not is_announced(b.image(b.Sequence(t.CONTENT_SEQUENCE, items)), b.EXPLICIT_LE)


def test_only_signed_elements_count() -> None:
    data = b.file(b.image(contours(5, 700), *PRIVATE))
    with dcmseal.plan_signing(data, tags=["PatientName"]) as plan:
        assert plan.warnings == ()
