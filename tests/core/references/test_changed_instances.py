"""Changes to cited instances, and additions to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO

import pytest
from pydicom import dcmread

import dcmseal
from dcmseal import tags
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.tags import format_tag
from tests.core.references.reference_study import FIRST, ReferenceStudy, sign_both
from tests.support import builder as b
from tests.support import tags as t
from tests.support.cited_evidence import make_citation, make_document, make_evidence_sequence
from tests.support.real_files import real_file
from tests.support.signed_files import edit_signed, sign_dataset


def altered(nodes: tuple[b.Node, ...]) -> Iterator[tuple[int, tuple[b.Node, ...]]]:
    """The nodes with one element changed, at any depth, or taken out."""
    for index, node in enumerate(nodes):
        assert not isinstance(node, b.Raw)
        others = nodes[:index], nodes[index + 1 :]
        yield node.tag, (*others[0], *others[1])
        if isinstance(node, b.Value) and node.value:
            for at in {0, len(node.value) // 2}:
                value = bytearray(node.value)
                value[at] ^= 1
                yield node.tag, (*others[0], replace(node, value=bytes(value)), *others[1])
        elif isinstance(node, b.Sequence):
            yield node.tag, (*others[0], replace(node, items=(*node.items, b.Item())), *others[1])
            for number, item in enumerate(node.items):
                for _, inner in altered(item.elements):
                    items = (*node.items[:number], replace(item, elements=inner), *node.items[number + 1 :])
                    yield node.tag, (*others[0], replace(node, items=items), *others[1])


NESTED = b.Sequence(
    t.REFERENCED_IMAGE_SEQUENCE,
    (
        b.Item(
            (
                b.uid(t.REFERENCED_SOP_CLASS_UID, "1.2"),
                b.Sequence(0x0040A170, (b.Item((b.text(tags.CODE_VALUE, "SH", "1"),)),)),
            )
        ),
    ),
)
RICH = tuple(
    node
    for node in b.image(NESTED, *b.all_vrs(), instance=FIRST)
    if not (isinstance(node, b.Value) and node.vr == "UN")
)


@pytest.mark.parametrize("by", ["MAC", "signature"])
def test_every_changed_element_is_found(study: ReferenceStudy, by: str) -> None:
    original = b.file(RICH) if by == "MAC" else sign_dataset(b.file(RICH), study.pki["p256"])
    study.put("first.dcm", original)
    result = study.sign(
        b.file(
            make_document(
                make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(FIRST))
            )
        )
    )
    assert study.codes(result) == ["reference-verified"]
    count = 0
    for tag, nodes in altered(RICH):
        study.put("first.dcm", b.file(nodes) if by == "MAC" else _resealed(original, nodes))
        report = study.verify(result)
        expected = "reference-missing" if tag == tags.SOP_INSTANCE_UID else "reference-changed"
        assert [each.code for each in report.references] == [expected], format_tag(tag)
        assert report.verdict is (Verdict.NOT_ESTABLISHED if tag == tags.SOP_INSTANCE_UID else Verdict.INVALID)
        count += 1
    assert count > 100


def _resealed(original: bytes, nodes: tuple[b.Node, ...]) -> bytes:
    """The signed file with other elements beside its signature."""
    old = {node.tag: node for node in RICH if not isinstance(node, b.Raw)}
    new = {node.tag: node for node in nodes if not isinstance(node, b.Raw)}
    for tag, node in old.items():
        if new.get(tag) != node:
            other = b.encode([new[tag]]) if tag in new else b""
            assert original.count(b.encode([node])) == 1
            return original.replace(b.encode([node]), other)
    raise AssertionError("nothing was changed")


HARMLESS = (
    b.text(t.IMAGE_COMMENTS, "LT", "new"),
    b.text(t.STUDY_DESCRIPTION, "LO", "brain"),
    b.text(0x00321060, "LO", "head"),
    b.text(0x00091001, "LO", "private"),
    b.Value(0x00091002, "UN", b"private"),
)
SHOWN = (
    *(
        b.text(tags.SPECIFIC_CHARACTER_SET, "CS", "ISO_IR 192"),
        b.text(t.PATIENT_SEX, "CS", "M"),
        b.text(0x00280034, "IS", "2\\1"),
    ),
    *(b.Value(t.OVERLAY_DATA, "OW", b"\xff\xff"), b.Value(0x60FE3000, "OW", b"\xff\xff"), b.us(t.OVERLAY_ROWS, 4)),
    *(b.Value(0x50003000, "OW", b"\0\1"), b.Value(t.OVERLAY_DATA, "UN", b"\xff\xff"), b.us(0x00280120, 0)),
    *(b.text(0x00281050, "DS", "40"), b.text(0x00281052, "DS", "1"), b.Value(0x00281201, "OW", b"\0\1")),
    *(
        b.Sequence(t.MODALITY_LUT_SEQUENCE, (b.Item(),)),
        b.Sequence(0x00283010, (b.Item(),)),
        b.Sequence(0x00283110, (b.Item(),)),
    ),
    *(b.Value(0x00282000, "OB", b"icc!"), b.text(0x00282002, "CS", "SRGB"), b.Value(0x00281408, "OW", b"\0\1")),
    *(b.text(0x00181600, "CS", "CIRCULAR"), b.us(0x00181622, 0), b.Sequence(tags.ICON_IMAGE_SEQUENCE, (b.Item(),))),
    *(
        b.Sequence(t.GRAPHIC_ANNOTATION_SEQUENCE, (b.Item(),)),
        b.Sequence(0x0070005A, (b.Item(),)),
        b.us(0x00700042, 90),
    ),
    *(b.Sequence(0x20500010, (b.Item(),)), b.text(0x20500020, "CS", "INVERSE"), b.Value(0x7FE00008, "OF", bytes(4))),
    *(
        b.Sequence(t.SHARED_FUNCTIONAL_GROUPS_SEQUENCE, (b.Item(),)),
        b.Sequence(t.WAVEFORM_SEQUENCE, (b.Item(),)),
        b.Sequence(0x00409096, (b.Item(),)),
    ),
    *(
        b.Sequence(t.CONTENT_SEQUENCE, (b.Item(),)),
        b.Value(t.ENCAPSULATED_DOCUMENT, "OB", b"%PDF"),
        b.Sequence(0x00620002, (b.Item(),)),
    ),
    *(b.text(0x00200060, "CS", "L"), b.Sequence(t.ROI_CONTOUR_SEQUENCE, (b.Item(),)), b.text(0x00181063, "DS", "40")),
)


@pytest.mark.parametrize("by", ["MAC", "signature"])
@pytest.mark.parametrize("added", [*HARMLESS, *SHOWN], ids=lambda node: f"{node.tag:08x}")
def test_additions_to_an_instance_are_reported(study: ReferenceStudy, by: str, added: b.Value | b.Sequence) -> None:
    """A comment is a note; what a viewer shows, or takes for the patient's, is a question left open."""
    original = b.file(b.image(instance=FIRST))
    if by == "signature":
        original = sign_dataset(original, study.pki["p256"])
    study.put("first.dcm", original)
    result = study.sign(
        b.file(
            make_document(
                make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(FIRST))
            )
        )
    )
    study.put("first.dcm", edit_signed(original, main={added.tag: added}))
    report = study.verify(result)
    is_shown = added in SHOWN
    assert [each.code for each in report.references] == [
        "reference-verified",
        *(["reference-shown-uncovered"] if is_shown else []),
        "reference-covers-part",
    ]
    assert report.references[-1].aspect is Aspect.COVERAGE
    assert report.verdict is (Verdict.NOT_ESTABLISHED if is_shown else Verdict.VALID)
    if is_shown:
        assert format_tag(added.tag) in report.references[1].message


@pytest.mark.parametrize(
    ("added", "verdict"),
    [
        (b.text(t.IMAGE_COMMENTS, "LT", "new"), Verdict.INVALID),
        (b.Value(t.OVERLAY_DATA, "OW", b"\xff\xff"), Verdict.INVALID),
        # it is unknown whether it existed when the instance was cited
        (b.Value(0x00091002, "UN", b"private"), Verdict.NOT_ESTABLISHED),
    ],
)
def test_additions_to_an_instance_may_be_forbidden(study: ReferenceStudy, added: b.Node, verdict: Verdict) -> None:
    result = study.sign(sign_both())
    policy = dcmseal.Policy.build(no_unsigned_additions=True)
    assert study.verify(result, policy=policy).verdict is Verdict.VALID
    study.put("first.dcm", b.file(b.image(added, instance=FIRST)))
    report = study.verify(result, policy=policy)
    (found,) = (each for each in report.references if each.code == "reference-unsigned-additions")
    assert found.outcome is (Outcome.FAILED if verdict is Verdict.INVALID else Outcome.UNKNOWN)
    assert found.where == FIRST
    assert report.verdict is verdict


@pytest.mark.parametrize(
    "change", [lambda value: value.rstrip(b" ") + b"    ", lambda value: value], ids=["added", "none"]
)
def test_padding_added_on_the_way_changes_nothing(study: ReferenceStudy, change: Callable[[bytes], bytes]) -> None:
    result = study.sign(sign_both())
    padded = tuple(
        replace(node, value=change(node.value)) if isinstance(node, b.Value) and node.vr == "PN" else node
        for node in b.image(instance=FIRST)
    )
    study.put("first.dcm", b.file(padded))
    assert study.codes(result)[0] == "reference-verified"


def test_pixels_compressed_since_cannot_be_compared(study: ReferenceStudy) -> None:
    original, compressed = real_file("MR_small.dcm").data, real_file("MR_small_RLE.dcm").data
    name = dcmread(BytesIO(original)).SOPInstanceUID
    study.put("real.dcm", original)
    result = study.sign(
        b.file(
            make_document(
                make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(name))
            )
        )
    )
    dataset = dcmread(BytesIO(compressed))
    dataset.SOPInstanceUID = name
    dataset.save_as(study.folder / "real.dcm")
    assert study.codes(result) == ["reference-other-representation"]
