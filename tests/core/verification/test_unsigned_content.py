"""Ways past a signature whose MAC still matches: each has a finding of its own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pytest

from dcmseal import tags
from dcmseal.errors import DatasetError
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.terms import KeyType
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import (
    edit_signed,
    finding_outcomes,
    integrity_verdict,
    read_items,
    sign_dataset,
    verify_integrity,
)

PATIENT: Final = b.encode((b.text(t.PATIENT_NAME, "PN", "Doe^Jane"),))
MACRO: Final = b"\xfa\xff\xfa\xffSQ"
DELIMITER: Final = b"\xfe\xff\xdd\xe0"


def signed_image(pki: Pki) -> bytes:
    return sign_dataset(b.file(b.image()), pki["p256"])


def inserted(pki: Pki, element: bytes, before: bytes) -> bytes:
    """A signed image with bytes put in."""
    data = signed_image(pki)
    assert data.count(before) == 1
    return data.replace(before, element + before)


def header(tag: int, vr: bytes, length: int) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, length)


def unknown_vr(pki: Pki) -> bytes:
    return inserted(pki, header(0x00100001, b"ZZ", 0) + struct.pack("<I", 2) + b"ab", PATIENT)


def unknown_vr_never_signed(pki: Pki) -> bytes:
    return inserted(pki, header(0x00100000, b"ZZ", 0) + struct.pack("<I", 2) + b"ab", PATIENT)


def odd_group_length(pki: Pki) -> bytes:
    return inserted(pki, header(0x00100000, b"UL", 6) + b"abcdef", PATIENT)


def text_group_length(pki: Pki) -> bytes:
    return inserted(pki, header(0x00100000, b"LO", 4) + b"abcd", PATIENT)


def out_of_place(pki: Pki) -> bytes:
    return inserted(pki, header(t.FILE_SET_ID, b"CS", 2) + b"A ", b.encode(b.image()[:1]))


def never_signed(pki: Pki) -> bytes:
    return inserted(pki, header(0xFFFA0010, b"LO", 4) + b"ACME", MACRO)


def private_syntax(pki: Pki) -> bytes:
    return signed_image(pki).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10009.1.2.1\0", 1)


def length_like_a_vr(pki: Pki) -> bytes:
    nodes = b.image()
    data = sign_dataset(b.file(nodes, b.IMPLICIT_LE), pki["p256"])
    first = b.encode(nodes[:1], b.IMPLICIT_LE)
    group_length = struct.pack("<HH4s", 0x0008, 0x0000, b"TA\0\0")
    return data.replace(first, group_length + bytes(struct.unpack("<H", b"TA")[0]) + first)


def element_moved_to_the_item(pki: Pki) -> bytes:
    """The last signed element goes to the front of the item: the MAC is over the same bytes."""
    nodes = b.image()[:5]
    data = sign_dataset(b.file(nodes), pki["p256"])
    listed = b.at(tags.DATA_ELEMENTS_SIGNED, tags.SOP_CLASS_UID, tags.SOP_INSTANCE_UID, t.MODALITY, t.PATIENT_NAME)
    patient_id = b.text(t.PATIENT_ID, "LO", "4711")
    return edit_signed(
        data, main={t.PATIENT_ID: None}, mac={tags.DATA_ELEMENTS_SIGNED: listed}, signature={t.PATIENT_ID: patient_id}
    )


def hiding_icon(pki: Pki) -> bytes:
    icon = b.Item((b.Fragments(tags.PIXEL_DATA, (b"", b"ab" + DELIMITER + DELIMITER + b"cd")),))
    pixels = b.Fragments(fragments=(b"", b"ab"))
    return sign_dataset(
        b.file(b.image(b.Sequence(tags.ICON_IMAGE_SEQUENCE, (icon,)), pixels), b.JPEG_BASELINE), pki["p256"]
    )


def hiding_pixels(pki: Pki) -> bytes:
    pixels = b.Fragments(tags.PIXEL_DATA, (b"", b"ab"))
    later = b.Sequence(0x7FE11010, (b.Item((b.text(t.MODALITY, "CS", "OT"),)),))
    nodes = (*b.image()[:-1], pixels, b.text(0x7FE10010, "LO", "ACME"), later)
    return sign_dataset(b.file(nodes, b.JPEG_BASELINE), pki["p256"])


def relabelled(pki: Pki) -> bytes:
    data = sign_dataset(
        b.file((*b.image()[:-1], b.Fragments(tags.PIXEL_DATA, (b"", b"ab"))), b.JPEG_BASELINE), pki["p256"]
    )
    return data.replace(b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.51", 1)


def md5(pki: Pki) -> bytes:
    return sign_dataset(b.file(b.image()), pki["p256"], algorithm="MD5", allow_weak=True)


CASES: Final[dict[str, tuple[Callable[[Pki], bytes], str, Outcome, Verdict]]] = {
    "unknown VR": (unknown_vr, "unknown-vr", Outcome.FAILED, Verdict.INVALID),
    "unknown VR, never signed": (unknown_vr_never_signed, "unknown-vr", Outcome.FAILED, Verdict.INVALID),
    "odd group length": (odd_group_length, "length-malformed", Outcome.FAILED, Verdict.INVALID),
    "group length of text": (text_group_length, "length-malformed", Outcome.FAILED, Verdict.INVALID),
    "group 0004": (out_of_place, "element-out-of-place", Outcome.UNKNOWN, Verdict.VALID),
    "group FFFA": (never_signed, "element-never-signed", Outcome.UNKNOWN, Verdict.VALID),
    "private syntax": (private_syntax, "file-syntax-unknown", Outcome.UNKNOWN, Verdict.NOT_ESTABLISHED),
    "length like a VR": (length_like_a_vr, "ambiguous-encoding", Outcome.FAILED, Verdict.INVALID),
    "moved element": (element_moved_to_the_item, "foreign-element-in-item", Outcome.FAILED, Verdict.INVALID),
    "icon": (hiding_icon, "fragments-ambiguous", Outcome.UNKNOWN, Verdict.NOT_ESTABLISHED),
    "pixels": (hiding_pixels, "fragments-ambiguous", Outcome.UNKNOWN, Verdict.NOT_ESTABLISHED),
    "other label": (relabelled, "transfer-syntax-differs", Outcome.UNKNOWN, Verdict.VALID),
    "MD5": (md5, "weak-mac-algorithm", Outcome.UNKNOWN, Verdict.VALID),
}


@pytest.mark.parametrize("name", CASES)
def test_the_mac_matches_and_yet(name: str, pki: Pki) -> None:
    make, code, outcome, expected = CASES[name]
    report = verify_integrity(make(pki))
    found = finding_outcomes(report)
    assert found["mac-matches"] is Outcome.PASSED
    assert found[code] is outcome
    assert report.verdict is expected


def test_harmless_files_have_no_such_finding(pki: Pki) -> None:
    harmless = inserted(pki, header(0x00100000, b"UL", 4) + b"\x20\0\0\0", PATIENT)
    harmless += b.encode((b.Value(tags.DATA_SET_TRAILING_PADDING, "OB", b"leftover"),))
    assert not {code for _, code, _, _ in CASES.values()} & set(finding_outcomes(verify_integrity(harmless)))
    assert integrity_verdict(harmless) is Verdict.VALID


def test_keys_that_are_too_small(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    data = sign_dataset(b.file(b.image()), pki["rsa2048"])
    monkeypatch.setattr(KeyType, "min_bits", 4096)
    assert finding_outcomes(verify_integrity(data))["weak-key"] is Outcome.UNKNOWN
    assert integrity_verdict(data) is Verdict.VALID
    monkeypatch.setattr(KeyType, "insecure_bits", 3072)
    assert finding_outcomes(verify_integrity(data))["key-too-small"] is Outcome.FAILED
    assert integrity_verdict(data) is Verdict.INVALID


def test_a_list_too_many(pki: Pki) -> None:
    """The coverage of a signature is reported, even among very many others."""
    data = signed_image(pki)
    (mac,), (item,) = read_items(data, tags.MAC_PARAMETERS_SEQUENCE), read_items(data, tags.DIGITAL_SIGNATURES_SEQUENCE)
    macs = tuple(
        b.Item((b.us(tags.MAC_ID_NUMBER, 1000 + n), b.at(tags.DATA_ELEMENTS_SIGNED, 0x00090010 + n))) for n in range(64)
    )
    others = tuple(b.Item((b.us(tags.MAC_ID_NUMBER, 1000 + n), *item.elements[1:])) for n in range(64))
    crowded = edit_signed(
        data,
        main={
            tags.MAC_PARAMETERS_SEQUENCE: b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (mac, *macs)),
            tags.DIGITAL_SIGNATURES_SEQUENCE: b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (*others, item)),
        },
    )
    last = verify_integrity(crowded).signatures[-1]
    assert "too-many-lists" in {finding.code for finding in last.findings}
    assert last.integrity_verdict is Verdict.INVALID


@pytest.mark.parametrize("uid", [b"1.2.840.10008.1.2\0.1", b" 1.2.840.10008.1.2.1", b"1.2.840.10008. 1.2.1"])
def test_a_transfer_syntax_that_is_not_a_uid(uid: bytes, pki: Pki) -> None:
    data = signed_image(pki)
    old = b"\x02\0\x10\0UI" + struct.pack("<H", 20) + b"1.2.840.10008.1.2.1\0"
    assert old in data
    with suppress(DatasetError):  # as implicit VR, the data set cannot be read at all
        report = verify_integrity(data.replace(old, old[:6] + struct.pack("<H", len(uid)) + uid))
        assert finding_outcomes(report)["meta-syntax-malformed"] is Outcome.FAILED
        assert report.verdict is Verdict.INVALID
