"""Real files that only look odd can be signed, and are then valid: those that packages bring (pydicom, pydicom-data).

For other files there is ``python tools/check_real_files.py FOLDER``.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

from check_real_files import VALID, iter_files, iter_results, main

PACKAGES: Final = {"pydicom": "data", "data_store": "data"}
"""Packages, and the folder in which their files are; ``data_store`` is of pydicom-data."""
LEAST: Final = {"pydicom": 160, "data_store": 65}
"""How many files there are at the least, so that an empty folder does not pass."""

NOT_SIGNED: Final = {
    # cut short
    "MR_truncated.dcm": "Malformed",
    "rtplan_truncated.dcm": "Malformed",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "Malformed",
    # damaged by hand: labelled JPEG and encoded in implicit VR, or without a beginning
    "SC_rgb_jpeg.dcm": "DatasetError",
    "meta_missing_tsyntax.dcm": "DatasetError",
    "no_meta.dcm": "NotDicom",
    # an item that is longer than its sequence (PS3.5 7.5): some readers leave it where the sequence ends
    "DICOMDIR-nooffset": "AmbiguousStructure",
    # nothing in it that the standard lets be signed: groups below 0008, or VR UN throughout (PS3.3 C.12.1.1.3.1.1)
    "UN_sequence.dcm": "UsageError",
    "DICOMDIR": "UsageError",
    # an element twice (PS3.5 7.1): readers differ in which of the two they show
    "winter.dcm": "AmbiguousStructure",
    # begins with group 0001, which PS3.5 7.1 forbids: readers differ in whether it belongs to the Data Set (PS3.10 7.1)
    "nested_priv_SQ.dcm": "AmbiguousStructure",
}
"""Files that cannot be signed, by the beginning of their names, and the error; all others have to be valid."""


def real_files(package: str) -> Iterator[Path]:
    spec = find_spec(package)
    assert spec is not None
    assert spec.submodule_search_locations
    for path in iter_files([Path(spec.submodule_search_locations[0], PACKAGES[package])]):
        if path.suffix == ".dcm" or path.name.startswith("DICOMDIR") or path.read_bytes()[128:132] == b"DICM":
            yield path


def expected(path: Path) -> str:
    return next((error for start, error in NOT_SIGNED.items() if path.name.startswith(start)), VALID)


@pytest.mark.parametrize("package", PACKAGES)
def test_real_files_are_signed_and_valid(package: str) -> None:
    checked = list(iter_results(real_files(package)))
    assert len(checked) >= LEAST[package]
    wrong = [each for each in checked if each.outcome.partition(":")[0] != expected(each.path)]
    assert not wrong, "\n".join(f"{each.path.name}: {each.outcome}" for each in wrong)


def test_the_tool_lists_signatures_that_are_no_longer_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = next(path for path in real_files("pydicom") if path.name == "CT_small.dcm")
    bad = tmp_path / "cut.dcm"
    bad.write_bytes(good.read_bytes()[:-10])
    listed = tmp_path / "list"
    monkeypatch.setattr("sys.argv", ["check_real_files.py", str(good), str(bad), "--write", str(listed)])
    assert main() == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 files, 1 valid"
    assert next(line.split("\t")[1:] for line in listed.read_text().splitlines()) == [VALID, "CT_small.dcm"]

    listed.write_text(listed.read_text().replace("Malformed", f"{VALID}\tMalformed"))
    monkeypatch.setattr("sys.argv", ["check_real_files.py", str(good), str(bad), "--before", str(listed)])
    assert main() == 1
    said = capsys.readouterr().out
    assert "cut.dcm: Malformed" in said
    assert "2 files, 1 valid, 1 no longer so" in said
