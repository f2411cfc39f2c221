"""What tokens prove: right ones of every kind, and each thing that can be wrong with them, by its finding."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from dcmseal.findings import Outcome
from dcmseal.plugins.timestamp_backend import TimestampBackend, TimestampResult
from dcmseal_timestamp.cms_tsp import CmsTspBackend
from tests.support.pki import Pki
from tests.support.tsa import NOW, POLICY, TimestampAuthority, forge_token, make_refusal, make_response

VALUE = b"the value of Signature"
BACKEND: TimestampBackend = CmsTspBackend()
ACCURACY = {"seconds": 1, "millis": 500}
SOUND = {"timestamp-imprint-matches", "timestamp-signature-valid"}


NOBODY = asn1_x509.GeneralName("directory_name", asn1_x509.Name.build({"common_name": "nobody"}))
EMPTY = asn1_x509.GeneralName("directory_name", asn1_x509.Name.build({}))
CRITICAL = {"extn_id": "1.2.3.4", "critical": True, "extn_value": b"\5\0"}
HARMLESS = {"extn_id": "1.2.3.4", "extn_value": b"\5\0"}
TOO_SHORT = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(VALUE).digest()[:16]}
SIGNING_TIME = {"type": "signing_time", "values": [cms.Time("utc_time", NOW)]}


def by_v1(digest: bytes) -> dict[str, Any]:
    """The signed attribute of RFC 2634, with the digest of a certificate."""
    identifier = tsp.ESSCertID({"cert_hash": digest})
    return {"type": "signing_certificate", "values": [tsp.SigningCertificate({"certs": [identifier]})]}


def by_v2(*certificates: bytes) -> dict[str, Any]:
    """The signed attribute of RFC 5816, with the digests of certificates."""
    identifiers = [tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(each).digest()}) for each in certificates]
    return {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": identifiers})]}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("tsa")


@pytest.fixture(scope="session")
def authority(pki: Pki, folders: Callable[[], Path]) -> TimestampAuthority:
    return TimestampAuthority(pki, folders())


@pytest.fixture(scope="session")
def token(authority: TimestampAuthority) -> bytes:
    """One and the same for all examples of a property."""
    return authority.token(VALUE, moment=NOW, accuracy=ACCURACY, nonce=4711)


def judged(token: bytes, *values: bytes, certificates: tuple[bytes, ...] = ()) -> TimestampResult:
    return BACKEND.verify(token, values or (VALUE,), certificates)


def codes(judgement: TimestampResult, outcome: Outcome | None = None) -> set[str]:
    return {each.code for each in judgement.findings if outcome in (None, each.outcome)}


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512", "sha224"])
@pytest.mark.parametrize("ess", ["v1", "v2"])
def test_a_right_token_certifies_a_time(authority: TimestampAuthority, digest: str, ess: str) -> None:
    token = authority.token(
        VALUE, moment=NOW, digest=digest, signing_digest=digest, ess=ess, accuracy={"seconds": 1, "millis": 500}
    )
    judgement = judged(token)
    assert codes(judgement) == SOUND
    assert judgement.time is not None
    assert judgement.time.moment == NOW
    assert judgement.time.accuracy == dt.timedelta(seconds=1.5)
    assert (judgement.time.policy, judgement.time.serial_number) == (POLICY, 7)
    assert judgement.time.authority == authority.der


def test_a_real_token_certifies_a_time(pki: Pki, authority: TimestampAuthority, folders: Callable[[], Path]) -> None:
    from dcmseal.plugins.timestamp_backend import TimestampQuery

    for each in (authority, TimestampAuthority(pki, folders(), key="rsa2048", ess="sha1")):
        query = BACKEND.build_query(VALUE, TimestampQuery())
        judgement = judged(BACKEND.accept_response(each.reply(query), query))
        assert codes(judgement) == SOUND
        assert judgement.time is not None
        assert abs(judgement.time.moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
        # what came with the token is handed on, and nothing is done with it
        assert pki.root.der in judgement.time.others


@pytest.mark.parametrize("pss", [False, True])
@pytest.mark.parametrize("by_key", [False, True])
def test_signatures_of_every_kind_are_verified(pki: Pki, folders: Callable[[], Path], pss: bool, by_key: bool) -> None:
    rsa_authority = TimestampAuthority(pki, folders(), key="rsa2048")
    assert codes(judged(rsa_authority.token(VALUE, pss=pss, by_key=by_key))) == SOUND
    spoilt = rsa_authority.token(VALUE, pss=pss, by_key=by_key, spoil=lambda value: value[:-1] + bytes([value[-1] ^ 1]))
    assert codes(judged(spoilt), Outcome.FAILED) == {"timestamp-signature-wrong"}


def test_padding_and_whole_responses_are_read(authority: TimestampAuthority) -> None:
    token = authority.token(VALUE)
    for data in (token, token + b"\0", make_response(token), make_response(token) + b"\0"):
        assert codes(judged(data)) == SOUND
    assert codes(judged(token + b"\0\0")) == {"timestamp-unreadable"}
    assert codes(judged(token + b"x")) == {"timestamp-unreadable"}


def test_the_value_is_taken_without_padding_first_and_then_as_it_stands(authority: TimestampAuthority) -> None:
    assert codes(judged(authority.token(VALUE), VALUE, VALUE + b"\0")) == SOUND
    assert codes(judged(authority.token(VALUE + b"\0"), VALUE, VALUE + b"\0")) == SOUND
    assert "timestamp-imprint-differs" in codes(judged(authority.token(VALUE[:-1]), VALUE, VALUE + b"\0"))


def test_a_certificate_that_is_not_in_the_token_may_be_given(authority: TimestampAuthority, pki: Pki) -> None:
    token = authority.token(VALUE, embedded=())
    missing = judged(token)
    assert codes(missing, Outcome.UNKNOWN) == {"tsa-certificate-missing"}
    assert missing.time is None
    assert codes(judged(token, certificates=(pki["p384"].der, b"0\0", authority.der))) == SOUND


def test_more_certificates_in_a_token_change_nothing(pki: Pki, authority: TimestampAuthority) -> None:
    """Anybody can put them there, also one with the same issuer and serial number."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    own = authority.certificate
    other: Any = pki["p384"].key
    twin = (
        x509.CertificateBuilder()
        .subject_name(own.subject)
        .issuer_name(own.issuer)
        .public_key(other.public_key())
        .serial_number(own.serial_number)
        .not_valid_before(own.not_valid_before_utc)
        .not_valid_after(own.not_valid_after_utc)
        .sign(other, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    judgement = judged(authority.token(VALUE, embedded=(twin, pki["rsa2048"].der, authority.der)))
    assert codes(judgement) == SOUND
    assert judgement.time is not None
    assert judgement.time.authority == authority.der


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"digest": "md5"}, "timestamp-imprint-unsupported"),
        ({"digest": "sha1"}, "timestamp-weak"),
        ({"signing_digest": "sha1"}, "timestamp-weak"),
        ({"imprint_algorithm": "sha512"}, "timestamp-imprint-differs"),
        ({"ess": None}, "tsa-certificate-not-bound"),
        ({"ess_of": b"another"}, "tsa-certificate-not-bound"),
        ({"content_type": "data"}, "timestamp-signature-wrong"),
        ({"message_digest": bytes(32)}, "timestamp-signature-wrong"),
        ({"spoil": lambda value: value[:-1]}, "timestamp-signature-wrong"),
        ({"moment": NOW - dt.timedelta(days=4000)}, "tsa-certificate-out-of-date"),
        ({"moment": NOW + dt.timedelta(days=4000)}, "tsa-certificate-out-of-date"),
        ({"signers": 2}, "timestamp-unreadable"),
        ({"serial_number": 1 << 2000}, "timestamp-unreadable"),
        ({"serial_number": -1}, "timestamp-unreadable"),
        ({"more_info": {"version": "v2"}}, "timestamp-unreadable"),
        ({"more_info": {"tsa": NOBODY}}, "tsa-name-differs"),
        ({"more_info": {"tsa": asn1_x509.GeneralName("dns_name", "tsa.example")}}, "tsa-name-differs"),
        ({"more_info": {"tsa": EMPTY}}, "tsa-name-differs"),
        ({"more_info": {"extensions": [CRITICAL]}}, "timestamp-unreadable"),
        ({"more_info": {"extensions": [HARMLESS, HARMLESS]}}, "timestamp-unreadable"),
        ({"edit_info": lambda info: info.replace(b"\x02\x01\5\0", b"\x02\x01\4\0")}, "timestamp-unreadable"),
        ({"more_info": {"message_imprint": TOO_SHORT}}, "timestamp-imprint-differs"),
        ({"edit_info": lambda info: info + b"\x30\0"}, "timestamp-unreadable"),
        ({"edit_info": lambda info: b"\x30" + bytes([info[1] + 2]) + info[2:] + b"\5\0"}, "timestamp-unreadable"),
        ({"accuracy": {"seconds": -1}}, "timestamp-unreadable"),
        ({"accuracy": {"millis": 1000}}, "timestamp-unreadable"),
        ({"accuracy": {"micros": 0}}, "timestamp-unreadable"),
        ({"accuracy": {"seconds": 1 << 200}}, "timestamp-unreadable"),
        ({"names": {"issuer_serial": {"issuer": [NOBODY], "serial_number": 9}}}, "tsa-certificate-not-bound"),
        ({"names": {"hash_algorithm": {"algorithm": "md5"}}}, "tsa-binding-unsupported"),
        ({"more_attributes": [by_v1(bytes(20))]}, "tsa-certificate-not-bound"),
        ({"ess": None, "more_attributes": [by_v2()]}, "tsa-certificate-not-bound"),
        ({"ess": None, "more_attributes": [by_v2(b"another")]}, "tsa-certificate-not-bound"),
        ({"more_attributes": [by_v2()]}, "timestamp-unreadable"),
        ({"more_attributes": [SIGNING_TIME, SIGNING_TIME]}, "timestamp-unreadable"),
        ({"more_attributes": [{"type": "content_type", "values": ["tst_info"]}]}, "timestamp-unreadable"),
        ({"attributes_digest": "sha512"}, "timestamp-signature-unsupported"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_what_is_wrong_is_said(authority: TimestampAuthority, changes: dict[str, Any], code: str) -> None:
    judgement = judged(authority.token(VALUE, **changes))
    assert codes(judgement) - SOUND == {code}
    # a doubt is told; what is not proven certifies no time
    assert (judgement.time is not None) == (code == "timestamp-weak")


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
    judgement = judged(TimestampAuthority(pki, folders(), **usage).token(VALUE))
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
    """What `openssl ts -verify` refuses, and what RFC 5280 4.2 does."""
    judgement = judged(TimestampAuthority(pki, folders(), **made).token(VALUE))
    assert codes(judgement) - SOUND == ({code} if code else set())
    assert (judgement.time is None) == (code is not None)


def test_the_authority_may_name_itself(pki: Pki, authority: TimestampAuthority, folders: Callable[[], Path]) -> None:
    """By its subject, however that is spelled, or by another of its names."""
    subject = asn1_x509.Certificate.load(authority.der).subject
    shouted = asn1_x509.Name.build({"common_name": "Timestamp  AUTHORITY"}, use_printable=True)
    for name in (subject, shouted):
        token = authority.token(VALUE, more_info={"tsa": asn1_x509.GeneralName("directory_name", name)})
        assert codes(judged(token)) == SOUND
    other = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "other")])
    names = x509.SubjectAlternativeName([x509.DNSName("tsa.example"), x509.DirectoryName(other)])
    by_more_names = TimestampAuthority(pki, folders(), extensions=[(names, False)])
    for general_name in (
        asn1_x509.GeneralName("dns_name", "tsa.example"),
        asn1_x509.GeneralName("directory_name", asn1_x509.Name.build({"common_name": "other"})),
    ):
        assert codes(judged(by_more_names.token(VALUE, more_info={"tsa": general_name}))) == SOUND


def test_certificate_identifiers_of_both_kinds_and_with_the_right_issuer(
    pki: Pki, authority: TimestampAuthority
) -> None:
    certificate = asn1_x509.Certificate.load(authority.der)
    issuer = asn1_x509.GeneralName("directory_name", certificate.issuer)
    named = {"issuer_serial": {"issuer": [issuer], "serial_number": certificate.serial_number}}
    assert codes(judged(authority.token(VALUE, names=named))) == SOUND
    for wrong in (
        {"issuer": [issuer], "serial_number": certificate.serial_number + 1},
        {"issuer": [issuer, issuer], "serial_number": certificate.serial_number},
    ):
        judgement = judged(authority.token(VALUE, names={"issuer_serial": wrong}))
        assert codes(judgement, Outcome.FAILED) == {"tsa-certificate-not-bound"}
    right_v1 = by_v1(hashlib.sha1(authority.der).digest())
    assert codes(judged(authority.token(VALUE, more_attributes=[right_v1]))) == SOUND
    # others of the chain may be named, and have to be at hand
    chained = authority.token(VALUE, ess=None, more_attributes=[by_v2(authority.der, pki.root.der)])
    assert codes(judged(chained), Outcome.UNKNOWN) == {"tsa-chain-missing"}
    assert codes(judged(chained, certificates=(pki.root.der,))) == SOUND


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        (b"20260301120000Z", True),
        (b"20260301120000.5Z", True),
        (b"20260301120000.1234567Z", True),
        (b"20260301120000.50Z", False),
        (b"20260301120000.Z", False),
        (b"202603011200Z", False),
        (b"20260301120000+0100", False),
        (b"20260301120000", False),
        (b"20260301120060Z", False),
        (b"20260230120000Z", False),
        (b"20260301120000,5Z", False),
        (b"00000101000000Z", False),
    ],
)
def test_the_time_is_written_in_one_way(authority: TimestampAuthority, text: bytes, is_right: bool) -> None:
    plain = b"\x18\x0f20260301120000Z"

    def edited(info: bytes) -> bytes:
        whole = info[2:].replace(plain, b"\x18" + bytes([len(text)]) + text)
        return b"\x30" + bytes([len(whole)]) + whole

    moment = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    judgement = judged(authority.token(VALUE, moment=moment, edit_info=edited))
    assert codes(judgement) == (SOUND if is_right else {"timestamp-unreadable"})


def test_a_token_has_its_signed_attributes(authority: TimestampAuthority) -> None:
    """Nothing that a token is bound by may be missing."""
    token = authority.token(VALUE)
    for name in ("content_type", "message_digest", None):
        outer = cms.ContentInfo.load(token)
        signer = outer["content"]["signer_infos"][0]
        kept = [each for each in signer["signed_attrs"] if each["type"].native != name]
        signer["signed_attrs"] = cms.CMSAttributes([] if name is None else kept)
        assert codes(judged(outer.dump(force=True))) == {"timestamp-unreadable"}


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("granted", None),
        ("granted_with_mods", None),
        ("rejection", "timestamp-refused"),
        ("waiting", "timestamp-refused"),
        ("revocation_notification", "timestamp-refused"),
        (9, "timestamp-refused"),
        (-1, "timestamp-refused"),
    ],
)
def test_a_stored_response_has_to_grant_its_token(
    authority: TimestampAuthority, status: str | int, code: str | None
) -> None:
    token = authority.token(VALUE)
    info = core.Sequence.load(b"\x30\x03\x02\x01" + tsp.PKIStatus(status).contents)
    data = make_response(token, status=info.dump())
    assert codes(judged(data)) == ({code} if code else SOUND)


def test_a_refusal_without_token_is_one(authority: TimestampAuthority) -> None:
    assert codes(judged(make_refusal()), Outcome.FAILED) == {"timestamp-refused"}
    for status in (b"\x30\0", b"\x30\x03\x0c\x01x", b"\x30\x80"):
        assert codes(judged(make_response(authority.token(VALUE), status=status))) == {"timestamp-unreadable"}


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
    assert codes(judged(authority.token(VALUE, pss=True))) == SOUND
    assert codes(judged(authority.token(VALUE)), Outcome.UNKNOWN) == {"timestamp-signature-unsupported"}


def test_a_small_key_is_weak(pki: Pki, folders: Callable[[], Path]) -> None:
    for key in (rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP192R1())):
        small = TimestampAuthority(pki, folders(), private=key)
        assert codes(judged(small.token(VALUE)), Outcome.UNKNOWN) == {"timestamp-weak"}


def test_a_signature_of_an_unknown_kind_proves_nothing(pki: Pki, folders: Callable[[], Path]) -> None:
    judgement = judged(TimestampAuthority(pki, folders(), key="rsa2048").token(VALUE, signing_digest="md5"))
    assert codes(judgement, Outcome.UNKNOWN) == {"timestamp-signature-unsupported"}
    assert judgement.time is None


def test_a_token_of_another_key_is_wrong(pki: Pki, authority: TimestampAuthority, folders: Callable[[], Path]) -> None:
    """A fake authority that presents the certificate of a real one."""
    fake = TimestampAuthority(pki, folders(), key="p384")
    fake.certificate, fake.der = authority.certificate, authority.der
    assert codes(judged(forge_token(fake, VALUE)), Outcome.FAILED) == {"timestamp-signature-wrong"}


def test_huge_tokens_are_not_looked_into(authority: TimestampAuthority) -> None:
    token = authority.token(VALUE)
    nested = b"".join(b"\x30\x84" + (100_000 - 6 * n).to_bytes(4, "big") for n in range(10_000))
    many = core.SetOf([core.Null()] * 100_000, spec=core.Null).dump()
    started = time.process_time()
    for data in (token + bytes(1 << 20), bytes(1 << 20), nested, many, token[:40] + b"\x30\x80" * 50_000):
        assert codes(judged(data)) == {"timestamp-unreadable"}
    assert codes(judged(authority.token(VALUE, embedded=(authority.der,) * 65))) == {"timestamp-unreadable"}
    assert time.process_time() - started < 10


def test_no_byte_makes_it_fail(authority: TimestampAuthority, token: bytes) -> None:
    """Names and extensions of certificates are read late, and damage in them shows then."""
    for position in range(len(token)):
        changed = bytearray(token)
        changed[position] ^= 1
        assert judged(bytes(changed), certificates=(authority.der,)).findings


@given(position=st.integers(0, 1 << 16), bit=st.integers(0, 7))
def test_no_bit_can_make_it_certify_something_else(
    authority: TimestampAuthority, token: bytes, position: int, bit: int
) -> None:
    """Versions, lists of algorithms and certificates are not signed: there a bit may change, and changes nothing."""
    changed = bytearray(token)
    changed[position % len(token)] ^= 1 << bit
    judgement = judged(bytes(changed), certificates=(authority.der,))
    if judgement.time is not None:
        assert codes(judgement) == SOUND
        assert replace(judgement.time, others=()) == replace(judged(token).time or judgement.time, others=())


@given(st.data())
def test_damaged_tokens_are_findings(token: bytes, data: st.DataObject) -> None:
    damaged = bytearray(token)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(token) - 9))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    judgement = judged(bytes(damaged))
    assert judgement.findings
    assert judgement.time is None or judgement.time.moment == NOW


@given(st.binary(max_size=200))
def test_anything_may_stand_where_a_token_should(data: bytes) -> None:
    assert codes(judged(data)) == {"timestamp-unreadable"}
