"""Files with very many elements or items: work grows with their number and no faster, or a limit is named."""

from __future__ import annotations

import pytest

import dcmseal
from dcmseal.coverage_map.map_builder import MapLimits, build_map
from dcmseal.dataset.part10 import open_dicom
from dcmseal.dataset.source import BytesSource
from dcmseal.errors import DatasetError
from dcmseal.mac import dcmtk_truncation
from dcmseal.macro.levels import main_level
from dcmseal.sources.dataset_input import open_source
from tests.support.builder import Item, Sequence, Value, encode, file, image
from tests.support.pki import Pki
from tests.support.signed_files import build_signer


class Counting(list[int]):
    """A list that counts how often it is searched."""

    searches = 0

    def index(self, *args: object) -> int:
        Counting.searches += 1
        return super().index(*args)  # type: ignore[arg-type]


def test_elements_of_a_long_level_are_looked_up_and_not_searched_for() -> None:
    nodes = [Value(0x00410000 + number, "LO", b"ab") for number in range(1, 1000)]
    with open_dicom(BytesSource(file(image(*nodes)))) as dicom:
        scan = main_level(dicom).scanner().finish()
    scan.tags = Counting(scan.tags)
    for tag in (*scan.tags, 0x00990099):
        found = scan.index(tag)
        assert found == (None if tag == 0x00990099 else list.index(scan.tags, tag))
    assert Counting.searches == 0


def test_of_elements_that_stand_twice_the_first_is_found() -> None:
    nodes = [Value(0x00410000 + number % 400, "LO", b"ab") for number in range(1, 800)]
    with open_dicom(BytesSource(encode((*image()[:2], *nodes)))) as dicom:
        scan = main_level(dicom).scanner().finish()
    assert scan.index(0x00410001) == 2
    assert scan.index(0x0041018F) == 400


def test_a_map_names_its_limit(pki: Pki) -> None:
    items = tuple(Item((Value(0x00080100, "SH", b"ab"),)) for _ in range(50))
    data = dcmseal.sign(file(image(Sequence(0x00400555, items))), signer=build_signer(pki["p256"])).data or b""
    report = dcmseal.verify(data, integrity_only=True)
    assert dcmseal.map_coverage(data, report).elements
    with open_source(data) as opened, pytest.raises(DatasetError, match="more than 100 elements and items"):
        build_map(opened, report, limits=MapLimits(entries=100))


def test_the_search_for_what_dcmtk_leaves_out_has_an_end(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    items = tuple(Item((Value(0x00080100, "SH", b"ab"),)) for _ in range(4000))
    data = file(image(Sequence(0x00400555, items)))

    def codes() -> set[str]:
        return {each.code for each in dcmseal.sign(data, signer=build_signer(pki["p256"])).warnings}

    assert "dcmtk-truncates" not in codes()
    monkeypatch.setattr(dcmtk_truncation, "_MAX_STEPS", 100)
    assert "dcmtk-truncates" in codes()
