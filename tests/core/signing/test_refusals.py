"""What is refused is refused before anything is written, mostly before the key is touched, and with a hint."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateBuilder, Name, NameAttribute
from cryptography.x509.oid import NameOID

import dcmseal
from dcmseal import tags
from dcmseal.errors import (
    AmbiguousStructure,
    CertificateMismatch,
    CertificateNotValid,
    DatasetError,
    MechanismUnavailable,
    NoSuchItem,
    NotDicom,
    NotSignable,
    ProfileViolation,
    SealError,
    UnknownProfile,
    UsageError,
    WeakAlgorithm,
)
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.profile import Requirements
from dcmseal.terms import KeyType, MacAlgorithm
from tests.core.signing.strict_profile import PLAIN, RICH, UNKNOWN, StrictProfile
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import FixedSigner, UnusedSigner, integrity_verdict, sign_dataset, sign_stream

TWICE = (b.text(t.PATIENT_NAME, "PN", "ab"), b.text(t.PATIENT_NAME, "PN", "ab"))


@dataclass(frozen=True)
class Refusal:
    """A request and the error it meets."""

    error: type[SealError]
    says: str
    options: dict[str, Any] = field(default_factory=dict)
    data: Callable[[], bytes] = lambda: b.file(PLAIN)


def many(count: int) -> bytes:
    """A data set of so many private elements."""
    return b.file([b.Value(0x00091000 + n // 0x8000 * 0x20000 + n % 0x8000, "OB") for n in range(count)])


def of(*nodes: b.Node) -> Callable[[], bytes]:
    return lambda: b.file(nodes)


REFUSALS: dict[str, Refusal] = {
    "MD5": Refusal(WeakAlgorithm, "MD5", {"algorithm": "MD5"}),
    "SHA1": Refusal(WeakAlgorithm, "SHA1", {"algorithm": "sha1"}),
    "RIPEMD160": Refusal(WeakAlgorithm, "RIPEMD160", {"algorithm": MacAlgorithm.RIPEMD160}),
    "no such algorithm": Refusal(UsageError, "SHA3", {"algorithm": "SHA3"}),
    "absent element": Refusal(NotSignable, "not in the data set", {"tags": ["PatientName", "PatientComments"]}),
    "element of VR UN": Refusal(NotSignable, "its VR is UN", {"tags": [0x00091001]}, of(*RICH)),
    "sequence with UN": Refusal(NotSignable, r"\(0009,1001\)", {"tags": ["00081140"]}, of(*RICH)),
    "file meta": Refusal(NotSignable, "group 0002", {"tags": ["TransferSyntaxUID"]}),
    "group length": Refusal(NotSignable, "group lengths", {"tags": ["(0010,0000)"]}),
    "the macro": Refusal(NotSignable, "Macro", {"tags": [tags.DIGITAL_SIGNATURES_SEQUENCE]}),
    "trailing padding": Refusal(NotSignable, "padding", {"tags": ["FFFC,FFFC"]}),
    "unknown tag": Refusal(UsageError, "unknown tag", {"tags": ["PatientNaem"]}),
    "no tags": Refusal(UsageError, "no elements are chosen", {"tags": []}),
    "nothing required": Refusal(UsageError, "no elements are chosen", {"only_required": True, "profile": "none"}),
    "nothing signable": Refusal(UsageError, "nothing at main", {}, lambda: real_file("DICOMDIR").data),
    "nothing but UN": Refusal(UsageError, "nothing at main", {}, of(UNKNOWN)),
    "absent sequence": Refusal(NoSuchItem, "not in the data set", {"location": "BeamSequence[0]"}),
    "absent item": Refusal(NoSuchItem, "has 1 items", {"location": "ReferencedImageSequence[1]"}, of(*RICH)),
    "item of no sequence": Refusal(NoSuchItem, "not a sequence", {"location": "PatientName[0]"}),
    "path of no item": Refusal(UsageError, "does not name an item", {"location": "PatientName"}),
    "implicit MAC syntax": Refusal(UsageError, "1.2.840.10008.1.2 cannot", {"transfer_syntax": b.IMPLICIT_LE.uid}),
    "big endian MAC syntax": Refusal(UsageError, "cannot be", {"transfer_syntax": "1.2.840.10008.1.2.2"}),
    "unknown MAC syntax": Refusal(UsageError, "1.2.3 cannot", {"transfer_syntax": "1.2.3"}),
    "MAC syntax of other pixels": Refusal(UsageError, "Pixel Data in", {"transfer_syntax": b.JPEG_BASELINE.uid}),
    "native MAC syntax of fragments": Refusal(
        UsageError,
        "Pixel Data in",
        {"transfer_syntax": "1.2.840.10008.1.2.1"},
        lambda: b.file(b.image(b.Fragments()), b.JPEG_BASELINE),
    ),
    "no such purpose": Refusal(UsageError, "99", {"purpose": 99}),
    "no such purpose in words": Refusal(UsageError, "approval", {"purpose": "approval"}),
    "padding": Refusal(UsageError, "unknown padding mode", {"padding": "none"}),
    "no such profile": Refusal(UnknownProfile, "creator", {"profile": "creator"}),
    "element that a profile needs is UN": Refusal(
        ProfileViolation,
        "cannot be",
        {"profile": StrictProfile(Requirements(elements=frozenset({0x00091001})))},
        of(*RICH),
    ),
    "purpose that a profile needs": Refusal(
        ProfileViolation, "Purpose", {"profile": StrictProfile(Requirements(purpose_required=True))}
    ),
    "an item where a profile wants the main data set": Refusal(
        ProfileViolation,
        "main data set",
        {
            "profile": StrictProfile(Requirements(main_dataset_only=True)),
            "location": "ReferencedImageSequence[0]",
        },
        of(*b.image(b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 1),)),)))),
    ),
    "an element twice": Refusal(DatasetError, "twice", {}, of(*TWICE)),
    "elements out of order": Refusal(AmbiguousStructure, "is out of order", {}, of(*reversed(PLAIN))),
    "no DICOM": Refusal(NotDicom, "not a DICOM file", {}, lambda: b"GIF89a" + bytes(200)),
    "more elements than AT can name": Refusal(UsageError, "16384", {}, lambda: many(16384)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_nothing_is_written_and_no_key_touched(name: str, pki: Pki, tmp_path: Path) -> None:
    refusal = REFUSALS[name]
    new, old = tmp_path / "new.dcm", tmp_path / "old.dcm"
    data = refusal.data()
    old.write_bytes(data)
    signer = UnusedSigner((pki["rsa2048"].der,))
    for target in ({"output": new}, {"in_place": True}):
        with pytest.raises(refusal.error, match=refusal.says) as caught:
            dcmseal.sign(old, signer=signer, **target, **refusal.options)
        assert caught.value.hint
    assert old.read_bytes() == data
    assert list(tmp_path.iterdir()) == [old]


def test_there_is_room_for_16383_elements(pki: Pki) -> None:
    data = many(16383)
    assert integrity_verdict(sign_dataset(data, pki["p256"])) is Verdict.VALID


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (b"", {"in_place": True}),
        ("file.dcm", {"in_place": True, "output": "other.dcm"}),
        (b"", {"key": "pem:key.pem"}),
        (3, {}),
    ],
)
def test_requests_that_contradict_themselves(source: Any, options: dict[str, Any], pki: Pki) -> None:
    with pytest.raises(UsageError) as caught:
        dcmseal.sign(source, signer=UnusedSigner((pki["rsa2048"].der,)), **options)
    assert caught.value.hint or "not both" in str(caught.value)


def self_signed(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    name = Name([NameAttribute(NameOID.COMMON_NAME, "weak")])
    now = dt.datetime.now(dt.UTC)
    builder = CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_signers_that_will_not_do(pki: Pki, tmp_path: Path) -> None:
    rsa2048, p256 = pki["rsa2048"], pki["p256"]
    weak = self_signed(rsa.generate_private_key(65537, 1024))
    odd = self_signed(ec.generate_private_key(ec.SECP256K1()))
    path = tmp_path / "file.dcm"
    path.write_bytes(b.file(PLAIN))
    for signer, error in (
        (UnusedSigner(()), CertificateNotValid),
        (UnusedSigner((b"no certificate",)), CertificateNotValid),
        (UnusedSigner((rsa2048.der[:-1],)), CertificateNotValid),
        (UnusedSigner((p256.der,)), CertificateMismatch),
        (UnusedSigner((weak,)), WeakAlgorithm),
        (UnusedSigner((odd,), KeyType.EC), MechanismUnavailable),
        (UnusedSigner((pki["expired"].der,)), CertificateNotValid),
        (UnusedSigner((pki["not-yet-valid"].der,)), CertificateNotValid),
        (FixedSigner((rsa2048.der,)), CertificateMismatch),
        (FixedSigner((rsa2048.der,), bytes(256)), CertificateMismatch),
        (FixedSigner((p256.der,), b"\x30\x00", KeyType.EC), CertificateMismatch),
    ):
        with pytest.raises(error) as caught:
            dcmseal.sign(path, signer=signer, in_place=True)
        assert caught.value.hint
    assert path.read_bytes() == b.file(PLAIN)


def test_a_certificate_of_another_key(pki: Pki) -> None:
    """Of the same kind, so that only the finished signature shows the mistake."""
    other = pki.root.der
    signer = FixedSigner((other,), sign_stream(pki["rsa2048"], "SHA256", b"whatever"))
    with pytest.raises(CertificateMismatch, match="does not verify"):
        dcmseal.sign(b.file(PLAIN), signer=signer)


def test_base_rsa_takes_no_other_key(pki: Pki) -> None:
    with pytest.raises(ProfileViolation, match="EC") as caught:
        dcmseal.sign(b.file(PLAIN), signer=UnusedSigner((pki["p256"].der,), KeyType.EC), profile="base-rsa")
    assert [finding.code for finding in caught.value.findings] == ["key-type-not-allowed"]
    assert caught.value.hint
    assert (
        integrity_verdict(sign_dataset(b.file(PLAIN), pki["rsa2048"], profile="base-rsa"), require=["base-rsa"])
        is Verdict.VALID
    )
