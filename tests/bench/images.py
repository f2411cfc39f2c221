"""Images of few elements and much pixel data, plain or in fragments."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import CTImageStorage, UltrasoundMultiFrameImageStorage, VLWholeSlideMicroscopyImageStorage

from tests.bench.bench_dataset import (
    BenchElement,
    Elements,
    element,
    encapsulated_pixels,
    load_elements,
    native_pixels,
    sequence,
    sort_elements,
    text,
)
from tests.bench.common_modules import BLOCK, BenchContent, code, image, instance, native, reference


def _sample(name: str) -> Elements:
    return load_elements(dcmread(str(get_testdata_file(name))))


def _with(elements: Elements, *changed: BenchElement) -> Elements:
    """The elements with some added or replaced."""
    return sort_elements(*{one.tag: one for one in (*elements, *changed)}.values())


def tiny(_: Random) -> BenchContent:
    """An MR image of 64 x 64 pixels."""
    pixels = bytes(dcmread(str(get_testdata_file("MR_small.dcm"))).PixelData)
    return BenchContent(
        elements=_sample("MR_small.dcm"), pixels=lambda encoding: native_pixels(pixels, len(pixels), encoding)
    )


def ct(rng: Random) -> BenchContent:
    """A CT image of 512 x 512 pixels with many private elements."""
    studies = [reference(rng, CTImageStorage) for _ in range(4)]
    elements = _with(
        _sample("CT_small.dcm"),
        element("Rows", 512),
        element("Columns", 512),
        sequence("ReferencedStudySequence", *studies),
    )
    return BenchContent(elements=elements, pixels=native(rng, 512 * 512 * 2))


def mr(rng: Random) -> BenchContent:
    """An MR image of 512 x 512 pixels."""
    requests = [
        [
            sequence("ScheduledProtocolCodeSequence", code(f"PROT{n}", "99BENCH", f"Protocol number {n}")),
            element("ScheduledProcedureStepID", f"STEP{n}"),
            element("RequestedProcedureID", f"REQ{n}"),
        ]
        for n in range(5)
    ]
    private = [
        one
        for group in (0x00290000, 0x002B0000, 0x002D0000, 0x002F0000)
        for one in (
            BenchElement(group | 0x10, "LO", text("BENCH PRIVATE", "LO")),
            *(BenchElement(group | 0x1000 + n, "LO", text(f"private value {n}", "LO")) for n in range(10)),
        )
    ]
    elements = _with(
        _sample("MR_small.dcm"),
        element("Rows", 512),
        element("Columns", 512),
        sequence("RequestAttributesSequence", *requests),
        *private,
    )
    return BenchContent(elements=elements, pixels=native(rng, 512 * 512 * 2))


def radiograph(sop_class: str, modality: str, rows: int, columns: int) -> Callable[[Random], BenchContent]:
    """A projection image in one uncompressed value."""

    def make(rng: Random) -> BenchContent:
        acquisition = [one for one in _sample("MR_small.dcm") if one.tag >> 16 in (0x18, 0x20)]
        view = sequence("ViewCodeSequence", code("R-10226", "SRT", "medio-lateral oblique"))
        elements = _with(acquisition, *instance(rng, sop_class, modality), *image(rows, columns), view)
        return BenchContent(elements=elements, pixels=native(rng, rows * columns * 2))

    return make


def _jpeg(rng: Random, block: bytes, size: int) -> bytes:
    """A fragment that looks like a JPEG stream from outside."""
    start = rng.randrange(len(block) - size)
    return b"\xff\xd8\xff\xe0" + block[start : start + size - 6] + b"\xff\xd9"


def ultrasound(rng: Random) -> BenchContent:
    """2,000 compressed frames behind an offset table."""
    block = rng.randbytes(BLOCK)
    fragments = [_jpeg(rng, block, 2 * rng.randint(2_500, 10_000)) for _ in range(2_000)]
    offsets, offset = bytearray(), 0
    for fragment in fragments:
        offsets += struct.pack("<I", offset)
        offset += len(fragment) + 8
    elements = sort_elements(
        *instance(rng, UltrasoundMultiFrameImageStorage, "US"), *image(480, 640, frames=2_000, color=True)
    )
    return BenchContent(elements=elements, pixels=lambda _: encapsulated_pixels(fragments, bytes(offsets)))


def whole_slide(rng: Random) -> BenchContent:
    """20,000 compressed tiles."""
    block = rng.randbytes(BLOCK)
    tiles = Random(rng.randrange(1 << 32))
    elements = sort_elements(
        *instance(rng, VLWholeSlideMicroscopyImageStorage, "SM"), *image(512, 512, frames=20_000, color=True)
    )
    return BenchContent(
        elements=elements,
        pixels=lambda _: encapsulated_pixels(
            _jpeg(tiles, block, 2 * tiles.randint(20_000, 45_000)) for _ in range(20_000)
        ),
    )
