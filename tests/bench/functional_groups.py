"""Enhanced images: many small nested sequences before the pixel data."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from pydicom.uid import EnhancedMRImageStorage

from tests.bench.bench_dataset import Elements, element, sequence, sort_elements
from tests.bench.common_modules import BenchContent, code, image, instance, native, reference


def _frame(rng: Random, number: int, *, lean: bool) -> Elements:
    """The functional groups of one frame."""
    moment = f"20240102091500.{number:06d}"
    groups = [
        sequence(
            "FrameContentSequence",
            sort_elements(
                element("FrameAcquisitionDateTime", moment),
                element("FrameReferenceDateTime", moment),
                element("FrameAcquisitionDuration", 0.75),
                element("StackID", number % 8 + 1),
                element("InStackPositionNumber", number + 1),
                element("TemporalPositionIndex", number % 40 + 1),
                element("DimensionIndexValues", 1, number % 40 + 1, number // 40 + 1),
            ),
        ),
        sequence(
            "PlanePositionSequence",
            [element("ImagePositionPatient", *(f"{rng.uniform(-180, 180):.5f}" for _ in range(3)))],
        ),
        sequence("PlaneOrientationSequence", [element("ImageOrientationPatient", "0.996", "0.02", 0, "-0.02", 1, 0)]),
        sequence(
            "PixelValueTransformationSequence",
            [
                element("RescaleIntercept", 0),
                element("RescaleSlope", f"{rng.uniform(1, 2):.4f}"),
                element("RescaleType", "US"),
            ],
        ),
        sequence(
            "FrameVOILUTSequence",
            [element("WindowCenter", rng.randrange(100, 2000)), element("WindowWidth", rng.randrange(100, 4000))],
        ),
    ]
    if not lean:
        groups += _frame_details(rng, number)
    return sort_elements(*groups)


def _frame_details(rng: Random, number: int) -> Elements:
    source = [
        *reference(rng, EnhancedMRImageStorage),
        element("ReferencedFrameNumber", number + 1),
        sequence(
            "PurposeOfReferenceCodeSequence",
            code("121322", "DCM", "Source image for image processing operation"),
        ),
    ]
    return [
        sequence(
            "MRImageFrameTypeSequence",
            sort_elements(
                element("FrameType", "DERIVED", "PRIMARY", "DIFFUSION", "NONE"),
                element("PixelPresentation", "MONOCHROME"),
                element("VolumetricProperties", "VOLUME"),
                element("VolumeBasedCalculationTechnique", "NONE"),
                element("ComplexImageComponent", "MAGNITUDE"),
                element("AcquisitionContrast", "DIFFUSION"),
            ),
        ),
        sequence("MREchoSequence", [element("EffectiveEchoTime", 68.5)]),
        sequence("MRAveragesSequence", [element("NumberOfAverages", 2)]),
        sequence(
            "MRDiffusionSequence",
            sort_elements(
                element("DiffusionBValue", 250.0 * (number % 5)),
                element("DiffusionDirectionality", "DIRECTIONAL"),
                sequence(
                    "DiffusionGradientDirectionSequence", [element("DiffusionGradientOrientation", 0.6, 0.0, 0.8)]
                ),
            ),
        ),
        sequence(
            "DerivationImageSequence",
            sort_elements(
                sequence("SourceImageSequence", source),
                sequence("DerivationCodeSequence", code("113076", "DCM", "Segmentation")),
            ),
        ),
        sequence(
            "FrameAnatomySequence",
            sort_elements(
                sequence("AnatomicRegionSequence", code("T-A0100", "SRT", "Brain")),
                element("FrameLaterality", "U"),
            ),
        ),
    ]


def enhanced_mr(
    described: int, *, lean: bool = False, side: int = 32, frames: int = 0
) -> Callable[[Random], BenchContent]:
    """An enhanced MR image with this many items of functional groups (and frames by default)."""
    frames = frames or described

    def make(rng: Random) -> BenchContent:
        measures = [element("SliceThickness", "1.5"), element("PixelSpacing", "0.5", "0.5")]
        elements = sort_elements(
            *instance(rng, EnhancedMRImageStorage, "MR"),
            *image(side, side, frames=frames),
            sequence("SharedFunctionalGroupsSequence", [sequence("PixelMeasuresSequence", measures)]),
            sequence(
                "PerFrameFunctionalGroupsSequence", *(_frame(rng, number, lean=lean) for number in range(described))
            ),
        )
        return BenchContent(elements=elements, pixels=native(rng, frames * side * side * 2))

    return make
