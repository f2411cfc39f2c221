"""The throw-away identities do for DCMTK what their names say."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key, pkcs12

from tests.support import builder as b
from tests.support.dcmsign import Dcmtk, DcmtkError
from tests.support.pki import PASSPHRASE, SIGNERS, Pki


def sign(dcmsign: Dcmtk, pki: Pki, folder: Path, name: str) -> Path:
    source, output = folder / "in.dcm", folder / "out.dcm"
    source.write_bytes(b.file(b.image()))
    dcmsign.sign(source, output, pki[name].key_pem, pki[name].certificate_pem)
    return output


@pytest.mark.parametrize("name", [*(name for name in SIGNERS if name != "p521"), "twin"])
def test_good_signers(name: str, dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    signed = sign(dcmsign, pki, tmp_path, name)
    assert dcmsign.verify(signed, trust=pki.trust).ok
    assert not dcmsign.verify(signed).ok


@pytest.mark.parametrize(
    ("name", "reason"), [("expired", "expired"), ("not-yet-valid", "not yet valid"), ("stranger", "certificate")]
)
def test_bad_signers(name: str, reason: str, dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    verification = dcmsign.verify(sign(dcmsign, pki, tmp_path, name), trust=pki.trust)
    assert verification.returncode == 101
    (verdict,) = verification.signatures
    assert not verdict.ok
    assert reason in verdict.message


def test_a_changed_file(dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    signed = sign(dcmsign, pki, tmp_path, "p256")
    signed.write_bytes(signed.read_bytes().replace(b"Doe^Jane", b"Doe^John"))
    (verdict,) = dcmsign.verify(signed, trust=pki.trust).signatures
    assert "corrupted" in verdict.message


def test_require_remove_and_refusal(dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    signed, bare = sign(dcmsign, pki, tmp_path, "rsa2048"), tmp_path / "bare.dcm"
    assert dcmsign.verify(signed, trust=pki.trust, require=["signature", "creator"]).ok
    dcmsign.remove(signed, bare)
    assert dcmsign.verify(bare, trust=pki.trust, require=["signature"]).returncode == 100
    with pytest.raises(DcmtkError):
        dcmsign.sign(bare, signed, pki["p256"].key_pem, pki["p256"].certificate_pem, profile="base")


def test_key_files_hold_the_same_key(pki: Pki) -> None:
    signer = pki["p384"]
    numbers, phrase = signer.certificate.public_key(), PASSPHRASE.encode()
    assert load_pem_private_key(signer.key_pem.read_bytes(), None).public_key() == numbers
    assert load_der_private_key(signer.key_der.read_bytes(), None).public_key() == numbers
    assert load_pem_private_key(signer.key_traditional_pem.read_bytes(), None).public_key() == numbers
    assert load_pem_private_key(signer.encrypted_key_pem.read_bytes(), phrase).public_key() == numbers
    assert load_der_private_key(signer.encrypted_key_der.read_bytes(), phrase).public_key() == numbers
    key, certificate, _ = pkcs12.load_key_and_certificates(signer.p12.read_bytes(), phrase)
    assert key is not None
    assert key.public_key() == numbers
    assert certificate == signer.certificate
    assert pki["twin"].certificate != pki["rsa2048"].certificate
    assert pki["twin"].certificate.public_key() == pki["rsa2048"].certificate.public_key()
