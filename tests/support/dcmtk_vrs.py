"""VRs for implicit VR little endian the way DCMTK chooses them, for the reference encoder.

PS3.6 leaves some VRs to the context. DCMTK looks no further than the elements that came before in the same data set or
item, and takes US and OB where it finds nothing there.
"""

from __future__ import annotations

import struct

from pydicom.datadict import dictionary_VR

from tests.support.dicom_tree import Dataset, find

PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED = 0x00280103, 0x54001004
ALWAYS_US = frozenset(
    {0x00221452, 0x00280071, 0x00280104, 0x00280105, 0x00280110, 0x00280111}
    | {0x00281100, 0x00281101, 0x00281102, 0x00281103, 0x00281111, 0x00281112, 0x00281113}
)
"""US or SS by PS3.6, but DCMTK does not ask: palette descriptors and retired attributes."""
AMBIGUOUS_TAGS = (
    0x00143050, 0x00143070, 0x00189810, 0x00221452, 0x00280071, 0x00280104, 0x00280105, 0x00280106, 0x00280107,
    0x00280108, 0x00280109, 0x00280110, 0x00280111, 0x00280120, 0x00280121, 0x00281100, 0x00281101, 0x00281102,
    0x00281103, 0x00281111, 0x00281112, 0x00281113, 0x00281200, 0x00283002, 0x00283006, 0x00409211, 0x00409216,
    0x00603004, 0x00603006, 0x54000110, 0x54000112, 0x5400100A, 0x54001010, 0x7FE00010, 0x5000200C, 0x50003000,
    0x60003000, 0x7F000010,
)  # fmt: skip
"""All tags to which PS3.6 gives several VRs; of repeating groups the first."""


def implicit_vr(tag: int, before: Dataset) -> str:
    """The VR of a tag, given the elements before it; private and unknown tags are UN, private creators LO."""
    group, element = tag >> 16, tag & 0xFFFF
    if element == 0:
        return "UL"
    if group % 2:
        return "LO" if 0x10 <= element <= 0xFF else "UN"
    try:
        vr = str(dictionary_VR(tag))
    except KeyError:
        return "UN"
    if vr == "US or SS":
        return "SS" if tag not in ALWAYS_US and _number(before, PIXEL_REPRESENTATION) == 1 else "US"
    if vr == "OB or OW":
        return "OW" if _is_ow(group, before) else "OB"
    return "OW" if " or " in vr else vr


def _is_ow(group: int, before: Dataset) -> bool:
    """Pixel and overlay data are OW (PS3.5 A.1), waveforms if their samples are wide; nothing else is known to be."""
    if group == 0x5400:
        return _number(before, WAVEFORM_BITS_ALLOCATED) not in (None, 8)
    return group == 0x7FE0 or group >> 8 == 0x60


def _number(dataset: Dataset, tag: int) -> int | None:
    element = find(dataset, tag)
    if element is None or len(element.value) < 2:
        return None
    value: int = struct.unpack("<H", element.value[:2])[0]
    return value
