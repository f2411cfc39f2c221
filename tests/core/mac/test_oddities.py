"""The MAC byte stream of data sets that are unusual, but legal or at least met."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmseal import tags
from dcmseal.dataset.source import BytesSource
from dcmseal.errors import DatasetError
from tests.core.mac.test_stream import NarrowSource, expected_stream, streams_of
from tests.support import builder as b
from tests.support import tags as t
from tests.support.dcmtk_vrs import AMBIGUOUS_TAGS
from tests.support.strategies import data_sets

WORDS = b"\x01\x80\xff\x7f\x02\x01\x03\x80"
KEPT = b.us(tags.ROWS, 7)


def assert_streams_equal(data: bytes) -> None:
    assert streams_of(BytesSource(data)) == [expected_stream(data)]


@pytest.mark.parametrize("size", [0, 2])
@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.IMPLICIT_LE], ids=["explicit", "implicit"])
def test_a_short_element_that_is_never_signed_ends_the_file(size: int, syntax: b.Syntax) -> None:
    last = b.Value(0x00300000, "UL", bytes(size))
    assert_streams_equal(b.file((KEPT, last), syntax))
    assert_streams_equal(b.file((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((KEPT, last)),)),), syntax))


def test_the_reserved_bytes_of_a_header_enter_the_stream_as_zeros() -> None:
    data = b.file(
        (
            b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.Value(0x00091001, "OB", b"ab"),)),)),
            b.Value(0x00091001, "OB", b"ab"),
        )
    )
    odd = data.replace(b"\x09\x00\x01\x10OB\0\0", b"\x09\x00\x01\x10OB\1\2").replace(b"SQ\0\0", b"SQ\1\2")
    assert odd != data
    assert streams_of(BytesSource(odd)) == [expected_stream(data)]


@pytest.mark.parametrize(
    "hidden",
    [
        b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item((b.Value(0x00091001, "UN", b"ab"),)),)),
        b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (b.Item((b.Value(0x00091001, "UN", b"ab"),)),), undefined=True),
        b.Value(t.FILE_SET_ID, "UN", b"ab"),
        b.Value(tags.DATA_SET_TRAILING_PADDING, "UN", b"ab"),
    ],
    ids=lambda node: f"{node.tag:08X}",
)
def test_an_unknown_element_inside_an_element_that_is_never_signed(hidden: b.Node) -> None:
    """PS3.3 C.12.1.1.3.1.1 excludes a sequence with UN in it "recursively", at any level."""
    assert_streams_equal(b.file((KEPT, b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item(b.in_order(KEPT, hidden)),)))))


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("tag", AMBIGUOUS_TAGS, ids=lambda tag: f"{tag:08X}")
def test_vrs_that_implicit_vr_leaves_open(tag: int, signed: int) -> None:
    value = b.Value(tag, "OW", WORDS)
    assert_streams_equal(
        b.file(b.in_order(b.us(tags.BITS_ALLOCATED, 8), b.us(tags.PIXEL_REPRESENTATION, signed), value), b.IMPLICIT_LE)
    )
    inner = b.Sequence(
        t.REFERENCED_IMAGE_SEQUENCE,
        (b.Item((value,)), b.Item(b.in_order(b.us(tags.PIXEL_REPRESENTATION, signed), value))),
    )
    assert_streams_equal(b.file(b.in_order(b.us(tags.PIXEL_REPRESENTATION, 1 - signed), inner), b.IMPLICIT_LE))


@pytest.mark.parametrize("bits", [None, 8, 16])
@pytest.mark.parametrize("tag", [0x54000110, 0x54000112, 0x5400100A, 0x54001010], ids=lambda tag: f"{tag:08X}")
def test_vrs_of_waveforms_in_implicit_vr(tag: int, bits: int | None) -> None:
    width = () if bits is None else (b.us(tags.WAVEFORM_BITS_ALLOCATED, bits),)
    item = b.Item(b.in_order(*width, b.Value(tag, "OW", WORDS)))
    assert_streams_equal(b.file((b.Sequence(t.WAVEFORM_SEQUENCE, (item,)),), b.IMPLICIT_LE))


def test_odd_lengths_are_kept() -> None:
    odd = (b.Value(t.PATIENT_COMMENTS, "LT", b"abc"), b.Value(0x00091001, "OB", b"abc"))
    assert_streams_equal(b.file((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item(odd),)), *odd)))
    assert_streams_equal(b.file((b.Fragments(fragments=(b"", b"abc")),), b.JPEG_BASELINE))


def test_order_and_repetition_of_the_file_are_kept() -> None:
    name = b.text(t.PATIENT_NAME, "PN", "Doe^Jane")
    assert_streams_equal(
        b.file((KEPT, name, KEPT, b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((KEPT, name)),)), name))
    )


@pytest.mark.parametrize("length", [0xFFFE, 0x10000])
def test_values_that_explicit_vr_could_not_hold(length: int) -> None:
    """PS3.5 6.2.2 makes them UN, which may not be signed; DCMTK still hashes them as UN."""
    value = b.Value(t.CONTOUR_DATA, "DS", b"1\\" * (length // 2))
    assert_streams_equal(
        b.file(
            (KEPT, b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((KEPT,)), b.Item((value,)))), value), b.IMPLICIT_LE
        )
    )


@given(st.data())
def test_damaged_bytes_are_refused_or_read_and_nothing_else(draw: st.DataObject) -> None:
    syntax = draw.draw(st.sampled_from((b.JPEG_BASELINE, b.IMPLICIT_LE, b.EXPLICIT_BE)))
    data = bytearray(b.encode(draw.draw(data_sets(max_depth=3, macro=True)), syntax))
    for _ in range(draw.draw(st.integers(1, 3))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at] = draw.draw(st.sampled_from((0, 1, 7, 0xE0, 0xFE, 0xFF)) | st.integers(0, 255))
    cut = draw.draw(st.none() | st.integers(1, len(data)))
    damaged = b.file((b.Raw(bytes(data[:cut])),), syntax)
    for source in (BytesSource(damaged), NarrowSource(damaged)):
        with contextlib.suppress(DatasetError):
            streams_of(source)
