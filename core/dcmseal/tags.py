"""Attribute tags: names, parsing and formatting."""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import lt
from typing import Final

LENGTH_TO_END: Final = 0x00080001
SPECIFIC_CHARACTER_SET: Final = 0x00080005
INSTANCE_CREATION_DATE: Final = 0x00080012
INSTANCE_CREATION_TIME: Final = 0x00080013
SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
REFERENCED_SERIES_SEQUENCE: Final = 0x00081115
REFERENCED_SOP_INSTANCE_UID: Final = 0x00081155
REFERENCED_SOP_SEQUENCE: Final = 0x00081199
STUDY_INSTANCE_UID: Final = 0x0020000D
SERIES_INSTANCE_UID: Final = 0x0020000E
SAMPLES_PER_PIXEL: Final = 0x00280002
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
BITS_ALLOCATED: Final = 0x00280100
PIXEL_REPRESENTATION: Final = 0x00280103
WAVEFORM_BITS_ALLOCATED: Final = 0x54001004
VR_CONTEXT: Final = frozenset({PIXEL_REPRESENTATION, BITS_ALLOCATED, WAVEFORM_BITS_ALLOCATED})
"""Elements that decide the VRs of others in implicit VR (PS3.5 Annex A.1)."""
ALWAYS_US: Final = frozenset(
    {
        *(0x00221452, 0x00280071, 0x00280104, 0x00280105, 0x00280110, 0x00280111, 0x00281100),
        *(0x00281101, 0x00281102, 0x00281103, 0x00281111, 0x00281112, 0x00281113),
    }
)
"""Palette descriptors and retired attributes, which are US or SS in PS3.6, but always US in DCMTK."""
NUMBER_OF_FRAMES: Final = 0x00280008
EXTENDED_OFFSET_TABLE: Final = 0x7FE00001
EXTENDED_OFFSET_TABLE_LENGTHS: Final = 0x7FE00002
PIXEL_DATA: Final = 0x7FE00010
CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE: Final = 0x0040A375
PERTINENT_OTHER_EVIDENCE_SEQUENCE: Final = 0x0040A385
EVIDENCE: Final = (CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, PERTINENT_OTHER_EVIDENCE_SEQUENCE)
"""Sequences of references in reports and key object selections (PS3.3 C.17.2.3, C.17.6.2)."""

MAC_ID_NUMBER: Final = 0x04000005
MAC_CALCULATION_TRANSFER_SYNTAX_UID: Final = 0x04000010
MAC_ALGORITHM: Final = 0x04000015
DATA_ELEMENTS_SIGNED: Final = 0x04000020
DIGITAL_SIGNATURE_UID: Final = 0x04000100
DIGITAL_SIGNATURE_DATETIME: Final = 0x04000105
CERTIFICATE_TYPE: Final = 0x04000110
CERTIFICATE_OF_SIGNER: Final = 0x04000115
SIGNATURE: Final = 0x04000120
CERTIFIED_TIMESTAMP_TYPE: Final = 0x04000305
CERTIFIED_TIMESTAMP: Final = 0x04000310
DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE: Final = 0x04000401
REFERENCED_DIGITAL_SIGNATURE_SEQUENCE: Final = 0x04000402
REFERENCED_SOP_INSTANCE_MAC_SEQUENCE: Final = 0x04000403
MAC: Final = 0x04000404
ORIGINAL_ATTRIBUTES_SEQUENCE: Final = 0x04000561
CODE_VALUE: Final = 0x00080100
CODING_SCHEME_DESIGNATOR: Final = 0x00080102
CODE_MEANING: Final = 0x00080104

ICON_IMAGE_SEQUENCE: Final = 0x00880200
MAC_PARAMETERS_SEQUENCE: Final = 0x4FFE0001
DIGITAL_SIGNATURES_SEQUENCE: Final = 0xFFFAFFFA
MACRO: Final = (MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE)
"""The two sequences of the Digital Signatures Macro (PS3.3 Table C.12-6)."""
DATA_SET_TRAILING_PADDING: Final = 0xFFFCFFFC
ITEM: Final = 0xFFFEE000
ITEM_DELIMITATION_ITEM: Final = 0xFFFEE00D
SEQUENCE_DELIMITATION_ITEM: Final = 0xFFFEE0DD

MACRO_ITEMS: Final = {
    MAC_PARAMETERS_SEQUENCE: frozenset(
        {
            MAC_ID_NUMBER,
            MAC_CALCULATION_TRANSFER_SYNTAX_UID,
            MAC_ALGORITHM,
            DATA_ELEMENTS_SIGNED,
            DATA_SET_TRAILING_PADDING,
        }
    ),
    DIGITAL_SIGNATURES_SEQUENCE: frozenset(
        {
            MAC_ID_NUMBER,
            DIGITAL_SIGNATURE_UID,
            DIGITAL_SIGNATURE_DATETIME,
            CERTIFICATE_TYPE,
            CERTIFICATE_OF_SIGNER,
            SIGNATURE,
            CERTIFIED_TIMESTAMP_TYPE,
            CERTIFIED_TIMESTAMP,
            DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE,
            DATA_SET_TRAILING_PADDING,
        }
    ),
}
"""Elements in the items of the Digital Signatures Macro, except group lengths (PS3.3 Table C.12-6)."""
NOT_IN_MAC: Final = frozenset({CERTIFICATE_OF_SIGNER, SIGNATURE, CERTIFIED_TIMESTAMP_TYPE, CERTIFIED_TIMESTAMP})
"""Elements of a signature's own item that its MAC does not cover (PS3.3 C.12.1.1.3.1.2)."""

_HEX = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")


def format_tag(tag: int) -> str:
    """Format a tag as ``(gggg,eeee)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


_MAX_SHOWN: Final = 12


def format_tags(tags: Sequence[int]) -> str:
    """Format the first tags of a list, and the number of the others."""
    shown = " ".join(map(format_tag, tags[:_MAX_SHOWN]))
    return f"{shown} and {len(tags) - _MAX_SHOWN} more" if len(tags) > _MAX_SHOWN else shown


def is_ascending(tags: Sequence[int]) -> bool:
    """Whether tags are unique and in ascending order, as in a Data Set (PS3.5 7.1)."""
    return all(map(lt, tags, tags[1:]))


def parse_hex_tag(text: str) -> int | None:
    """Parse ``(gggg,eeee)``, ``gggg,eeee`` or ``ggggeeee``; None for other text."""
    match = _HEX.fullmatch(text.strip())
    return int(match[1] + match[2], 16) if match else None
