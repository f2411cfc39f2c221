"""dcmseal.compare: what differs is named, as what it is, with the signatures that it breaks, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.comparison.changes import ChangeKind
from dcmseal.comparison.differences import FilePart
from dcmseal.comparison.inventory import build_inventory
from dcmseal.errors import DatasetError, NotDicom
from dcmseal.sources.dataset_input import open_source
from tests.core.comparison.node_paths import flip_bit, iter_nodes, make_items, replace_node
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import minimise_nodes, sign_dataset
from tests.support.strategies import data_sets, portable_data_sets

NAMES = [
    [b.text(t.BEAM_NAME, "LO", name), b.us(t.BEAM_NUMBER, number)]
    for number, name in enumerate(("AP", "PA", "LL", "RL"))
]


def list_differences(first: bytes, second: bytes, **options: Any) -> list[tuple[str, ChangeKind]]:
    """What differs in the Data Sets."""
    found = dcmseal.compare(first, second, **options).differences
    return [(each.path, each.kind) for each in found if each.part is FilePart.DATA_SET]


def plan(*beams: Ordered[b.Node], undefined: bool = False) -> bytes:
    return b.file(b.image(make_items(*beams, undefined=undefined)))


def test_a_file_is_the_same_as_itself() -> None:
    for name in ("CT_small.dcm", "rtplan.dcm", "JPEG-lossy.dcm", "image_dfl.dcm", "UN_sequence.dcm"):
        comparison = dcmseal.compare(real_file(name).data, real_file(name).data)
        assert (comparison.differences, comparison.is_equivalent, comparison.is_signed) == ((), True, False)


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
@given(nodes=portable_data_sets(), more=st.booleans())
def test_native_transfer_syntaxes_of_the_same_data_mean_the_same(
    nodes: tuple[b.Node, ...], syntax: b.Syntax, more: bool
) -> None:
    other = b.with_group_lengths(nodes, syntax) if more else nodes
    comparison = dcmseal.compare(b.file(nodes, b.EXPLICIT_LE), b.file(other, syntax))
    data = [each for each in comparison.differences if each.part is FilePart.DATA_SET]
    assert all(each.path.endswith("0000)") and each.representation for each in data), data
    assert comparison.is_equivalent


@given(data=st.data())
def test_the_element_that_was_changed_is_named_and_no_other(data: st.DataObject) -> None:
    nodes = minimise_nodes(data.draw(data_sets()))
    places = [spot for spot in iter_nodes(nodes) if isinstance(spot.node, b.Value) and spot.node.vr != "UN"]
    assume(places)
    spot = data.draw(st.sampled_from(places))
    assert isinstance(spot.node, b.Value)
    at = data.draw(st.integers(0, len(spot.node.value) - 1))
    # 0x40 makes neither padding of a value, nor a value of padding
    changed = b.Value(spot.node.tag, spot.node.vr, flip_bit(spot.node.value, at, 0x40))
    assume(not any(each in (0, 0x20) for each in (changed.value[-1], spot.node.value[-1] ^ 0x40, changed.value[at])))
    (found,) = list_differences(b.file(nodes), b.file(replace_node(nodes, spot.steps, spot.at, changed)))
    assert found == (spot.path, ChangeKind.CHANGED)


@given(data=st.data())
def test_an_element_that_was_taken_out_or_put_in_is_named_and_no_other(data: st.DataObject) -> None:
    nodes = data.draw(data_sets())
    places = list(iter_nodes(nodes))
    assume(places and len(nodes) > 1)
    spot = data.draw(st.sampled_from(places))
    less = b.file(replace_node(nodes, spot.steps, spot.at, None))
    assert list_differences(b.file(nodes), less) == [(spot.path, ChangeKind.REMOVED)]
    assert list_differences(less, b.file(nodes)) == [(spot.path, ChangeKind.ADDED)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ((0, 1, 2), (1, 2), [("BeamSequence[0]", ChangeKind.REMOVED)]),
        ((0, 1, 2), (0, 2), [("BeamSequence[1]", ChangeKind.REMOVED)]),
        ((0, 1, 2), (0, 1, 2, 3), [("BeamSequence[3]", ChangeKind.ADDED)]),
        ((0, 1, 2), (3, 0, 1, 2), [("BeamSequence[0]", ChangeKind.ADDED)]),
        ((0, 1, 2, 3), (0, 2, 1, 3), [("BeamSequence[1]", ChangeKind.MOVED)]),
        ((0, 1, 2, 3), (3, 0, 1, 2), [("BeamSequence[3]", ChangeKind.MOVED)]),
        ((0, 0, 1), (0, 1), [("BeamSequence[1]", ChangeKind.REMOVED)]),
        ((0, 1), (), [("BeamSequence[0]", ChangeKind.REMOVED), ("BeamSequence[1]", ChangeKind.REMOVED)]),
        (
            (0, 1),
            (0, 2),
            [("BeamSequence[1].BeamNumber", ChangeKind.CHANGED), ("BeamSequence[1].BeamName", ChangeKind.CHANGED)],
        ),
    ],
)
def test_items_are_found_again(before: Any, after: Any, expected: Any) -> None:
    first, second = (plan(*(b.in_order(*NAMES[each]) for each in which)) for which in (before, after))
    assert sorted(list_differences(first, second), key=str) == sorted(expected, key=str)


def test_a_moved_item_and_a_changed_item_are_distinguished() -> None:
    beams = [b.in_order(*each) for each in NAMES]
    changed = (b.us(t.BEAM_NUMBER, 2), b.text(t.BEAM_NAME, "LO", "XX"))
    comparison = dcmseal.compare(plan(*beams), plan(beams[1], beams[0], changed, beams[3]))
    assert [(each.path, each.path_in_b, each.kind) for each in comparison.differences] == [
        ("BeamSequence[0]", "BeamSequence[1]", ChangeKind.MOVED),
        ("BeamSequence[2].BeamName", "", ChangeKind.CHANGED),
    ]


def test_a_removed_element_has_no_path_in_b() -> None:
    (found,) = dcmseal.compare(
        plan(*(b.in_order(*each) for each in NAMES)), plan(*(b.in_order(*each) for each in NAMES[1:]))
    ).differences
    assert (found.path, found.path_in_b, found.kind) == ("BeamSequence[0]", "", ChangeKind.REMOVED)


def test_elements_out_of_order_are_named() -> None:
    nodes = b.image()
    swapped = (*nodes[:3], nodes[4], nodes[3], *nodes[5:])
    assert list_differences(b.file(nodes), b.file(swapped)) in (
        [("PatientID", ChangeKind.MOVED)],
        [("PatientName", ChangeKind.MOVED)],
    )


def test_differences_of_encoding_are_differences_of_representation() -> None:
    loose = b.file(b.image(make_items(*NAMES[:1], undefined=True), b.Value(t.PATIENT_ID, "LO", b"4711    ")))
    tight = b.file(b.image(make_items(*NAMES[:1])))
    comparison = dcmseal.compare(loose, tight)
    assert list_differences(loose, tight) == [
        ("PatientID", ChangeKind.PADDING),
        ("BeamSequence", ChangeKind.LENGTHS),
        ("BeamSequence[0]", ChangeKind.LENGTHS),
    ]
    assert comparison.is_equivalent
    assert list_differences(b.file(b.image()), b.file(b.image(b.trailing_padding(20)))) == [
        ("DataSetTrailingPadding", ChangeKind.ADDED)
    ]
    assert dcmseal.compare(b.file(b.image()), b.file(b.image(b.trailing_padding(20)))).is_equivalent


def test_another_vr_is_more_than_a_change_of_representation() -> None:
    first, second = (b.file(b.image(b.Value(0x00091001, vr, b"ab"))) for vr in ("LO", "OB"))
    assert list_differences(first, second) == [("(0009,1001)", ChangeKind.VR)]
    assert not dcmseal.compare(first, second).is_equivalent


def test_vrs_that_implicit_vr_does_not_state(pki: Pki) -> None:
    nodes = b.image(
        b.Value(0x00090010, "LO", b"US"),
        b.Value(0x00091001, "LO", b"ab"),
        b.Value(t.SMALLEST_IMAGE_PIXEL_VALUE, "SS", b"\0\1"),
    )
    implicit = b.file(nodes, b.IMPLICIT_LE)
    assert list_differences(b.file(nodes), implicit) == [
        ("(0009,1001)", ChangeKind.VR_NOT_STATED),
        ("SmallestImagePixelValue", ChangeKind.VR_NOT_STATED),
    ]
    found = dcmseal.compare(sign_dataset(b.file(nodes), pki["p256"]), implicit).differences
    private, ambiguous = (each for each in found if each.kind is ChangeKind.VR_NOT_STATED)
    assert (private.path, private.representation, len(private.signed_in_a)) == ("(0009,1001)", True, 1)
    assert (ambiguous.representation, ambiguous.signed_in_a) == (True, ())


def test_meta_information_and_preamble_are_distinguished() -> None:
    first, second = (
        b.file(b.image(), preamble=bytes(128)),
        b.file(b.image(), b.EXPLICIT_BE, preamble=b"II*\0" + bytes(124), sop_class="1.2"),
    )
    comparison = dcmseal.compare(first, second)
    assert [(each.part, each.path, each.representation) for each in comparison.differences] == [
        (FilePart.PREAMBLE, "preamble", False),
        (FilePart.META, "FileMetaInformationGroupLength", True),
        (FilePart.META, "MediaStorageSOPClassUID", False),
        (FilePart.META, "TransferSyntaxUID", True),
    ]
    assert comparison.is_equivalent
    assert list_differences(first, b.file(b.image(), preamble=None, meta=False)) == []


def test_instances_that_are_not_the_same_are_noted() -> None:
    assert "different instances" in dcmseal.compare(b.file(b.image()), b.file(b.image(instance="1.2.3.5"))).notes[0]
    assert dcmseal.compare(b.file(b.image()), b.file(b.image())).notes == ()


def test_values_that_may_name_the_patient_are_not_shown_unasked() -> None:
    nested = (
        b.Sequence(0x00081110, (b.Item((b.us(tags.ROWS, 7),)),)),
        b.Sequence(0x00101002, (b.Item((b.us(tags.ROWS, 7),)),)),
    )
    first = b.image(*nested, b.text(t.PATIENT_COMMENTS, "LT", "a"), b.us(0x00091001, 1))
    second = b.image(
        *(b.Sequence(each.tag, (b.Item((b.us(tags.ROWS, 8),)),)) for each in nested),
        *(
            b.text(t.PATIENT_NAME, "PN", "Roe^Jane"),
            b.text(t.PATIENT_COMMENTS, "LT", "b"),
            b.us(0x00091001, 2),
            b.us(tags.ROWS, 5),
        ),
        b.text(0x00280004, "CS", "RGB "),
    )
    shown = {
        each.path: (each.value_in_a, each.value_in_b)
        for each in dcmseal.compare(b.file(first), b.file(second)).differences
    }
    assert shown == {
        "ReferencedStudySequence[0].Rows": ("7", "8"),
        "(0009,1001)": (None, None),
        "PatientName": (None, None),
        "OtherPatientIDsSequence[0].Rows": (None, None),
        "PatientComments": (None, None),
        "PhotometricInterpretation": ("MONOCHROME2", "RGB"),
        "Rows": ("4", "5"),
    }
    for each in dcmseal.compare(b.file(first), b.file(second), show_values=True).differences:
        assert each.value_in_a
        assert each.value_in_b


def test_too_many_elements_are_refused() -> None:
    with open_source(b.file(b.image())) as opened, pytest.raises(DatasetError, match="more than 10"):
        build_inventory(opened.body, opened.start, opened.end, opened.encoding, max_entries=10)


def test_a_file_that_is_not_dicom_is_refused() -> None:
    with pytest.raises(NotDicom):
        dcmseal.compare(b.file(b.image()), b"nothing")


def test_nesting_to_the_limit_is_compared() -> None:
    def nested(name: str) -> bytes:
        data = b.encode([b.text(t.BEAM_NAME, "LO", name)])
        for _ in range(250):
            data = b.encode([b.Sequence(t.BEAM_SEQUENCE, (b.Item((b.Raw(data),)),))])
        return b.file(b.image(b.Raw(data)))

    (found,) = list_differences(nested("AP"), nested("PA"))
    assert found == ("BeamSequence[0]." * 250 + "BeamName", ChangeKind.CHANGED)
