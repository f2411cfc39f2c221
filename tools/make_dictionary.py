"""Write the data dictionary of dcmseal (PS3.6, PS3.7 Annex E) from that of pydicom.

    python tools/make_dictionary.py

Run it after updating pydicom in requirements.lock. A test compares the result with the file in the repository. Retired
tags without a name, VR or VM are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydicom.datadict import get_entry, keyword_dict, masks

TARGET = Path(__file__).resolve().parent.parent / "core" / "dcmseal" / "data" / "dictionary.txt"


def iter_lines() -> Iterator[str]:
    """One line per attribute: tag, VR, VM, R if retired, keyword, name; repeating groups come last."""
    singles = [(f"{tag:08X}", tag) for tag in sorted(keyword_dict.values())]
    repeating = [(digits, int(digits.replace("x", "2"), 16)) for digits in sorted(masks)]
    for digits, tag in singles + repeating:
        vr, vm, name, retired, keyword = get_entry(tag)
        if keyword:
            yield "\t".join((digits, vr, vm, "R" if retired else "", keyword, name)) + "\n"


if __name__ == "__main__":
    TARGET.write_text("".join(iter_lines()), encoding="ascii", newline="\n")
