"""dcmseal.compare: what differs is named, as what it is, with the signatures that it breaks, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence as Ordered
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.comparison import inventory
from dcmseal.comparison.changes import ChangeKind
from dcmseal.comparison.differences import FilePart
from dcmseal.errors import DatasetError, NotDicom
from dcmseal.findings import Outcome
from tests.core.comparison.node_paths import flip_bit, iter_nodes, make_items, replace_node
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import edit_signed, minimise_nodes, sign_dataset
from tests.support.strategies import data_sets, portable_data_sets

NAMES = [
    [b.text(t.BEAM_NAME, "LO", name), b.us(t.BEAM_NUMBER, number)]
    for number, name in enumerate(("AP", "PA", "LL", "RL"))
]


def told(first: bytes, second: bytes, **options: Any) -> list[tuple[str, ChangeKind]]:
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
    (found,) = told(b.file(nodes), b.file(replace_node(nodes, spot.steps, spot.at, changed)))
    assert found == (spot.path, ChangeKind.CHANGED)


@given(data=st.data())
def test_an_element_that_was_taken_out_or_put_in_is_named_and_no_other(data: st.DataObject) -> None:
    nodes = data.draw(data_sets())
    places = list(iter_nodes(nodes))
    assume(places and len(nodes) > 1)
    spot = data.draw(st.sampled_from(places))
    less = b.file(replace_node(nodes, spot.steps, spot.at, None))
    assert told(b.file(nodes), less) == [(spot.path, ChangeKind.REMOVED)]
    assert told(less, b.file(nodes)) == [(spot.path, ChangeKind.ADDED)]


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
    assert sorted(told(first, second), key=str) == sorted(expected, key=str)


def test_an_item_that_moved_and_one_that_changed_are_told_apart() -> None:
    beams = [b.in_order(*each) for each in NAMES]
    changed = (b.us(t.BEAM_NUMBER, 2), b.text(t.BEAM_NAME, "LO", "XX"))
    comparison = dcmseal.compare(plan(*beams), plan(beams[1], beams[0], changed, beams[3]))
    assert [(each.path, each.path_in_b, each.kind) for each in comparison.differences] == [
        ("BeamSequence[0]", "BeamSequence[1]", ChangeKind.MOVED),
        ("BeamSequence[2].BeamName", "", ChangeKind.CHANGED),
    ]


def test_what_is_gone_has_no_place_in_b() -> None:
    (found,) = dcmseal.compare(
        plan(*(b.in_order(*each) for each in NAMES)), plan(*(b.in_order(*each) for each in NAMES[1:]))
    ).differences
    assert (found.path, found.path_in_b, found.kind) == ("BeamSequence[0]", "", ChangeKind.REMOVED)


def test_elements_out_of_order_are_named() -> None:
    nodes = b.image()
    swapped = (*nodes[:3], nodes[4], nodes[3], *nodes[5:])
    assert told(b.file(nodes), b.file(swapped)) in (
        [("PatientID", ChangeKind.MOVED)],
        [("PatientName", ChangeKind.MOVED)],
    )


def test_what_only_the_encoding_differs_in_is_representation() -> None:
    loose = b.file(b.image(make_items(*NAMES[:1], undefined=True), b.Value(t.PATIENT_ID, "LO", b"4711    ")))
    tight = b.file(b.image(make_items(*NAMES[:1])))
    comparison = dcmseal.compare(loose, tight)
    assert told(loose, tight) == [
        ("PatientID", ChangeKind.PADDING),
        ("BeamSequence", ChangeKind.LENGTHS),
        ("BeamSequence[0]", ChangeKind.LENGTHS),
    ]
    assert comparison.is_equivalent
    assert told(b.file(b.image()), b.file(b.image(b.trailing_padding(20)))) == [
        ("DataSetTrailingPadding", ChangeKind.ADDED)
    ]
    assert dcmseal.compare(b.file(b.image()), b.file(b.image(b.trailing_padding(20)))).is_equivalent


def test_another_vr_is_no_representation() -> None:
    first, second = (b.file(b.image(b.Value(0x00091001, vr, b"ab"))) for vr in ("LO", "OB"))
    assert told(first, second) == [("(0009,1001)", ChangeKind.VR)]
    assert not dcmseal.compare(first, second).is_equivalent


def test_vrs_that_implicit_vr_does_not_state(pki: Pki) -> None:
    nodes = b.image(
        b.Value(0x00090010, "LO", b"US"),
        b.Value(0x00091001, "LO", b"ab"),
        b.Value(t.SMALLEST_IMAGE_PIXEL_VALUE, "SS", b"\0\1"),
    )
    implicit = b.file(nodes, b.IMPLICIT_LE)
    assert told(b.file(nodes), implicit) == [
        ("(0009,1001)", ChangeKind.VR_NOT_STATED),
        ("SmallestImagePixelValue", ChangeKind.VR_NOT_STATED),
    ]
    found = dcmseal.compare(sign_dataset(b.file(nodes), pki["p256"]), implicit).differences
    private, ambiguous = (each for each in found if each.kind is ChangeKind.VR_NOT_STATED)
    assert (private.path, private.representation, len(private.signed_in_a)) == ("(0009,1001)", True, 1)
    assert (ambiguous.representation, ambiguous.signed_in_a) == (True, ())


def test_meta_information_and_preamble_are_told_apart() -> None:
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
    assert told(first, b.file(b.image(), preamble=None, meta=False)) == []


def test_instances_that_are_not_the_same_are_noted() -> None:
    assert "different instances" in dcmseal.compare(b.file(b.image()), b.file(b.image(instance="1.2.3.5"))).notes[0]
    assert dcmseal.compare(b.file(b.image()), b.file(b.image())).notes == ()


def frames(count: int, size: int, *changed: int, vr: str = "OW", more: bytes = b"") -> tuple[b.Node, ...]:
    """An image with native frames, some of them with another byte in the middle."""
    pixels = bytearray(b"".join(bytes((number % 251,)) * size for number in range(count)))
    for number in changed:
        pixels[(number - 1) * size + size // 2] ^= 1
    pixels += more + bytes((len(pixels) + len(more)) % 2)
    return b.in_order(
        *b.image(b.text(tags.NUMBER_OF_FRAMES, "IS", str(count)))[:-1], b.Value(tags.PIXEL_DATA, vr, bytes(pixels))
    )


@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.IMPLICIT_LE, b.EXPLICIT_BE], ids=lambda syntax: syntax.uid)
@pytest.mark.parametrize(("count", "size"), [(1, 101), (9, 7), (3, 100_001), (40, 4096)])
def test_frames_that_changed_are_counted(count: int, size: int, syntax: b.Syntax) -> None:
    changed = {1, count, (count + 1) // 2}
    comparison = dcmseal.compare(b.file(frames(count, size)), b.file(frames(count, size, *changed, vr="OW"), syntax))
    (pixels,) = (each for each in comparison.differences if each.path == "PixelData")
    assert pixels.frames is not None
    assert {n for first, last in pixels.frames.changed for n in range(first, last + 1)} == changed
    assert (pixels.frames.fragments, pixels.frames.added, pixels.frames.removed) == (False, (), ())


def test_frames_that_were_added_removed_or_swapped() -> None:
    first = frames(5, 10)
    pixels = first[-1]
    assert isinstance(pixels, b.Value)
    value = pixels.value
    swapped = value[10:20] + value[:10] + value[20:]
    for other, expected in (
        (value[:20] + value[30:], ((), ((3, 3),), (), ())),
        (value + b"\xff" * 10, ((), (), ((6, 6),), ())),
        (swapped, ((), (), (), ((1, 1),))),
    ):
        second = (*first[:-1], b.Value(tags.PIXEL_DATA, "OW", other))
        (difference,) = dcmseal.compare(b.file(first), b.file(second)).differences
        found = difference.frames
        assert found is not None
        assert (found.changed, found.removed, found.added, found.moved) == expected


@pytest.mark.parametrize(("number", "in_frames"), [(3, ((2, 2),)), (1, ((1, 1),)), (2, ())])
def test_fragments_that_changed_are_counted(number: int, in_frames: Any) -> None:
    def compressed(*pieces: bytes) -> bytes:
        nodes = b.image(b.text(tags.NUMBER_OF_FRAMES, "IS", str(number)))[:-1]
        return b.file((*nodes, b.Fragments(fragments=(b"", *pieces))), b.JPEG_BASELINE)

    first, second = compressed(b"aa", b"bb", b"cc"), compressed(b"aa", b"xx", b"cc")
    (pixels,) = dcmseal.compare(first, second).differences
    assert pixels.frames is not None
    assert (pixels.frames.fragments, pixels.frames.changed, pixels.frames.frames) == (True, ((2, 2),), in_frames)
    (fewer,) = dcmseal.compare(first, compressed(b"aa", b"cc")).differences
    assert fewer.frames is not None
    assert fewer.frames.removed == ((2, 2),)


def test_compressed_pixels_are_not_held_against_others() -> None:
    compressed = b.file((*b.image()[:-1], b.Fragments(fragments=(b"", b"aa"))), b.JPEG_BASELINE)
    for first, second in ((b.file(b.image()), compressed), (compressed, b.file(b.image()))):
        pixels = dcmseal.compare(first, second).differences[-1]
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
    data = sign_dataset(b.file(b.image()), pki["p256"], purpose="review")
    uid = dcmseal.signatures(data)[0].uid
    for changes, path in (
        (
            {
                "signature": {
                    tags.DIGITAL_SIGNATURE_DATETIME: b.text(
                        tags.DIGITAL_SIGNATURE_DATETIME, "DT", "20250101000000.000000+0000"
                    )
                }
            },
            "DigitalSignatureDateTime",
        ),
        ({"mac": {tags.MAC_ALGORITHM: b.text(tags.MAC_ALGORITHM, "CS", "SHA512")}}, "MACAlgorithm"),
    ):
        difference = next(
            each for each in dcmseal.compare(data, edit_signed(data, **changes)).differences if path in each.path
        )
        assert difference.signed_in_a == difference.signed_in_b == (uid,)
    stamp = edit_signed(data, signature={tags.CERTIFIED_TIMESTAMP: b.Value(tags.CERTIFIED_TIMESTAMP, "OB", b"??")})
    assert not dcmseal.compare(data, stamp).breaks_signature
    assert not dcmseal.compare(data, dcmseal.remove(data).data or b"").breaks_signature
    assert not dcmseal.compare(data, sign_dataset(data, pki["rsa2048"])).breaks_signature


def test_padding_breaks_no_signature(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    comparison = dcmseal.compare(data, edit_signed(data, main={t.PATIENT_ID: b.Value(t.PATIENT_ID, "LO", b"4711    ")}))
    assert (comparison.is_equivalent, comparison.breaks_signature) == (True, False)
    assert {each.integrity for each in comparison.signatures_in_b} == {Outcome.PASSED}


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


def test_what_is_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "MAX_ENTRIES", 10)
    with pytest.raises(DatasetError, match="more than 10"):
        dcmseal.compare(b.file(b.image()), b.file(b.image()))


def test_what_is_no_dicom_file_is_refused() -> None:
    with pytest.raises(NotDicom):
        dcmseal.compare(b.file(b.image()), b"nothing")


def test_nesting_to_the_limit_is_compared() -> None:
    def nested(name: str) -> bytes:
        data = b.encode([b.text(t.BEAM_NAME, "LO", name)])
        for _ in range(250):
            data = b.encode([b.Sequence(t.BEAM_SEQUENCE, (b.Item((b.Raw(data),)),))])
        return b.file(b.image(b.Raw(data)))

    (found,) = told(nested("AP"), nested("PA"))
    assert found == ("BeamSequence[0]." * 250 + "BeamName", ChangeKind.CHANGED)
