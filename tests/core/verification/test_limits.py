"""Files with very many elements or items: work grows with their number and no faster, or a limit is named."""

from __future__ import annotations

from typing import Any

import pytest

import dcmseal
from dcmseal import tags
from dcmseal.coverage_map.map_builder import MapLimits, build_map
from dcmseal.dataset.part10 import open_dicom
from dcmseal.dataset.source import BytesSource
from dcmseal.errors import DatasetError
from dcmseal.mac import dcmtk_truncation
from dcmseal.macro.levels import main_level
from dcmseal.sources.dataset_input import open_source
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import build_signer


class Counting(list[int]):
    """A list that counts how often it is searched."""

    searches = 0

    def index(self, *args: Any) -> int:
        Counting.searches += 1
        return super().index(*args)


def test_elements_of_a_long_level_are_looked_up_and_not_searched_for() -> None:
    nodes = [b.Value(0x00410000 + number, "LO", b"ab") for number in range(1, 1000)]
    with open_dicom(BytesSource(b.file(b.image(*nodes)))) as dicom:
        scan = main_level(dicom).scanner().finish()
    scan.tags = Counting(scan.tags)
    for tag in (*scan.tags, 0x00990099):
        found = scan.index(tag)
        assert found == (None if tag == 0x00990099 else list.index(scan.tags, tag))
    assert Counting.searches == 0


def test_of_elements_that_stand_twice_the_first_is_found() -> None:
    nodes = [b.Value(0x00410000 + number % 400, "LO", b"ab") for number in range(1, 800)]
    with open_dicom(BytesSource(b.encode((*b.image()[:2], *nodes)))) as dicom:
        scan = main_level(dicom).scanner().finish()
    assert scan.index(0x00410001) == 2
    assert scan.index(0x0041018F) == 400


def test_a_map_names_its_limit(pki: Pki) -> None:
    # items like others count once
    items = tuple(b.Item((b.Value(tags.CODE_VALUE + number, "SH", b"ab"),)) for number in range(50))
    nodes = b.image(b.Sequence(t.ACQUISITION_CONTEXT_SEQUENCE, items))
    data = dcmseal.sign(b.file(nodes), signer=build_signer(pki["p256"])).data or b""
    report = dcmseal.verify(data, integrity_only=True)
    assert dcmseal.map_coverage(data, report).elements
    with open_source(data) as opened, pytest.raises(DatasetError, match="more than 100 different elements"):
        build_map(opened, report, limits=MapLimits(entries=100))


def test_the_search_for_variants_of_dcmtk_is_bounded(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.Value(tags.CODE_VALUE, "SH", b"ab"),)),))
    data = b.file(b.image(b.Sequence(t.ACQUISITION_CONTEXT_SEQUENCE, (b.Item((inner,)),) * 300)))

    def codes() -> set[str]:
        return {each.code for each in dcmseal.sign(data, signer=build_signer(pki["p256"])).warnings}

    assert "dcmtk-truncates" not in codes()
    monkeypatch.setattr(dcmtk_truncation, "_MAX_STEPS", 100)
    assert "dcmtk-truncates" in codes()
