"""Small objects of every kind whose signature profiles have something to say about, byte by byte."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dcmseal import tags
from dcmseal.dictionary import tag_vr
from tests.support import builder as b
from tests.support import tags as t

_LONG_ENOUGH: Final = {"AT": 4, "FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8}
_TEXT: Final = {
    **dict.fromkeys(("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT", "UR"), "text"),
    "AS": "042Y",
    "CS": "CODE",
    "DA": "20260301",
    "DS": "1.5 ",
    "DT": "20260301",
    "IS": "12",
    "TM": "101500",
}


def element(tag: int, value: str = "") -> b.Node:
    """An element with the VR of the dictionary, and some value unless one is given."""
    vr = (tag_vr(tag) or "LO")[:2]
    if vr == "SQ":
        return b.Sequence(
            tag, (b.Item((b.text(tags.CODE_VALUE, "SH", "1234"), b.text(tags.CODING_SCHEME_DESIGNATOR, "SH", "99X "))),)
        )
    if vr == "UI":
        return b.uid(tag, value or f"1.2.3.{tag}")
    if vr in _TEXT:
        return b.text(tag, vr, value or _TEXT[vr])
    return b.Value(tag, vr, bytes(_LONG_ENOUGH.get(vr, 4)))


def make_dataset(tags: Iterable[int], *given: b.Node) -> tuple[b.Node, ...]:
    """A data set with these elements, some of them as given."""
    known = {node.tag for node in given if isinstance(node, (b.Value, b.Sequence))}
    return b.in_order(*given, *(element(tag) for tag in tags if tag not in known))


def report(verified: str = "", *extra: b.Node, observers: int = 1) -> tuple[b.Node, ...]:
    """A Basic Text SR document; ``verified`` is its Verification Flag, if it is to have one."""
    content = b.Item((b.text(0x0040A040, "CS", "TEXT"), b.text(t.TEXT_VALUE, "UT", "no finding")))
    nodes: list[b.Node] = [
        b.uid(tags.SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.88.11"),
        b.uid(tags.SOP_INSTANCE_UID, "1.2.3.4.11"),
        b.text(0x00080023, "DA", "20260301"),
        b.text(t.MODALITY, "CS", "SR"),
        b.text(0x00080070, "LO", "Works "),
        b.text(t.PATIENT_NAME, "PN", "Doe^Jane"),
        b.uid(tags.STUDY_INSTANCE_UID, "1.2.3"),
        b.uid(tags.SERIES_INSTANCE_UID, "1.2.3.11"),
        b.text(0x0040A032, "DT", "20260301"),
        b.text(0x0040A040, "CS", "CONTAINER "),
        element(t.CONCEPT_NAME_CODE_SEQUENCE),
        b.text(0x0040A050, "CS", "SEPARATE"),
        element(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE),
        b.Sequence(t.CONTENT_SEQUENCE, (content,)),
    ]
    if verified:
        observer = b.Item((b.text(0x0040A030, "DT", "20260301"), b.text(0x0040A075, "PN", "Roe^John")))
        nodes += [
            b.Sequence(t.VERIFYING_OBSERVER_SEQUENCE, (observer,) * observers),
            b.text(t.VERIFICATION_FLAG, "CS", verified),
        ]
        nodes += [b.text(0x0040A491, "CS", "COMPLETE")]
    return b.in_order(*nodes, *extra)


def _make_object(sop_class: str, modality: str, *extra: b.Node) -> tuple[b.Node, ...]:
    """An object of a SOP Class without pixels."""
    nodes = (
        b.uid(tags.SOP_CLASS_UID, sop_class),
        b.uid(tags.SOP_INSTANCE_UID, "1.2.3.4.12"),
        b.text(t.MODALITY, "CS", modality),
        b.text(0x00080070, "LO", "Works "),
        b.text(t.PATIENT_NAME, "PN", "Doe^Jane"),
        b.uid(tags.STUDY_INSTANCE_UID, "1.2.3"),
        b.uid(tags.SERIES_INSTANCE_UID, "1.2.3.12"),
    )
    return b.in_order(*nodes, *extra)


_CLASS: Final = "1.2.840.10008.5.1.4.1.1"
_OVERLAYS_AND_CURVES: Final = tuple(
    element(group << 16 | number)
    for group, number in (
        *((group, number) for group in (0x6000, 0x6002, 0x601E) for number in (0x10, 0x11, 0x40, 0x50, 0x100, 0x3000)),
        *((group, number) for group in (0x5000, 0x501E) for number in (0x5, 0x10, 0x20, 0x103, 0x3000)),
    )
)
_GROUPS: Final = (
    element(t.SHARED_FUNCTIONAL_GROUPS_SEQUENCE),
    b.Sequence(0x52009230, (b.Item((element(0x00209113),)),) * 2),
)

KINDS: Final[dict[str, tuple[b.Node, ...]]] = {
    "CR": b.image(
        b.uid(tags.SOP_CLASS_UID, f"{_CLASS}.1"),
        b.text(t.MODALITY, "CS", "CR"),
        element(0x00080023),
        element(0x00080070),
    ),
    "CT": b.image(
        b.uid(tags.SOP_CLASS_UID, f"{_CLASS}.2"),
        b.text(t.MODALITY, "CS", "CT"),
        element(0x00080008),
        element(0x00281052),
    ),
    "MR": b.image(
        b.uid(tags.SOP_CLASS_UID, f"{_CLASS}.4"),
        b.text(t.MODALITY, "CS", "MR"),
        element(0x00180087),
        element(t.IMAGE_COMMENTS),
    ),
    "enhanced MR": b.image(
        b.uid(tags.SOP_CLASS_UID, f"{_CLASS}.4.1"), element(tags.NUMBER_OF_FRAMES), element(0x00089209), *_GROUPS
    ),
    "SR": report(),
    "verified SR": report("VERIFIED"),
    "key objects": _make_object(
        f"{_CLASS}.88.59",
        "KO",
        element(0x0040A040, "CONTAINER "),
        element(t.CONCEPT_NAME_CODE_SEQUENCE),
        element(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE),
        element(t.CONTENT_SEQUENCE),
    ),
    "waveform": _make_object(f"{_CLASS}.9.1.1", "ECG", element(0x0040B020), element(t.WAVEFORM_SEQUENCE)),
    "RT plan": _make_object(
        f"{_CLASS}.481.5", "RTPLAN", element(0x300A0002), element(t.BEAM_SEQUENCE), element(t.IMAGE_COMMENTS)
    ),
    "segmentation": b.image(
        b.uid(tags.SOP_CLASS_UID, f"{_CLASS}.66.4"), element(0x00620001), element(0x00620002), *_GROUPS
    ),
    "PDF": _make_object(
        f"{_CLASS}.104.1", "DOC", element(0x00280301), element(0x00420010), element(t.ENCAPSULATED_DOCUMENT)
    ),
    "presentation state": _make_object(
        f"{_CLASS}.11.1", "PR", element(t.GRAPHIC_ANNOTATION_SEQUENCE), *_OVERLAYS_AND_CURVES
    ),
}
"""Kinds of objects that dcmsign judges too."""
DOCUMENTS: Final = ("SR", "verified SR", "key objects")
