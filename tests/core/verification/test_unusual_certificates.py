"""Certificates and keys that are odd, read as RFC 5280 has them: each judged, none of them stops or warns."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import dcmseal
from dcmseal import Policy
from dcmseal.errors import CertificateNotValid, CertificateUnreadable, MechanismUnavailable, WeakAlgorithm
from dcmseal.findings import Outcome
from dcmseal.macro.signer_certificate import read_certificate
from dcmseal.model.report import VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.policy.distinguished_names import subject_attributes
from dcmseal.policy.evaluate import unmet_findings
from dcmseal.terms import KeyType
from dcmseal_software.software_signer import SoftwareSigner
from tests.support import raw_certificates as raw
from tests.support.builder import file, image
from tests.support.pki import Identity, Pki
from tests.support.raw_certificates import (
    COMMON_NAME,
    certificate,
    common_name,
    extension,
    key_info,
    name,
    public_key_info,
    seq,
)
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
BASIC, USAGE = "2.5.29.19", "2.5.29.15"


def rsa_key(identity: Identity) -> rsa.RSAPublicKey:
    key = identity.key.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def numbers(identity: Identity) -> tuple[int, int]:
    found = rsa_key(identity).public_numbers()
    return found.n, found.e


def message_of(code: str, report: VerificationReport) -> str:
    """What the one finding of a code says."""
    (message,) = (each.message for each in single_report(report).findings if each.code == code)
    return message


@pytest.fixture(autouse=True)
def _warnings_are_errors() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


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
        report = verify_integrity(sign_by_hand(pki["rsa2048"], image(), certificate=certificate(info)))
        assert report.verdict is NOT_ESTABLISHED
        assert finding_outcomes(report)["key-unsupported"] is Outcome.UNKNOWN
        assert kind in message_of("key-unsupported", report)
        plain = certificate(public_key_info(rsa_key(pki["rsa2048"])))
        assert integrity_verdict(sign_by_hand(pki["rsa2048"], image(), certificate=plain)) is VALID

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
        report = verify_integrity(sign_by_hand(pki["p256"], image(), certificate=certificate(info)))
        assert report.verdict is NOT_ESTABLISHED
        assert kind in message_of("key-unsupported", report)
        signer = UnusedSigner((certificate(info),), KeyType.EC)
        with pytest.raises(MechanismUnavailable, match="which DICOM signatures do not support") as caught:
            dcmseal.sign(file(image()), signer=signer)
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
        report = verify_integrity(sign_by_hand(pki["p256"], image(), certificate=certificate(info)))
        assert report.verdict is NOT_ESTABLISHED
        (finding,) = (each for each in single_report(report).findings if each.code == "certificate-unreadable")
        assert (finding.outcome, kind in finding.message) == (Outcome.UNKNOWN, True)
        with pytest.raises(CertificateUnreadable, match=kind):
            dcmseal.sign(file(image()), signer=UnusedSigner((certificate(info),), KeyType.DSA))

    def test_a_curve_that_is_described_instead_of_named(self, pki: Pki) -> None:
        """Whoever may choose the generator can find a key for any point (CVE-2020-0601)."""
        key = pki["p256"].key.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        point = public_key_info(key)[-65:]
        prime = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
        order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
        b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
        generator = (
            "046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296"
            "4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5"
        )
        parameters = seq(
            raw.integer(1),
            seq(raw.oid("1.2.840.10045.1.1"), raw.integer(prime)),
            seq(raw.tlv(0x04, (prime - 3).to_bytes(32)), raw.tlv(0x04, b.to_bytes(32))),
            raw.tlv(0x04, bytes.fromhex(generator)),
            raw.integer(order),
            raw.integer(1),
        )
        explicit = certificate(key_info(raw.EC, parameters, point))
        report = verify_integrity(sign_by_hand(pki["p256"], image(), certificate=explicit))
        assert report.verdict is NOT_ESTABLISHED
        assert "explicit parameters" in message_of("key-unsupported", report)

    @pytest.mark.parametrize("curve", [ec.SECP192R1(), ec.SECP224R1()], ids=lambda curve: curve.name)
    def test_short_curves(self, curve: ec.EllipticCurve, pki: Pki) -> None:
        """SP 800-131A: 112 bits of security, which are 224 bits of a curve."""
        key = ec.generate_private_key(curve)
        identity = Identity("short", key, pki["p256"].certificate, pki.folder)
        der = certificate(public_key_info(key.public_key()))
        report = verify_integrity(sign_by_hand(identity, image(), certificate=der))
        assert finding_outcomes(report)["mac-matches"] is Outcome.PASSED
        assert (finding_outcomes(report).get("weak-key") is Outcome.UNKNOWN) is (curve.key_size < 224)
        assert "key-too-small" not in finding_outcomes(report)
        with pytest.raises((WeakAlgorithm, MechanismUnavailable)):
            dcmseal.sign(file(image()), signer=UnusedSigner((der,), KeyType.EC))

    @pytest.mark.parametrize("exponent", [1, 0, 2, 65536, -3], ids=str)
    def test_exponents_that_are_none(self, exponent: int, pki: Pki) -> None:
        """With 1, anybody signs: the signature is the block itself."""
        modulus, _ = numbers(pki["rsa2048"])
        block = b"\0\1" + b"\xff" * 202 + b"\0" + bytes.fromhex("3031300d060960864801650304020105000420")
        der = certificate(raw.rsa_info(modulus, exponent))
        report = verify_integrity(
            sign_by_hand(pki["rsa2048"], image(), certificate=der, seal=lambda _, __, stream: block + sha256(stream))
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
        assert integrity_verdict(sign_by_hand(pki["rsa2048"], image(), certificate=der)) is not VALID

    @pytest.mark.parametrize("modulus", [65521, (1 << 512) - 569, 3], ids=["16 bits", "512 bits", "2 bits"])
    def test_tiny_moduli(self, modulus: int, pki: Pki) -> None:
        report = verify_integrity(
            sign_by_hand(pki["rsa2048"], image(), certificate=certificate(raw.rsa_info(modulus, 3)))
        )
        assert report.verdict in (INVALID, NOT_ESTABLISHED)


def sha256(stream: bytes) -> bytes:
    import hashlib

    return hashlib.sha256(stream).digest()


class TestCertificates:
    @pytest.mark.parametrize(
        "options",
        [
            {"serial": b"\xfb"},
            {"serial": b"\0"},
            {"serial": b"\x80" + bytes(20)},
            {"serial": b"\x7f" * 40},
            {"subject": seq()},
            {"subject": name((COMMON_NAME, 0x0C, b""))},
            {"subject": name((COMMON_NAME, 0x14, b"M\xfcller"))},
            {"subject": name((COMMON_NAME, 0x1E, "Müller".encode("utf-16-be")))},
            {"subject": name((COMMON_NAME, 0x1C, "Müller".encode("utf-32-be")))},
            {"subject": name((COMMON_NAME, 0x0C, b"\xff\xfe"))},
            {"subject": name((COMMON_NAME, 0x03, b"\0\1"))},
            {"subject": name((COMMON_NAME, 0x02, b"\1"))},
            {"subject": name((COMMON_NAME, 0x0C, b"x" * 70), ("2.5.4.6", 0x13, b"DEU"))},
            {"subject": name((raw.UNIQUE_IDENTIFIER, 0x03, b"\0\1\2"), (COMMON_NAME, 0x0C, b"S"))},
            {"subject": seq(raw.tlv(0x31))},
            {"issuer": seq()},
            {"issuer": name((COMMON_NAME, 0x0C, b"\xff"))},
            {"unique_ids": raw.tlv(0x81, b"\3\xf8") + raw.tlv(0x82, b"\0\1")},
            {"not_after": b"99991231235959Z"},
            {"extensions": ()},
            {"extensions": (extension("1.2.3.4", b"?", critical=True), extension(USAGE, b"\xff"))},
            {"version": b"", "extensions": ()},
        ],
        ids=lambda options: " ".join(f"{key}={value!r:.60}" for key, value in options.items()),
    )
    def test_oddities_that_a_key_can_be_taken_from(self, options: dict[str, bytes], pki: Pki) -> None:
        der = certificate(public_key_info(rsa_key(pki["rsa2048"])), **options)  # type: ignore[arg-type]
        data = sign_by_hand(pki["rsa2048"], image(), certificate=der)
        assert integrity_verdict(data) is VALID
        read = read_certificate(der)
        assert read.subject is not None
        assert dcmseal.signatures(data)[0].certificate.serial_number == read.serial_number
        assert read.pem

    def test_serial_numbers_may_be_negative(self, pki: Pki) -> None:
        for serial, number in ((b"\xfb", -5), (b"\0", 0), (b"\0\x80", 128)):
            der = certificate(public_key_info(rsa_key(pki["rsa2048"])), serial=serial)
            assert read_certificate(der).serial_number == number

    @pytest.mark.parametrize("twice", [BASIC, USAGE, "1.2.3.4", "2.5.29.17"])
    def test_an_extension_that_is_there_twice(self, twice: str, pki: Pki) -> None:
        """RFC 5280 4.2: readers differ in which of the two they see."""
        extensions = (extension(twice, seq()), extension("2.5.29.14", raw.tlv(4, b"k")), extension(twice, seq()))
        der = certificate(public_key_info(rsa_key(pki["rsa2048"])), extensions=extensions)
        report = verify_integrity(sign_by_hand(pki["rsa2048"], image(), certificate=der))
        assert report.verdict is INVALID
        (finding,) = (each for each in single_report(report).findings if each.code == "certificate-unreadable")
        assert finding.outcome is Outcome.FAILED
        assert f"extension {twice} twice" in finding.message
        with pytest.raises(CertificateNotValid, match="twice"):
            dcmseal.sign(file(image()), signer=UnusedSigner((der,)))

    @pytest.mark.parametrize(
        "options",
        [
            {"not_before": b"00000101000000Z"},
            {"not_before": b"20241301000000Z"},
            {"serial": b"\0\1"},
            {"version": b"\xa0\3\2\1\4"},
            {"subject": name((COMMON_NAME, 0x1E, b"abc"))},
        ],
        ids=str,
    )
    def test_what_our_reader_cannot_read_is_not_tampered_with(self, options: dict[str, bytes], pki: Pki) -> None:
        der = certificate(public_key_info(rsa_key(pki["rsa2048"])), **options)  # type: ignore[arg-type]
        with pytest.raises(CertificateUnreadable):
            read_certificate(der)
        report = verify_integrity(sign_by_hand(pki["rsa2048"], image(), certificate=der))
        assert finding_outcomes(report)["certificate-unreadable"] is Outcome.UNKNOWN
        assert report.verdict is NOT_ESTABLISHED

    @pytest.mark.parametrize(
        "value",
        [
            b"\x30\0",
            seq(seq(), seq(), raw.tlv(3)),
            b"\x04\2ab",
            seq(b"\xff" * 8),
            b"\x30\x80\0\0",
            b"\x30\x84\xff\xff\xff\xff",
        ],
    )
    def test_what_is_no_certificate(self, value: bytes, pki: Pki) -> None:
        report = verify_integrity(sign_by_hand(pki["rsa2048"], image(), certificate=value))
        assert finding_outcomes(report)["certificate-unreadable"] is Outcome.FAILED
        assert report.verdict is INVALID


class TestNames:
    """A name that says nothing is nobody's: it makes no two signers one."""

    POLICY = Policy(signatures=2, distinct_signers=True)

    def signers(self, first: bytes, second: bytes, pki: Pki, *, keys: tuple[str, str] = ("rsa2048", "rsa3072")) -> bool:
        """Whether two signatures by certificates with these names count as those of two signers."""
        data = file(image())
        for subject, key in zip((first, second), keys, strict=True):
            der = certificate(public_key_info(rsa_key(pki[key])), subject=subject)
            data = dcmseal.sign(data, signer=SoftwareSigner(pki[key].key, (der,))).data or b""
        report = verify_integrity(data)
        assert report.verdict is VALID
        return any("found: 0, not established: 2" in each.message for each in unmet_findings(self.POLICY, report))

    @pytest.mark.parametrize(
        "subject",
        [
            seq(),
            name((COMMON_NAME, 0x0C, b"")),
            name((COMMON_NAME, 0x0C, b"  ")),
            name((COMMON_NAME, 0x0C, b"\xff\xfe")),
            name((COMMON_NAME, 0x03, b"\0\1")),
            seq(raw.tlv(0x31)),
        ],
    )
    def test_names_that_are_nobodys(self, subject: bytes, pki: Pki) -> None:
        assert self.signers(subject, subject, pki)
        assert self.signers(subject, common_name("A"), pki)
        assert not self.signers(subject, subject, pki, keys=("rsa2048", "rsa2048"))

    def test_names_that_are_somebodys(self, pki: Pki) -> None:
        assert self.signers(common_name("A"), common_name("B"), pki)
        assert not self.signers(common_name("A"), common_name("a "), pki)
        assert not self.signers(common_name("A"), common_name("B"), pki, keys=("rsa2048", "rsa2048"))
        one, other = (
            name((raw.UNIQUE_IDENTIFIER, 3, b"\0" + each), (COMMON_NAME, 0x0C, b"A")) for each in (b"1", b"2")
        )
        assert self.signers(one, other, pki)

    def test_types_of_strings_make_no_difference(self, pki: Pki) -> None:
        info = public_key_info(rsa_key(pki["rsa2048"]))
        for tag, encoding in ((0x0C, "utf-8"), (0x1E, "utf-16-be"), (0x1C, "utf-32-be")):
            der = certificate(info, subject=name((COMMON_NAME, tag, "Müller".encode(encoding))))
            assert subject_attributes(read_certificate(der)) == {(COMMON_NAME, "Müller")}
