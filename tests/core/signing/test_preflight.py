"""Signing warns of everything that would make the signature invalid, by the checks of the verifier, without hashing."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.cli.main import main
from dcmseal.errors import CertificateNotValid, DatasetError
from dcmseal.model.verdict import Verdict
from dcmseal.signing.signing_result import SigningResult
from dcmseal.terms import KeyType
from dcmseal.verification.pipeline import verify_planned_signature
from dcmseal_software.software_signer import SoftwareSigner
from tests.support import builder as b
from tests.support import raw_certificates as raw
from tests.support.pki import Pki
from tests.support.real_files import RealFile, signable_files
from tests.support.signed_files import UnusedSigner, build_signer, integrity_verdict, verify_integrity
from tests.support.strategies import portable_data_sets

DIVISIBLE = b.Fragments(fragments=(b"", b"\xff\xd8\xfe\xff\x00\xe0\0\0\0\0\xff\xd9"))
"""Its one fragment reads as two: the MAC does not tell where they end."""
FILE = b.file((*b.image()[:-1], DIVISIBLE), b.JPEG_BASELINE)


def warned(result: SigningResult) -> set[str]:
    return {each.code for each in result.warnings}


class TestOfTheFile:
    def test_fragments_that_the_mac_does_not_bind(self, pki: Pki) -> None:
        result = dcmseal.sign(FILE, signer=build_signer(pki["p256"]))
        (warning,) = result.warnings
        assert (warning.code, warning.elements, warning.is_obstacle) == (
            "fragments-ambiguous",
            (tags.PIXEL_DATA,),
            True,
        )
        assert "PS3.3 C.12.1.1.3.1.2" in warning.message
        assert integrity_verdict(result.data or b"") is Verdict.NOT_ESTABLISHED

    def test_it_is_known_without_a_key(self) -> None:
        with dcmseal.plan_signing(FILE) as plan:
            assert [each.code for each in plan.warnings] == ["fragments-ambiguous"]

    def test_only_signed_elements_count(self, pki: Pki) -> None:
        assert not dcmseal.sign(FILE, signer=build_signer(pki["p256"]), tags=["PatientName"]).warnings

    @pytest.mark.parametrize("tag", [tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE])
    def test_an_invalid_location_for_signatures(self, tag: int, pki: Pki) -> None:
        """It is refused before the key is touched, with place and clause."""
        data = b.file(b.in_order(*b.image(), b.Value(tag, "OB", b"??")))
        with pytest.raises(DatasetError, match=r"does not have VR SQ \(PS3.3 Table C.12-6\)"):
            dcmseal.sign(data, signer=UnusedSigner((pki["p256"].der,), KeyType.EC))
        empty = dcmseal.sign(b.file(b.in_order(*b.image(), b.Sequence(tag))), signer=build_signer(pki["p256"]))
        assert integrity_verdict(empty.data or b"") is Verdict.VALID

    @pytest.mark.parametrize(
        "data", [FILE, b.file(b.image()), b.file(b.image(), b.IMPLICIT_LE)], ids=["divisible", "plain", "implicit"]
    )
    def test_signing_warns_of_everything_that_verification_finds(self, data: bytes, pki: Pki) -> None:
        """Signing warns of, or refuses, exactly those files that would not verify as valid."""
        result = dcmseal.sign(data, signer=build_signer(pki["p256"]))
        report = verify_integrity(result.data or b"")
        obstacles = {each.code for signature in report.signatures for each in signature.obstacle_findings}
        assert obstacles == {each.code for each in result.warnings if each.is_obstacle}
        assert bool(obstacles) is (report.verdict is not Verdict.VALID)

    def test_nothing_is_hashed_again(self, pki: Pki, level_passes: list[int]) -> None:
        dcmseal.sign(b.file(b.image()), signer=build_signer(pki["p256"]))
        assert level_passes.count(len(b.image())) == 1
        assert max(level_passes) == len(b.image())


class TestOfTheCertificate:
    def certified(self, pki: Pki, *extensions: x509.ExtensionType, hours: int = -1) -> SoftwareSigner:
        key = pki["rsa2048"].key
        assert isinstance(key, rsa.RSAPrivateKey)
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(pki["rsa2048"].certificate.subject)
            .issuer_name(pki.root.certificate.subject)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(now + dt.timedelta(hours=hours))
            .not_valid_after(now + dt.timedelta(hours=hours + 24))
        )
        for each in extensions:
            builder = builder.add_extension(each, critical=True)
        made = builder.sign(pki.root.key, hashes.SHA256())
        return SoftwareSigner(key, (made.public_bytes(Encoding.DER),))

    def usage(self, *names: str) -> x509.KeyUsage:
        every = [
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ]
        return x509.KeyUsage(**{each: each in names for each in every})

    def test_of_an_authority(self, pki: Pki) -> None:
        signer = self.certified(pki, x509.BasicConstraints(ca=True, path_length=None), self.usage("key_cert_sign"))
        result = dcmseal.sign(b.file(b.image()), signer=signer)
        assert warned(result) == {"certificate-of-authority", "certificate-not-for-signing"}

    def test_self_signed(self, pki: Pki) -> None:
        """So does openssl req -x509, and says that it is an authority's."""
        key = pki["rsa2048"].key
        assert isinstance(key, rsa.RSAPrivateKey)
        authority, name = raw.extension("2.5.29.19", raw.seq(b"\1\1\xff")), raw.common_name("Dr. Example")
        for issuer, expected in ((name, set[str]()), (raw.common_name("authority"), {"certificate-of-authority"})):
            der = raw.certificate(
                raw.public_key_info(key.public_key()), subject=name, issuer=issuer, extensions=(authority,)
            )
            assert warned(dcmseal.sign(b.file(b.image()), signer=SoftwareSigner(key, (der,)))) == expected

    @pytest.mark.parametrize("usage", ["digital_signature", "content_commitment"])
    def test_of_a_signer(self, usage: str, pki: Pki) -> None:
        signer = self.certified(pki, x509.BasicConstraints(ca=False, path_length=None), self.usage(usage))
        assert warned(dcmseal.sign(b.file(b.image()), signer=signer)) == set()

    def test_for_encryption(self, pki: Pki) -> None:
        signer = self.certified(pki, self.usage("key_encipherment"))
        assert warned(dcmseal.sign(b.file(b.image()), signer=signer)) == {"certificate-not-for-signing"}

    @pytest.mark.parametrize(("hours", "code"), [(-48, "certificate-expired"), (24, "certificate-not-yet-valid")])
    def test_out_of_its_time(self, hours: int, code: str, pki: Pki) -> None:
        signer = self.certified(pki, hours=hours)
        with pytest.raises(CertificateNotValid):
            dcmseal.sign(b.file(b.image()), signer=signer)
        result = dcmseal.sign(b.file(b.image()), signer=signer, allow_expired=True)
        assert warned(result) == {code}
        assert integrity_verdict(result.data or b"") is Verdict.INVALID

    def test_a_weak_algorithm(self, pki: Pki) -> None:
        result = dcmseal.sign(b.file(b.image()), signer=build_signer(pki["p256"]), algorithm="SHA1", allow_weak=True)
        assert warned(result) == {"weak-mac-algorithm"}

    def test_extensions_that_cannot_be_read(self, pki: Pki) -> None:
        key = pki["rsa2048"].key
        assert isinstance(key, rsa.RSAPrivateKey)
        der = raw.certificate(raw.public_key_info(key.public_key()), extensions=(raw.extension("2.5.29.15", b"\xff"),))
        result = dcmseal.sign(b.file(b.image()), signer=SoftwareSigner(key, (der,)))
        assert warned(result) == {"certificate-extensions-unreadable"}

    def test_an_extension_twice_is_refused_before_the_key_is_touched(self, pki: Pki) -> None:
        key = pki["rsa2048"].key.public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        der = raw.certificate(raw.public_key_info(key), extensions=(raw.NO_AUTHORITY, raw.NO_AUTHORITY))
        with pytest.raises(CertificateNotValid, match="twice"):
            dcmseal.sign(b.file(b.image()), signer=UnusedSigner((der,)))


def test_warnings_are_shown_in_the_shell(pki: Pki, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file, a dry run, and each of many."""
    (tmp_path / "in").mkdir()
    for name in ("a.dcm", "b.dcm"):
        (tmp_path / "in" / name).write_bytes(FILE)
    one = str(tmp_path / "in" / "a.dcm")
    key = ["--key", f"pem:{pki['p256'].key_pem}?cert={pki['p256'].certificate_pem}"]
    for words in ([one, str(tmp_path / "out.dcm"), *key], [one, "--dry-run"]):
        assert main(["sign", *words]) == 0
        shown = capsys.readouterr().out
        assert "warning" in shown
        assert "look like the end of a fragment" in " ".join(shown.split())
        if "--dry-run" not in words:
            words[1] = str(tmp_path / "again.dcm")
        assert main(["sign", *words, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert "fragments-ambiguous" in [each["code"] for each in document["warnings"]]
    assert main(["sign", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out"), *key, "--json"]) == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert [each["warnings"][0]["code"] for each in files] == ["fragments-ambiguous"] * 2
    for words in (["--output-dir", str(tmp_path / "out2"), *key, "-v"], ["--dry-run", "-v"]):
        assert main(["sign", str(tmp_path / "in"), *words]) == 0
        shown = capsys.readouterr().out
        assert shown.count("the signature will not verify as valid: fragments-ambiguous") == 2
        assert re.search(r"warnings +2  fragments-ambiguous", shown)


@pytest.mark.parametrize("real", signable_files(), ids=str)
def test_where_the_verifier_is_not_asked_it_has_no_objection(real: RealFile) -> None:
    with dcmseal.plan_signing(real.data) as plan:
        if plan.macs.facts.layouts or plan.macs.facts.hidden_boundaries:
            return
        report = verify_planned_signature(plan.file, plan.level, plan.macs, plan.signature)
    assert {each.code for each in report.obstacle_findings} <= {"nothing-to-compare"}


@given(nodes=portable_data_sets(max_depth=4), syntax=st.sampled_from(b.NATIVE_SYNTAXES))
def test_nor_has_it_of_random_data_sets(nodes: tuple[b.Node, ...], syntax: b.Syntax) -> None:
    with dcmseal.plan_signing(b.file(nodes, syntax)) as plan:
        report = verify_planned_signature(plan.file, plan.level, plan.macs, plan.signature)
    assert {each.code for each in report.obstacle_findings} <= {"nothing-to-compare"}
