"""Timestamp tokens: valid ones of every kind, and each defect by its finding."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509

from dcmseal.findings import Outcome
from tests.backends.timestamp.token_checks import BACKEND, SOUND, VALUE, by_v1, by_v2, codes, verify_token
from tests.support.pki import Pki
from tests.support.tsa import NOW, POLICY, TimestampAuthority, make_refusal, make_response

NOBODY = asn1_x509.GeneralName("directory_name", asn1_x509.Name.build({"common_name": "nobody"}))
EMPTY = asn1_x509.GeneralName("directory_name", asn1_x509.Name.build({}))
CRITICAL = {"extn_id": "1.2.3.4", "critical": True, "extn_value": b"\5\0"}
HARMLESS = {"extn_id": "1.2.3.4", "extn_value": b"\5\0"}
TOO_SHORT = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(VALUE).digest()[:16]}
SIGNING_TIME = {"type": "signing_time", "values": [cms.Time("utc_time", NOW)]}


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512", "sha224"])
@pytest.mark.parametrize("ess", ["v1", "v2"])
def test_a_right_token_certifies_a_time(authority: TimestampAuthority, digest: str, ess: str) -> None:
    token = authority.token(
        VALUE, moment=NOW, digest=digest, signing_digest=digest, ess=ess, accuracy={"seconds": 1, "millis": 500}
    )
    judgement = verify_token(token)
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
        judgement = verify_token(BACKEND.accept_response(each.reply(query), query))
        assert codes(judgement) == SOUND
        assert judgement.time is not None
        assert abs(judgement.time.moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
        # the certificates of the token are returned unchecked
        assert pki.root.der in judgement.time.others


@pytest.mark.parametrize("pss", [False, True])
@pytest.mark.parametrize("by_key", [False, True])
def test_signatures_of_every_kind_are_verified(pki: Pki, folders: Callable[[], Path], pss: bool, by_key: bool) -> None:
    rsa_authority = TimestampAuthority(pki, folders(), key="rsa2048")
    assert codes(verify_token(rsa_authority.token(VALUE, pss=pss, by_key=by_key))) == SOUND
    spoilt = rsa_authority.token(VALUE, pss=pss, by_key=by_key, spoil=lambda value: value[:-1] + bytes([value[-1] ^ 1]))
    assert codes(verify_token(spoilt), Outcome.FAILED) == {"timestamp-signature-wrong"}


def test_padding_and_whole_responses_are_read(authority: TimestampAuthority) -> None:
    token = authority.token(VALUE)
    for data in (token, token + b"\0", make_response(token), make_response(token) + b"\0"):
        assert codes(verify_token(data)) == SOUND
    assert codes(verify_token(token + b"\0\0")) == {"timestamp-unreadable"}
    assert codes(verify_token(token + b"x")) == {"timestamp-unreadable"}


def test_the_value_is_taken_without_padding_first_and_then_as_it_stands(authority: TimestampAuthority) -> None:
    assert codes(verify_token(authority.token(VALUE), VALUE, VALUE + b"\0")) == SOUND
    assert codes(verify_token(authority.token(VALUE + b"\0"), VALUE, VALUE + b"\0")) == SOUND
    assert "timestamp-imprint-differs" in codes(verify_token(authority.token(VALUE[:-1]), VALUE, VALUE + b"\0"))


def test_a_certificate_that_is_not_in_the_token_may_be_given(authority: TimestampAuthority, pki: Pki) -> None:
    token = authority.token(VALUE, embedded=())
    missing = verify_token(token)
    assert codes(missing, Outcome.UNKNOWN) == {"tsa-certificate-missing"}
    assert missing.time is None
    assert codes(verify_token(token, certificates=(pki["p384"].der, b"0\0", authority.der))) == SOUND


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
    judgement = verify_token(authority.token(VALUE, embedded=(twin, pki["rsa2048"].der, authority.der)))
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
def test_each_defect_has_its_finding(authority: TimestampAuthority, changes: dict[str, Any], code: str) -> None:
    judgement = verify_token(authority.token(VALUE, **changes))
    assert codes(judgement) - SOUND == {code}
    # doubts are reported; an unproven token certifies no time
    assert (judgement.time is not None) == (code == "timestamp-weak")


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
    judgement = verify_token(authority.token(VALUE, moment=moment, edit_info=edited))
    assert codes(judgement) == (SOUND if is_right else {"timestamp-unreadable"})


def test_a_token_has_its_signed_attributes(authority: TimestampAuthority) -> None:
    """Nothing that a token is bound by may be missing."""
    token = authority.token(VALUE)
    for name in ("content_type", "message_digest", None):
        outer = cms.ContentInfo.load(token)
        signer = outer["content"]["signer_infos"][0]
        kept = [each for each in signer["signed_attrs"] if each["type"].native != name]
        signer["signed_attrs"] = cms.CMSAttributes([] if name is None else kept)
        assert codes(verify_token(outer.dump(force=True))) == {"timestamp-unreadable"}


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
    assert codes(verify_token(data)) == ({code} if code else SOUND)


def test_a_refusal_without_token_is_one(authority: TimestampAuthority) -> None:
    assert codes(verify_token(make_refusal()), Outcome.FAILED) == {"timestamp-refused"}
    for status in (b"\x30\0", b"\x30\x03\x0c\x01x", b"\x30\x80"):
        assert codes(verify_token(make_response(authority.token(VALUE), status=status))) == {"timestamp-unreadable"}
