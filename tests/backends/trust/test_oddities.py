"""Odd certificates, CRLs and dates: each is judged as RFC 5280 and OpenSSL do, or said not to be evaluable; none stops
the run, warns, or changes what comes of another."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core, keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509

from dcmseal.findings import Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import TrustRequest
from dcmseal_trust.x509_backend import X509Backend
from dcmseal_trust.x509_certificates import CLOCK_SKEW, EARLIEST, LATEST, add_delay, parse_certificate
from tests.backends.trust import malformed_pki
from tests.backends.trust.trust_pki import (
    NOW,
    SIGNED,
    PkiAuthority,
    Site,
    find_finding,
    finding_codes,
    make_root,
    result_outcome,
    utc_date,
)

NEVER = dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
GOOD = ["leads-to-anchor", "not-revoked"]


def name_with(kind: str, value: core.Asn1Value) -> asn1_x509.Name:
    """A name with an attribute of any type."""
    attributes = [{"type": "2.5.4.3", "value": asn1_x509.DirectoryString(name="utf8_string", value="odd")}]
    attributes += [{"type": kind, "value": value}]
    return asn1_x509.Name("", asn1_x509.RDNSequence([[each] for each in attributes]))


ODD_NAMES = {
    "x500UniqueIdentifier": name_with("2.5.4.45", core.OctetBitString(b"\1\2")),
    "T61String": name_with("2.5.4.10", core.TeletexString(contents=b"Z\xfcrich")),
    "number": name_with("1.2.3.4", core.Integer(5)),
    "private use": name_with("2.5.4.10", core.UTF8String(chr(0xE000))),
    "empty": asn1_x509.Name("", asn1_x509.RDNSequence([])),
}


def openssl_takes(folder: Path, leaf: bytes, anchor: bytes) -> bool:
    """The verdict of OpenSSL on a certificate and an anchor."""
    for name, der in (("leaf", leaf), ("anchor", anchor)):
        folder.joinpath(f"{name}.der").write_bytes(der)
        command = ["openssl", "x509", "-inform", "DER", "-in", f"{name}.der", "-out", f"{name}.pem"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    command = ["openssl", "verify", "-attime", str(int(SIGNED.timestamp())), "-CAfile", "anchor.pem", "leaf.pem"]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("kind", ODD_NAMES)
def test_odd_names(site: Site, ca: PkiAuthority, kind: str) -> None:
    name = ODD_NAMES[kind]
    leaf = malformed_pki.modify_certificate(ca.issue("leaf").der, ca, lambda tbs: tbs.__setitem__("subject", name))
    assert finding_codes(site.ask(leaf, ca, crls=[ca.crl()])) == GOOD
    # OpenSSL reads names whose values are strings only, though any type is allowed
    assert kind == "number" or openssl_takes(site.folder, leaf, ca.der)


@pytest.mark.parametrize("kind", ODD_NAMES)
def test_odd_names_of_authorities(site: Site, ca: PkiAuthority, kind: str) -> None:
    """Certificates and CRLs of an authority are found by its name."""

    def rename(tbs: Any) -> None:
        for part in ("issuer", "subject"):
            if part in tbs and tbs[part] == asn1_x509.Certificate.load(ca.der).subject:
                tbs[part] = ODD_NAMES[kind]

    anchor, leaf = (malformed_pki.modify_certificate(each.der, ca, rename) for each in (ca, ca.issue("leaf")))
    crl = malformed_pki.modify_crl(ca.crl(), ca, rename)
    assert finding_codes(site.ask(leaf, anchor, crls=[crl])) == GOOD
    # the CRL of another issuer does not count for it
    assert finding_codes(site.ask(leaf, anchor, crls=[ca.crl()]))[1:] == ["revocation-of-others"]


@pytest.mark.parametrize("serial", [0, -1, -(1 << 70), 1 << 200])
def test_odd_serial_numbers(site: Site, ca: PkiAuthority, serial: int, recwarn: pytest.WarningsRecorder) -> None:
    def number(tbs: Any) -> None:
        tbs["serial_number"] = serial

    leaf = malformed_pki.modify_certificate(ca.issue("leaf").der, ca, number)
    response = malformed_pki.build_single(ca.issue("leaf"), ca)
    response["cert_id"]["serial_number"] = serial

    def listed(tbs: Any) -> None:
        tbs["revoked_certificates"][0]["user_certificate"] = serial

    crl = malformed_pki.modify_crl(ca.crl((ca.issue("other"), utc_date(2024))), ca, listed)
    assert finding_codes(site.ask(leaf, ca, crls=[ca.crl()])) == GOOD
    assert finding_codes(site.ask(leaf, ca, ocsp_responses=[malformed_pki.build_response(ca, [response])])) == GOOD
    assert finding_codes(site.ask(leaf, ca, crls=[crl]), Outcome.FAILED) == ["revoked"]
    assert not recwarn.list


def test_when_a_certificate_with_a_negative_serial_number_was_revoked_is_not_forgotten(
    site: Site, ca: PkiAuthority
) -> None:
    """Answers before and after differ, whichever is asked for first."""
    leaf = malformed_pki.modify_certificate(ca.issue("leaf").der, ca, lambda tbs: tbs.__setitem__("serial_number", -5))

    def listed(tbs: Any) -> None:
        tbs["revoked_certificates"][0]["user_certificate"] = -5

    crl = malformed_pki.modify_crl(ca.crl((ca.issue("other"), utc_date(2025))), ca, listed)
    evaluator = X509Backend().open(site.settings(ca, crls=[crl]))
    for moment, code in ((SIGNED, "revoked-since"), (utc_date(2025, 6), "revoked"), (SIGNED, "revoked-since")):
        question = TrustRequest(certificate=leaf, moment=moment, basis=TimeBasis.CERTIFIED, now=NOW)
        assert finding_codes(evaluator.evaluate(question))[1] == code


def test_the_end_of_time(site: Site) -> None:
    """99991231235959Z means no expiration (RFC 5280 4.1.2.5)."""
    ca = make_root("lasting", valid=(utc_date(2020), NEVER))
    leaf = ca.issue("leaf", valid=(utc_date(2023), NEVER))
    crl, response = ca.crl(due=NEVER), ca.ocsp(leaf, due=NEVER)
    assert finding_codes(site.ask(leaf, ca, crls=[crl], ocsp_responses=[response])) == GOOD
    assert finding_codes(site.ask(leaf, ca, at=NEVER, now=NEVER, crls=[crl])) == GOOD


def test_dates_of_year_0(site: Site, ca: PkiAuthority) -> None:
    def date(tbs: Any) -> None:
        if "validity" in tbs:
            tbs["validity"]["not_before"] = EARLY
        else:
            tbs["this_update"] = EARLY

    leaf, anchor = (
        malformed_pki.replace_bytes(malformed_pki.modify_certificate(each.der, ca, date), ca, *YEAR)
        for each in (ca.issue("leaf"), ca)
    )
    crl = malformed_pki.replace_bytes(malformed_pki.modify_crl(ca.crl(), ca, date), ca, *YEAR)
    assert openssl_takes(site.folder, leaf, anchor)
    assert finding_codes(site.ask(leaf, anchor, crls=[crl])) == GOOD
    # nor does it concern others
    other = make_root("another")
    assert finding_codes(site.ask(other.issue("leaf"), anchor, other, crls=[crl, other.crl()])) == GOOD


EARLY = asn1_x509.Time(name="general_time", value=dt.datetime(1000, 1, 1, tzinfo=dt.UTC))
YEAR = (b"10000101000000Z", b"00000101000000Z")


def test_moments_that_cannot_be_reckoned_with_are_the_last_or_first() -> None:
    assert add_delay(LATEST, CLOCK_SKEW) == LATEST
    assert add_delay(EARLIEST, -CLOCK_SKEW) == EARLIEST


def test_unused_bits_of_unique_identifiers_are_not_lost(site: Site, ca: PkiAuthority) -> None:
    """Nothing that was signed is encoded again, though its length ends in 0x80, which looks indefinite."""
    leaf = next(der for size in range(400) if (der := _identified(ca, size))[7] == 0x80)
    assert parse_certificate(leaf).dump() == leaf
    assert finding_codes(site.ask(leaf, ca, crls=[ca.crl()])) == GOOD


def _identified(ca: PkiAuthority, size: int) -> bytes:
    """A certificate with a unique identifier of 3 bits that is stored in 4, the last of them set."""
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(size))
    leaf = ca.issue("leaf", extensions=[(padding, False)])
    der = malformed_pki.modify_certificate(
        leaf.der, ca, lambda tbs: tbs.__setitem__("subject_unique_id", core.OctetBitString(b"\x5a\xa0"))
    )
    return malformed_pki.replace_bytes(der, ca, b"\x82\x03\x00\x5a\xa0", b"\x82\x03\x05\x5a\xa0")


@pytest.mark.parametrize("which", ["signer", "issuer", "anchor"])
def test_an_extension_twice(site: Site, ca: PkiAuthority, which: str) -> None:
    """RFC 5280 4.2 requires readers to refuse the certificate."""
    issuing = ca.issue("issuing", authority=True)
    chain = {"signer": (issuing.issue("leaf"), issuing), "issuer": (issuing, ca), "anchor": (ca, ca)}
    der = {name: value.der for name, (value, _) in chain.items()}
    value, by = chain[which]
    der[which] = malformed_pki.modify_certificate(value.der, by, malformed_pki.duplicate_extension)
    answer = site.ask(der["signer"], der["anchor"], make_root("another"), intermediates=[der["issuer"]])
    if which == "signer":
        assert finding_codes(answer, Outcome.FAILED) == ["certificate-refused"]
    else:
        assert finding_codes(answer, Outcome.UNKNOWN) == ["issuer-missing"]
        assert "an extension is repeated" in find_finding(answer, "issuer-missing").message
    # it does not affect other certificates
    other = make_root("another")
    assert result_outcome(site.ask(other.issue("leaf"), der["anchor"], other)) is Outcome.PASSED


def test_two_signature_algorithms(site: Site, ca: PkiAuthority) -> None:
    """RFC 5280 4.1.1.2."""
    value = asn1_x509.Certificate.load(ca.issue("leaf").der)
    value["signature_algorithm"] = {"algorithm": "sha384_ecdsa"}
    assert finding_codes(site.ask(value.dump(force=True), ca), Outcome.FAILED) == ["certificate-refused"]


def test_a_key_of_an_unsupported_kind_concerns_its_owner_only(site: Site, ca: PkiAuthority) -> None:
    def unknown_kind(tbs: Any) -> None:
        tbs["subject_public_key_info"]["algorithm"]["parameters"] = keys.ECDomainParameters(
            name="named", value="1.2.3.4"
        )

    odd_one = malformed_pki.modify_certificate(ca.issue("issuing", authority=True).der, ca, unknown_kind)
    leaf = ca.issue("leaf")
    assert result_outcome(site.ask(leaf, odd_one, ca, intermediates=[odd_one])) is Outcome.PASSED
    assert finding_codes(site.ask(odd_one, ca), Outcome.UNKNOWN) == ["certificate-refused"]
