"""The MAC byte stream of the package against the reference encoder, over random data sets and real files."""

from __future__ import annotations

from collections.abc import Callable, Collection
from io import BytesIO, RawIOBase
from typing import Self, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmseal import tags
from dcmseal.dataset.part10 import DicomFile, open_dicom
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import Buffer, BytesSource, FileSource, JoinedSource, Source
from dcmseal.dataset.walk import UNTIL_DELIMITER
from dcmseal.mac import mac_encoder
from dcmseal.mac.digest import new_digest
from dcmseal.mac.level_pass import LevelPass, MacJob
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.terms import MacAlgorithm
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.real_files import RealFile, readable_files
from tests.support.strategies import chunks, data_sets, portable_data_sets, tags_to_sign


class Stream:
    """Takes the place of a digest and keeps what it is fed."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data

    def update(self, data: Buffer, /) -> None:
        self.data += data

    def digest(self) -> bytes:
        return self.data

    def copy(self) -> Self:
        return type(self)(self.data)


class NarrowSource(BytesSource):
    """Shows and passes on very little at once."""

    def window(self, position: int, size: int = 0) -> tuple[bytes, int]:
        return self.read(position, min(self.size, position + 132)), position

    def feed(self, start: int, end: int, update: Callable[[Buffer], object]) -> None:
        for at in range(start, end, 3):
            update(self.read(at, min(end, at + 3)))


def streams_of(source: Source, *wanted: Collection[int] | None) -> list[bytes]:
    """The streams over the elements of the main data set, for several lists of tags in one pass."""
    with open_dicom(source) as opened:
        return level_streams(opened, opened.start, opened.end, *wanted)


def level_streams(opened: DicomFile, start: int, end: int, *wanted: Collection[int] | None) -> list[bytes]:
    jobs = [MacJob(tags=None if tags is None else frozenset(tags), digest=Stream()) for tags in wanted or (None,)]
    scan = LevelScanner(opened.body, start, end, opened.encoding)
    LevelPass(scan, MacEncoder(source=opened.body, encoding=opened.encoding), lambda _: jobs).run()
    return [job.digest.digest() for job in jobs]


def expected_stream(data: bytes, tags: Collection[int] | None = None) -> bytes:
    return reference.data_stream(reference.parse_file(data, unknown_sequences="UN").dataset, tags)


@given(data_sets(macro=True))
def test_explicit_vr_little_endian(nodes: tuple[b.Node, ...]) -> None:
    data = b.file(nodes, b.JPEG_BASELINE)
    assert streams_of(BytesSource(data)) == [expected_stream(data)]


@given(portable_data_sets(), st.sampled_from(b.NATIVE_SYNTAXES))
def test_all_transfer_syntaxes(nodes: tuple[b.Node, ...], syntax: b.Syntax) -> None:
    data = b.file(b.with_group_lengths((b.us(0x00080000, 0), *nodes), syntax), syntax)
    assert streams_of(BytesSource(data)) == [expected_stream(b.file(nodes))]


@pytest.mark.parametrize("real", readable_files(), ids=str)
def test_real_files(real: RealFile) -> None:
    assert streams_of(BytesSource(real.data)) == [expected_stream(real.data)]


@given(st.data())
def test_several_lists_of_tags_in_one_pass(draw: st.DataObject) -> None:
    nodes = draw.draw(data_sets())
    data = b.file(nodes, b.JPEG_BASELINE)
    lists = draw.draw(st.lists(tags_to_sign(nodes), min_size=1, max_size=3))
    assert streams_of(BytesSource(data), None, *lists) == [expected_stream(data, tags) for tags in (None, *lists)]


@given(st.data())
def test_wherever_the_bytes_come_from(draw: st.DataObject) -> None:
    data = b.file(draw.draw(data_sets()), b.JPEG_BASELINE)
    pieces = draw.draw(chunks(data))
    sources: tuple[Source, ...] = (
        NarrowSource(data),
        FileSource(cast("RawIOBase", BytesIO(data)), len(data)),
        JoinedSource((BytesSource(piece), 0, len(piece)) for piece in pieces),
    )
    for source in sources:
        assert streams_of(source) == [expected_stream(data)]


@given(st.data())
def test_any_chunking_gives_the_same_digest(draw: st.DataObject) -> None:
    stream = draw.draw(st.binary(max_size=400))
    pieces = draw.draw(chunks(stream))
    for algorithm in MacAlgorithm:
        whole, in_pieces = new_digest(algorithm), new_digest(algorithm)
        whole.update(stream)
        for piece in pieces:
            in_pieces.update(memoryview(piece))
        assert in_pieces.digest() == whole.digest()
        assert len(whole.digest()) == algorithm.digest_size


@given(data_sets(), st.sampled_from([16, 100]))
def test_items_too_large_for_memory(nodes: tuple[b.Node, ...], limit: int) -> None:
    data = b.file(nodes, b.JPEG_BASELINE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mac_encoder, "_WINDOW_SIZE", limit)
        patch.setattr(mac_encoder, "_MAX_BUFFERED_ITEM", limit)
        assert streams_of(NarrowSource(data)) == [expected_stream(data)]


@given(portable_data_sets(), st.sampled_from(b.NATIVE_SYNTAXES))
def test_items_too_large_for_memory_in_all_transfer_syntaxes(nodes: tuple[b.Node, ...], syntax: b.Syntax) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mac_encoder, "_WINDOW_SIZE", 16)
        patch.setattr(mac_encoder, "_MAX_BUFFERED_ITEM", 16)
        assert streams_of(BytesSource(b.file(nodes, syntax))) == [expected_stream(b.file(nodes))]


@given(data_sets(max_depth=3), st.booleans())
def test_the_level_of_an_item(nodes: tuple[b.Node, ...], undefined: bool) -> None:
    item = b.Item(nodes, undefined=undefined)
    data = b.file((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (item,)), b.us(tags.ROWS, 7)), b.JPEG_BASELINE)
    with open_dicom(BytesSource(data)) as opened:
        start = opened.start + 20
        end = UNTIL_DELIMITER if undefined else start + len(b.encode(nodes, b.JPEG_BASELINE))
        assert level_streams(opened, start, end) == [expected_stream(b.file(nodes, b.JPEG_BASELINE))]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=30))
def test_small_sequences_that_repeat(choices: list[tuple[int, bool, bool]]) -> None:
    """Repeats are encoded once and remembered: also where an unknown element or a signature stands in them."""
    contents: tuple[tuple[b.Node, ...], ...] = (
        (b.us(tags.ROWS, 7),),
        (b.Sequence(t.ACQUISITION_CONTEXT_SEQUENCE, (b.Item((b.us(tags.ROWS, 7),)),)), b.us(tags.COLUMNS, 7)),
        (b.us(tags.ROWS, 7), b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item((b.us(tags.MAC_ID_NUMBER, 0),)),))),
        (b.Value(t.DIRECTORY_RECORD_SEQUENCE, "OB", b"ab"), b.Value(tags.LENGTH_TO_END, "UL", b"abcd")),
    )
    items = tuple(
        b.Item(
            (b.Sequence(t.CONTENT_SEQUENCE, (b.Item(contents[which], undefined=item),), undefined=sequence),),
            undefined=item,
        )
        for which, item, sequence in choices
    )
    data = b.file(
        (
            b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, items),
            b.Sequence(t.REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, (*items, b.Item((b.Value(0x00091001, "UN"),)))),
        )
    )
    assert streams_of(BytesSource(data)) == [expected_stream(data)]


def test_large_values_and_fragments() -> None:
    large = bytes(range(256)) * 1200
    nodes = b.image(
        b.Sequence(
            t.REFERENCED_IMAGE_SEQUENCE,
            (b.Item((b.Value(0x00091001, "OB", large), b.us(tags.ROWS, 7))),) * 3,
            undefined=True,
        ),
        b.Fragments(fragments=(b"", large, b"", large)),
    )
    data = b.file(nodes, b.JPEG_BASELINE)
    for source in (BytesSource(data), FileSource(cast("RawIOBase", BytesIO(data)), len(data))):
        assert streams_of(source) == [expected_stream(data)]


def test_old_dcmtk_fed_the_lengths_of_fragments() -> None:
    data = b.file(b.image(b.Fragments(fragments=(b"", b"abcd"))), b.JPEG_BASELINE)
    with open_dicom(BytesSource(data)) as opened:
        job = MacJob(tags=None, digest=Stream())
        encoder = MacEncoder(source=opened.body, encoding=opened.encoding, fragment_lengths=True)
        LevelPass(LevelScanner(opened.body, opened.start, opened.end, opened.encoding), encoder, lambda _: (job,)).run()
    dataset = reference.parse_file(data).dataset
    assert job.digest.digest() == reference.data_stream(dataset, old_format=True)
