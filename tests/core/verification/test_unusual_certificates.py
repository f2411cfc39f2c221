"""Certificates and keys that are odd, read as RFC 5280 has them: each judged, none of them stops or warns."""

from __future__ import annotations

from typing import Any

import pytest

import dcmseal
from dcmseal import Policy
from dcmseal.errors import CertificateNotValid, CertificateUnreadable
from dcmseal.findings import Outcome
from dcmseal.macro.signer_certificate import read_certificate
from dcmseal.model.verdict import Verdict
from dcmseal.policy.distinguished_names import subject_attributes
from dcmseal.policy.evaluate import unmet_findings
from dcmseal_software.software_signer import SoftwareSigner
from tests.support import builder as b
from tests.support import raw_certificates as raw
from tests.support.pki import Pki, rsa_public_key
from tests.support.raw_certificates import COMMON_NAME, certificate, common_name, extension, name, public_key_info, seq
from tests.support.signed_files import (
    UnusedSigner,
    finding_outcomes,
    integrity_verdict,
    sign_by_hand,
    single_report,
    verify_integrity,
)

INVALID, NOT_ESTABLISHED, VALID = Verdict.INVALID, Verdict.NOT_ESTABLISHED, Verdict.VALID

BASIC, USAGE = "2.5.29.19", "2.5.29.15"


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
    def test_oddities_that_a_key_can_be_taken_from(self, options: dict[str, Any], pki: Pki) -> None:
        der = certificate(public_key_info(rsa_public_key(pki["rsa2048"])), **options)
        data = sign_by_hand(pki["rsa2048"], b.image(), certificate=der)
        assert integrity_verdict(data) is VALID
        read = read_certificate(der)
        assert read.subject is not None
        assert dcmseal.signatures(data)[0].certificate.serial_number == read.serial_number
        assert read.pem

    def test_serial_numbers_may_be_negative(self, pki: Pki) -> None:
        for serial, number in ((b"\xfb", -5), (b"\0", 0), (b"\0\x80", 128)):
            der = certificate(public_key_info(rsa_public_key(pki["rsa2048"])), serial=serial)
            assert read_certificate(der).serial_number == number

    @pytest.mark.parametrize("twice", [BASIC, USAGE, "1.2.3.4", "2.5.29.17"])
    def test_an_extension_that_is_there_twice(self, twice: str, pki: Pki) -> None:
        """RFC 5280 4.2: readers differ in which of the two they see."""
        extensions = (extension(twice, seq()), extension("2.5.29.14", raw.tlv(4, b"k")), extension(twice, seq()))
        der = certificate(public_key_info(rsa_public_key(pki["rsa2048"])), extensions=extensions)
        report = verify_integrity(sign_by_hand(pki["rsa2048"], b.image(), certificate=der))
        assert report.verdict is INVALID
        (finding,) = (each for each in single_report(report).findings if each.code == "certificate-unreadable")
        assert finding.outcome is Outcome.FAILED
        assert f"extension {twice} twice" in finding.message
        with pytest.raises(CertificateNotValid, match="twice"):
            dcmseal.sign(b.file(b.image()), signer=UnusedSigner((der,)))

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
    def test_an_unreadable_certificate_does_not_make_a_file_invalid(self, options: dict[str, Any], pki: Pki) -> None:
        der = certificate(public_key_info(rsa_public_key(pki["rsa2048"])), **options)
        with pytest.raises(CertificateUnreadable):
            read_certificate(der)
        report = verify_integrity(sign_by_hand(pki["rsa2048"], b.image(), certificate=der))
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
    def test_invalid_certificates(self, value: bytes, pki: Pki) -> None:
        report = verify_integrity(sign_by_hand(pki["rsa2048"], b.image(), certificate=value))
        assert finding_outcomes(report)["certificate-unreadable"] is Outcome.FAILED
        assert report.verdict is INVALID


class TestNames:
    """An empty name does not identify a signer, so two of them are two signers."""

    POLICY = Policy(signatures=2, distinct_signers=True)

    def signers(self, first: bytes, second: bytes, pki: Pki, *, keys: tuple[str, str] = ("rsa2048", "rsa3072")) -> bool:
        """Whether two signatures by certificates with these names count as those of two signers."""
        data = b.file(b.image())
        for subject, key in zip((first, second), keys, strict=True):
            der = certificate(public_key_info(rsa_public_key(pki[key])), subject=subject)
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
    def test_names_that_identify_no_signer(self, subject: bytes, pki: Pki) -> None:
        assert self.signers(subject, subject, pki)
        assert self.signers(subject, common_name("A"), pki)
        assert not self.signers(subject, subject, pki, keys=("rsa2048", "rsa2048"))

    def test_names_that_identify_a_signer(self, pki: Pki) -> None:
        assert self.signers(common_name("A"), common_name("B"), pki)
        assert not self.signers(common_name("A"), common_name("a "), pki)
        assert not self.signers(common_name("A"), common_name("B"), pki, keys=("rsa2048", "rsa2048"))
        one, other = (
            name((raw.UNIQUE_IDENTIFIER, 3, b"\0" + each), (COMMON_NAME, 0x0C, b"A")) for each in (b"1", b"2")
        )
        assert self.signers(one, other, pki)

    def test_types_of_strings_make_no_difference(self, pki: Pki) -> None:
        info = public_key_info(rsa_public_key(pki["rsa2048"]))
        for tag, encoding in ((0x0C, "utf-8"), (0x1E, "utf-16-be"), (0x1C, "utf-32-be")):
            der = certificate(info, subject=name((COMMON_NAME, tag, "Müller".encode(encoding))))
            assert subject_attributes(read_certificate(der)) == {(COMMON_NAME, "Müller")}
