"""One bit changed: where it matters, the signature is never valid; where it does not, it stays valid."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator

import pytest
from cryptography.x509 import load_der_x509_certificate
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.errors import SealError
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.dicom_tree import LONG_VRS
from tests.support.oracle_removal import split_file
from tests.support.pki import Pki
from tests.support.signed_files import (
    finding_outcomes,
    integrity_verdict,
    reference_stream,
    sign_dataset,
    to_nodes,
    verify_integrity,
)
from tests.support.strategies import portable_data_sets

NESTED = b.Sequence(
    t.REFERENCED_IMAGE_SEQUENCE,
    (
        b.Item((b.us(tags.ROWS, 7), b.Sequence(t.ACQUISITION_CONTEXT_SEQUENCE), b.text(0x00400A12, "LO", "ab"))),
        b.Item(),
    ),
)
UNDEFINED_NESTED = b.Sequence(
    tags.REFERENCED_SERIES_SEQUENCE, (b.Item((b.Value(0x00091001, "OB", b"ab"),), undefined=True),), undefined=True
)
NODES: tuple[b.Node, ...] = (
    b.ul(0x00080000, 0),
    b.text(t.MODALITY, "CS", "OT"),
    UNDEFINED_NESTED,
    NESTED,
    b.text(t.PATIENT_NAME, "PN", "Doe^Jane"),
    b.text(t.PATIENT_COMMENTS, "LT", "unsigned"),
    b.Value(t.ENCAPSULATED_DOCUMENT, "OB", b"abcd"),
    b.Fragments(fragments=(b"", b"ab")),
    b.trailing_padding(6),
)
LISTED = (
    t.MODALITY,
    t.REFERENCED_IMAGE_SEQUENCE,
    tags.REFERENCED_SERIES_SEQUENCE,
    t.PATIENT_NAME,
    t.ENCAPSULATED_DOCUMENT,
    tags.PIXEL_DATA,
)


def parts(data: bytes) -> list[str]:
    """What each byte of a file in explicit VR little endian belongs to."""
    labels = ["preamble"] * 128 + ["prefix"] * 4
    start = 132
    while data[start : start + 2] == b"\2\0":
        labels, start = label(data, start, "meta ", labels)
    while start < len(data):
        labels, start = label(data, start, "", labels)
    return labels


def label(data: bytes, start: int, path: str, labels: list[str]) -> tuple[list[str], int]:
    """Add the labels of one element."""
    group, element = struct.unpack_from("<HH", data, start)
    name = f"{path}{group:04X}{element:04X}"
    vr = data[start + 4 : start + 6].decode()
    labels = [*labels, *[f"{name} tag"] * 4, *[f"{name} VR"] * 2]
    if vr in LONG_VRS:
        labels += [f"{name} reserved"] * 2 + [f"{name} length"] * 4
        length = struct.unpack_from("<I", data, start + 8)[0]
        start += 12
    else:
        labels += [f"{name} length"] * 2
        length = struct.unpack_from("<H", data, start + 6)[0]
        start += 8
    if vr != "SQ" and length != b.UNDEFINED:
        return labels + [f"{name} value"] * length, start + length
    end = len(data) if length == b.UNDEFINED else start + length
    while start < end:
        item, size = struct.unpack_from("<I", data, start)[0], struct.unpack_from("<I", data, start + 4)[0]
        labels += [f"{name} item"] * 8
        start += 8
        if item == 0xE0DDFFFE:
            break
        if vr != "SQ":
            labels, start = labels + [f"{name} value"] * size, start + size
            continue
        item_end = len(data) if size == b.UNDEFINED else start + size
        while start < item_end and data[start : start + 4] != b"\xfe\xff\x0d\xe0":
            labels, start = label(data, start, f"{name}/", labels)
        if size == b.UNDEFINED:
            labels += [f"{name} item"] * 8
            start += 8
    return labels, start


def flipped(data: bytes, position: int, bit: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]


def is_valid(data: bytes) -> bool:
    try:
        with warnings.catch_warnings():
            # of cryptography, about odd certificates
            warnings.simplefilter("ignore")
            return integrity_verdict(data) is Verdict.VALID
    except SealError:
        return False


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    for position in range(len(data)):
        for bit in range(8):
            yield position, flipped(data, position, bit)


HARMLESS = {
    "preamble",
    "meta",
    # what is not listed or never signed, as far as it still can be read
    *("00080000 tag", "00080000 value"),
    *("00104000 tag", "00104000 VR", "00104000 value"),
    *("FFFCFFFC tag", "FFFCFFFC VR", "FFFCFFFC reserved", "FFFCFFFC value"),
    # two reserved bytes, hashed as zero (PS3.5 7.1.2)
    *("00081115 reserved", "00081140 reserved", "00420011 reserved", "7FE00010 reserved"),
    *("00081115/00091001 reserved", "00081140/00400555 reserved", "4FFE0001 reserved", "FFFAFFFA reserved"),
    # MAC parameters are bound by what they say, not by their form
    *("4FFE0001/04000010 value", "4FFE0001/04000015 VR"),
    # certificate and signature are not in the MAC: the value of the one is trust's affair, that of the other is below
    *("FFFAFFFA/04000115 VR", "FFFAFFFA/04000115 reserved", "FFFAFFFA/04000115 value"),
    *("FFFAFFFA/04000120 VR", "FFFAFFFA/04000120 reserved"),
}
"""Parts in which some bit can be changed and the signature stays valid: the documented exceptions, and no others."""


def test_every_bit_of_a_file(pki: Pki) -> None:
    data = sign_dataset(b.file(NODES, b.JPEG_BASELINE), pki["p256"], tags=LISTED)
    labels = parts(data)
    assert len(labels) == len(data)
    certificate = labels.index(f"FFFAFFFA/{tags.CERTIFICATE_OF_SIGNER:08X} value")
    harmless = set()
    for position, changed in flips(data):
        # the certificate's turn comes below
        if not certificate < position < certificate + 400 and is_valid(changed):
            harmless.add("meta" if labels[position].startswith("meta ") else labels[position])
    assert harmless == HARMLESS


def test_every_bit_of_the_certificate(pki: Pki) -> None:
    """It is not in the MAC: what must hold is the public key, and for all else trust has to speak."""
    signer = pki["p256"]
    data = sign_dataset(b.file(b.image()), signer)
    start = data.index(signer.der)
    still_valid = 0
    for offset in range(len(signer.der)):
        for bit in range(8):
            changed = flipped(data, start + offset, bit)
            if is_valid(changed):
                still_valid += 1
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    certificate = load_der_x509_certificate(changed[start : start + len(signer.der)])
                assert certificate.public_key() == signer.certificate.public_key()
            assert_shown(changed)
    assert 0 < still_valid < len(signer.der) * 8


def assert_shown(data: bytes) -> None:
    """The certificate is fully described, or it is unreadable."""
    (signature,) = dcmseal.signatures(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            certificate = signature.certificate
            texts = (certificate.subject, certificate.issuer, certificate.sha256, repr(certificate))
            assert all(isinstance(text, str) for text in texts)
            assert certificate.key_bits or certificate.key_type is None
            assert certificate.serial_number is not None
            assert certificate.pem
    except SealError:
        pass


@pytest.mark.parametrize("name", ["rsa2048", "p256", "dsa2048"])
def test_every_bit_of_the_signature(name: str, pki: Pki) -> None:
    """Its value, and the byte that pads it."""
    data = sign_dataset(b.file(b.image()), pki[name])
    labels = parts(data)
    positions = [at for at, each in enumerate(labels) if each == f"FFFAFFFA/{tags.SIGNATURE:08X} value"]
    assert len(positions) > 60
    for position in positions[:: 5 if name == "rsa2048" else 1]:
        for bit in range(8):
            assert not is_valid(flipped(data, position, bit))


@pytest.mark.parametrize("name", ["rsa2048", "p256"])
def test_the_mac_syntax_is_bound_by_its_form_only(name: str, pki: Pki) -> None:
    """Another explicit VR little endian syntax gives the same stream."""
    data = sign_dataset(b.file(b.image()), pki[name])
    labels = parts(data)
    at = labels.index(f"4FFE0001/{tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID:08X} value")
    same = {
        changed[at : at + 20].rstrip(b" \0").decode("latin-1")
        for position, changed in flips(data)
        if labels[position] == labels[at] and is_valid(changed)
    }
    assert same == {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"}


@given(
    nodes=portable_data_sets(max_depth=3),
    syntax=st.sampled_from(b.NATIVE_SYNTAXES[:3]),
    places=st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 7)), min_size=20, max_size=20),
)
def test_random_bits_in_all_syntaxes(
    nodes: tuple[b.Node, ...], syntax: b.Syntax, places: list[tuple[int, int]], pki: Pki
) -> None:
    """Valid is only what has the same stream, as it stands or with minimal padding."""
    data = sign_dataset(b.file(nodes, syntax), pki["p256"])
    assert is_valid(data)
    start = len(split_file(data)[0])
    before = reference_stream(data, lenient=True)
    for place, bit in places:
        position = start + place % (len(data) - start)
        changed = flipped(data, position, bit)
        if not is_valid(changed):
            continue
        if reference_stream(changed) is None:
            # the reference encoder knows no other VRs than those of PS3.5
            assert data[position - 5 : position - 1].startswith(UNSIGNED) or data[position - 4 : position] in UNSIGNED
        else:
            assert reference_stream(changed, lenient=True) == before


UNSIGNED = tuple(
    struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    for tag in (tags.CERTIFICATE_OF_SIGNER, tags.SIGNATURE)
    for order in "<>"
)
"""The tags of what is not in the MAC."""


def test_the_byte_that_pads_a_value(pki: Pki) -> None:
    """Between space and NULL lies one bit: both pad, and that one is named instead of called a change."""
    value = b"odd "
    data = sign_dataset(b.file(b.image(b.Value(t.PATIENT_COMMENTS, "LT", value))), pki["p256"])
    last = data.index(value) + 3
    for bit in range(8):
        report = verify_integrity(flipped(data, last, bit))
        assert ("matches-minimal-padding" in finding_outcomes(report)) == (bit == 5)
        assert (report.verdict is Verdict.VALID) == (bit == 5)


def forms(nodes: tuple[b.Node, ...], undefined: bool) -> tuple[b.Node, ...]:
    """The nodes with all lengths defined or undefined."""
    return tuple(
        b.Sequence(
            node.tag, tuple(b.Item(forms(item.elements, undefined), undefined) for item in node.items), undefined
        )
        if isinstance(node, b.Sequence)
        else node
        for node in nodes
    )


@given(nodes=portable_data_sets(max_depth=4), syntax=st.sampled_from(b.NATIVE_SYNTAXES))
def test_defined_and_undefined_lengths_are_the_same(nodes: tuple[b.Node, ...], syntax: b.Syntax, pki: Pki) -> None:
    data = sign_dataset(b.file(nodes, syntax), pki["p256"])
    dataset = to_nodes(reference.parse_file(data).dataset)
    for undefined in (True, False):
        assert is_valid(b.file(forms(dataset, undefined), syntax))


@given(nodes=portable_data_sets(max_depth=4), syntax=st.sampled_from(b.NATIVE_SYNTAXES))
def test_the_syntax_of_the_file_does_not_matter(nodes: tuple[b.Node, ...], syntax: b.Syntax, pki: Pki) -> None:
    data = sign_dataset(b.file(nodes, b.EXPLICIT_LE), pki["p256"])
    assert is_valid(b.file(to_nodes(reference.parse_file(data).dataset), syntax))
    again = sign_dataset(b.file(nodes, b.IMPLICIT_LE), pki["p256"])
    assert is_valid(b.file(to_nodes(reference.parse_file(again).dataset), syntax))
