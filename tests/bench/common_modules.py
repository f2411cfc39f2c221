"""Common modules of the measured SOP Instances: patient and study, codes, references, Image Pixel attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.bench.bench_dataset import BenchEncoding, Elements, element, native_pixels

BLOCK: Final = 4 << 20
"""Random bytes that pixel data repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchContent:
    """A Data Set up to its Pixel Data, and the Pixel Data, piece by piece."""

    elements: Elements
    pixels: Callable[[BenchEncoding], Iterable[bytes]] = lambda _: ()


def uid(rng: Random) -> str:
    return f"1.2.826.0.1.3680043.9.7777.2.{rng.randrange(10**9)}.{rng.randrange(10**9)}.{rng.randrange(10**9)}"


def code(value: str, scheme: str, meaning: str) -> Elements:
    return [
        element("CodeValue", value),
        element("CodingSchemeDesignator", scheme),
        element("CodeMeaning", meaning),
    ]


def reference(rng: Random, sop_class: str) -> Elements:
    return [element("ReferencedSOPClassUID", sop_class), element("ReferencedSOPInstanceUID", uid(rng))]


def instance(rng: Random, sop_class: str, modality: str) -> Elements:
    """Patient, study, series and SOP common attributes."""
    return [
        element("SOPClassUID", sop_class),
        element("SOPInstanceUID", uid(rng)),
        element("StudyDate", "20240102"),
        element("ContentDate", "20240102"),
        element("StudyTime", "091500.250000"),
        element("ContentTime", "092000"),
        element("AccessionNumber", "ACC0001"),
        element("Modality", modality),
        element("Manufacturer", "Example"),
        element("ReferringPhysicianName", ""),
        element("PatientName", "Bench^Mark"),
        element("PatientID", "BENCH-1"),
        element("PatientBirthDate", "19650504"),
        element("PatientSex", "O"),
        element("StudyInstanceUID", uid(rng)),
        element("SeriesInstanceUID", uid(rng)),
        element("StudyID", "7"),
        element("SeriesNumber", 2),
        element("InstanceNumber", 3),
    ]


def image(rows: int, columns: int, *, frames: int = 0, color: bool = False) -> Elements:
    """Image Pixel attributes: 12 bits of grey in 16, or 8-bit color."""
    allocated, stored = (8, 8) if color else (16, 12)
    return [
        element("SamplesPerPixel", 3 if color else 1),
        element("PhotometricInterpretation", "YBR_FULL_422" if color else "MONOCHROME2"),
        *([element("PlanarConfiguration", 0)] if color else []),
        *([element("NumberOfFrames", frames)] if frames else []),
        element("Rows", rows),
        element("Columns", columns),
        element("BitsAllocated", allocated),
        element("BitsStored", stored),
        element("HighBit", stored - 1),
        element("PixelRepresentation", 0),
    ]


def _noise(rng: Random, size: int) -> bytes:
    """Random 12-bit pixels in 16-bit words."""
    block = bytearray(rng.randbytes(size))
    block[1::2] = block[1::2].translate(bytes(value & 0x0F for value in range(256)))
    return bytes(block)


def native(rng: Random, length: int) -> Callable[[BenchEncoding], Iterator[bytes]]:
    block = _noise(rng, min(length, BLOCK))
    return lambda encoding: native_pixels(block, length, encoding)
