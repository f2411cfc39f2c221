"""Wherever the bytes come from and however few are seen at once, the result is the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, RawIOBase
from random import Random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.dataset import part10
from dcmseal.dataset import source as source_module
from dcmseal.dataset.edits import Edit, apply_edits
from dcmseal.dataset.part10 import open_dicom
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import BytesSource, FileSource, JoinedSource, Source
from dcmseal.errors import Malformed
from dcmseal.mac import mac_encoder, streaming
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import RealFile, signable_files
from tests.support.signed_files import integrity_verdict, sign_dataset
from tests.support.strategies import chunks, data_sets, portable_data_sets


@contextmanager
def narrow(window: int, bulk: int, item: int) -> Iterator[None]:
    """Windows, pieces and items held in memory of so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_module, "WINDOW_SIZE", window)
        patch.setattr(source_module, "CHUNK_SIZE", bulk)
        patch.setattr(streaming, "CHUNK_SIZE", bulk)
        patch.setattr(part10, "CHUNK_SIZE", bulk)
        patch.setattr(mac_encoder, "_WINDOW_SIZE", item)
        patch.setattr(mac_encoder, "_MAX_BUFFERED_ITEM", item)
        for kind in (BytesSource, FileSource, JoinedSource):
            patch.setattr(kind.window, "__defaults__", (window,))
        yield


def file_source(data: bytes) -> FileSource:
    return FileSource(cast("RawIOBase", BytesIO(data)), len(data))


def sources(data: bytes, pieces: list[bytes]) -> list[Source]:
    joined = JoinedSource((BytesSource(piece), 0, len(piece)) for piece in pieces)
    files = JoinedSource((file_source(b"ab" + piece), 2, len(piece) + 2) for piece in pieces)
    return [BytesSource(data), file_source(data), joined, files]


Found = tuple[list[int], list[int], dict[int, int], int]


def scanned(source: Source) -> Found:
    with open_dicom(source) as opened:
        scan = LevelScanner(opened.body, opened.start, opened.end, opened.encoding).finish()
        return scan.tags, scan.starts, {index: int(kind) for index, kind in scan.kinds.items()}, scan.position


@given(draw=st.data(), nodes=data_sets(max_depth=4), window=st.integers(64, 200))
def test_the_scan_is_the_same(draw: st.DataObject, nodes: tuple[b.Node, ...], window: int) -> None:
    data = b.file(nodes, b.JPEG_BASELINE)
    expected = scanned(BytesSource(data))
    dataset = reference.parse_file(data, unknown_sequences="UN").dataset
    assert expected[0] == [element.tag for element in dataset]
    with narrow(window, 100, 64):
        for source in sources(data, draw.draw(chunks(data))):
            assert scanned(source) == expected


@given(draw=st.data(), data=st.binary(min_size=1, max_size=500), window=st.integers(64, 100), bulk=st.integers(1, 50))
def test_any_range_is_the_same(draw: st.DataObject, data: bytes, window: int, bulk: int) -> None:
    pieces = draw.draw(chunks(data))
    ranges = draw.draw(st.lists(st.tuples(st.integers(0, len(data)), st.integers(0, len(data))), max_size=10))
    with narrow(window, bulk, 64):
        for source in sources(data, pieces):
            assert source.size == len(data)
            for one, other in ranges:
                start, end = sorted((one, other))
                assert source.read(start, end) == data[start:end]
                assert b"".join(bytes(piece) for piece in source.chunks(start, end)) == data[start:end]
                buffer, base = source.window(start)
                assert buffer[start - base :] == data[start : base + len(buffer)]
                assert len(buffer) - (start - base) >= min(64, len(data) - start)
            for start, end in ((0, len(data) + 1), (len(data) + 1, len(data) + 2), (-1, 1), (2, 1)):
                with pytest.raises(Malformed):
                    source.read(start, end)


@given(draw=st.data(), data=st.binary(max_size=100))
def test_edits_that_touch(draw: st.DataObject, data: bytes) -> None:
    """Spliced once, and the result spliced again."""
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), min_size=2, max_size=8)))
    edits, expected, position = [], b"", 0
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        if start < position:
            continue
        new = draw.draw(st.binary(max_size=5))
        edits.append(Edit(start, end, new))
        expected += data[position:start] + new
        position = end
    expected += data[position:]
    distinct = len({edit.start for edit in edits}) == len(edits)
    source = apply_edits(file_source(data), edits)
    if distinct:
        assert source.read(0, source.size) == expected
    again = apply_edits(source, [Edit(0, 0, b"<"), Edit(source.size, source.size, b">")])
    assert again.read(0, again.size) == b"<" + source.read(0, source.size) + b">"
    assert all(not isinstance(part[0], JoinedSource) for part in again.parts)


def assert_the_same_signature(data: bytes, pki: Pki) -> None:
    """What is signed with wide windows is valid with narrow ones, and the other way round."""
    good = sign_dataset(data, pki["p256"])
    with narrow(64, 48, 64):
        for source in (good, BytesIO(good)):
            assert integrity_verdict(source) is Verdict.VALID
        again = sign_dataset(BytesIO(data), pki["p256"])
        removed = dcmseal.remove(BytesIO(again)).data
    assert integrity_verdict(again) is Verdict.VALID
    uid = dcmseal.signatures(again)[0].uid
    stream = bytearray()
    dcmseal.write_mac_stream(again, uid, stream.extend)
    assert bytes(stream) == reference_stream(again, uid)
    assert removed == dcmseal.remove(good).data


def reference_stream(data: bytes, uid: str) -> bytes:
    parsed = reference.parse_file(data, unknown_sequences="UN")
    (found,) = reference.signatures(parsed.dataset)
    assert found.uid == uid
    return reference.data_stream(parsed.dataset, found.tags) + reference.item_stream(found.item)


@given(nodes=portable_data_sets(max_depth=4), syntax=st.sampled_from(b.NATIVE_SYNTAXES))
def test_narrow_windows_in_all_syntaxes(nodes: tuple[b.Node, ...], syntax: b.Syntax, pki: Pki) -> None:
    assert_the_same_signature(b.file(nodes, syntax), pki)


@pytest.mark.parametrize("real", signable_files(), ids=str)
def test_narrow_windows_over_real_files(real: RealFile, pki: Pki) -> None:
    """Those that are small enough for it."""
    data = real.data
    good = sign_dataset(data, pki["p256"])
    with narrow(200, 4096, 1000):
        assert integrity_verdict(BytesIO(good)) is Verdict.VALID
        assert integrity_verdict(sign_dataset(BytesIO(data), pki["p256"])) is Verdict.VALID


def test_large_items_and_values(pki: Pki) -> None:
    """Larger than every window as it is."""
    large = bytes(range(256)) * 5000
    content = (b.us(tags.ROWS, 1), b.Value(t.ENCAPSULATED_DOCUMENT, "OB", large))
    inner = b.Sequence(t.CONTENT_SEQUENCE, (b.Item(content, undefined=True),), undefined=True)
    pixels = b.Fragments(fragments=(b"", large, large))
    for undefined in (False, True):
        item = b.Item((b.us(tags.COLUMNS, 1), inner), undefined=undefined)
        nodes = b.image(b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (item, b.Item((b.us(tags.ROWS, 2),)), item)), pixels)
        data = sign_dataset(b.file(nodes, b.JPEG_BASELINE), pki["p256"])
        assert len(large) > 5 * mac_encoder._WINDOW_SIZE
        for source in (data, BytesIO(data)):
            assert integrity_verdict(source) is Verdict.VALID
        assert (
            integrity_verdict(sign_dataset(BytesIO(data), pki["p256"], location="ReferencedImageSequence[2]"))
            is Verdict.VALID
        )
        uid = dcmseal.signatures(data)[0].uid
        stream = bytearray()
        dcmseal.write_mac_stream(BytesIO(data), uid, stream.extend)
        assert bytes(stream) == reference_stream(data, uid)


def test_a_long_text_across_the_end_of_a_window(pki: Pki) -> None:
    """Its padding is looked at when all of it is there."""
    text = b.Value(t.TEXT_VALUE, "UT", b"text" * 64)
    for size in range(source_module.WINDOW_SIZE - 600, source_module.WINDOW_SIZE, 20):
        item = b.Item((b.Value(0x00091001, "OB", bytes(size)), text), undefined=True)
        data = b.file(b.image(b.Sequence(t.CONTENT_SEQUENCE, (item,)), pixels=bytes(600_000)))
        assert integrity_verdict(sign_dataset(BytesIO(data), pki["p256"])) is Verdict.VALID


def test_pieces_that_leave_output_behind_when_all_input_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few different bytes deflate so well that the last of them are inside the inflater, and no input is left."""
    for seed in range(20):
        pixels = bytes(Random(seed).choices(range(4), k=400))
        data = b.file((b.us(tags.ROWS, 20), b.Value(tags.PIXEL_DATA, "OB", pixels)), b.DEFLATED_LE)
        for bulk in range(5, 21):
            monkeypatch.setattr(part10, "CHUNK_SIZE", bulk)
            assert integrity_verdict(data) is Verdict.NO_SIGNATURE
