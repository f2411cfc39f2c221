"""Instances without pixel data: structured reports and a structure set."""

from __future__ import annotations

from random import Random
from typing import Final

from pydicom.uid import Comprehensive3DSRStorage, CTImageStorage, RTStructureSetStorage

from tests.bench.bench_dataset import BenchElement, Elements, element, sequence, sort_elements
from tests.bench.common_modules import BenchContent, code, instance, reference, uid

_FINDINGS: Final = (
    "calcification", "cyst", "density", "distortion", "effusion", "enhancement", "fissure", "hilum", "infiltrate",
    "intensity", "junction", "lesion", "lingula", "mass", "node", "opacity", "plaque", "pleura", "septum", "stenosis",
    "texture", "thickness", "tissue", "vessel", "volume", "width",
)  # fmt: skip


def _content(relationship: str, value_type: str, concept: Elements, *more: BenchElement) -> Elements:
    """A content item of a structured report."""
    return sort_elements(
        element("RelationshipType", relationship),
        element("ValueType", value_type),
        sequence("ConceptNameCodeSequence", concept),
        *more,
    )


def _number(rng: Random, *more: BenchElement) -> Elements:
    name = " ".join(rng.sample(_FINDINGS, rng.randint(1, 4)))
    measured = sort_elements(
        element("NumericValue", f"{rng.uniform(0, 900):.4f}"),
        sequence("MeasurementUnitsCodeSequence", code("mm", "UCUM", "millimeter")),
    )
    concept = code(f"G-A{rng.randrange(400):03d}", "SRT", name)
    return _content("CONTAINS", "NUM", concept, sequence("MeasuredValueSequence", measured), *more)


def _measurement_group(rng: Random) -> Elements:
    """A container, and in it fifteen content items: measurements, their sides, a text, a region and its image."""
    items: list[Elements] = []
    for number in range(8):
        if number % 2:
            items.append(_number(rng))
            continue
        side = sequence("ConceptCodeSequence", code("G-A101", "SRT", rng.choice(("Left", "Right", "Both sides"))))
        modifier = _content("HAS CONCEPT MOD", "CODE", code("G-C171", "SRT", "Laterality"), side)
        items.append(_number(rng, sequence("ContentSequence", modifier)))
    words = " ".join(rng.choices(_FINDINGS, k=rng.randint(3, 60)))
    items.append(_content("CONTAINS", "TEXT", code("121071", "DCM", "Finding"), element("TextValue", words)))
    image = sort_elements(
        element("RelationshipType", "SELECTED FROM"),
        element("ValueType", "IMAGE"),
        sequence("ReferencedSOPSequence", reference(rng, CTImageStorage)),
    )
    points = (rng.uniform(0, 512) for _ in range(2 * rng.randint(2, 20)))
    region = (
        element("GraphicType", "POLYLINE"),
        element("GraphicData", *points),
        sequence("ContentSequence", image),
    )
    items.append(_content("CONTAINS", "SCOORD", code("111030", "DCM", "Image Region"), *region))
    return _content(
        "CONTAINS",
        "CONTAINER",
        code("125007", "DCM", "Measurement Group"),
        element("ContinuityOfContent", "SEPARATE"),
        sequence("ContentSequence", *items),
    )


def report(rng: Random, items: int = 20_000) -> BenchContent:
    """A structured report of so many content items."""
    elements = sort_elements(
        *instance(rng, Comprehensive3DSRStorage, "SR"),
        element("ValueType", "CONTAINER"),
        sequence("ConceptNameCodeSequence", code("126000", "DCM", "Imaging Measurement Report")),
        element("ContinuityOfContent", "SEPARATE"),
        element("CompletionFlag", "COMPLETE"),
        element("VerificationFlag", "UNVERIFIED"),
        sequence("ContentSequence", *(_measurement_group(rng) for _ in range(items // 16))),
    )
    return BenchContent(elements=elements)


def many_items(rng: Random) -> BenchContent:
    """A structured report with a million items, each of one element."""
    items = [[element("TextValue", f"{rng.randrange(100)}")] for _ in range(1_000_000)]
    elements = sort_elements(*instance(rng, Comprehensive3DSRStorage, "SR"), sequence("ContentSequence", *items))
    return BenchContent(elements=elements)


def structure_set(rng: Random) -> BenchContent:
    """An RT Structure Set of 40 regions with 150 contours each."""
    regions, observations, contours = [], [], []
    for number in range(1, 41):
        regions.append(
            sort_elements(
                element("ROINumber", number),
                element("ReferencedFrameOfReferenceUID", uid(rng)),
                element("ROIName", f"Region {number}"),
                element("ROIGenerationAlgorithm", "SEMIAUTOMATIC"),
            )
        )
        observations.append(
            sort_elements(
                element("ObservationNumber", number),
                element("ReferencedROINumber", number),
                element("RTROIInterpretedType", "ORGAN"),
                element("ROIInterpreter", ""),
            )
        )
        contours.append(
            sort_elements(
                element("ROIDisplayColor", 255, number, 0),
                element("ReferencedROINumber", number),
                sequence("ContourSequence", *(_contour(rng) for _ in range(150))),
            )
        )
    elements = sort_elements(
        *instance(rng, RTStructureSetStorage, "RTSTRUCT"),
        element("StructureSetLabel", "BENCH"),
        element("StructureSetDate", "20240102"),
        element("StructureSetTime", "0915"),
        sequence("StructureSetROISequence", *regions),
        sequence("ROIContourSequence", *contours),
        sequence("RTROIObservationsSequence", *observations),
    )
    return BenchContent(elements=elements)


def _contour(rng: Random) -> Elements:
    points = rng.randint(20, 220)
    return sort_elements(
        sequence("ContourImageSequence", reference(rng, CTImageStorage)),
        element("ContourGeometricType", "CLOSED_PLANAR"),
        element("NumberOfContourPoints", points),
        element("ContourData", *(f"{rng.uniform(-250, 250):.2f}" for _ in range(3 * points))),
    )
