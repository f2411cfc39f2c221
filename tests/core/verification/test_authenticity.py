"""Whether the certificate's key signed, and when: validity, keys, and the one form that a signature has."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

import dcmseal
from dcmseal import tags
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.terms import MacAlgorithm
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import NOT_AFTER, NOT_BEFORE, Identity, Pki
from tests.support.signed_files import (
    edit_signed,
    finding_outcomes,
    integrity_verdict,
    pad_even,
    sign_at,
    sign_by_hand,
    sign_dataset,
    sign_stream,
    verify_integrity,
)

VALID, INVALID, NOT_ESTABLISHED = Verdict.VALID, Verdict.INVALID, Verdict.NOT_ESTABLISHED
SECOND = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (NOT_BEFORE - SECOND, "certificate-not-yet-valid"),
        (NOT_BEFORE, "certificate-in-time"),
        (NOT_AFTER, "certificate-in-time"),
        (NOT_AFTER + SECOND / 2, "certificate-in-time"),
        (NOT_AFTER + SECOND, "certificate-expired"),
    ],
)
def test_validity_counts_whole_seconds(moment: dt.datetime, code: str, pki: Pki) -> None:
    report = verify_integrity(sign_at(b.file(b.image()), pki["rsa2048"], moment), now=moment)
    assert code in finding_outcomes(report)
    assert report.verdict is (VALID if code == "certificate-in-time" else INVALID)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("20240101010000+0100", "certificate-in-time"),
        ("20240101005959+0100", "certificate-not-yet-valid"),
        ("20231231203000.000000-0330", "certificate-in-time"),
        ("20231231202959.999999-0330", "certificate-not-yet-valid"),
        ("21231231140000-1000", "certificate-in-time"),
        ("21231231140001-1000", "certificate-expired"),
        ("00010101000000+1400", "certificate-not-yet-valid"),
        ("99991231235959.9-1200", "certificate-expired"),
        ("20240601120000.000000", "signing-time-unreadable"),
        ("20240601", "signing-time-unreadable"),
        ("20240601120000+2400", "signing-time-unreadable"),
        ("20240631120000+0000", "signing-time-unreadable"),
        ("20240601120000.+0000", "signing-time-unreadable"),
        ("2024060112000 +0000", "signing-time-unreadable"),
        ("20240601120000&0000", "signing-time-unreadable"),
    ],
)
def test_the_offset_from_utc_counts(written: str, code: str, pki: Pki) -> None:
    report = verify_integrity(sign_by_hand(pki["rsa2048"], b.image(), moment=written))
    assert finding_outcomes(report)["mac-matches"] is Outcome.PASSED
    assert code in finding_outcomes(report)


@pytest.mark.parametrize(
    ("name", "code"), [("expired", "certificate-expired"), ("not-yet-valid", "certificate-not-yet-valid")]
)
def test_expired_and_early_certificates(name: str, code: str, pki: Pki) -> None:
    report = verify_integrity(sign_dataset(b.file(b.image()), pki[name], allow_expired=True))
    assert finding_outcomes(report)[code] is Outcome.FAILED
    assert finding_outcomes(report)["key-matches"] is Outcome.PASSED
    assert report.verdict is INVALID


@pytest.mark.parametrize("algorithm", MacAlgorithm)
@pytest.mark.parametrize("name", ["rsa2048", "p256", "p384", "dsa2048"])
def test_signatures_made_by_hand(algorithm: str, name: str, pki: Pki) -> None:
    assert integrity_verdict(sign_by_hand(pki[name], b.image(), algorithm=algorithm)) is VALID


def rsa_of(identity: Identity) -> rsa.RSAPrivateKey:
    assert isinstance(identity.key, rsa.RSAPrivateKey)
    return identity.key


def pkcs1(identity: Identity, block: bytes) -> bytes:
    """Sign a block of any content, with the padding of PKCS #1 v1.5."""
    size = rsa_of(identity).key_size // 8
    numbers = rsa_of(identity).private_numbers()
    message = b"\0\1" + b"\xff" * (size - 3 - len(block)) + b"\0" + block
    return pow(int.from_bytes(message, "big"), numbers.d, numbers.public_numbers.n).to_bytes(size, "big")


SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
BLOCKS: dict[str, Callable[[bytes], bytes]] = {
    "no DigestInfo": lambda digest: digest,
    "another algorithm named": lambda digest: SHA256_INFO.replace(b"\x02\x01", b"\x02\x02") + digest,
    "without NULL": lambda digest: bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + digest,
    "more behind the digest": lambda digest: SHA256_INFO + digest + b"\0",
    "digest cut short": lambda digest: SHA256_INFO + digest[:-1],
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_only_the_one_encoding_of_the_signed_block_counts(block: Callable[[bytes], bytes], pki: Pki) -> None:
    """A lax reader of DigestInfo can be fooled (CVE-2006-4339 and its kin)."""

    def wrongly(identity: Identity, _: str, stream: bytes) -> bytes:
        return pkcs1(identity, block(hashlib.sha256(stream).digest()))

    report = verify_integrity(sign_by_hand(pki["rsa2048"], b.image(), seal=wrongly))
    assert "mac-matches" not in finding_outcomes(report)
    assert report.verdict is INVALID


def test_the_block_that_does_count(pki: Pki) -> None:
    def rightly(identity: Identity, _: str, stream: bytes) -> bytes:
        return pkcs1(identity, SHA256_INFO + hashlib.sha256(stream).digest())

    assert integrity_verdict(sign_by_hand(pki["rsa2048"], b.image(), seal=rightly)) is VALID


@pytest.mark.parametrize("behind", [b"\0\0", b"\1\0", bytes(300)], ids=["two bytes", "not zero", "many"])
@pytest.mark.parametrize("name", ["rsa2048", "p256"])
def test_no_more_than_one_padding_byte_stands_behind_a_signature(name: str, behind: bytes, pki: Pki) -> None:
    def longer(identity: Identity, algorithm: str, stream: bytes) -> bytes:
        return pad_even(sign_stream(identity, algorithm, stream)) + behind

    assert integrity_verdict(sign_by_hand(pki[name], b.image(), seal=longer)) is INVALID


def test_changed_data_and_another_key_are_distinguished(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["rsa2048"])
    changed = edit_signed(data, main={t.PATIENT_NAME: b.text(t.PATIENT_NAME, "PN", "Doe^John")})
    report = finding_outcomes(verify_integrity(changed))
    assert report["mac-differs"] is Outcome.FAILED
    assert report["key-matches"] is Outcome.PASSED
    report = finding_outcomes(
        verify_integrity(
            edit_signed(
                changed,
                signature={
                    tags.CERTIFICATE_OF_SIGNER: b.Value(tags.CERTIFICATE_OF_SIGNER, "OB", pad_even(pki.root.der))
                },
            )
        )
    )
    assert report["another-key"] is Outcome.FAILED
    assert "mac-differs" not in report


def test_another_certificate_of_the_same_key_is_for_trust_to_find(pki: Pki) -> None:
    """Certificate of Signer is not in the MAC (PS3.3 C.12.1.1.3.1.2)."""
    twin = b.Value(tags.CERTIFICATE_OF_SIGNER, "OB", pad_even(pki["twin"].der))
    data = edit_signed(sign_dataset(b.file(b.image()), pki["rsa2048"]), signature={tags.CERTIFICATE_OF_SIGNER: twin})
    assert integrity_verdict(data) is VALID
    assert dcmseal.verify(data).verdict is NOT_ESTABLISHED
