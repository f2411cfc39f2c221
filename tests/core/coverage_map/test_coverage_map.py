"""The coverage map: complete, true to what a changed bit shows, folded, bounded, and silent about the patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

import pytest

import dcmseal
from dcmseal import tags
from dcmseal.coverage_map.map_builder import MapLimits, build_map
from dcmseal.dataset.source import BytesSource
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.dataset.walk import Event, walk
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.coverage_map import CoverageMap, CoverState, MappedElement
from dcmseal.sources.dataset_input import open_source
from tests.bench.bench_dataset import EXPLICIT, write_file
from tests.bench.functional_groups import enhanced_mr
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.pydicom_walk import count_elements, count_mapped
from tests.support.real_files import RealFile, readable_files
from tests.support.signed_files import sign_dataset

CODE = (
    b.text(tags.CODE_VALUE, "SH", "T-A0100"),
    b.text(tags.CODING_SCHEME_DESIGNATOR, "SH", "SRT"),
    b.text(tags.CODE_MEANING, "LO", "Brain"),
)


HAS_UN_OF_DEFINED_LENGTH = "rtdose_rle.dcm"
"""pydicom takes it for the sequence it once was."""


def map_of(data: bytes | Path, *, show_values: bool = False, fold: bool = True) -> CoverageMap:
    report = dcmseal.verify(data, integrity_only=True)
    return dcmseal.map_coverage(data, report, show_values=show_values, fold=fold)


def every(elements: Iterable[MappedElement], path: str = "") -> Iterator[tuple[str, MappedElement]]:
    """All elements by their path, as in 00081140[0].00280010."""
    for element in elements:
        here = f"{path}{element.tag:08X}"
        yield here, element
        for item in element.items:
            yield from every(item.elements, f"{here}[{item.ranges[0][0] if item.ranges else ''}].")


def covers(coverage: CoverageMap) -> dict[str, CoverState]:
    return {path: element.cover for path, element in every(coverage.elements)}


@pytest.mark.parametrize("file", readable_files(), ids=str)
def test_every_element_of_a_real_file_is_counted(file: RealFile) -> None:
    for fold in (True, False):
        coverage = map_of(file.path, fold=fold)
        numbers = count_mapped(coverage.elements)
        assert coverage.omitted == 0
        assert sum(numbers.values()) == coverage.totals.elements
        assert coverage.totals.covered == 0
        expected = count_elements(file.path)
        if str(file) == HAS_UN_OF_DEFINED_LENGTH:
            assert not numbers - expected
        else:
            assert numbers == expected


@pytest.fixture(scope="module")
def enhanced(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Path:
    """An enhanced image of 60 frames; one signature in an item, one over parts of the main data set."""
    content = enhanced_mr(60)(Random(0))
    path = tmp_path_factory.mktemp("enhanced") / "plain.dcm"
    write_file(path, content.elements, EXPLICIT, content.pixels(EXPLICIT))
    item = {"location": "PerFrameFunctionalGroupsSequence[3]", "tags": ["PlanePositionSequence"]}
    data = sign_dataset(path, pki["p256"], **item)
    path.write_bytes(sign_dataset(data, pki["p256"], tags=["SOPInstanceUID", "SharedFunctionalGroupsSequence"]))
    return path


def test_items_alike_are_folded_and_all_others_stand_alone(enhanced: Path) -> None:
    coverage = map_of(enhanced)
    assert count_mapped(coverage.elements) == count_elements(enhanced)
    (frames,) = (element for element in coverage.elements if element.tag == 0x52009230)
    assert [(item.ranges, item.count) for item in frames.items] == [(((0, 2), (4, 59)), 59), (((3, 3),), 1)]
    assert frames.cover is CoverState.PARTLY
    positions = [element for item in frames.items for element in item.elements if element.tag == 0x00209113]
    assert [(each.count, each.cover, each.covered_by) for each in positions] == [
        (59, CoverState.UNCOVERED, ()),
        (1, CoverState.COVERED, (2,)),
    ]
    assert coverage.folded > 60
    assert len(list(every(coverage.elements))) < 250


def test_a_signature_over_a_sequence_covers_all_that_is_in_it(enhanced: Path) -> None:
    (shared,) = (element for element in map_of(enhanced).elements if element.tag == t.SHARED_FUNCTIONAL_GROUPS_SEQUENCE)
    assert {element.covered_by for _, element in every([shared])} == {(1,)}


def test_nothing_is_folded_if_that_is_asked_for(enhanced: Path) -> None:
    coverage = map_of(enhanced, fold=False)
    elements = [element for _, element in every(coverage.elements)]
    assert {element.count for element in elements} == {1}
    assert len(elements) == coverage.totals.elements == map_of(enhanced).totals.elements
    assert coverage.folded == 0


NODES: tuple[b.Node, ...] = b.image(
    b.Sequence(
        t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 7), b.Sequence(0x0040A170, (b.Item(CODE),)))), b.Item())
    ),
    b.Sequence(
        tags.REFERENCED_SERIES_SEQUENCE,
        (b.Item((b.text(t.MODALITY, "CS", "CT"), b.uid(tags.SERIES_INSTANCE_UID, "1.2.3"))), b.Item(CODE)),
    ),
    b.text(t.PATIENT_COMMENTS, "LT", "comments"),
    b.Value(0x00090010, "LO", b"ACME"),
    b.Value(0x00091001, "UN", b"unknown "),
    b.Sequence(0x00082112, (b.Item((b.Value(0x00091001, "UN", b"ab"), b.us(tags.ROWS, 7))),)),
)


@pytest.fixture(scope="module")
def twice(pki: Pki) -> bytes:
    """Parts of the main data set signed, and an element of an item that no signature encloses."""
    inner = sign_dataset(b.file(NODES), pki["p256"], location="ReferencedSeriesSequence[0]", tags=["SeriesInstanceUID"])
    return sign_dataset(inner, pki["rsa2048"], tags=["SOPClassUID", "PatientID", "ReferencedImageSequence", "Rows"])


def test_the_map_agrees_with_changed_bits(twice: bytes) -> None:
    """Every value in turn is changed: just the signatures that cover it break."""
    coverage = map_of(twice, fold=False)
    by_path = dict(every(coverage.elements))
    checked = 0
    for path, start, end in values_of(twice):
        element = by_path[path]
        if start == end or element.tag >> 24 == 4 or element.tag == tags.DATA_ELEMENTS_SIGNED:
            continue  # what signatures are made of breaks them in other ways
        changed = bytearray(twice)
        changed[start] ^= 1
        report = dcmseal.verify(bytes(changed), integrity_only=True)
        broken = tuple(
            number
            for number, each in enumerate(report.signatures, 1)
            if each.outcome(Aspect.INTEGRITY) is not Outcome.PASSED
        )
        assert broken == element.covered_by, path
        checked += 1
    assert checked > 25


def values_of(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Where the value of each element without items stands, by its path."""
    start = b.file(()).index(b"DICM") + 4
    meta = len(b.file(()))
    assert start < meta
    path: list[str] = []
    counts: list[int] = []
    for step in walk(BytesSource(data), meta, len(data), Encoding.EXPLICIT_LITTLE):
        if step.event is Event.ELEMENT:
            yield "".join((*path, f"{step.tag:08X}")), step.value, step.end
        elif step.event is Event.SEQUENCE:
            path.append(f"{step.tag:08X}")
            counts.append(-1)
        elif step.event is Event.ITEM:
            counts[-1] += 1
            path.append(f"[{counts[-1]}].")
        elif step.event is Event.ITEM_END:
            path.pop()
        elif step.event is Event.SEQUENCE_END:
            path.pop()
            counts.pop()


def test_unsignable_elements_show_the_reason(twice: bytes) -> None:
    coverage = map_of(twice)
    why = {path: element.why for path, element in every(coverage.elements) if element.cover is CoverState.UNSIGNABLE}
    assert why["00091001"] == "its VR is UN"
    assert why["00082112"] == "it contains (0009,1001) of VR UN"
    assert "never signed" in why["FFFAFFFA"]
    assert why["4FFE0001[0].04000020"] == why["4FFE0001"]
    assert why["FFFAFFFA[0].04000120"]
    found = covers(coverage)
    assert found["00082112[0].00280010"] is CoverState.UNCOVERED
    assert found["00081115"] is CoverState.PARTLY
    assert found["FFFAFFFA[0].04000100"] is CoverState.COVERED


def test_critical_elements_without_cover_stand_out(twice: bytes) -> None:
    coverage = map_of(twice)
    found = {path for path, element in every(coverage.elements) if element.is_open}
    assert {"00100010", "7FE00010", "00081115[0].00080060"} <= found
    assert not {"00100020", "00081140[0].00280010", "00104000"} & found
    assert coverage.totals.open == len(found)


def test_a_signature_that_does_not_hold_protects_nothing(twice: bytes) -> None:
    # other values, such as random UIDs, may contain the digits, too
    changed = twice.replace(b"LO\x04\x004711", b"LO\x04\x004712")
    coverage = map_of(changed)
    assert [(each.is_valid, each.location) for each in coverage.signatures] == [
        (False, "main"),
        (True, "ReferencedSeriesSequence[0]"),
    ]
    elements = dict(every(coverage.elements))
    assert (elements["00100020"].cover, elements["00100020"].broken_by) == (CoverState.BROKEN, (1,))
    assert elements["00081140[0].00280010"].cover is CoverState.BROKEN
    assert elements["00081115[0].0020000E"].covered_by == (2,)
    assert coverage.totals.broken > 4
    assert all(element.is_open for element in elements.values() if element.critical and element.broken_by)


def test_a_signature_that_is_refused_for_another_reason_protects_nothing(twice: bytes) -> None:
    """The MAC matches, but the signer is not trusted."""
    from msgspec.structs import replace

    report = dcmseal.verify(twice)
    refusal = dcmseal.Finding(aspect=Aspect.TRUST, outcome=Outcome.FAILED, code="revoked", message="")
    first = replace(report.signatures[0], findings=(*report.signatures[0].findings, refusal))
    coverage = dcmseal.map_coverage(twice, replace(report, signatures=(first, report.signatures[1])))
    assert [each.is_valid for each in coverage.signatures] == [False, True]
    assert covers(coverage)["00100020"] is CoverState.BROKEN


PATIENT = ("Secret", "4711", "Quiet", "19700101", "1.2.3.4.5")


def test_identifying_values_are_hidden(pki: Pki) -> None:
    nodes = b.image(
        b.text(t.PATIENT_NAME, "PN", "Secret^Name"),
        b.text(0x00080020, "DA", "19700101"),
        b.text(t.PATIENT_COMMENTS, "LT", "Quiet"),
        b.Value(0x00090010, "LO", b"Secret"),
        b.Value(0x00091001, "CS", b"Secret"),
        b.text(0x00189999, "CS", "Secret"),
        b.Sequence(0x00321064, (b.Item(CODE),)),
        b.Sequence(
            t.REQUEST_ATTRIBUTES_SEQUENCE, (b.Item((b.text(tags.CODE_VALUE, "SH", "Quiet"), b.us(tags.ROWS, 7))),)
        ),
        instance="1.2.3.4.5",
    )
    data = sign_dataset(b.file(nodes), pki["p256"])
    masked = dict(every(map_of(data).elements))
    assert not [each for each in PATIENT if any(each in element.value for element in masked.values())]
    assert all(not element.value for element in masked.values() if element.redacted)
    shown = {path for path, element in masked.items() if element.value}
    assert {"00080016", "00080060", "00280010", "7FE00010", "00321064[0].00080104"} <= shown
    assert masked["00400275[0].00280010"].redacted, "what is inside an identifying sequence is identifying"
    everything = [element.value for _, element in every(map_of(data, show_values=True).elements)]
    assert all(any(each in value for value in everything) for each in PATIENT)


def test_values_are_read_in_their_character_set_and_byte_order() -> None:
    nodes = (
        b.text(tags.SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192"),
        b.Value(t.PATIENT_NAME, "PN", "Grüße^Ωμέγα ".encode()),
        b.Sequence(
            t.REFERENCED_IMAGE_SEQUENCE,
            (
                b.Item(
                    (
                        b.Value(tags.SPECIFIC_CHARACTER_SET, "CS", b"ISO_IR 100"),
                        b.Value(tags.CODE_MEANING, "LO", b"Gr\xfc\xdfe "),
                    )
                ),
            ),
        ),
        b.us(tags.ROWS, *range(300, 310)),
        b.at(t.FRAME_INCREMENT_POINTER, 0x00181063),
    )
    for syntax in b.NATIVE_SYNTAXES:
        coverage = map_of(b.file(nodes, syntax), show_values=True)
        values = {path: element.value for path, element in every(coverage.elements)}
        assert values["00100010"] == "Grüße^Ωμέγα"
        assert values["00081140[0].00080104"] == "Grüße"
        assert values["00280010"] == "300\\301\\302\\303\\304\\305…"
        assert values["00280009"] == "(0018,1063)"


@pytest.mark.parametrize("declared", ["", "nonsense", "ISO 2022 IR 87\\nonsense", "\\\\\\"])
def test_nonsense_about_characters_harms_nothing(declared: str) -> None:
    nodes = (b.text(tags.SPECIFIC_CHARACTER_SET, "CS", declared), b.Value(t.PATIENT_NAME, "PN", b"\xff\x1b$B\x80" * 40))
    (_, name) = map_of(b.file(nodes), show_values=True).elements
    assert name.value


def test_omitted_elements_are_counted_and_reported() -> None:
    forms = tuple(b.Item((b.us(tags.ROWS, 1), b.us(number << 16 | 2, 1))) for number in range(40, 140))
    data = b.file((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, forms), b.us(0x00280012, 1)))
    complete = map_of(data)
    assert complete.omitted == 0
    with open_source(data) as opened:
        bounded = build_map(opened, dcmseal.verify(data, integrity_only=True), limits=MapLimits(nodes=50))
    assert bounded.totals == complete.totals
    assert bounded.omitted > 0
    assert sum(count_mapped(bounded.elements).values()) + bounded.omitted == complete.totals.elements


def test_depth_is_bounded() -> None:
    node: b.Node = b.us(tags.ROWS, 1)
    for _ in range(120):
        node = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((node,)),))
    coverage = map_of(b.file((node,)))
    assert coverage.totals.elements == 121
    assert coverage.omitted == 121 - MapLimits().depth - 1


def test_folding_ten_thousand_items_of_many_forms_takes_a_moment() -> None:
    """Each item is another form: nothing can be folded, and nothing grows with the square of their number."""
    items = tuple(b.Item((b.us(0x00110000 + n % 200 * 0x20000 | 0x1000 + n // 200, 1),)) for n in range(8_000))
    coverage = map_of(b.file((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, items),)))
    assert coverage.totals.elements == 8_001
