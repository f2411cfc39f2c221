"""Names that claim to be DICOM: what has such a name, and cannot be read, has failed, and is no other kind of file.

>>> claims_dicom("CT0001.DCM"), claims_dicom("MR.1.2.840.113619.2.1"), claims_dicom("notes.txt")
(True, True, False)
"""

from __future__ import annotations

import re
from typing import Final

_DICOM_NAME: Final = re.compile(
    # the usual suffixes, that of Siemens (IMA), and those of old systems
    r".*\.(?:dcm|dicom|dic|dc3|ima)"
    # a UID (PS3.5 9.1), as archives name their files, behind a modality or not
    r"|(?:[a-z]{2,16}\.?)?[012](?:\.(?:0|[1-9][0-9]*)){4,}",
    re.IGNORECASE | re.DOTALL,
)
_APPLE_DOUBLE: Final = "._"
"""How macOS names what it keeps beside a file on other file systems: no DICOM, whatever the rest of the name is."""


def has_dicom_name(name: str) -> bool:
    """Whether a file of this name, without folders, says that it is DICOM."""
    return not name.startswith(_APPLE_DOUBLE) and _DICOM_NAME.fullmatch(name) is not None
