"""The tables match the script and a second resolution of the modules."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydicom.datadict import get_entry, keyword_dict, masks

import make_module_tables
from dcmseal_profiles import annex_c
from dcmseal_profiles.module_attributes import find_attributes, load_editions

RESOLVED_APART = Path(__file__).parent / "data" / "modules_by_keyword.txt"
"""By keyword, made from the same edition by other hands."""
EARLIER_ONLY = frozenset(
    "AcquisitionDate AcquisitionTime ImagesInAcquisition IrradiationEventUID ImageOrientationSlide PatientSupportAngle "
    "TableTopLateralPosition TableTopLongitudinalPosition TableTopPitchAngle TableTopRollAngle".split()
)
LATER_ONLY = frozenset(
    "AnnotationCoordinateType AnnotationGroupSequence DateOfInstallation DateOfManufacture XRayDetectorID "
    "EncapsulatedPixelDataValueTotalLength EquipmentFrameOfReferenceUID PatientToEquipmentRelationshipSequence "
    "ImagingEquipmentToTreatmentDeliveryDeviceRelationshipSequence PatientTreatmentPreparationSequence "
    "ReferencedRTPlanSequence TabulatedValuesSequence TransducerIdentificationSequence".split()
)


def tags_of(keyword: str) -> frozenset[int]:
    """The tag of a keyword, or the sixteen of one in a repeating group."""
    if keyword in keyword_dict:
        return frozenset({keyword_dict[keyword]})
    groups = (digits for digits in masks if digits[2:4] == "xx")
    (digits,) = (digits for digits in groups if get_entry(int(digits.replace("x", "0"), 16))[4] == keyword)
    return frozenset(int(digits.replace("xx", f"{number:02X}"), 16) for number in range(0, 0x20, 2))


def resolved_apart() -> dict[str, frozenset[int]]:
    rows = [line.split("\t") for line in RESOLVED_APART.read_text("ascii").splitlines() if not line.startswith("#")]
    return {name: frozenset().union(*map(tags_of, keywords.split())) for name, keywords in rows}


def test_the_file_matches_the_script() -> None:
    for distribution, (wanted, _) in make_module_tables.SOURCES.items():
        try:
            found = version(distribution)
        except PackageNotFoundError:
            assert find_spec("mkdocs") is None, "the sources of the tables come with the tools of developers"
            pytest.skip(f"{distribution} is not installed: pip install '.[tables]'")
        assert found == wanted
    assert make_module_tables.TARGET.read_text("ascii") == "".join(make_module_tables.iter_lines())


@pytest.mark.parametrize("module", annex_c.MODULES)
def test_a_module_has_the_attributes_of_the_other_resolution(module: str) -> None:
    assert find_attributes(frozenset({module})).elements == resolved_apart()[module]


def test_every_module_is_in_the_latest_tables() -> None:
    retired, *_, latest = load_editions()
    assert retired.modules.keys() | latest.modules.keys() == {*annex_c.MODULES}
    assert retired.modules.keys() == {annex_c.CURVE}
    assert (latest.name, latest.source) == ("PS3.3 2024c", "highdicom 0.28.2")


def test_differences_between_the_editions() -> None:
    listed = find_attributes(annex_c.CREATOR_MODULES)
    assert listed.dropped == {keyword_dict[keyword] for keyword in EARLIER_ONLY}
    assert listed.added == {keyword_dict[keyword] for keyword in LATER_ONLY}
    assert (listed.edition, listed.earlier) == ("PS3.3 2024c", "PS3.3 2020a")


@pytest.mark.parametrize("first", [0x5000, 0x6000])
def test_repeating_groups_are_there_in_full(first: int) -> None:
    elements = find_attributes(annex_c.AUTHORIZATION_MODULES).elements
    groups = {tag >> 16 for tag in elements if tag >> 24 == first >> 8}
    assert groups == {*range(first, first + 0x20, 2)}
    numbers = {tag & 0xFFFF for tag in elements if tag >> 16 == first}
    assert all(group << 16 | number in elements for group in groups for number in numbers)
    assert len(numbers) == {0x5000: 16, 0x6000: 13}[first]


def test_every_element_has_a_module() -> None:
    for modules in (annex_c.CREATOR_MODULES, annex_c.AUTHORIZATION_MODULES, annex_c.STRUCTURED_REPORT_MODULES):
        listed = find_attributes(modules)
        assert listed.origins.keys() == listed.elements
        assert {origin.removesuffix(" Module") for origin in listed.origins.values()} <= modules
