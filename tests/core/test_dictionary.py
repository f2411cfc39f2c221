"""The data dictionary is pydicom's, and answers for repeating groups, private elements and group lengths too."""

from __future__ import annotations

import pytest
from pydicom.datadict import get_entry, keyword_dict, masks

import make_dictionary
from dcmseal import tags
from dcmseal.dictionary import parse_tag, tag_keyword, tag_name, tag_vr
from tests.support import tags as t


def test_every_attribute_of_pydicom_has_its_vr_keyword_and_name() -> None:
    attributes = {tag: get_entry(tag) for keyword, tag in keyword_dict.items() if keyword}
    assert len(attributes) > 5000
    assert {tag: (tag_vr(tag) or "NONE", tag_name(tag), tag_keyword(tag)) for tag in attributes} == {
        tag: (vr, name, keyword) for tag, (vr, _, name, _, keyword) in attributes.items()
    }


def test_the_table_matches_the_generator() -> None:
    assert make_dictionary.TARGET.read_text(encoding="ascii") == "".join(make_dictionary.iter_lines()), (
        "run the generator"
    )


def test_a_keyword_and_its_tag_name_each_other() -> None:
    assert all(
        parse_tag(keyword) == tag and tag_keyword(tag) == keyword for keyword, tag in keyword_dict.items() if keyword
    )
    assert parse_tag("PatientName") == parse_tag(" PatientName ") == t.PATIENT_NAME


@pytest.mark.parametrize("text", ["(0010,0010)", "0010,0010", "00100010"])
def test_a_tag_may_be_written_in_digits(text: str) -> None:
    assert parse_tag(text) == t.PATIENT_NAME


@pytest.mark.parametrize("text", ["", "NoSuchKeyword", "patientname", "0010", "OverlayData", "60xx3000"])
def test_other_text_names_no_tag(text: str) -> None:
    assert parse_tag(text) is None


@pytest.mark.parametrize("digits", sorted(masks))
def test_a_repeating_group_has_the_vr_and_name_of_its_mask_but_no_keyword(digits: str) -> None:
    tag = int(digits.replace("x", "2"), 16)
    vr, _, name, _, _ = get_entry(tag)
    assert (tag_vr(tag), tag_name(tag), tag_keyword(tag)) == (vr, name, None)


@pytest.mark.parametrize(
    ("tag", "vr", "name"),
    [
        pytest.param(0x00090010, "LO", "Private Creator", id="private creator"),
        pytest.param(0x600100FF, "LO", "Private Creator", id="private creator beside a repeating group"),
        pytest.param(0x0009000F, None, None, id="below the private creators"),
        pytest.param(0x00090100, None, None, id="above the private creators"),
        pytest.param(0x60013000, None, None, id="private, though a mask matches"),
        pytest.param(0x00091010, None, None, id="private"),
        pytest.param(0x00090000, "UL", "Group Length", id="private group length"),
        pytest.param(0x00080000, "UL", "Group Length", id="group length"),
        pytest.param(
            t.FILE_META_INFORMATION_GROUP_LENGTH,
            "UL",
            "File Meta Information Group Length",
            id="group length with a name",
        ),
        pytest.param(0x10100000, "UL", "Group Length", id="group length, though a mask matches"),
        pytest.param(0x00088888, None, None, id="unknown"),
        pytest.param(0x00280020, None, None, id="retired without a name"),
        pytest.param(tags.ITEM, None, "Item", id="item"),
        pytest.param(t.SMALLEST_IMAGE_PIXEL_VALUE, "US or SS", "Smallest Image Pixel Value", id="choice of two"),
        pytest.param(tags.PIXEL_DATA, "OB or OW", "Pixel Data", id="no repeating group, though a mask is near"),
    ],
)
def test_tags_outside_the_table_and_at_its_edges(tag: int, vr: str | None, name: str | None) -> None:
    assert (tag_vr(tag), tag_name(tag)) == (vr, name)
