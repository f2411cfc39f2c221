"""Manifests name the element that was changed, and no other, wherever it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.change_manifest.manifest_content import derive_key
from dcmseal.change_manifest.signed_data import parse_signed_data
from dcmseal.comparison.fingerprints import KeyedFingerprinter
from dcmseal.comparison.inventory import Element, build_inventory
from dcmseal.dictionary import tag_keyword
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.sources.dataset_input import open_source
from dcmseal.tags import format_tag
from tests.core.change_manifest.manifest_helpers import (
    manifest_codes,
    manifest_findings,
    parse_manifest,
    replace_elements,
    sign_with_manifest,
)
from tests.core.comparison.node_paths import flip_bit, iter_nodes, make_items, replace_node
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import edit_signed, minimise_nodes, to_nodes
from tests.support.strategies import sound_data_sets

BEAMS = tuple((b.us(t.BEAM_NUMBER, n), b.text(t.BEAM_NAME, "LO", name)) for n, name in enumerate(("AP", "PA", "LL")))


@pytest.mark.parametrize("identity", ["rsa2048", "p256", "dsa2048"])
@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_unchanged_elements_are_reported_as_unchanged(pki: Pki, identity: str, algorithm: str) -> None:
    for name in ("CT_small.dcm", "rtplan.dcm", "JPEG-lossy.dcm", "image_dfl.dcm", "MR_small_bigendian.dcm"):
        data, manifest = sign_with_manifest(real_file(name).data, pki[identity], algorithm=algorithm)
        assert manifest_codes(data, manifest) == [("elements-unchanged", "")]


@given(data=st.data())
def test_the_element_that_was_changed_is_named_and_no_other(pki: Pki, data: st.DataObject) -> None:
    nodes = minimise_nodes(data.draw(sound_data_sets()))
    assume(any(not isinstance(each, b.Raw) and each.tag >> 16 > 8 for each in nodes))
    nodes = b.in_order(
        *nodes,
        *(() if any(spot.path == "PatientID" for spot in iter_nodes(nodes)) else (b.text(t.PATIENT_ID, "LO", "47"),)),
    )
    signed, manifest = sign_with_manifest(b.file(nodes, b.JPEG_BASELINE), pki["p256"])
    signable = parse_manifest(manifest)
    covered = {int(tag, 16) for tag, *_ in signable["signed"]}
    recorded = covered | {int(tag, 16) for tag, *_ in signable["unsigned"]}
    places = [spot for spot in iter_nodes(nodes) if isinstance(spot.node, b.Value)]
    spot = data.draw(st.sampled_from(places))
    assert isinstance(spot.node, b.Value)
    at = data.draw(st.integers(0, len(spot.node.value) - 1))
    value = flip_bit(spot.node.value, at, 0x40)
    assume(spot.node.value[-1] not in b"\0 " or spot.node.value[:-1] == value[:-1] or at < len(value) - 1)
    assume(value[at] not in b"\0 @`" and spot.node.value[at] not in b"\0 @`")
    other = b.Value(spot.node.tag, spot.node.vr, value)
    changed = replace_elements(signed, replace_node(nodes, spot.steps, spot.at, other), b.JPEG_BASELINE)
    top = nodes[spot.steps[0][0]] if spot.steps else spot.node
    assert not isinstance(top, b.Raw)
    never = any(each in spot.path for each in ("0000)", "(0004,", "(0006,", "LengthToEnd", "MACParam", "DigitalSig"))
    never = never or "Padding" in spot.path or "(FFFA," in spot.path or "DirectoryRecord" in spot.path
    if never or top.tag not in recorded:
        assert [code for code, _ in manifest_codes(changed, manifest)] == ["elements-unchanged"]
    elif top.tag in covered:
        assert manifest_codes(changed, manifest) == [("element-changed", spot.path)]
        assert dcmseal.verify(changed, integrity_only=True).verdict is Verdict.INVALID
    else:
        assert manifest_codes(changed, manifest) == [("elements-unchanged", ""), ("unsigned-changed", spot.path)]


def places_in(elements: tuple[Element, ...], path: str = "") -> Iterator[tuple[str, int]]:
    """The path of each value that is not empty, and where a byte in the middle of it stands."""
    for each in elements:
        name = path + (tag_keyword(each.tag) or format_tag(each.tag))
        for number, item in enumerate(each.items or ()):
            yield from places_in(item.elements, f"{name}[{number}].")
        if each.items is None and each.value and each.value.start < each.value.end:
            yield name, (each.value.start + each.value.end) // 2


@pytest.mark.parametrize("name", ["rtplan.dcm", "rtstruct.dcm", "reportsi.dcm", "MR_small_bigendian.dcm"])
def test_one_byte_of_a_real_file_is_found_again(pki: Pki, name: str) -> None:
    signed, manifest = sign_with_manifest(real_file(name).data, pki["p256"])
    with open_source(signed) as opened_file:
        taken = build_inventory(
            *(opened_file.body, opened_file.start, opened_file.end, opened_file.encoding), only_signable=True
        )
    covered = {int(tag, 16) for tag, *_ in parse_manifest(manifest)["signed"]}
    places = list(places_in(tuple(each for each in taken.elements if each.tag in covered)))
    assert max(path.count(".") for path, _ in places) >= (0 if name.startswith("MR") else 2)
    for path, at in Random(4711).sample(places, min(60, len(places))):
        assert manifest_codes(flip_bit(signed, at, 0x10), manifest) == [("element-changed", path)]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda beams: beams[1:], [("element-removed", "BeamSequence[0]")]),
        (lambda beams: (*beams, beams[0]), [("element-added", "BeamSequence[3]")]),
        (lambda beams: (beams[0], beams[2], beams[1]), [("element-moved", "BeamSequence[1]")]),
        (lambda beams: (*beams[:2], beams[2][:1]), [("element-removed", "BeamSequence[2].BeamName")]),
        (
            lambda beams: (*beams[:2], (*beams[2], b.text(0x300A00C4, "CS", "STATIC"))),
            [("element-added", "BeamSequence[2].BeamType")],
        ),
        (
            lambda beams: (*beams[:2], (*beams[2][:1], b.Value(t.BEAM_NAME, "LT", b"LL"))),
            [("element-changed", "BeamSequence[2].BeamName")],
        ),
    ],
)
def test_items_and_elements_that_come_go_and_move_are_named(
    pki: Pki, change: Callable[[Any], Any], expected: list[tuple[str, str]]
) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image(make_items(*BEAMS))), pki["p256"])
    assert manifest_codes(replace_elements(signed, b.image(make_items(*change(BEAMS)))), manifest) == expected


def test_elements_of_the_level_that_come_go_and_move(pki: Pki) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image()), pki["p256"])
    nodes = b.image()
    assert manifest_codes(replace_elements(signed, (*nodes[:3], *nodes[4:])), manifest) == [
        ("element-removed", "PatientName")
    ]
    swapped = (*nodes[:3], nodes[4], nodes[3], *nodes[5:])
    assert manifest_codes(replace_elements(signed, swapped), manifest) == [("element-moved", "PatientName")]
    more = b.image(b.text(t.PATIENT_COMMENTS, "LT", "comment"))
    assert manifest_codes(replace_elements(signed, more), manifest) == [
        ("elements-unchanged", ""),
        ("unsigned-added", "PatientComments"),
    ]


def test_unsigned_changes_are_reported_separately(pki: Pki) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image(make_items(*BEAMS))), pki["p256"], tags=["PatientID"])
    assert manifest_codes(signed, manifest) == [("elements-unchanged", "")]
    nodes = b.image(make_items(BEAMS[1], BEAMS[0], BEAMS[2]), b.text(t.PATIENT_ID, "LO", "4712"), b.us(tags.ROWS, 5))
    nodes = tuple(each for each in nodes if not isinstance(each, b.Raw) and each.tag != tags.COLUMNS)
    findings = manifest_findings(replace_elements(signed, nodes), manifest)
    assert {(each.code, each.where) for each in findings[1:]} == {
        ("element-changed", "PatientID"),
        ("unsigned-changed", "Rows"),
        ("unsigned-moved", "BeamSequence[0]"),
        ("unsigned-removed", "Columns"),
    }
    assert [each.aspect for each in findings[2:]] == [Aspect.COVERAGE] * 3


@pytest.mark.parametrize("syntax", [b.IMPLICIT_LE, b.EXPLICIT_BE], ids=lambda syntax: syntax.uid)
def test_another_transfer_syntax_changes_nothing(pki: Pki, syntax: b.Syntax) -> None:
    nodes = b.image(make_items(*BEAMS, undefined=True), b.Value(t.SMALLEST_IMAGE_PIXEL_VALUE, "US", b"\1\2"))
    signed, manifest = sign_with_manifest(b.file(nodes, syntax), pki["p256"])
    other = b.file(to_nodes(reference.parse_file(signed).dataset), b.EXPLICIT_LE)
    assert manifest_codes(other, manifest) == [("elements-unchanged", "")]


def test_frames_and_fragments_that_changed_are_counted(pki: Pki) -> None:
    native = (*b.image(b.text(tags.NUMBER_OF_FRAMES, "IS", "3"))[:-1], b.Value(tags.PIXEL_DATA, "OW", bytes(range(30))))
    signed, manifest = sign_with_manifest(b.file(native), pki["p256"])
    changed = (*native[:-1], b.Value(tags.PIXEL_DATA, "OW", flip_bit(bytes(range(30)), 15)))
    (_, found) = manifest_findings(replace_elements(signed, changed), manifest)
    assert (found.code, found.where, found.message.partition(": ")[2]) == (
        "element-changed",
        "PixelData",
        "frames changed 2",
    )
    # the frames are those at signing, not those of the file now
    other = b.image(b.text(tags.NUMBER_OF_FRAMES, "IS", "5"))
    findings = manifest_findings(replace_elements(signed, (*other[:-1], changed[-1])), manifest)
    assert [each.where for each in findings] == ["", "NumberOfFrames", "PixelData"]
    assert findings[-1].message.endswith("frames changed 2")
    compressed = (
        *b.image(b.text(tags.NUMBER_OF_FRAMES, "IS", "3"))[:-1],
        b.Fragments(fragments=(b"", b"aa", b"bb", b"cc")),
    )
    signed, manifest = sign_with_manifest(b.file(compressed, b.JPEG_BASELINE), pki["p256"])
    changed = (*compressed[:-1], b.Fragments(fragments=(b"", b"aa", b"bb", b"xx")))
    (_, found) = manifest_findings(replace_elements(signed, changed, b.JPEG_BASELINE), manifest)
    assert found.message.endswith("fragments changed 3, of frames 3")
    joined = (*compressed[:-1], b.Fragments(fragments=(b"", b"aa\xfe\xff\0\xe0bb", b"cc")))
    report = dcmseal.verify(replace_elements(signed, joined, b.JPEG_BASELINE), manifest=manifest, integrity_only=True)
    assert report.signatures[0].outcome(Aspect.INTEGRITY) is Outcome.UNKNOWN  # the MAC is the same
    assert report.manifest[1].code == "element-changed"


def test_padding_changes_nothing(pki: Pki) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image(b.Value(t.PATIENT_ID, "LO", b"4711    "))), pki["p256"])
    padded = edit_signed(signed, main={t.PATIENT_ID: b.Value(t.PATIENT_ID, "LO", b"4711  ")})
    assert manifest_codes(padded, manifest) == [("elements-unchanged", "")]


def test_a_manifest_is_about_one_signature_at_its_level(pki: Pki) -> None:
    plan = real_file("rtplan.dcm").data
    signed, manifest = sign_with_manifest(plan, pki["rsa2048"], location="BeamSequence[0]")
    both, of_main = sign_with_manifest(signed, pki["p256"])
    assert manifest_codes(both, manifest) == manifest_codes(both, of_main) == [("elements-unchanged", "")]
    changed = both.replace(b"Field 1", b"Field 2")
    assert (
        manifest_codes(changed, manifest)
        == manifest_codes(changed, of_main)
        == [("element-changed", "BeamSequence[0].BeamName")]
    )
    other = both.replace(b"id00001", b"id00002")
    assert manifest_codes(other, manifest) == [("elements-unchanged", "")]
    assert manifest_codes(other, of_main) == [("element-changed", "PatientID")]
    assert manifest_codes(dcmseal.remove(both, uids=[dcmseal.signatures(both)[0].uid]).data or b"", manifest) != []


def test_a_change_of_the_signature_itself_is_reported_separately(pki: Pki) -> None:
    signed, manifest = sign_with_manifest(b.file(b.image()), pki["p256"])
    changed = edit_signed(
        signed,
        signature={
            tags.DIGITAL_SIGNATURE_DATETIME: b.text(tags.DIGITAL_SIGNATURE_DATETIME, "DT", "20250101000000.000000+0000")
        },
    )
    assert manifest_codes(changed, manifest) == [("manifest-other-change", "")]


def test_values_cannot_be_guessed_from_a_manifest_alone(pki: Pki) -> None:
    """The key takes the value of the signature, which is in the file: with it, and only with it, values are found."""
    signed, manifest = sign_with_manifest(b.file(b.image()), pki["rsa2048"])
    document = parse_manifest(manifest)
    fingerprint = next(told for tag, _, told in document["signed"] if tag == "00100020")
    value = dcmseal.signatures(signed)[0].content.value
    assert (
        KeyedFingerprinter(derive_key(bytes.fromhex(document["salt"]), value)).fingerprint(b"4711").hex() == fingerprint
    )
    assert value.hex().encode() not in parse_signed_data(manifest).content
    assert value not in manifest
    _, another = sign_with_manifest(b.file(b.image()), pki["rsa2048"])
    assert parse_manifest(another)["signed"][0][2] != document["signed"][0][2]


def test_the_content_is_canonical(pki: Pki) -> None:
    _, manifest = sign_with_manifest(real_file("rtplan.dcm").data, pki["p256"])
    content = parse_signed_data(manifest).content
    assert json.dumps(json.loads(content), sort_keys=True, separators=(",", ":")).encode() == content
