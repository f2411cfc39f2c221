"""Damaged and hostile timestamp tokens."""

from __future__ import annotations

import time

from asn1crypto import core
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.backends.timestamp.token_checks import SOUND, VALUE, codes, verify_token
from tests.support.tsa import NOW, TimestampAuthority


def test_huge_tokens_are_not_looked_into(authority: TimestampAuthority) -> None:
    token = authority.token(VALUE)
    nested = b"".join(b"\x30\x84" + (100_000 - 6 * n).to_bytes(4, "big") for n in range(10_000))
    many = core.SetOf([core.Null()] * 100_000, spec=core.Null).dump()
    started = time.process_time()
    for data in (token + bytes(1 << 20), bytes(1 << 20), nested, many, token[:40] + b"\x30\x80" * 50_000):
        assert codes(verify_token(data)) == {"timestamp-unreadable"}
    assert codes(verify_token(authority.token(VALUE, embedded=(authority.der,) * 65))) == {"timestamp-unreadable"}
    assert time.process_time() - started < 10


def test_no_byte_makes_it_fail(authority: TimestampAuthority, token: bytes) -> None:
    """Names and extensions of certificates are read late, and damage in them shows then."""
    for position in range(len(token)):
        changed = bytearray(token)
        changed[position] ^= 1
        assert verify_token(bytes(changed), certificates=(authority.der,)).findings


@given(position=st.integers(0, 1 << 16), bit=st.integers(0, 7))
def test_no_bit_can_make_it_certify_something_else(
    authority: TimestampAuthority, token: bytes, position: int, bit: int
) -> None:
    """Versions, lists of algorithms and certificates are not signed: there a bit may change, and changes nothing."""
    changed = bytearray(token)
    changed[position % len(token)] ^= 1 << bit
    judgement = verify_token(bytes(changed), certificates=(authority.der,))
    if judgement.time is not None:
        assert codes(judgement) == SOUND
        assert replace(judgement.time, others=()) == replace(verify_token(token).time or judgement.time, others=())


@given(st.data())
def test_damaged_tokens_are_findings(token: bytes, data: st.DataObject) -> None:
    damaged = bytearray(token)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(token) - 9))
        damaged[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    judgement = verify_token(bytes(damaged))
    assert judgement.findings
    assert judgement.time is None or judgement.time.moment == NOW


@given(st.binary(max_size=200))
def test_anything_may_stand_where_a_token_should(data: bytes) -> None:
    assert codes(verify_token(data)) == {"timestamp-unreadable"}
