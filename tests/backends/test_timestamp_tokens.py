"""What tokens prove: right ones of every kind, and each thing that can be wrong with them, by its finding."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from dcmseal.plugins.timestamping import TimestampBackend, TimestampJudgement
from dcmseal.report import Outcome
from dcmseal_timestamp.backend import CmsTsp
from tests.support.pki import Pki
from tests.support.tsa import NOW, POLICY, Authority, forged, response

VALUE = b"the value of Signature"
BACKEND: TimestampBackend = CmsTsp()
ACCURACY = {"seconds": 1, "millis": 500}
SOUND = {"timestamp-imprint-matches", "timestamp-signature-valid"}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("tsa")


@pytest.fixture(scope="session")
def authority(pki: Pki, folders: Callable[[], Path]) -> Authority:
    return Authority(pki, folders())


@pytest.fixture(scope="session")
def token(authority: Authority) -> bytes:
    """One and the same for all examples of a property."""
    return authority.token(VALUE, moment=NOW, accuracy=ACCURACY, nonce=4711)


def judged(token: bytes, *values: bytes, certificates: tuple[bytes, ...] = ()) -> TimestampJudgement:
    return BACKEND.judge(token, values or (VALUE,), certificates)


def codes(judgement: TimestampJudgement, outcome: Outcome | None = None) -> set[str]:
    return {each.code for each in judgement.findings if outcome in (None, each.outcome)}


@pytest.mark.parametrize("digest", ["sha256", "sha384", "sha512", "sha224"])
@pytest.mark.parametrize("ess", ["v1", "v2"])
def test_a_right_token_certifies_a_time(authority: Authority, digest: str, ess: str) -> None:
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


def test_a_real_token_certifies_a_time(pki: Pki, authority: Authority, folders: Callable[[], Path]) -> None:
    from dcmseal.plugins.timestamping import QueryWish

    for each in (authority, Authority(pki, folders(), key="rsa2048", ess="sha1")):
        query = BACKEND.query(VALUE, QueryWish())
        judgement = judged(BACKEND.accept(each.reply(query), query))
        assert codes(judgement) == SOUND
        assert judgement.time is not None
        assert abs(judgement.time.moment - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
        # what came with the token is handed on, and nothing is done with it
        assert pki.root.der in judgement.time.others


@pytest.mark.parametrize("pss", [False, True])
@pytest.mark.parametrize("by_key", [False, True])
def test_signatures_of_every_kind_are_verified(pki: Pki, folders: Callable[[], Path], pss: bool, by_key: bool) -> None:
    rsa_authority = Authority(pki, folders(), key="rsa2048")
    assert codes(judged(rsa_authority.token(VALUE, pss=pss, by_key=by_key))) == SOUND
    spoilt = rsa_authority.token(VALUE, pss=pss, by_key=by_key, spoil=lambda value: value[:-1] + bytes([value[-1] ^ 1]))
    assert codes(judged(spoilt), Outcome.FAILED) == {"timestamp-signature-wrong"}


def test_padding_and_whole_responses_are_read(authority: Authority) -> None:
    token = authority.token(VALUE)
    for data in (token, token + b"\0", response(token), response(token) + b"\0"):
        assert codes(judged(data)) == SOUND
    assert codes(judged(token + b"\0\0")) == {"timestamp-unreadable"}
    assert codes(judged(token + b"x")) == {"timestamp-unreadable"}


def test_the_value_is_taken_without_padding_first_and_then_as_it_stands(authority: Authority) -> None:
    assert codes(judged(authority.token(VALUE), VALUE, VALUE + b"\0")) == SOUND
    assert codes(judged(authority.token(VALUE + b"\0"), VALUE, VALUE + b"\0")) == SOUND
    assert "timestamp-imprint-differs" in codes(judged(authority.token(VALUE[:-1]), VALUE, VALUE + b"\0"))


def test_a_certificate_that_is_not_in_the_token_may_be_given(authority: Authority, pki: Pki) -> None:
    token = authority.token(VALUE, embedded=())
    missing = judged(token)
    assert codes(missing, Outcome.UNKNOWN) == {"tsa-certificate-missing"}
    assert missing.time is None
    assert codes(judged(token, certificates=(pki["p384"].der, b"0\0", authority.der))) == SOUND


def test_more_certificates_in_a_token_change_nothing(pki: Pki, authority: Authority) -> None:
    """Anybody can put them there, also one with the same issuer and serial number."""
    from cryptography import x509
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
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_what_is_wrong_is_said(authority: Authority, changes: dict[str, Any], code: str) -> None:
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
    judgement = judged(Authority(pki, folders(), **usage).token(VALUE))
    assert codes(judgement, Outcome.FAILED) == {code}
    assert judgement.time is None


def test_a_small_key_is_weak(pki: Pki, folders: Callable[[], Path]) -> None:
    small = Authority(pki, folders(), private=rsa.generate_private_key(65537, 1024))
    assert codes(judged(small.token(VALUE)), Outcome.UNKNOWN) == {"timestamp-weak"}


def test_a_signature_of_an_unknown_kind_proves_nothing(pki: Pki, folders: Callable[[], Path]) -> None:
    judgement = judged(Authority(pki, folders(), key="rsa2048").token(VALUE, signing_digest="md5"))
    assert codes(judgement, Outcome.UNKNOWN) == {"timestamp-signature-unsupported"}
    assert judgement.time is None


def test_a_token_of_another_key_is_wrong(pki: Pki, authority: Authority, folders: Callable[[], Path]) -> None:
    """A fake authority that presents the certificate of a real one."""
    fake = Authority(pki, folders(), key="p384")
    fake.certificate, fake.der = authority.certificate, authority.der
    assert codes(judged(forged(fake, VALUE)), Outcome.FAILED) == {"timestamp-signature-wrong"}


def test_huge_tokens_are_not_looked_into(authority: Authority) -> None:
    token = authority.token(VALUE)
    nested = b"".join(b"\x30\x84" + (100_000 - 6 * n).to_bytes(4, "big") for n in range(10_000))
    many = core.SetOf([core.Null()] * 100_000, spec=core.Null).dump()
    started = time.process_time()
    for data in (token + bytes(1 << 20), bytes(1 << 20), nested, many, token[:40] + b"\x30\x80" * 50_000):
        assert codes(judged(data)) == {"timestamp-unreadable"}
    assert codes(judged(authority.token(VALUE, embedded=(authority.der,) * 65))) == {"timestamp-unreadable"}
    assert time.process_time() - started < 10


def test_no_byte_makes_it_fail(authority: Authority, token: bytes) -> None:
    """Names and extensions of certificates are read late, and damage in them shows then."""
    for position in range(len(token)):
        changed = bytearray(token)
        changed[position] ^= 1
        assert judged(bytes(changed), certificates=(authority.der,)).findings


@given(position=st.integers(0, 1 << 16), bit=st.integers(0, 7))
def test_no_bit_can_make_it_certify_something_else(authority: Authority, token: bytes, position: int, bit: int) -> None:
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
