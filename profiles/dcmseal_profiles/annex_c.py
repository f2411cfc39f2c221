"""The modules of PS3.15 Annex C, whose attributes each profile requires to be signed if present.

The lists are those of PS3.15 2023b, where they are complete; 2024e does not change them.

>>> AUTHORIZATION_MODULES < CREATOR_MODULES
True
"""

from __future__ import annotations

from typing import Final

EDITION: Final = "PS3.15 2023b"
"""The edition of the lists of modules."""

CURVE: Final = "Curve"
GENERAL_EQUIPMENT: Final = "General Equipment"
SR_DOCUMENT_CONTENT: Final = "SR Document Content"

MODULES: Final = (
    GENERAL_EQUIPMENT,
    "Overlay Plane",
    CURVE,
    "Graphic Annotation",
    "General Image",
    "Image Pixel",
    "SR Document General",
    SR_DOCUMENT_CONTENT,
    "Waveform",
    "Waveform Annotation",
    "Multi-frame Functional Groups",
    "Enhanced MR Image",
    "MR Spectroscopy",
    "Raw Data",
    "Enhanced CT Image",
    "Enhanced XA/XRF Image",
    "Segmentation Image",
    "Encapsulated Document",
    "X-Ray 3D Image",
    "Enhanced PET Image",
    "Enhanced US Image",
    "Surface Segmentation",
    "Surface Mesh",
    "Structured Display",
    "Structured Display Annotation",
    "Structured Display Image Box",
    "Implant Template",
    "Implant Assembly Template",
    "Implant Template Group",
    "Point Cloud",
    "Enhanced Mammography Image",
    "Tractography Results",
    "Volumetric Graphic Annotation",
    "Microscopy Bulk Simple Annotations",
)
"""All modules that the profiles name, in the order of C.2."""

CREATOR_MODULES: Final = frozenset(MODULES)
AUTHORIZATION_MODULES: Final = CREATOR_MODULES - {
    GENERAL_EQUIPMENT,
    "Tractography Results",
    "Microscopy Bulk Simple Annotations",
}
STRUCTURED_REPORT_MODULES: Final = frozenset({GENERAL_EQUIPMENT, SR_DOCUMENT_CONTENT})
