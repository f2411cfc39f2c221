"""Which certificates may sign timestamp tokens, and how a token identifies its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dcmseal.findings import Outcome
from tests.backends.timestamp.token_checks import SOUND, VALUE, by_v1, by_v2, codes, verify_token
from tests.support.pki import Pki
from tests.support.tsa import TimestampAuthority, forge_token


@pytest.mark.parametrize(
    ("usage", "code"),
    [
        ({"usage": ()}, "tsa-usage-wrong"),
        ({"critical": False}, "tsa-usage-not-critical"),
        ({"usage": (ExtendedKeyUsageOID.CODE_SIGNING,)}, "tsa-usage-wrong"),
        ({"usage": (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)}, "tsa-usage-wrong"),
    ],
    ids=["none", "not-critical", "other", "more"],
)
def test_a_certificate_for_other_uses_makes_no_timestamps(
    pki: Pki, folders: Callable[[], Path], usage: dict[str, Any], code: str
) -> None:
    judgement = verify_token(TimestampAuthority(pki, folders(), **usage).token(VALUE))
    assert codes(judgement, Outcome.FAILED) == {code}
    assert judgement.time is None


def by_oid(identifier: str, value: str) -> x509.UnrecognizedExtension:
    """An extension with any bytes."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(identifier), bytes.fromhex(value))


def usages(*names: str) -> x509.KeyUsage:
    known = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name in names for name in known})


@pytest.mark.parametrize(
    ("made", "code"),
    [
        ({"extensions": [(usages("digital_signature"), True)]}, None),
        ({"extensions": [(usages("digital_signature", "content_commitment"), False)]}, None),
        ({"extensions": [(usages("digital_signature", "key_encipherment"), True)]}, "tsa-usage-wrong"),
        ({"extensions": [(usages("digital_signature", "crl_sign"), True)]}, "tsa-usage-wrong"),
        ({"extensions": [(usages("key_agreement"), True)]}, "tsa-usage-wrong"),
        ({"extensions": [(usages(), True)]}, "tsa-usage-wrong"),
        # encipherOnly and decipherOnly without keyAgreement, which mean nothing (RFC 5280 4.2.1.3)
        ({"extensions": [(by_oid("2.5.29.15", "03020081"), True)]}, "tsa-certificate-unreadable"),
        ({"extensions": [(by_oid("2.5.29.15", "0303078080"), True)]}, "tsa-certificate-unreadable"),
        ({"ca": True}, "tsa-is-ca"),
        ({"extensions": [(by_oid("1.2.3.4", "0500"), False)]}, None),
        (
            {"extensions": [(by_oid("1.2.3.4", "0500"), True)]},
            "tsa-certificate-unreadable",
        ),
        (
            {"extensions": [(by_oid("2.5.29.15", "3080"), True)]},
            "tsa-certificate-unreadable",
        ),
    ],
)
def test_a_certificate_is_fit_for_an_authority_or_not(
    pki: Pki, folders: Callable[[], Path], made: dict[str, Any], code: str | None
) -> None:
    """Certificates that `openssl ts -verify` or RFC 5280 4.2 refuses."""
    judgement = verify_token(TimestampAuthority(pki, folders(), **made).token(VALUE))
    assert codes(judgement) - SOUND == ({code} if code else set())
    assert (judgement.time is None) == (code is not None)


def test_the_authority_may_name_itself(pki: Pki, authority: TimestampAuthority, folders: Callable[[], Path]) -> None:
    """By its subject, however that is spelled, or by another of its names."""
    subject = asn1_x509.Certificate.load(authority.der).subject
    shouted = asn1_x509.Name.build({"common_name": "Timestamp  AUTHORITY"}, use_printable=True)
    for name in (subject, shouted):
        token = authority.token(VALUE, more_info={"tsa": asn1_x509.GeneralName("directory_name", name)})
        assert codes(verify_token(token)) == SOUND
    other = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other")])
    names = x509.SubjectAlternativeName([x509.DNSName("tsa.example"), x509.DirectoryName(other)])
    by_more_names = TimestampAuthority(pki, folders(), extensions=[(names, False)])
    for general_name in (
        asn1_x509.GeneralName("dns_name", "tsa.example"),
        asn1_x509.GeneralName("directory_name", asn1_x509.Name.build({"common_name": "other"})),
    ):
        assert codes(verify_token(by_more_names.token(VALUE, more_info={"tsa": general_name}))) == SOUND


def test_certificate_identifiers_of_both_kinds_and_with_the_right_issuer(
    pki: Pki, authority: TimestampAuthority
) -> None:
    certificate = asn1_x509.Certificate.load(authority.der)
    issuer = asn1_x509.GeneralName("directory_name", certificate.issuer)
    named = {"issuer_serial": {"issuer": [issuer], "serial_number": certificate.serial_number}}
    assert codes(verify_token(authority.token(VALUE, names=named))) == SOUND
    for wrong in (
        {"issuer": [issuer], "serial_number": certificate.serial_number + 1},
        {"issuer": [issuer, issuer], "serial_number": certificate.serial_number},
    ):
        judgement = verify_token(authority.token(VALUE, names={"issuer_serial": wrong}))
        assert codes(judgement, Outcome.FAILED) == {"tsa-certificate-not-bound"}
    right_v1 = by_v1(hashlib.sha1(authority.der).digest())
    assert codes(verify_token(authority.token(VALUE, more_attributes=[right_v1]))) == SOUND
    # others of the chain may be named, and have to be at hand
    chained = authority.token(VALUE, ess=None, more_attributes=[by_v2(authority.der, pki.root.der)])
    assert codes(verify_token(chained), Outcome.UNKNOWN) == {"tsa-chain-missing"}
    assert codes(verify_token(chained, certificates=(pki.root.der,))) == SOUND


def test_a_key_for_pss_signs_nothing_else(pki: Pki, folders: Callable[[], Path]) -> None:
    """id-RSASSA-PSS in the certificate says so (RFC 4055 1.2)."""
    authority = TimestampAuthority(pki, folders(), key="rsa2048")
    plain = bytes.fromhex("300d06092a864886f70d0101010500")
    for_pss = bytes.fromhex("300b06092a864886f70d01010a")
    certificate = asn1_x509.Certificate.load(authority.der)
    spki = bytes(certificate["tbs_certificate"]["subject_public_key_info"].dump())
    inner = spki[4:].replace(plain, for_pss)
    changed = b"\x30\x82" + len(inner).to_bytes(2) + inner
    tbs = bytes(certificate["tbs_certificate"].dump())
    shorter = tbs[4:].replace(spki, changed)
    certificate["tbs_certificate"] = asn1_x509.TbsCertificate.load(b"\x30\x82" + len(shorter).to_bytes(2) + shorter)
    authority.der = certificate.dump(force=True)
    assert codes(verify_token(authority.token(VALUE, pss=True))) == SOUND
    assert codes(verify_token(authority.token(VALUE)), Outcome.UNKNOWN) == {"timestamp-signature-unsupported"}


def test_a_small_key_is_weak(pki: Pki, folders: Callable[[], Path]) -> None:
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP192R1())):
        small = TimestampAuthority(pki, folders(), private=key)
        assert codes(verify_token(small.token(VALUE)), Outcome.UNKNOWN) == {"timestamp-weak"}


def test_a_signature_of_an_unknown_kind_proves_nothing(pki: Pki, folders: Callable[[], Path]) -> None:
    judgement = verify_token(TimestampAuthority(pki, folders(), key="rsa2048").token(VALUE, signing_digest="md5"))
    assert codes(judgement, Outcome.UNKNOWN) == {"timestamp-signature-unsupported"}
    assert judgement.time is None


def test_a_token_of_another_key_is_wrong(pki: Pki, authority: TimestampAuthority, folders: Callable[[], Path]) -> None:
    """A fake authority that presents the certificate of a real one."""
    fake = TimestampAuthority(pki, folders(), key="p384")
    fake.certificate, fake.der = authority.certificate, authority.der
    assert codes(verify_token(forge_token(fake, VALUE)), Outcome.FAILED) == {"timestamp-signature-wrong"}
