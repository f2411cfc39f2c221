"""Items that are like others before them are counted without walking through them: the map is the same."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import dcmseal
from dcmseal.coverage_map import repeated_items
from dcmseal.coverage_map.map_builder import MapLimits, build_map, count_coverage
from dcmseal.model.coverage_map import CoverageMap
from dcmseal.sources.dataset_input import open_source
from tests.bench import bench_dataset
from tests.bench.bench_dataset import BenchElement, BenchEncoding, Elements, element, sequence, sort_elements
from tests.bench.bench_documents import report as structured_report
from tests.bench.common_modules import instance
from tests.support.pki import Pki
from tests.support.pydicom_walk import count_mapped
from tests.support.signed_files import sign_dataset

ENCODINGS = (
    bench_dataset.EXPLICIT,
    bench_dataset.UNDEFINED_LENGTHS,
    bench_dataset.IMPLICIT,
    bench_dataset.BIG_ENDIAN,
)
SEQUENCES = ("ContentSequence", "ConceptNameCodeSequence", "ReferencedImageSequence", "DerivationCodeSequence")
LIMITS = (MapLimits(), MapLimits(nodes=15), MapLimits(depth=2), MapLimits(nodes=60, depth=3, unfolded_nodes=40))


def random_item(rng: Random, depth: int) -> Elements:
    """An item with few possible structures, so that many are alike."""
    found: list[BenchElement] = []
    if rng.random() < 0.7:
        found.append(element("TextValue", "x" * rng.choice((0, 1, 2, 300))))
    if rng.random() < 0.5:
        found.append(element("NumberOfFrames", rng.randrange(1000)))
    if rng.random() < 0.05:
        found.append(BenchElement(0x00091001, "UN", b"ab"))
    if rng.random() < 0.2:
        found.append(element("PatientID", "4711"))
    if depth and rng.random() < 0.5:
        found.append(random_sequence(rng, depth - 1))
    return sort_elements(*found)


def random_sequence(rng: Random, depth: int) -> BenchElement:
    kinds = [random_item(rng, depth) for _ in range(rng.randint(1, 3))]
    return sequence(rng.choice(SEQUENCES), *(rng.choice(kinds) for _ in range(rng.choice((0, 1, 3, 5, 12, 40)))))


def random_file(path: Path, seed: int, encoding: BenchEncoding) -> Path:
    rng = Random(seed)
    sequences = {each.tag: each for each in (random_sequence(rng, 3) for _ in range(4))}
    content = structured_report(rng, 0).elements
    present = {each.tag for each in content} - sequences.keys()
    elements = [each for each in content if each.tag in present]
    bench_dataset.write_file(path, sort_elements(*elements, *sequences.values()), encoding)
    return path


def map_without_skipping(
    path: Path, report: dcmseal.VerificationReport, limits: MapLimits, *, fold: bool, monkeypatch: pytest.MonkeyPatch
) -> CoverageMap:
    with monkeypatch.context() as patch, open_source(path) as file:
        patch.setattr(repeated_items, "_MAX_KNOWN", 0)
        return build_map(file, report, limits=limits, fold=fold)


@pytest.fixture(params=range(12))
def signed(request: pytest.FixtureRequest, tmp_path: Path, pki: Pki) -> Path:
    seed: int = request.param
    path = random_file(tmp_path / "plain.dcm", seed, ENCODINGS[seed % len(ENCODINGS)])
    rng = Random(seed)
    tags = rng.sample([*SEQUENCES, "SOPInstanceUID", "Modality"], 3)
    try:
        data = sign_dataset(path, pki["p256"], tags=["SOPClassUID", *tags])
    except dcmseal.NotSignable:
        data = sign_dataset(path, pki["p256"], tags=["SOPClassUID"])
    target = tmp_path / "signed.dcm"
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_the_map_is_the_same(signed: Path, monkeypatch: pytest.MonkeyPatch, limits: MapLimits, *, fold: bool) -> None:
    report = dcmseal.verify(signed, integrity_only=True)
    with open_source(signed) as file:
        short = build_map(file, report, limits=limits, fold=fold)
        counted = count_coverage(file, report.signatures)
    full = map_without_skipping(signed, report, limits, fold=fold, monkeypatch=monkeypatch)
    assert (short.totals, short.summary) == (full.totals, full.summary)
    assert counted == full.summary
    assert sum(count_mapped(short.elements).values()) + short.omitted == short.totals.elements
    # an item that is walked through takes part of the limit until it is folded
    assert short == full or 0 < full.omitted >= short.omitted


def test_items_with_signatures_are_not_skipped(tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plain.dcm"
    item = sort_elements(element("TextValue", "a"), element("ValueType", "TEXT"))
    content = sort_elements(*instance(Random(0), "1.2.840.10008.5.1.4.1.1.88.34", "SR"))
    bench_dataset.write_file(
        path, sort_elements(*content, sequence("ContentSequence", *[item] * 30)), bench_dataset.EXPLICIT
    )
    path.write_bytes(sign_dataset(path, pki["p256"], location="ContentSequence[20]", tags=["TextValue"]))
    report = dcmseal.verify(path, integrity_only=True)
    coverage = dcmseal.map_coverage(path, report)
    assert coverage == map_without_skipping(path, report, MapLimits(), fold=True, monkeypatch=monkeypatch)
    assert coverage.totals.covered > 1


def test_a_million_items_are_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one by one: the limit is for those that differ."""
    path = tmp_path / "plain.dcm"
    content = sort_elements(*instance(Random(0), "1.2.840.10008.5.1.4.1.1.88.34", "SR"))
    items = [[element("TextValue", "a")]] * 20_000
    bench_dataset.write_file(path, sort_elements(*content, sequence("ContentSequence", *items)), bench_dataset.EXPLICIT)
    report = dcmseal.verify(path, integrity_only=True)
    with open_source(path) as file:
        coverage = build_map(file, report, limits=MapLimits(entries=1000))
    (element_,) = (each for each in coverage.elements if each.items)
    assert [(each.ranges, each.count) for each in element_.items] == [(((0, 19_999),), 20_000)]
    with pytest.raises(dcmseal.DatasetError, match="more than 1000 different elements"):
        map_without_skipping(path, report, MapLimits(entries=1000), fold=True, monkeypatch=monkeypatch)


@pytest.mark.parametrize("end", [40, 41, 43, 47])
def test_a_truncated_item_is_an_error_all_the_same(tmp_path: Path, end: int) -> None:
    path = tmp_path / "plain.dcm"
    content = sort_elements(*instance(Random(0), "1.2.840.10008.5.1.4.1.1.88.34", "SR"))
    items = [[element("TextValue", "abcdefgh")]] * 50
    bench_dataset.write_file(path, sort_elements(*content, sequence("ContentSequence", *items)), bench_dataset.EXPLICIT)
    report = dcmseal.verify(path, integrity_only=True)
    data = path.read_bytes()
    with pytest.raises(dcmseal.DatasetError):
        dcmseal.map_coverage(data[:-end], report)
