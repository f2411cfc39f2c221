"""dcmseal.compare: what differs is named, as what it is, with the signatures that it breaks, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dcmseal
from dcmseal.comparison.changes import ChangeKind
from dcmseal.comparison.differences import FilePart
from dcmseal.comparison.inventory import build_inventory
from dcmseal.errors import DatasetError, NotDicom
from dcmseal.findings import Outcome
from dcmseal.sources.dataset_input import open_source
from tests.core.comparison.node_paths import flip_bit, iter_nodes, make_items, replace_node
from tests.support.builder import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_BASELINE,
    NATIVE_SYNTAXES,
    Fragments,
    Item,
    Node,
    Raw,
    Sequence,
    Syntax,
    Value,
    encode,
    file,
    image,
    in_order,
    text,
    trailing_padding,
    us,
    with_group_lengths,
)
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import edit_signed, minimise_nodes, sign_dataset
from tests.support.strategies import data_sets, portable_data_sets

NAMES = [[text(0x300A00C2, "LO", name), us(0x300A00C0, number)] for number, name in enumerate(("AP", "PA", "LL", "RL"))]


def told(a: bytes, b: bytes, **options: Any) -> list[tuple[str, ChangeKind]]:
    """What differs in the Data Sets."""
    found = dcmseal.compare(a, b, **options).differences
    return [(each.path, each.kind) for each in found if each.part is FilePart.DATA_SET]


def plan(*beams: Ordered[Node], undefined: bool = False) -> bytes:
    return file(image(make_items(*beams, undefined=undefined)))


def test_a_file_is_the_same_as_itself() -> None:
    for name in ("CT_small.dcm", "rtplan.dcm", "JPEG-lossy.dcm", "image_dfl.dcm", "UN_sequence.dcm"):
        comparison = dcmseal.compare(real_file(name).data, real_file(name).data)
        assert (comparison.differences, comparison.is_equivalent, comparison.is_signed) == ((), True, False)


@pytest.mark.parametrize("syntax", NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
@given(nodes=portable_data_sets(), more=st.booleans())
def test_native_transfer_syntaxes_of_the_same_data_mean_the_same(
    nodes: tuple[Node, ...], syntax: Syntax, more: bool
) -> None:
    other = with_group_lengths(nodes, syntax) if more else nodes
    comparison = dcmseal.compare(file(nodes, EXPLICIT_LE), file(other, syntax))
    data = [each for each in comparison.differences if each.part is FilePart.DATA_SET]
    assert all(each.path.endswith("0000)") and each.representation for each in data), data
    assert comparison.is_equivalent


@given(data=st.data())
def test_the_element_that_was_changed_is_named_and_no_other(data: st.DataObject) -> None:
    nodes = minimise_nodes(data.draw(data_sets()))
    places = [spot for spot in iter_nodes(nodes) if isinstance(spot.node, Value) and spot.node.vr != "UN"]
    assume(places)
    spot = data.draw(st.sampled_from(places))
    assert isinstance(spot.node, Value)
    at = data.draw(st.integers(0, len(spot.node.value) - 1))
    # 0x40 makes neither padding of a value, nor a value of padding
    changed = Value(spot.node.tag, spot.node.vr, flip_bit(spot.node.value, at, 0x40))
    assume(not any(each in (0, 0x20) for each in (changed.value[-1], spot.node.value[-1] ^ 0x40, changed.value[at])))
    (found,) = told(file(nodes), file(replace_node(nodes, spot.steps, spot.at, changed)))
    assert found == (spot.path, ChangeKind.CHANGED)


@given(data=st.data())
def test_an_element_that_was_taken_out_or_put_in_is_named_and_no_other(data: st.DataObject) -> None:
    nodes = data.draw(data_sets())
    places = list(iter_nodes(nodes))
    assume(places and len(nodes) > 1)
    spot = data.draw(st.sampled_from(places))
    less = file(replace_node(nodes, spot.steps, spot.at, None))
    assert told(file(nodes), less) == [(spot.path, ChangeKind.REMOVED)]
    assert told(less, file(nodes)) == [(spot.path, ChangeKind.ADDED)]


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
    a, b = (plan(*(in_order(*NAMES[each]) for each in which)) for which in (before, after))
    assert sorted(told(a, b), key=str) == sorted(expected, key=str)


def test_an_item_that_moved_and_one_that_changed_are_told_apart() -> None:
    beams = [in_order(*each) for each in NAMES]
    changed = (us(0x300A00C0, 2), text(0x300A00C2, "LO", "XX"))
    comparison = dcmseal.compare(plan(*beams), plan(beams[1], beams[0], changed, beams[3]))
    assert [(each.path, each.path_in_b, each.kind) for each in comparison.differences] == [
        ("BeamSequence[0]", "BeamSequence[1]", ChangeKind.MOVED),
        ("BeamSequence[2].BeamName", "", ChangeKind.CHANGED),
    ]


def test_what_is_gone_has_no_place_in_b() -> None:
    (found,) = dcmseal.compare(
        plan(*(in_order(*each) for each in NAMES)), plan(*(in_order(*each) for each in NAMES[1:]))
    ).differences
    assert (found.path, found.path_in_b, found.kind) == ("BeamSequence[0]", "", ChangeKind.REMOVED)


def test_elements_out_of_order_are_named() -> None:
    nodes = image()
    swapped = (*nodes[:3], nodes[4], nodes[3], *nodes[5:])
    assert told(file(nodes), file(swapped)) in ([("PatientID", ChangeKind.MOVED)], [("PatientName", ChangeKind.MOVED)])


def test_what_only_the_encoding_differs_in_is_representation() -> None:
    loose = file(image(make_items(*NAMES[:1], undefined=True), Value(0x00100020, "LO", b"4711    ")))
    tight = file(image(make_items(*NAMES[:1])))
    comparison = dcmseal.compare(loose, tight)
    assert told(loose, tight) == [
        ("PatientID", ChangeKind.PADDING),
        ("BeamSequence", ChangeKind.LENGTHS),
        ("BeamSequence[0]", ChangeKind.LENGTHS),
    ]
    assert comparison.is_equivalent
    assert told(file(image()), file(image(trailing_padding(20)))) == [("DataSetTrailingPadding", ChangeKind.ADDED)]
    assert dcmseal.compare(file(image()), file(image(trailing_padding(20)))).is_equivalent


def test_another_vr_is_no_representation() -> None:
    a, b = (file(image(Value(0x00091001, vr, b"ab"))) for vr in ("LO", "OB"))
    assert told(a, b) == [("(0009,1001)", ChangeKind.VR)]
    assert not dcmseal.compare(a, b).is_equivalent


def test_vrs_that_implicit_vr_does_not_state(pki: Pki) -> None:
    nodes = image(Value(0x00090010, "LO", b"US"), Value(0x00091001, "LO", b"ab"), Value(0x00280106, "SS", b"\0\1"))
    implicit = file(nodes, IMPLICIT_LE)
    assert told(file(nodes), implicit) == [
        ("(0009,1001)", ChangeKind.VR_NOT_STATED),
        ("SmallestImagePixelValue", ChangeKind.VR_NOT_STATED),
    ]
    found = dcmseal.compare(sign_dataset(file(nodes), pki["p256"]), implicit).differences
    private, ambiguous = (each for each in found if each.kind is ChangeKind.VR_NOT_STATED)
    assert (private.path, private.representation, len(private.signed_in_a)) == ("(0009,1001)", True, 1)
    assert (ambiguous.representation, ambiguous.signed_in_a) == (True, ())


def test_meta_information_and_preamble_are_told_apart() -> None:
    a, b = (
        file(image(), preamble=bytes(128)),
        file(image(), EXPLICIT_BE, preamble=b"II*\0" + bytes(124), sop_class="1.2"),
    )
    comparison = dcmseal.compare(a, b)
    assert [(each.part, each.path, each.representation) for each in comparison.differences] == [
        (FilePart.PREAMBLE, "preamble", False),
        (FilePart.META, "FileMetaInformationGroupLength", True),
        (FilePart.META, "MediaStorageSOPClassUID", False),
        (FilePart.META, "TransferSyntaxUID", True),
    ]
    assert comparison.is_equivalent
    assert told(a, file(image(), preamble=None, meta=False)) == []


def test_instances_that_are_not_the_same_are_noted() -> None:
    assert "different instances" in dcmseal.compare(file(image()), file(image(instance="1.2.3.5"))).notes[0]
    assert dcmseal.compare(file(image()), file(image())).notes == ()


def frames(count: int, size: int, *changed: int, vr: str = "OW", more: bytes = b"") -> tuple[Node, ...]:
    """An image with native frames, some of them with another byte in the middle."""
    pixels = bytearray(b"".join(bytes((number % 251,)) * size for number in range(count)))
    for number in changed:
        pixels[(number - 1) * size + size // 2] ^= 1
    pixels += more + bytes((len(pixels) + len(more)) % 2)
    return in_order(*image(text(0x00280008, "IS", str(count)))[:-1], Value(0x7FE00010, vr, bytes(pixels)))


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE], ids=lambda syntax: syntax.uid)
@pytest.mark.parametrize(("count", "size"), [(1, 101), (9, 7), (3, 100_001), (40, 4096)])
def test_frames_that_changed_are_counted(count: int, size: int, syntax: Syntax) -> None:
    changed = {1, count, (count + 1) // 2}
    comparison = dcmseal.compare(file(frames(count, size)), file(frames(count, size, *changed, vr="OW"), syntax))
    (pixels,) = (each for each in comparison.differences if each.path == "PixelData")
    assert pixels.frames is not None
    assert {n for first, last in pixels.frames.changed for n in range(first, last + 1)} == changed
    assert (pixels.frames.fragments, pixels.frames.added, pixels.frames.removed) == (False, (), ())


def test_frames_that_were_added_removed_or_swapped() -> None:
    a = frames(5, 10)
    pixels = a[-1]
    assert isinstance(pixels, Value)
    value = pixels.value
    swapped = value[10:20] + value[:10] + value[20:]
    for other, expected in (
        (value[:20] + value[30:], ((), ((3, 3),), (), ())),
        (value + b"\xff" * 10, ((), (), ((6, 6),), ())),
        (swapped, ((), (), (), ((1, 1),))),
    ):
        b = (*a[:-1], Value(0x7FE00010, "OW", other))
        (difference,) = dcmseal.compare(file(a), file(b)).differences
        found = difference.frames
        assert found is not None
        assert (found.changed, found.removed, found.added, found.moved) == expected


@pytest.mark.parametrize(("number", "in_frames"), [(3, ((2, 2),)), (1, ((1, 1),)), (2, ())])
def test_fragments_that_changed_are_counted(number: int, in_frames: Any) -> None:
    def compressed(*pieces: bytes) -> bytes:
        nodes = image(text(0x00280008, "IS", str(number)))[:-1]
        return file((*nodes, Fragments(fragments=(b"", *pieces))), JPEG_BASELINE)

    a, b = compressed(b"aa", b"bb", b"cc"), compressed(b"aa", b"xx", b"cc")
    (pixels,) = dcmseal.compare(a, b).differences
    assert pixels.frames is not None
    assert (pixels.frames.fragments, pixels.frames.changed, pixels.frames.frames) == (True, ((2, 2),), in_frames)
    (fewer,) = dcmseal.compare(a, compressed(b"aa", b"cc")).differences
    assert fewer.frames is not None
    assert fewer.frames.removed == ((2, 2),)


def test_compressed_pixels_are_not_held_against_others() -> None:
    compressed = file((*image()[:-1], Fragments(fragments=(b"", b"aa"))), JPEG_BASELINE)
    for a, b in ((file(image()), compressed), (compressed, file(image()))):
        pixels = dcmseal.compare(a, b).differences[-1]
        assert (pixels.path, pixels.recoded, pixels.frames) == ("PixelData", True, None)


def test_a_difference_says_which_signatures_it_breaks(pki: Pki) -> None:
    plain = real_file("rtplan.dcm").data
    both = sign_dataset(
        sign_dataset(plain, pki["p256"], location="BeamSequence[0]"), pki["rsa2048"], tags=["PatientID", "BeamSequence"]
    )
    main, beam = (each.uid for each in dcmseal.signatures(both))
    for old, new, path, broken in (
        (b"Field 1", b"Field 2", "BeamSequence[0].BeamName", (main, beam)),
        (b"id00001", b"id00002", "PatientID", (main,)),
        (b"PHOTON", b"PROTON", "BeamSequence[0].RadiationType", (main, beam)),
        (b"Last^First^mid^pre", b"Lost^First^mid^pre", "PatientName", ()),
    ):
        changed = both.replace(old, new, 1)
        comparison = dcmseal.compare(both, changed)
        (difference,) = comparison.differences
        assert difference.path == path
        assert set(difference.signed_in_a) == set(difference.signed_in_b) == set(broken)
        assert all(each.integrity is Outcome.PASSED for each in comparison.signatures_in_a)
        failed = {each.uid for each in comparison.signatures_in_b if each.integrity is Outcome.FAILED}
        assert failed == set(broken)
        assert comparison.breaks_signature is bool(broken)
        assert dcmseal.compare(plain, changed).breaks_signature is bool(broken)


def test_a_change_of_the_signature_itself_breaks_it(pki: Pki) -> None:
    data = sign_dataset(file(image()), pki["p256"], purpose="review")
    uid = dcmseal.signatures(data)[0].uid
    for changes, path in (
        ({"signature": {0x04000105: text(0x04000105, "DT", "20250101000000.000000+0000")}}, "DigitalSignatureDateTime"),
        ({"mac": {0x04000015: text(0x04000015, "CS", "SHA512")}}, "MACAlgorithm"),
    ):
        difference = next(
            each for each in dcmseal.compare(data, edit_signed(data, **changes)).differences if path in each.path
        )
        assert difference.signed_in_a == difference.signed_in_b == (uid,)
    stamp = edit_signed(data, signature={0x04000310: Value(0x04000310, "OB", b"??")})
    assert not dcmseal.compare(data, stamp).breaks_signature
    assert not dcmseal.compare(data, dcmseal.remove(data).data or b"").breaks_signature
    assert not dcmseal.compare(data, sign_dataset(data, pki["rsa2048"])).breaks_signature


def test_padding_breaks_no_signature(pki: Pki) -> None:
    data = sign_dataset(file(image()), pki["p256"])
    comparison = dcmseal.compare(data, edit_signed(data, main={0x00100020: Value(0x00100020, "LO", b"4711    ")}))
    assert (comparison.is_equivalent, comparison.breaks_signature) == (True, False)
    assert {each.integrity for each in comparison.signatures_in_b} == {Outcome.PASSED}


def test_values_that_may_name_the_patient_are_not_shown_unasked() -> None:
    nested = Sequence(0x00081110, (Item((us(0x00280010, 7),)),)), Sequence(0x00101002, (Item((us(0x00280010, 7),)),))
    a = image(*nested, text(0x00104000, "LT", "a"), us(0x00091001, 1))
    b = image(
        *(Sequence(each.tag, (Item((us(0x00280010, 8),)),)) for each in nested),
        *(text(0x00100010, "PN", "Roe^Jane"), text(0x00104000, "LT", "b"), us(0x00091001, 2), us(0x00280010, 5)),
        text(0x00280004, "CS", "RGB "),
    )
    shown = {each.path: (each.value_in_a, each.value_in_b) for each in dcmseal.compare(file(a), file(b)).differences}
    assert shown == {
        "ReferencedStudySequence[0].Rows": ("7", "8"),
        "(0009,1001)": (None, None),
        "PatientName": (None, None),
        "OtherPatientIDsSequence[0].Rows": (None, None),
        "PatientComments": (None, None),
        "PhotometricInterpretation": ("MONOCHROME2", "RGB"),
        "Rows": ("4", "5"),
    }
    for each in dcmseal.compare(file(a), file(b), show_values=True).differences:
        assert each.value_in_a
        assert each.value_in_b


def test_what_is_too_much_is_refused() -> None:
    with open_source(file(image())) as opened, pytest.raises(DatasetError, match="more than 10"):
        build_inventory(opened.body, opened.start, opened.end, opened.encoding, max_entries=10)


def test_what_is_no_dicom_file_is_refused() -> None:
    with pytest.raises(NotDicom):
        dcmseal.compare(file(image()), b"nothing")


def test_nesting_to_the_limit_is_compared() -> None:
    def nested(name: str) -> bytes:
        data = encode([text(0x300A00C2, "LO", name)])
        for _ in range(250):
            data = encode([Sequence(0x300A00B0, (Item((Raw(data),)),))])
        return file(image(Raw(data)))

    (found,) = told(nested("AP"), nested("PA"))
    assert found == ("BeamSequence[0]." * 250 + "BeamName", ChangeKind.CHANGED)
