"""Public keys of unusual kinds, parameters and sizes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import dcmseal
from dcmseal.errors import CertificateUnreadable, MechanismUnavailable, WeakAlgorithm
from dcmseal.findings import Outcome
from dcmseal.model.report import VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.terms import KeyType
from tests.support import builder as b
from tests.support import raw_certificates as raw
from tests.support.pki import Identity, Pki, rsa_public_key
from tests.support.raw_certificates import certificate, key_info, public_key_info, seq
from tests.support.signed_files import (
    UnusedSigner,
    finding_outcomes,
    integrity_verdict,
    sign_by_hand,
    single_report,
    verify_integrity,
)

INVALID, NOT_ESTABLISHED, VALID = Verdict.INVALID, Verdict.NOT_ESTABLISHED, Verdict.VALID

POINT = bytes.fromhex("04") + bytes(64)


def numbers(identity: Identity) -> tuple[int, int]:
    found = rsa_public_key(identity).public_numbers()
    return found.n, found.e


def message_of(code: str, report: VerificationReport) -> str:
    """What the one finding of a code says."""
    (message,) = (each.message for each in single_report(report).findings if each.code == code)
    return message


class TestKeys:
    """The object identifier beside a key decides what it may be used for."""

    @pytest.mark.parametrize(
        ("algorithm", "parameters", "kind"),
        [
            (raw.RSASSA_PSS, b"", "RSASSA-PSS"),
            (raw.RSASSA_PSS, seq(), "RSASSA-PSS"),
            (raw.RSAES_OAEP, raw.NULL, "RSAES-OAEP"),
            ("2.5.8.1.1", raw.integer(2048), "RSA of X.509 (1988)"),
            ("1.2.3.4", raw.NULL, "algorithm 1.2.3.4"),
        ],
    )
    def test_keys_of_rsa_for_something_else(self, algorithm: str, parameters: bytes, kind: str, pki: Pki) -> None:
        """They have the numbers of the very key that signed (RFC 4055 1.2)."""
        info = raw.rsa_info(*numbers(pki["rsa2048"]), algorithm, parameters)
        report = verify_integrity(sign_by_hand(pki["rsa2048"], b.image(), certificate=certificate(info)))
        assert report.verdict is NOT_ESTABLISHED
        assert finding_outcomes(report)["key-unsupported"] is Outcome.UNKNOWN
        assert kind in message_of("key-unsupported", report)
        plain = certificate(public_key_info(rsa_public_key(pki["rsa2048"])))
        assert integrity_verdict(sign_by_hand(pki["rsa2048"], b.image(), certificate=plain)) is VALID

    @pytest.mark.parametrize(
        ("info", "kind"),
        [
            (key_info("1.3.132.1.12", raw.oid("1.2.840.10045.3.1.7"), POINT), "ECDH"),
            (key_info("1.3.101.110", b"", bytes(32)), "X25519"),
            (key_info("1.3.101.112", b"", bytes(32)), "Ed25519"),
            (key_info("2.16.840.1.101.3.4.3.18", b"", bytes(1952)), "ML-DSA-65"),
            (key_info(raw.EC, raw.oid("1.3.132.0.6"), b"\4" + bytes(28)), "secp112r1"),
            (key_info(raw.EC, raw.oid("1.3.132.0.1"), b"\4" + bytes(42)), "sect163k1"),
            (key_info(raw.EC, raw.oid("1.3.36.3.3.2.8.1.1.9"), b"\4" + bytes(80)), "brainpoolP320r1"),
            (key_info(raw.EC, raw.oid("1.2.156.10197.1.301"), POINT), "SM2"),
            (key_info(raw.EC, raw.oid("1.2.3"), POINT), "1.2.3"),
            (key_info(raw.EC, raw.NULL, POINT), "EC without a named curve"),
            (key_info(raw.EC, raw.oid("1.2.840.10045.3.1.7"), POINT), "secp256r1 with unusable numbers"),
            (key_info(raw.RSA, raw.NULL, b"nothing"), "RSA with unusable numbers"),
        ],
    )
    def test_kinds_that_are_named_and_not_verified(self, info: bytes, kind: str, pki: Pki) -> None:
        report = verify_integrity(sign_by_hand(pki["p256"], b.image(), certificate=certificate(info)))
        assert report.verdict is NOT_ESTABLISHED
        assert kind in message_of("key-unsupported", report)
        signer = UnusedSigner((certificate(info),), KeyType.EC)
        with pytest.raises(MechanismUnavailable, match="which DICOM signatures do not support") as caught:
            dcmseal.sign(b.file(b.image()), signer=signer)
        assert kind in str(caught.value)
        assert caught.value.hint

    @pytest.mark.parametrize(
        ("info", "kind"),
        [
            (key_info(raw.DSA, b"", raw.integer(5)), "DSA without parameters"),
            (key_info(raw.DSA, raw.NULL, raw.integer(5)), "DSA without parameters"),
            (key_info(raw.EC, b"", POINT), "EC without a named curve"),
        ],
    )
    def test_kinds_for_which_no_certificate_can_be_read(self, info: bytes, kind: str, pki: Pki) -> None:
        """RFC 3279 2.3.2: such keys take their parameters from the issuer's."""
        report = verify_integrity(sign_by_hand(pki["p256"], b.image(), certificate=certificate(info)))
        assert report.verdict is NOT_ESTABLISHED
        (finding,) = (each for each in single_report(report).findings if each.code == "certificate-unreadable")
        assert (finding.outcome, kind in finding.message) == (Outcome.UNKNOWN, True)
        with pytest.raises(CertificateUnreadable, match=kind):
            dcmseal.sign(b.file(b.image()), signer=UnusedSigner((certificate(info),), KeyType.DSA))

    def test_a_curve_that_is_described_instead_of_named(self, pki: Pki) -> None:
        """A chosen generator allows a private key for any point (CVE-2020-0601)."""
        key = pki["p256"].key.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        point = public_key_info(key)[-65:]
        prime = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        coefficient = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
        generator = (
            "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
            "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
        )
        parameters = seq(
            raw.integer(1),
            seq(raw.oid("1.2.840.10045.1.1"), raw.integer(prime)),
            seq(raw.tlv(0x04, (prime - 3).to_bytes(32)), raw.tlv(0x04, coefficient.to_bytes(32))),
            raw.tlv(0x04, bytes.fromhex(generator)),
            raw.integer(order),
            raw.integer(1),
        )
        explicit = certificate(key_info(raw.EC, parameters, point))
        report = verify_integrity(sign_by_hand(pki["p256"], b.image(), certificate=explicit))
        assert report.verdict is NOT_ESTABLISHED
        assert "explicit parameters" in message_of("key-unsupported", report)

    @pytest.mark.parametrize("curve", [ec.SECP192R1(), ec.SECP224R1()], ids=lambda curve: curve.name)
    def test_short_curves(self, curve: ec.EllipticCurve, pki: Pki) -> None:
        """SP 800-131A: 112 bits of security, which are 224 bits of a curve."""
        key = ec.generate_private_key(curve)
        identity = Identity("short", key, pki["p256"].certificate, pki.folder)
        der = certificate(public_key_info(key.public_key()))
        report = verify_integrity(sign_by_hand(identity, b.image(), certificate=der))
        assert finding_outcomes(report)["mac-matches"] is Outcome.PASSED
        assert (finding_outcomes(report).get("weak-key") is Outcome.UNKNOWN) is (curve.key_size < 224)
        assert "key-too-small" not in finding_outcomes(report)
        with pytest.raises((WeakAlgorithm, MechanismUnavailable)):
            dcmseal.sign(b.file(b.image()), signer=UnusedSigner((der,), KeyType.EC))

    @pytest.mark.parametrize("exponent", [1, 0, 2, 65536, -3], ids=str)
    def test_invalid_exponents(self, exponent: int, pki: Pki) -> None:
        """With 1, anybody signs: the signature is the block itself."""
        modulus, _ = numbers(pki["rsa2048"])
        block = b"\0\1" + b"\xff" * 202 + b"\0" + bytes.fromhex("3031300d060960864801650304020105000420")
        der = certificate(raw.rsa_info(modulus, exponent))
        report = verify_integrity(
            sign_by_hand(pki["rsa2048"], b.image(), certificate=der, seal=lambda _, __, stream: block + sha256(stream))
        )
        assert report.verdict is NOT_ESTABLISHED
        assert "RSA with unusable numbers" in message_of("key-unsupported", report)

    @pytest.mark.parametrize(
        ("modulus", "exponent"),
        [
            (1 << 16384 | 1, 65537),
            (1 << 300_000 | 1, 3),
            (1 << 4095 | 1, 1 << 65 | 1),
            ((1 << 2048) - 1, 1 << 2047 | 1),
        ],
        ids=["17 kbit", "300 kbit", "long exponent", "longest exponent"],
    )
    def test_numbers_that_would_take_long(self, modulus: int, exponent: int, pki: Pki) -> None:
        """They are refused, or computed with in no time; none of them verifies what it did not sign."""
        der = certificate(raw.rsa_info(modulus, exponent))
        assert integrity_verdict(sign_by_hand(pki["rsa2048"], b.image(), certificate=der)) is not VALID

    @pytest.mark.parametrize("modulus", [65521, (1 << 512) - 569, 3], ids=["16 bits", "512 bits", "2 bits"])
    def test_tiny_moduli(self, modulus: int, pki: Pki) -> None:
        report = verify_integrity(
            sign_by_hand(pki["rsa2048"], b.image(), certificate=certificate(raw.rsa_info(modulus, 3)))
        )
        assert report.verdict in (INVALID, NOT_ESTABLISHED)


def sha256(stream: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(stream).digest()
