"""Elements that decide what an object means, whose it is, or how it is displayed."""

from __future__ import annotations

from typing import Final

CRITICAL_TAGS: Final = frozenset(
    {
        # character set of text
        *(0x00080005,),
        # identification: SOP instance, study, series and patient
        *(0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00080060, 0x00080020, 0x00080050),
        *(0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040, 0x00200052),
        # laterality, orientation, size
        *(0x00200060, 0x00200062, 0x00200020, 0x00200032, 0x00200037, 0x00185100, 0x00185101),
        *(0x00280030, 0x00181164, 0x00180050, 0x00280034),
        # interpretation of pixels
        *(0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010, 0x00280011),
        *(0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280120, 0x00280121),
        *(0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281054, 0x00281055, 0x00281056),
        *(0x00281101, 0x00281102, 0x00281103, 0x00281199, 0x00281201, 0x00281202, 0x00281203),
        *(0x00281221, 0x00281222, 0x00281223, 0x00283000, 0x00283010, 0x00282110, 0x00282112, 0x00282000),
        *(0x00480102, 0x20500010, 0x20500020, 0x00289110, 0x52009229, 0x52009230),
        # burned-in annotation, lossy compression, image type, de-identification
        *(0x00280301, 0x00280302, 0x00080008, 0x00120062),
        # content: pixels, waveforms, documents, structured reports, radiotherapy, segmentations
        *(0x7FE00008, 0x7FE00009, 0x7FE00010, 0x7FE00001, 0x7FE00002, 0x56000020, 0x54000100, 0x00420011),
        *(0x0040A040, 0x0040A043, 0x0040A491, 0x0040A493, 0x0040A073, 0x0040A730, 0x00700001),
        *(0x300A0002, 0x300A0070, 0x300A00B0, 0x300A0180, 0x300A03A2, 0x30060020, 0x30060039, 0x30060080),
        *(0x3004000E, 0x30040002, 0x30040004, 0x3004000A, 0x3004000C, 0x00620002),
        *(0x00540016, 0x00541001, 0x00541102, 0x00541321, 0x00541300),
    }
)
"""Tags of elements that change the meaning of an object, or the patient it belongs to."""

_DISPLAY_GROUPS: Final = frozenset(
    {
        # image presentation, display of waveforms, encapsulated documents, nuclear medicine, segments, surfaces
        *(0x0028, 0x003A, 0x0042, 0x0054, 0x0062, 0x0066, 0x0068),
        # presentation states, hanging protocols, presentation LUTs
        *(0x0070, 0x0072, 0x2050),
        # radiotherapy
        *(0x3002, 0x3004, 0x3006, 0x3008, 0x300A, 0x300C, 0x3010),
        # functional groups, waveforms, spectroscopy, pixels
        *(0x5200, 0x5400, 0x5600, 0x7FE0),
    }
)

_DISPLAY_RANGES: Final = (
    # display shutters, ultrasound regions, content of structured reports
    *((0x00181600, 0x00181624), (0x00186000, 0x001860FF), (0x0040A000, 0x0040DFFF)),
    # cine, trims and frame rate, pixel presentation, real world values, icon
    *((0x00180040, 0x00180040), (0x00181063, 0x00181065), (0x00181244, 0x00181244), (0x00082142, 0x00082144)),
    *((0x00089205, 0x00089207), (0x00409096, 0x00409096), (0x00880200, 0x00880200)),
)


def affects_display(tag: int) -> bool:
    """Whether adding an element with this tag may change what a viewer shows, or for which patient."""
    if is_critical(tag) or tag >> 16 in _DISPLAY_GROUPS:
        return True
    return any(first <= tag <= last for first, last in _DISPLAY_RANGES)


def is_critical(tag: int) -> bool:
    """Whether the element is in CRITICAL_TAGS, or is part of an overlay or a curve."""
    group = tag >> 16
    return tag in CRITICAL_TAGS or 0x6000 <= group <= 0x60FF or 0x5000 <= group <= 0x50FF
