"""Timestamps in a verification: wrong times, required timestamps, and trust in authorities."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

import dcmseal
from dcmseal import Aspect, Outcome, Registry, Verdict
from dcmseal.errors import UsageError
from dcmseal.findings import Finding
from dcmseal.model.report import TimeBasis
from dcmseal.model.signature import CertifiedTime
from dcmseal.plugins.registry import installed_registry
from dcmseal.plugins.timestamp_backend import TimestampResult
from dcmseal.plugins.trust import Strictness, TrustSettings
from dcmseal.verification.timestamp_checks import TimestampContext, verify_timestamp
from tests.core.plugins.fake_plugins import make_plugin
from tests.support import builder as b
from tests.support.pki import Pki
from tests.support.signed_files import build_signer, sign_at, sign_by_hand, sign_dataset
from tests.support.timestamped import SOUND, insert_token, signature_value, timestamp_codes
from tests.support.tsa import NOW, RunningAuthority, TimestampAuthority, forge_token
from tests.support.wrong_types import wrong_type


@pytest.mark.parametrize(
    ("signer", "moment", "code", "outcome"),
    [
        ("p256", NOW - dt.timedelta(minutes=4), "timestamp-in-time", Outcome.PASSED),
        ("p256", NOW - dt.timedelta(minutes=6), "timestamp-before-signing", Outcome.FAILED),
        ("p256", NOW + dt.timedelta(days=1), "timestamp-in-future", Outcome.UNKNOWN),
        ("expired", NOW, "timestamp-after-expiry", Outcome.FAILED),
        ("not-yet-valid", NOW, "timestamp-before-certificate", Outcome.FAILED),
    ],
)
def test_the_certified_time_is_held_against_the_others(
    pki: Pki, authority: TimestampAuthority, plain: bytes, signer: str, moment: dt.datetime, code: str, outcome: Outcome
) -> None:
    data = sign_at(plain, pki[signer], NOW)
    stamped = insert_token(data, forge_token(authority, signature_value(data), moment=moment))
    (report,) = dcmseal.verify(stamped, integrity_only=True).signatures
    found = {each.code: each for each in report.findings}
    assert found[code].outcome is outcome
    assert (report.certified_time is None) == (outcome is not Outcome.PASSED)
    verdicts = {
        Outcome.FAILED: Verdict.INVALID,
        Outcome.UNKNOWN: Verdict.NOT_ESTABLISHED,
        Outcome.PASSED: Verdict.VALID,
    }
    assert report.integrity_verdict is verdicts[outcome]


def test_an_expired_certificate_was_valid_when_the_time_was_certified(pki: Pki, authority: TimestampAuthority) -> None:
    """The signature is as good as it was then."""
    moment = dt.datetime(2024, 1, 15, tzinfo=dt.UTC)
    data = sign_at(b.file(b.image()), pki["expired"], moment)
    stamped = insert_token(data, forge_token(authority, signature_value(data), moment=moment + dt.timedelta(seconds=3)))
    report = dcmseal.verify(stamped, integrity_only=True, timestamp="require")
    assert report.verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("token", "type_", "code"),
    [
        (b"0\x03abc", "CMS_TSP", "timestamp-unreadable"),
        (b"", "CMS_TSP", "timestamp-empty"),
        (b"0\x03abc", "CMS_TS", "timestamp-not-verifiable"),
        (b"0\x03abc", "", "timestamp-not-verifiable"),
    ],
)
def test_an_unverifiable_timestamp_leaves_the_signature_open_unless_ignored(
    pki: Pki, plain: bytes, token: bytes, type_: str, code: str
) -> None:
    data = insert_token(sign_dataset(plain, pki["p256"]), token, type_)
    assert timestamp_codes(data) == {code}
    assert timestamp_codes(data, timestamp="ignore") == {"timestamp-ignored"}
    report = dcmseal.verify(data, integrity_only=True)
    assert (report.verdict, report.unmet) == (Verdict.NOT_ESTABLISHED, ())
    assert report.signatures[0].has_unverified_timestamp
    assert dcmseal.verify(data, integrity_only=True, timestamp="ignore").verdict is Verdict.VALID
    required = dcmseal.verify(data, integrity_only=True, timestamp="require")
    assert required.verdict is Verdict.NOT_ESTABLISHED
    assert [(each.code, each.where) for each in required.unmet] == [
        ("timestamp-not-established", required.signatures[0].signature.uid)
    ]


def test_a_timestamp_that_is_required_and_absent_makes_the_file_invalid(pki: Pki, plain: bytes) -> None:
    data = sign_dataset(plain, pki["p256"])
    report = dcmseal.verify(data, integrity_only=True, timestamp="require")
    assert report.verdict is Verdict.INVALID
    # the signature itself is as good as it was
    assert report.signatures[0].integrity_verdict is Verdict.VALID
    assert [each.code for each in report.unmet] == ["timestamp-absent"]


def test_without_trust_the_authority_need_not_be_trusted(pki: Pki, authority: TimestampAuthority, plain: bytes) -> None:
    """Trust was not asked for: a token that is sound otherwise leaves no question open."""
    data = sign_dataset(plain, pki["p256"])
    sound = insert_token(data, authority.token(signature_value(data)))
    assert dcmseal.verify(sound, integrity_only=True).verdict is Verdict.VALID
    nameless = insert_token(data, authority.token(signature_value(data), embedded=()))
    assert dcmseal.verify(nameless, integrity_only=True).verdict is Verdict.NOT_ESTABLISHED
    given = dcmseal.verify(nameless, integrity_only=True, timestamp_certificates=[authority.der])
    assert given.verdict is Verdict.VALID


def test_with_trust_the_authority_has_to_be_trusted(pki: Pki, authority: TimestampAuthority, plain: bytes) -> None:
    data = sign_dataset(plain, pki["p256"])
    stamped = insert_token(data, authority.token(signature_value(data)))
    trust = TrustSettings(anchors=(str(pki.root.certificate_pem),))
    assert dcmseal.verify(stamped, trust=trust).verdict is Verdict.VALID
    # expired since: what the key signs now may have any time
    later = TrustSettings(anchors=trust.anchors, now=NOW + dt.timedelta(days=3651))
    report = dcmseal.verify(stamped, trust=later)
    assert "tsa-trust-not-established" in {each.code for each in report.signatures[0].findings}
    assert report.verdict is Verdict.NOT_ESTABLISHED


def test_a_site_decides_about_weak_timestamps(pki: Pki, authority: TimestampAuthority, plain: bytes) -> None:
    data = sign_dataset(plain, pki["p256"])
    weak = insert_token(data, authority.token(signature_value(data), digest="sha1"))
    anchors = (str(pki.root.certificate_pem),)
    verdicts = [
        dcmseal.verify(weak, trust=TrustSettings(anchors=anchors, weak=rule)).verdict
        for rule in (Strictness.ACCEPT, Strictness.INDETERMINATE, Strictness.REFUSE)
    ]
    assert verdicts == [Verdict.VALID, Verdict.NOT_ESTABLISHED, Verdict.INVALID]


@pytest.mark.parametrize(
    ("accuracy", "verdict"), [({"seconds": 3600}, Verdict.VALID), ({"seconds": 3601}, Verdict.NOT_ESTABLISHED)]
)
def test_a_time_that_is_hardly_known_proves_nothing(
    pki: Pki, authority: TimestampAuthority, plain: bytes, accuracy: dict[str, int], verdict: Verdict
) -> None:
    data = sign_dataset(plain, pki["p256"])
    stamped = insert_token(data, authority.token(signature_value(data), accuracy=accuracy))
    assert ("timestamp-inaccurate" in timestamp_codes(stamped)) == (verdict is not Verdict.VALID)
    assert dcmseal.verify(stamped, integrity_only=True).verdict is verdict


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize("claimed_time", [*Strictness])
@pytest.mark.parametrize(("ahead", "verdict"), [(4, Verdict.VALID), (6, Verdict.NOT_ESTABLISHED)])
def test_a_claimed_signing_time_in_the_future_is_not_accepted(
    pki: Pki, plain: bytes, ahead: int, verdict: Verdict, claimed_time: Strictness, trusted: bool
) -> None:
    data = sign_at(plain, pki["rsa2048"], NOW + dt.timedelta(minutes=ahead))
    trust = TrustSettings(anchors=(str(pki.root.certificate_pem),), claimed_time=claimed_time)
    report = dcmseal.verify(data, now=NOW, trust=trust if trusted else None, integrity_only=not trusted)
    assert report.verdict is verdict
    found = [each for each in report.signatures[0].findings if each.code == "signing-time-in-future"]
    assert [each.outcome for each in found] == ([] if verdict is Verdict.VALID else [Outcome.UNKNOWN])
    # both clocks are named, for either may be wrong
    assert all(NOW.isoformat() in each.message for each in found)
    # once that moment has come, the claim is as good as any
    later = dcmseal.verify(data, now=NOW + dt.timedelta(minutes=10), integrity_only=True)
    assert later.verdict is Verdict.VALID


def test_the_present_of_the_trust_settings_counts_as_well(pki: Pki, plain: bytes) -> None:
    data = sign_at(plain, pki["rsa2048"], NOW)
    anchors = (str(pki.root.certificate_pem),)
    earlier = TrustSettings(anchors=anchors, now=NOW - dt.timedelta(days=1))
    assert dcmseal.verify(data, trust=earlier).verdict is Verdict.NOT_ESTABLISHED
    assert dcmseal.verify(data, trust=earlier, now=NOW).verdict is Verdict.VALID


@pytest.mark.parametrize("moment", ["99991231235959.999999-2359", "99991231235959.999999+0000", "20500101000000-1200"])
def test_the_end_of_time_is_in_the_future(pki: Pki, moment: str) -> None:
    """Also where its UTC lies beyond what can be computed with."""
    lasting = sign_by_hand(pki["rsa2048"], b.image(), moment=moment)
    found = {each.code: each.outcome for each in dcmseal.verify(lasting).signatures[0].findings}
    assert found["signing-time-in-future"] is Outcome.UNKNOWN


def test_every_signature_has_to_have_a_required_timestamp(pki: Pki, served: RunningAuthority, plain: bytes) -> None:
    twice = sign_dataset(sign_dataset(plain, pki["p256"]), pki["p256"])
    first, second = (each.uid for each in dcmseal.signatures(twice))
    once = dcmseal.add_timestamp(twice, served.url, uid=first).data
    assert once is not None
    report = dcmseal.verify(once, integrity_only=True, timestamp="require")
    assert [(each.code, each.where) for each in report.unmet] == [("timestamp-absent", second)]
    assert report.verdict is Verdict.INVALID
    assert dcmseal.verify(once, integrity_only=True, timestamp="require", uid=first).verdict is Verdict.VALID


def test_a_required_timestamp_is_not_established_without_trust_in_its_authority(
    pki: Pki, authority: TimestampAuthority, plain: bytes
) -> None:
    data = sign_dataset(plain, pki["p256"])
    stamped = insert_token(data, authority.token(signature_value(data)))
    report = dcmseal.verify(stamped, timestamp="require")
    assert [each.code for each in report.unmet] == ["timestamp-not-established"]
    assert report.verdict is Verdict.NOT_ESTABLISHED
    # weak digests do not depend on trust
    weak = insert_token(data, authority.token(signature_value(data), digest="sha1"))
    assert dcmseal.verify(weak, integrity_only=True, timestamp="require").verdict is Verdict.NOT_ESTABLISHED


def test_certificates_of_authorities_may_be_given(pki: Pki, authority: TimestampAuthority, plain: bytes) -> None:
    data = sign_dataset(plain, pki["p256"])
    stamped = insert_token(data, authority.token(signature_value(data), embedded=()))
    assert "tsa-certificate-missing" in timestamp_codes(stamped)
    assert timestamp_codes(stamped, timestamp_certificates=[pki["p384"].der, authority.der]) == SOUND


def test_a_trust_source_can_judge_the_authority(pki: Pki, authority: TimestampAuthority, plain: bytes) -> None:
    data = sign_dataset(plain, pki["p256"])
    stamped = insert_token(data, authority.token(signature_value(data), embedded=(authority.der, pki.root.der)))
    asked: list[CertifiedTime] = []

    def vouch(time: CertifiedTime) -> tuple[Finding, ...]:
        asked.append(time)
        return (Finding(aspect=Aspect.TIMESTAMP, outcome=Outcome.PASSED, code="x", message="trusted"),)

    signature = dcmseal.signatures(stamped)[0].content
    context = TimestampContext(backend=installed_registry().timestamp_backend, evaluate_authority=vouch)
    answer = verify_timestamp(signature, None, context, dt.datetime.now(dt.UTC))
    assert [each.code for each in answer.authority_findings] == ["x"]
    assert [(time.authority, time.others) for time in asked] == [(authority.der, (pki.root.der,))]


class Inventive:
    """A backend that finds a time in anything."""

    type = "CMS_TSP"
    summary = "made up"

    def __init__(self, judgement: Any) -> None:
        self.judgement = judgement

    def build_query(self, *_: object) -> bytes:
        return b"0"

    send_query = accept_response = build_query

    def verify(self, *_: object) -> Any:
        if isinstance(self.judgement, Exception):
            raise self.judgement
        return self.judgement


@pytest.mark.parametrize(
    "judgement",
    [
        None,
        RuntimeError("hunter2"),
        TimestampResult(findings=(Finding(aspect=Aspect.TRUST, outcome=Outcome.PASSED, code="x", message=""),)),
        TimestampResult(findings=wrong_type([])),
        TimestampResult(findings=(), time=wrong_type("now")),
    ],
)
def test_a_plugin_that_answers_nonsense_is_not_believed(pki: Pki, plain: bytes, judgement: Any) -> None:
    data = insert_token(sign_dataset(plain, pki["p256"]), b"0\0")
    module = make_plugin("inventive", dcmseal_timestamp_backends=lambda: (Inventive(judgement),))
    (report,) = dcmseal.verify(data, registry=Registry.from_plugins(module)).signatures
    (finding,) = (each for each in report.findings if each.aspect is Aspect.TIMESTAMP)
    assert (finding.code, finding.outcome) == ("timestamp-not-verifiable", Outcome.UNKNOWN)
    assert "hunter2" not in finding.message


def test_rules_for_timestamps_are_three(plain: bytes) -> None:
    with pytest.raises(UsageError, match="'always'"):
        dcmseal.verify(plain, timestamp="always")


def test_an_authority_that_is_trusted_makes_the_time_count(pki: Pki, served: RunningAuthority, plain: bytes) -> None:
    result = dcmseal.sign(plain, signer=build_signer(pki["rsa2048"]), timestamp=served.url)
    trusted = TrustSettings(anchors=(str(pki.root.certificate_pem),))
    report = dcmseal.verify(result.data or b"", trust=trusted, timestamp="require")
    (verified,) = report.signatures
    assert report.verdict is Verdict.VALID
    assert verified.outcome(Aspect.TIMESTAMP) is Outcome.PASSED
    assert "tsa-trusted" in timestamp_codes(result.data, trust=trusted)
    assert verified.trust is not None
    assert verified.certified_time is not None
    assert verified.trust.basis is TimeBasis.CERTIFIED
    assert verified.trust.moment == verified.certified_time.moment


def test_an_untrusted_authority_is_not_established(pki: Pki, served: RunningAuthority, plain: bytes) -> None:
    result = dcmseal.sign(plain, signer=build_signer(pki["rsa2048"]), timestamp=served.url)
    signer_only = TrustSettings(anchors=(str(pki["rsa2048"].certificate_pem),))
    report = dcmseal.verify(result.data or b"", trust=signer_only)
    (verified,) = report.signatures
    assert "tsa-trust-not-established" in timestamp_codes(result.data, trust=signer_only)
    assert verified.outcome(Aspect.TRUST) is Outcome.PASSED
    assert verified.trust is not None
    assert verified.trust.basis is TimeBasis.CLAIMED
    assert verified.outcome(Aspect.TIMESTAMP) is Outcome.UNKNOWN
