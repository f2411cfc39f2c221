"""Certified timestamps that are demanded: of one signature, by a rule, or of every one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import dcmseal
from dcmseal import Policy
from dcmseal.errors import UsageError
from dcmseal.findings import Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import TrustSettings
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset
from tests.support.timestamped import insert_token, signature_value
from tests.support.tsa import TimestampAuthority

RULE = Policy.build(require=["timestamp + purpose:author"])
EVERY = Policy.build(timestamps=True)


@pytest.fixture(scope="module")
def authority(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(pki, tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="module")
def stamped(pki: Pki, authority: TimestampAuthority) -> bytes:
    """The author's signature is certified, another is not."""
    data = sign_dataset(b.file(b.image()), pki["rsa2048"], purpose="author")
    data = insert_token(
        data, authority.token(signature_value(data), moment=datetime.now(UTC), embedded=(authority.der,))
    )
    return sign_dataset(data, pki["p256"], purpose="review")


def evaluate(data: bytes, policy: Policy, **options: Any) -> tuple[Verdict, list[tuple[str, Outcome]]]:
    report = dcmseal.verify(data, policy=policy, **options)
    return report.verdict, [(each.code, each.outcome) for each in report.unmet]


def test_one_signature_has_to_be_certified(pki: Pki, stamped: bytes) -> None:
    trust = dcmseal.open_trust(TrustSettings(anchors=(str(pki.root.certificate_pem),)))
    assert evaluate(stamped, RULE, trust=trust) == (Verdict.VALID, [])
    assert evaluate(stamped, RULE, integrity_only=True) == (Verdict.VALID, [])
    other = Policy.build(require=["timestamp + purpose:review"])
    assert evaluate(stamped, other, trust=trust) == (Verdict.INVALID, [("rule-not-met", Outcome.FAILED)])


def test_an_untrusted_authority_leaves_the_requirement_open(pki: Pki, stamped: bytes) -> None:
    anchors = str(pki["rsa2048"].certificate_pem), str(pki["p256"].certificate_pem)
    alone = dcmseal.open_trust(TrustSettings(anchors=anchors))
    verdict, unmet = evaluate(stamped, Policy.build(require=["timestamp"]), trust=alone)
    assert (verdict, unmet) == (Verdict.NOT_ESTABLISHED, [("timestamp-not-met", Outcome.UNKNOWN)])
    verdict, unmet = evaluate(stamped, Policy.build(require=["timestamp"]))
    assert (verdict, unmet) == (Verdict.NOT_ESTABLISHED, [("timestamp-not-met", Outcome.UNKNOWN)])


def test_every_signature_has_to_be_certified(stamped: bytes) -> None:
    verdict, unmet = evaluate(stamped, EVERY, integrity_only=True)
    assert (verdict, unmet) == (Verdict.INVALID, [("timestamp-absent", Outcome.FAILED)])
    alone = dcmseal.remove(stamped, uids=[dcmseal.signatures(stamped)[1].uid]).data
    assert alone is not None
    assert evaluate(alone, EVERY, integrity_only=True) == (Verdict.VALID, [])


def test_a_timestamp_that_is_not_sound_certifies_nothing(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["rsa2048"], purpose="author")
    odd = insert_token(data, b"nonsense")
    verdict, unmet = evaluate(odd, RULE, integrity_only=True)
    assert (verdict, unmet) == (Verdict.NOT_ESTABLISHED, [("rule-not-met", Outcome.UNKNOWN)])


@pytest.mark.parametrize("policy", [RULE, EVERY])
def test_requiring_a_timestamp_excludes_ignoring_timestamps(stamped: bytes, policy: Policy) -> None:
    with pytest.raises(UsageError):
        dcmseal.verify(stamped, policy=policy, timestamp="ignore")
