"""Deflated files: what is signed, and then removed, is the file that it was, byte for byte."""

from __future__ import annotations

import random
import zlib

import pytest

import dcmseal
from dcmseal.dataset.file_meta import read_file_meta
from dcmseal.dataset.source import BytesSource
from dcmseal.output.dataset_output import build_matching_deflater
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import build_signer

WORDS = [b"lorem", b"ipsum", b"dolor", b"sit", b"amet", b"\x00\x01", b"7", b"42 "]


def written(size: int) -> bytes:
    """Text that each level of zlib packs otherwise."""
    chosen = random.Random(1)
    return b" ".join(chosen.choice(WORDS) + b"%d" % chosen.randrange(2000) for _ in range(size))


def deflated(level: int, text: bytes) -> bytes:
    nodes = b.in_order(*b.image(), b.Value(t.ENCAPSULATED_DOCUMENT, "OB", text + b" " * (len(text) % 2)))
    whole = b.file(nodes, b.DEFLATED_LE)
    start = read_file_meta(BytesSource(whole)).end
    deflater = zlib.compressobj(level, wbits=-15)
    stream = deflater.compress(b.encode(nodes, b.EXPLICIT_LE)) + deflater.flush()
    return whole[:start] + stream + b"\0" * (len(stream) % 2)


@pytest.mark.parametrize("level", range(1, 10))
@pytest.mark.parametrize("size", [10, 9_000])
def test_signed_and_removed_is_the_same_file(pki: Pki, level: int, size: int) -> None:
    data = deflated(level, written(size))
    signed = dcmseal.sign(data, signer=build_signer(pki["p256"])).data or b""
    assert dcmseal.remove(signed).data == data


@pytest.mark.parametrize("level", [1, 6, 9])
def test_the_level_shows_in_the_beginning_of_a_long_stream(level: int) -> None:
    data = zlib.compress(written(60_000), level, wbits=-15)
    assert len(data) > 1 << 17
    deflater = build_matching_deflater(BytesSource(b"head" + data), 4)
    assert deflater.compress(written(60_000)) + deflater.flush() == data


def test_a_stream_of_another_deflater_is_compressed_again() -> None:
    stored = zlib.compress(written(500), 0, wbits=-15)
    for source in (stored, b"\xff\xff\xff", b""):
        deflater = build_matching_deflater(BytesSource(source), 0)
        assert deflater.compress(b"abc") + deflater.flush() == zlib.compress(b"abc", wbits=-15)
