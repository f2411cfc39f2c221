"""The table of identifying attributes: it matches the script, and hides values."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import pytest
from pydicom.datadict import keyword_dict

import make_identifying_table
from dcmseal import tags
from dcmseal.coverage_map.value_preview import is_identifying, is_showable
from tests.support import tags as t


def test_the_table_matches_the_script() -> None:
    try:
        found = version(make_identifying_table.SOURCE)
    except PackageNotFoundError:
        assert find_spec("mkdocs") is None, "the source of the table comes with the tools of developers"
        pytest.skip("dicom-standard is not installed: pip install '.[tables]'")
    assert found == make_identifying_table.VERSION
    assert make_identifying_table.TARGET.read_text("ascii") == "".join(make_identifying_table.iter_lines())


@pytest.mark.parametrize(
    "keyword",
    "PatientName PatientID PatientBirthDate PatientSex PatientWeight AccessionNumber StudyDate ContentSequence "
    "SOPInstanceUID DeviceSerialNumber OperatorsName RequestAttributesSequence".split(),
)
def test_it_contains_the_well_known_identifying_attributes(keyword: str) -> None:
    assert is_identifying(keyword_dict[keyword])


@pytest.mark.parametrize(
    ("tag", "masked"), [(t.OVERLAY_DATA, True), (0x601E4000, True), (t.OVERLAY_ROWS, False), (0x50200110, True)]
)
def test_it_knows_repeating_groups(tag: int, masked: bool) -> None:
    assert is_identifying(tag) is masked


@pytest.mark.parametrize(
    ("tag", "vr", "start", "shown"),
    [
        (t.MODALITY, b"CS", b"CT", True),
        (tags.ROWS, b"US", b"\0\1", True),
        (tags.SOP_CLASS_UID, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0", True),
        (0x0008001A, b"UI", b"1.2.3\0", False),
        (0x00091001, b"CS", b"CT", False),
        (0x00089999, b"CS", b"CT", False),
        (0x00080070, b"LO", b"ACME", False),
        (t.PATIENT_COMMENTS, b"LT", b"text", False),
        (0x00189074, b"DT", b"2026", False),
        (tags.CODE_MEANING, b"LO", b"Brain ", True),
        (tags.ROWS, b"UN", b"text", False),
        (tags.ROWS, b"LO", b"text", False),
        (tags.PIXEL_DATA, b"OW", b"\0\0", True),
    ],
)
def test_other_attributes_are_shown_only_if_they_cannot_identify(
    tag: int, vr: bytes, start: bytes, shown: bool
) -> None:
    assert is_showable(tag, vr, start) is shown
