"""Write the tags of PS3.15 Table E.1-1: attributes that might identify the patient.

    pip install '.[tables]' && python tools/make_identifying_table.py

Run it after updating VERSION. A test compares the result with the file in the repository.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

TARGET: Final = Path(__file__).resolve().parent.parent / "core" / "dcmseal" / "data" / "identifying.txt"
SOURCE: Final = "dicom-standard"
VERSION: Final = "0.1.0"
_EDITION: Final = "PS3.15 2020a"
_FILE: Final = "confidentiality_profile_attributes.json"
_DIGITS: Final = 8
_PRIVATE: Final = "gggg"
"""How the table writes the group of private attributes, which are recognized by their odd group number."""


def iter_lines() -> Iterator[str]:
    """The edition, then one tag per line; x stands for any digit."""
    source = distribution(SOURCE)
    if source.version != VERSION:
        raise SystemExit(f"{SOURCE} {source.version} is installed, but {VERSION} is required")
    (path,) = (file for file in source.files or () if file.name == _FILE)
    rows = json.loads(Path(str(source.locate_file(path))).read_text(encoding="utf-8"))
    tags = {"".join(digit for digit in row["tag"] if digit.isalnum()).upper().replace("X", "x") for row in rows}
    yield f"# {_EDITION} Table E.1-1\t{SOURCE} {VERSION}\n"
    yield from sorted(f"{tag}\n" for tag in tags if len(tag) == _DIGITS and not tag.startswith(_PRIVATE.upper()))


if __name__ == "__main__":
    TARGET.write_text("".join(iter_lines()), encoding="ascii", newline="\n")
