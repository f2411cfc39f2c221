"""Signed files that provoke each finding of the verifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509 import CertificateBuilder

from dcmseal import tags
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.nonstandard_files import c2pa_health_file, pacs_system_file
from tests.support.pki import Identity, Pki
from tests.support.signed_files import Changes, edit_signed, pad_even, read_items, sign_by_hand, sign_dataset
from tests.support.truncated_reference import truncated_stream

PASSED, FAILED, UNKNOWN = Outcome.PASSED, Outcome.FAILED, Outcome.UNKNOWN
VALID, INVALID, NOT_ESTABLISHED = Verdict.VALID, Verdict.INVALID, Verdict.NOT_ESTABLISHED


@dataclass(frozen=True, slots=True)
class Case:
    """A file, and what verification is to say of it."""

    make: Callable[[Pki], bytes]
    outcome: Outcome
    verdict: Verdict


def plain(pki: Pki, *extra: b.Node) -> bytes:
    return sign_dataset(b.file(b.image(*extra)), pki["rsa2048"])


def edit(
    *, main: Changes | None = None, mac: Changes | None = None, signature: Changes | None = None
) -> Callable[[Pki], bytes]:
    """Sign a small image, then change it."""
    return lambda pki: edit_signed(plain(pki), main=main, mac=mac, signature=signature)


def by_hand(*extra: b.Node, **options: Any) -> Callable[[Pki], bytes]:
    return lambda pki: sign_by_hand(pki["rsa2048"], b.image(*extra), **options)


def doubled(tag: int, *, also: Changes | None = None) -> Callable[[Pki], bytes]:
    """Repeat the first item of a sequence."""

    def make(pki: Pki) -> bytes:
        data = plain(pki)
        (item,) = read_items(data, tag)
        return edit_signed(data, main={tag: b.Sequence(tag, (item, item)), **(also or {})})

    return make


def many_macs(pki: Pki) -> bytes:
    """More sets of MAC parameters than are computed, all different; the signature points to the last."""
    data = plain(pki)
    (item,) = read_items(data, tags.MAC_PARAMETERS_SEQUENCE)
    others = (
        b.Item(
            (
                b.us(tags.MAC_ID_NUMBER, 1000 + n),
                b.text(tags.MAC_ALGORITHM, "CS", "SHA256"),
                b.at(tags.DATA_ELEMENTS_SIGNED, 0x00090010 + n),
            )
        )
        for n in range(64)
    )
    return edit_signed(
        data, main={tags.MAC_PARAMETERS_SEQUENCE: b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (*others, item))}
    )


def swapped_signature_item(pki: Pki) -> bytes:
    data = plain(pki)
    (item,) = read_items(data, tags.DIGITAL_SIGNATURES_SEQUENCE)
    return edit_signed(
        data,
        main={
            tags.DIGITAL_SIGNATURES_SEQUENCE: b.Sequence(
                tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item(item.elements[1:] + item.elements[:1]),)
            )
        },
    )


def disordered(pki: Pki) -> bytes:
    """The first two elements of the data set change places; no tag of the list is missing."""
    nodes = b.image()
    data = sign_by_hand(pki["rsa2048"], nodes)
    return data.replace(b.encode(nodes[:2]), b.encode((nodes[1], nodes[0])))


def twice(pki: Pki) -> bytes:
    """An element that is not signed stands there twice."""
    name = b.text(t.PATIENT_COMMENTS, "LT", "comment ")
    data = sign_by_hand(pki["rsa2048"], b.image(name), listed=(t.PATIENT_NAME,))
    return data.replace(b.encode((name,)), b.encode((name, name)))


def with_certificate(change: Callable[[bytes], bytes]) -> Callable[[Pki], bytes]:
    return lambda pki: edit_signed(
        plain(pki),
        signature={tags.CERTIFICATE_OF_SIGNER: b.Value(tags.CERTIFICATE_OF_SIGNER, "OB", change(pki["rsa2048"].der))},
    )


def another_key(pki: Pki) -> bytes:
    return edit_signed(
        plain(pki),
        signature={tags.CERTIFICATE_OF_SIGNER: b.Value(tags.CERTIFICATE_OF_SIGNER, "OB", pad_even(pki.root.der))},
    )


def of_edwards_curve(pki: Pki) -> bytes:
    """The certificate of a kind of key that no DICOM signature is made with."""
    root = pki.root
    assert isinstance(root.key, rsa.RSAPrivateKey)
    old = root.certificate
    certificate = (
        CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.subject)
        .public_key(ed25519.Ed25519PrivateKey.generate().public_key())
        .serial_number(1)
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(old.not_valid_after_utc)
        .sign(root.key, hashes.SHA256())
    )
    from cryptography.hazmat.primitives.serialization import Encoding

    der = pad_even(certificate.public_bytes(Encoding.DER))
    return edit_signed(
        plain(pki), signature={tags.CERTIFICATE_OF_SIGNER: b.Value(tags.CERTIFICATE_OF_SIGNER, "OB", der)}
    )


def raw_ecdsa(identity: Identity, _: str, stream: bytes) -> bytes:
    """The two numbers in a row, as PKCS #11 devices give them, and not in DER."""
    assert isinstance(identity.key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(identity.key.sign(stream, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def pss(identity: Identity, _: str, stream: bytes) -> bytes:
    assert isinstance(identity.key, rsa.RSAPrivateKey)
    return identity.key.sign(stream, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def padded_later(pki: Pki) -> bytes:
    data = plain(pki, b.text(t.PATIENT_COMMENTS, "LT", "comment "))
    return edit_signed(data, main={t.PATIENT_COMMENTS: b.Value(t.PATIENT_COMMENTS, "LT", b"comment     ")})


def other_vrs(pki: Pki) -> bytes:
    """Signed by software that looks for Pixel Representation in the enclosing data set: SS where DCMTK says US."""
    table = b.Value(t.LUT_DESCRIPTOR, "US", b"\1\0\xff\xff\x10\0")
    nodes = b.image(b.us(tags.PIXEL_REPRESENTATION, 1), b.Sequence(t.MODALITY_LUT_SEQUENCE, (b.Item((table,)),)))
    dataset = reference.parse_file(b.file(nodes)).dataset
    stream = reference.data_stream(dataset).replace(b"\x28\0\x02\x30US", b"\x28\0\x02\x30SS")
    return sign_by_hand(pki["rsa2048"], nodes, syntax=b.IMPLICIT_LE, stream=stream)


def old_fragments(pki: Pki) -> bytes:
    nodes = b.image(b.Fragments(fragments=(b"", b"abcdef", b"gh")))
    dataset = reference.parse_file(b.file(nodes, b.JPEG_BASELINE)).dataset
    stream = reference.data_stream(dataset, old_format=True)
    return sign_by_hand(pki["rsa2048"], nodes, syntax=b.JPEG_BASELINE, mac_syntax=b.JPEG_BASELINE.uid, stream=stream)


def large_structure_set() -> tuple[b.Node, ...]:
    contour = b.Item((b.Value(t.CONTOUR_DATA, "DS", b"-12.5\\" * 700 + b"1 "),))
    return b.image(
        b.Sequence(
            t.ROI_CONTOUR_SEQUENCE, tuple(b.Item((b.Sequence(t.CONTOUR_SEQUENCE, (contour,) * 3),)) for _ in range(5))
        )
    )


def truncated(pki: Pki) -> bytes:
    nodes = large_structure_set()
    return sign_by_hand(
        pki["rsa2048"], nodes, stream=truncated_stream(reference.parse_file(b.file(nodes)).dataset).stream
    )


def decompressed(pki: Pki) -> bytes:
    """Signed in JPEG, then decompressed."""
    data = sign_dataset(b.file(b.image(b.Fragments(fragments=(b"", b"abcdef"))), b.JPEG_BASELINE), pki["rsa2048"])
    return b.file(
        b.image(
            *(
                b.Sequence(tag, read_items(data, tag))
                for tag in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE)
            )
        )
    )


UNKNOWN_PRIVATE = b.Value(0x00091001, "UN", b"abcd")
CASES: dict[str, Case] = {
    # the two sequences and their items
    "no-sequence": Case(
        edit(main={tags.DIGITAL_SIGNATURES_SEQUENCE: b.Value(tags.DIGITAL_SIGNATURES_SEQUENCE, "OB", b"abcd")}),
        FAILED,
        INVALID,
    ),
    "empty-sequence": Case(
        edit(main={tags.DIGITAL_SIGNATURES_SEQUENCE: b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE)}), FAILED, INVALID
    ),
    "mac-id-missing": Case(edit(signature={tags.MAC_ID_NUMBER: None}), FAILED, INVALID),
    "mac-id-dangling": Case(edit(mac={tags.MAC_ID_NUMBER: b.us(tags.MAC_ID_NUMBER, 7)}), FAILED, INVALID),
    "mac-id-duplicate": Case(doubled(tags.MAC_PARAMETERS_SEQUENCE), FAILED, INVALID),
    "uid-missing": Case(edit(signature={tags.DIGITAL_SIGNATURE_UID: None}), FAILED, INVALID),
    "datetime-missing": Case(edit(signature={tags.DIGITAL_SIGNATURE_DATETIME: None}), FAILED, INVALID),
    "certificate-type-missing": Case(edit(signature={tags.CERTIFICATE_TYPE: None}), FAILED, INVALID),
    "certificate-missing": Case(
        edit(signature={tags.CERTIFICATE_OF_SIGNER: b.Value(tags.CERTIFICATE_OF_SIGNER, "OB")}), FAILED, INVALID
    ),
    "signature-missing": Case(edit(signature={tags.SIGNATURE: None}), FAILED, INVALID),
    "item-disordered": Case(swapped_signature_item, FAILED, INVALID),
    "form-correct": Case(plain, PASSED, VALID),
    # the macro's rules
    "duplicate-element": Case(twice, FAILED, INVALID),
    "disordered": Case(disordered, FAILED, INVALID),
    "certificate-type-unknown": Case(
        edit(signature={tags.CERTIFICATE_TYPE: b.text(tags.CERTIFICATE_TYPE, "CS", "PGP")}), UNKNOWN, INVALID
    ),
    "no-elements-listed": Case(
        edit(mac={tags.DATA_ELEMENTS_SIGNED: b.Value(tags.DATA_ELEMENTS_SIGNED, "AT")}), FAILED, INVALID
    ),
    "elements-disordered": Case(by_hand(listed=(t.PATIENT_ID, t.PATIENT_NAME)), FAILED, VALID),
    "forbidden-element-listed": Case(by_hand(listed=(0x00080000, t.PATIENT_NAME)), FAILED, INVALID),
    "mac-syntax-missing": Case(edit(mac={tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID: None}), FAILED, INVALID),
    "mac-syntax-not-allowed": Case(
        edit(
            mac={
                tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID: b.uid(
                    tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, b.IMPLICIT_LE.uid
                )
            }
        ),
        FAILED,
        INVALID,
    ),
    "mac-syntax-unknown": Case(
        edit(
            mac={tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID: b.uid(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, "1.2.3.4")}
        ),
        UNKNOWN,
        NOT_ESTABLISHED,
    ),
    "mac-algorithm-missing": Case(edit(mac={tags.MAC_ALGORITHM: None}), FAILED, INVALID),
    # integrity and authenticity
    "certificate-unreadable": Case(with_certificate(lambda der: der[:-10]), FAILED, INVALID),
    "no-mac-parameters": Case(edit(main={tags.MAC_PARAMETERS_SEQUENCE: None}), UNKNOWN, INVALID),
    "mac-algorithm-unsupported": Case(
        edit(mac={tags.MAC_ALGORITHM: b.text(tags.MAC_ALGORITHM, "CS", "SHA3-256")}), UNKNOWN, NOT_ESTABLISHED
    ),
    "too-many-macs": Case(many_macs, UNKNOWN, NOT_ESTABLISHED),
    "nothing-to-compare": Case(edit(signature={tags.CERTIFICATE_OF_SIGNER: None}), UNKNOWN, INVALID),
    "unsignable-listed": Case(
        lambda pki: edit_signed(plain(pki, b.Value(0x00091001, "OB", b"abcd")), main={0x00091001: UNKNOWN_PRIVATE}),
        UNKNOWN,
        NOT_ESTABLISHED,
    ),
    "unsignable-in-item": Case(edit(signature={0x04111001: b.Value(0x04111001, "UN", b"abcd")}), UNKNOWN, INVALID),
    "mac-matches": Case(plain, PASSED, VALID),
    "key-matches": Case(plain, PASSED, VALID),
    "another-key": Case(another_key, FAILED, INVALID),
    "not-comparable": Case(by_hand(seal=pss), UNKNOWN, INVALID),
    "key-unsupported": Case(of_edwards_curve, UNKNOWN, NOT_ESTABLISHED),
    "mac-differs": Case(edit(main={t.PATIENT_NAME: b.text(t.PATIENT_NAME, "PN", "Doe^John")}), FAILED, INVALID),
    "key-not-shown": Case(lambda pki: sign_by_hand(pki["p256"], b.image(), seal=raw_ecdsa), UNKNOWN, INVALID),
    "signing-time-in-future": Case(by_hand(moment="21230601120000.000000+0000"), UNKNOWN, NOT_ESTABLISHED),
    "signing-time-unreadable": Case(by_hand(moment="20240601120000.000000"), UNKNOWN, NOT_ESTABLISHED),
    "certificate-not-yet-valid": Case(by_hand(moment="20231231235959+0000"), FAILED, INVALID),
    "certificate-expired": Case(by_hand(moment="21240101000001+0000"), FAILED, INVALID),
    "certificate-in-time": Case(plain, PASSED, VALID),
    # other readings of the standard
    "matches-minimal-padding": Case(padded_later, PASSED, VALID),
    "matches-other-vrs": Case(other_vrs, PASSED, VALID),
    "matches-old-fragment-format": Case(old_fragments, FAILED, INVALID),
    "dcmtk-truncated": Case(truncated, FAILED, INVALID),
    "other-representation": Case(decompressed, UNKNOWN, NOT_ESTABLISHED),
    # coverage
    "covers-nothing": Case(by_hand(listed=(0x00091001,)), FAILED, INVALID),
    "critical-unsigned": Case(by_hand(listed=(t.PATIENT_NAME,)), UNKNOWN, VALID),
    "elements-unsigned": Case(
        edit(main={t.PATIENT_COMMENTS: b.text(t.PATIENT_COMMENTS, "LT", "added")}), UNKNOWN, VALID
    ),
    "elements-unsignable": Case(lambda pki: plain(pki, UNKNOWN_PRIVATE), UNKNOWN, VALID),
    "listed-but-absent": Case(by_hand(listed=(t.PATIENT_NAME, t.ETHNIC_GROUP)), UNKNOWN, VALID),
    "covers-all": Case(plain, PASSED, VALID),
    # not Digital Signatures
    "flat-signature": Case(lambda pki: pacs_system_file(pki["rsa2048"]), UNKNOWN, Verdict.NO_SIGNATURE),
    "parameters-in-item": Case(lambda pki: c2pa_health_file(pki["p256"]), UNKNOWN, INVALID),
}
