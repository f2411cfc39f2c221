"""Certified timestamps of signatures: made with them, added later, verified, demanded, and what a wrong time means."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pydicom
import pytest

import dcmseal
from dcmseal import Aspect, Outcome, Registry, TimestampWish, Verdict
from dcmseal.engine.timestamps import TimestampQuestion, timestamp_answer
from dcmseal.errors import NoSuchSignature, TimestampError, TimestampRejected, UsageError
from dcmseal.model import CertifiedTime
from dcmseal.plugins.timestamping import Patience, QueryWish, TimestampJudgement
from dcmseal.plugins.trust import TrustSettings
from dcmseal.report import Finding, TimeBasis
from tests.core.engine.kit import signed, signed_at, signer_of
from tests.core.plugins.fakes import plugin
from tests.support import builder
from tests.support.files import real_file
from tests.support.pki import Pki
from tests.support.tsa import NOW, Authority, Serving, forged, response, serving

SIGNERS = ("rsa2048", "p256", "p521", "dsa2048")
SOUND = {
    "timestamp-imprint-matches",
    "timestamp-signature-valid",
    "timestamp-in-time",
    "tsa-trust-unknown",
}


@pytest.fixture(scope="session")
def authority(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(pki, tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def served(authority: Authority) -> Iterator[Serving]:
    with authority.serving() as served:
        yield served


@pytest.fixture(scope="session")
def image() -> bytes:
    return builder.file(builder.image())


def codes(data: Any, **options: Any) -> set[str]:
    (signature,) = dcmseal.verify(data, **options).signatures
    return {each.code for each in signature.findings if each.aspect is Aspect.TIMESTAMP}


def value_of(data: bytes) -> bytes:
    return bytes(dcmseal.signatures(data)[0].content.value)


def with_token(data: bytes, token: bytes, type_: str = "CMS_TSP") -> bytes:
    """The signed file with a timestamp that nobody has looked at."""
    dataset = pydicom.dcmread(BytesIO(data))
    item = dataset[0xFFFAFFFA][0]
    if type_:
        item.add_new(0x04000305, "CS", type_)
    item.add_new(0x04000310, "OB", token + bytes(len(token) % 2))
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_signature_is_made_with_its_timestamp(pki: Pki, served: Serving, image: bytes, signer: str) -> None:
    result = dcmseal.sign(image, signer=signer_of(pki[signer]), timestamp=served.url)
    assert result.data is not None
    assert result.certified is not None
    assert result.certified.time is not None
    report = dcmseal.verify(result.data, integrity_only=True, timestamp="require")
    (verified,) = report.signatures
    assert report.verdict is Verdict.VALID
    assert {each.code for each in verified.findings if each.aspect is Aspect.TIMESTAMP} == SOUND
    assert verified.certified == result.certified.time
    # who vouches for the authority is open, and so is what it certifies
    assert verified.outcome(Aspect.TIMESTAMP) is Outcome.UNKNOWN


@pytest.mark.parametrize("odd", [False, True])
def test_a_der_value_of_odd_length_is_certified_without_its_padding(
    pki: Pki, served: Serving, image: bytes, odd: bool
) -> None:
    while True:
        data = signed(image, pki["p256"])
        value = value_of(data)
        if (value[1] + 2 != len(value)) == odd:
            break
    result = dcmseal.add_timestamp(data, served.url)
    assert codes(result.data) == SOUND


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "JPEG2000.dcm"]
)
def test_a_timestamp_added_later_leaves_every_other_byte(pki: Pki, served: Serving, name: str) -> None:
    data = signed(real_file(name).data, pki["rsa2048"])
    result = dcmseal.add_timestamp(data, served.url)
    assert result.data is not None
    assert codes(result.data) == SOUND
    before, after = (pydicom.dcmread(BytesIO(each)) for each in (data, result.data))
    item = after[0xFFFAFFFA][0]
    assert item[0x04000305].value == "CMS_TSP"
    del item[0x04000305], item[0x04000310]
    assert before == after
    removed = dcmseal.remove(result.data).data
    assert removed == dcmseal.remove(data).data


@pytest.mark.parametrize("undefined", [False, True])
def test_lengths_around_a_timestamp_are_corrected(pki: Pki, served: Serving, undefined: bool) -> None:
    """Also where the signature stands in an item, and sequences have lengths of either kind."""
    plan = real_file("rtplan.dcm").data
    data = signed(signed(plan, pki["p256"], location="BeamSequence[0]"), pki["rsa2048"])
    if undefined:
        dataset = pydicom.dcmread(BytesIO(data))
        sequences: Any = (dataset[0x300A00B0], dataset[0xFFFAFFFA], dataset[0x300A00B0][0][0xFFFAFFFA])
        for sequence in sequences:
            sequence.is_undefined_length = True
            for item in sequence:
                item.is_undefined_length_sequence_item = True
        out = BytesIO()
        dataset.save_as(out)
        data = out.getvalue()
    for each in dcmseal.signatures(data):
        stamped = dcmseal.add_timestamp(data, served.url, uid=each.uid).data
        assert stamped is not None
        data = stamped
    report = dcmseal.verify(data, integrity_only=True, timestamp="require")
    assert report.verdict is Verdict.VALID
    assert [each.certified is not None for each in report.signatures] == [True, True]


def test_a_pydicom_dataset_is_stamped_in_place(pki: Pki, served: Serving) -> None:
    dataset = pydicom.dcmread(real_file("rtplan.dcm").path)
    dcmseal.sign(dataset, signer=signer_of(pki["p256"]), timestamp=served.url)
    dcmseal.sign(dataset, signer=signer_of(pki["p256"]), location="BeamSequence[0]")
    (nested,) = (each for each in dcmseal.signatures(dataset) if each.location.steps)
    assert dcmseal.add_timestamp(dataset, served.url, uid=nested.uid).data is None
    report = dcmseal.verify(dataset, integrity_only=True, timestamp="require")
    assert (report.verdict, len(report.signatures)) == (Verdict.VALID, 2)


def test_two_steps_need_no_network(pki: Pki, authority: Authority, image: bytes) -> None:
    data = signed(signed(image, pki["p256"], tags=["PatientID"]), pki["rsa2048"])
    first, second = (each.uid for each in dcmseal.signatures(data))
    query = dcmseal.timestamp_query(data, uid=second)
    answer = authority.reply(query)
    # the signature is the one that the answer is about
    result = dcmseal.attach_timestamp(data, answer, query=query)
    assert result.uid == second
    assert result.data is not None
    assert [each.certified is not None for each in dcmseal.verify(result.data).signatures] == [False, True]
    with pytest.raises(TimestampRejected, match="something else"):
        dcmseal.attach_timestamp(data, answer, query=query, uid=first)
    with pytest.raises(TimestampRejected, match="nonce"):
        dcmseal.attach_timestamp(data, answer, query=dcmseal.timestamp_query(data, uid=second))
    with pytest.raises(UsageError, match="already"):
        dcmseal.attach_timestamp(result.data, answer, uid=second)
    again = dcmseal.attach_timestamp(result.data, answer, uid=second, replace=True)
    assert again.data == result.data


def test_which_signature_is_meant_has_to_be_known(pki: Pki, served: Serving, image: bytes) -> None:
    twice = signed(signed(image, pki["p256"]), pki["p256"])
    for ask in (dcmseal.timestamp_query, lambda data: dcmseal.add_timestamp(data, served.url)):
        with pytest.raises(UsageError, match="2 signatures"):
            ask(twice)
        with pytest.raises(NoSuchSignature):
            ask(image)
    with pytest.raises(NoSuchSignature):
        dcmseal.timestamp_query(twice, uid="2.25.1")
    with pytest.raises(UsageError, match="no timestamp authority"):
        dcmseal.add_timestamp(twice, ())


def test_the_next_authority_is_asked_when_one_fails(pki: Pki, served: Serving, image: bytes) -> None:
    with serving(lambda *_: (404, {}, b"")) as gone, serving(lambda *_: (200, {}, b"<html>")) as broken:
        wish = TimestampWish(urls=(gone.url, broken.url, served.url), patience=Patience(attempts=1))
        result = dcmseal.sign(image, signer=signer_of(pki["p256"]), timestamp=wish)
        assert [len(each.asked) for each in (gone, broken, served)] == [1, 1, 1]
        assert codes(result.data) == SOUND
        with pytest.raises(TimestampError, match=r"status 404.*cannot be used"):
            dcmseal.sign(image, signer=signer_of(pki["p256"]), timestamp=[gone.url, broken.url])


def test_nothing_is_written_without_a_sound_timestamp(
    pki: Pki, authority: Authority, image: bytes, tmp_path: Any
) -> None:
    """An authority that answers with a timestamp over something else, however well signed, is not believed."""

    def old(_: int, __: object) -> Any:
        return 200, {}, response(authority.token(b"something else"))

    target = tmp_path / "signed.dcm"
    wish = TimestampWish(urls=("",), query=QueryWish(nonce=False))
    with authority.serving(old) as fake, pytest.raises(TimestampRejected) as caught:
        dcmseal.sign(image, signer=signer_of(pki["p256"]), timestamp=replace(wish, urls=(fake.url,)), output=target)
    assert [each.code for each in caught.value.findings] == ["timestamp-other-query"]
    assert list(tmp_path.iterdir()) == []


def test_a_clock_that_is_ahead_is_noticed_when_signing(pki: Pki, served: Serving, image: bytes) -> None:
    data = signed_at(image, pki["p256"], dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    with pytest.raises(TimestampRejected) as caught:
        dcmseal.add_timestamp(data, served.url)
    assert [each.code for each in caught.value.findings] == ["timestamp-before-signing"]


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
    pki: Pki, authority: Authority, image: bytes, signer: str, moment: dt.datetime, code: str, outcome: Outcome
) -> None:
    data = signed_at(image, pki[signer], NOW)
    stamped = with_token(data, forged(authority, value_of(data), moment=moment))
    (report,) = dcmseal.verify(stamped, integrity_only=True).signatures
    found = {each.code: each for each in report.findings}
    assert found[code].outcome is outcome
    assert (report.certified is None) == (outcome is Outcome.FAILED)
    if outcome is Outcome.FAILED:
        assert report.verdict(integrity_only=True) is Verdict.INVALID


def test_an_expired_certificate_was_valid_when_the_time_was_certified(pki: Pki, authority: Authority) -> None:
    """The signature is as good as it was then."""
    moment = dt.datetime(2024, 1, 15, tzinfo=dt.UTC)
    data = signed_at(builder.file(builder.image()), pki["expired"], moment)
    stamped = with_token(data, forged(authority, value_of(data), moment=moment + dt.timedelta(seconds=3)))
    report = dcmseal.verify(stamped, integrity_only=True, timestamp="require")
    assert report.verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("token", "type_", "code", "verdict"),
    [
        (b"0\x03abc", "CMS_TSP", "timestamp-unreadable", "not-established"),
        (b"", "CMS_TSP", "timestamp-empty", "not-established"),
        (b"0\x03abc", "CMS_TS", "timestamp-not-verifiable", "not-established"),
        (b"0\x03abc", "", "timestamp-not-verifiable", "not-established"),
        (None, "", None, "invalid"),
    ],
)
def test_what_is_no_timestamp_is_missed_only_where_one_is_required(
    pki: Pki, image: bytes, token: bytes | None, type_: str, code: str | None, verdict: str
) -> None:
    data = signed(image, pki["p256"])
    if token is not None:
        data = with_token(data, token, type_)
    assert codes(data) == ({code} if code else set())
    assert codes(data, timestamp="ignore") == set()
    for rule in ("verify", "ignore"):
        report = dcmseal.verify(data, integrity_only=True, timestamp=rule)
        assert (report.verdict, report.unmet) == (Verdict.VALID, ())
    required = dcmseal.verify(data, integrity_only=True, timestamp="require")
    assert required.verdict.value == verdict
    # the signature itself is as good as it was
    assert required.signatures[0].verdict(integrity_only=True) is Verdict.VALID
    assert [(each.code, each.where) for each in required.unmet] == [
        ("timestamp-not-established" if code else "timestamp-absent", required.signatures[0].signature.uid)
    ]


def test_every_signature_has_to_have_a_required_timestamp(pki: Pki, served: Serving, image: bytes) -> None:
    twice = signed(signed(image, pki["p256"]), pki["p256"])
    first, second = (each.uid for each in dcmseal.signatures(twice))
    once = dcmseal.add_timestamp(twice, served.url, uid=first).data
    assert once is not None
    report = dcmseal.verify(once, integrity_only=True, timestamp="require")
    assert [(each.code, each.where) for each in report.unmet] == [("timestamp-absent", second)]
    assert report.verdict is Verdict.INVALID
    assert dcmseal.verify(once, integrity_only=True, timestamp="require", uid=first).verdict is Verdict.VALID


def test_a_required_timestamp_is_not_established_without_trust_in_its_authority(
    pki: Pki, authority: Authority, image: bytes
) -> None:
    data = signed(image, pki["p256"])
    stamped = with_token(data, authority.token(value_of(data)))
    report = dcmseal.verify(stamped, timestamp="require")
    assert [each.code for each in report.unmet] == ["timestamp-not-established"]
    assert report.verdict is Verdict.NOT_ESTABLISHED
    # weak digests are no question of trust
    weak = with_token(data, authority.token(value_of(data), digest="sha1"))
    assert dcmseal.verify(weak, integrity_only=True, timestamp="require").verdict is Verdict.NOT_ESTABLISHED


def test_certificates_of_authorities_may_be_given(pki: Pki, authority: Authority, image: bytes) -> None:
    data = signed(image, pki["p256"])
    stamped = with_token(data, authority.token(value_of(data), embedded=()))
    assert "tsa-certificate-missing" in codes(stamped)
    assert codes(stamped, timestamp_certificates=[pki["p384"].der, authority.der]) == SOUND


def test_a_trust_source_can_judge_the_authority(pki: Pki, authority: Authority, image: bytes) -> None:
    data = signed(image, pki["p256"])
    stamped = with_token(data, authority.token(value_of(data), embedded=(authority.der, pki.root.der)))
    asked: list[CertifiedTime] = []

    def vouch(time: CertifiedTime) -> tuple[Finding, ...]:
        asked.append(time)
        return (Finding(aspect=Aspect.TIMESTAMP, outcome=Outcome.PASSED, code="x", message="trusted"),)

    signature = dcmseal.signatures(stamped)[0].content
    answer = timestamp_answer(signature, None, TimestampQuestion(vouch=vouch))
    assert [each.code for each in answer.vouching] == ["x"]
    assert [(time.moment, time.authority, time.others) for time in asked] == [(NOW, authority.der, (pki.root.der,))]


class Inventive:
    """A backend that finds a time in anything."""

    type = "CMS_TSP"
    summary = "made up"

    def __init__(self, judgement: Any) -> None:
        self.judgement = judgement

    def query(self, *_: object) -> bytes:
        return b"0"

    ask = accept = query

    def judge(self, *_: object) -> Any:
        if isinstance(self.judgement, Exception):
            raise self.judgement
        return self.judgement


@pytest.mark.parametrize(
    "judgement",
    [
        None,
        RuntimeError("hunter2"),
        TimestampJudgement(findings=(Finding(aspect=Aspect.TRUST, outcome=Outcome.PASSED, code="x", message=""),)),
        TimestampJudgement(findings=[]),  # type: ignore[arg-type]
        TimestampJudgement(findings=(), time="now"),  # type: ignore[arg-type]
    ],
)
def test_a_plugin_that_answers_nonsense_is_not_believed(pki: Pki, image: bytes, judgement: Any) -> None:
    data = with_token(signed(image, pki["p256"]), b"0\0")
    module = plugin("inventive", dcmseal_timestamp_backends=lambda: (Inventive(judgement),))
    (report,) = dcmseal.verify(data, registry=Registry.of(module)).signatures
    (finding,) = (each for each in report.findings if each.aspect is Aspect.TIMESTAMP)
    assert (finding.code, finding.outcome) == ("timestamp-not-verifiable", Outcome.UNKNOWN)
    assert "hunter2" not in finding.message


def test_rules_for_timestamps_are_three(image: bytes) -> None:
    with pytest.raises(UsageError, match="'always'"):
        dcmseal.verify(image, timestamp="always")


def test_an_authority_that_is_trusted_makes_the_time_count(pki: Pki, served: Serving, image: bytes) -> None:
    result = dcmseal.sign(image, signer=signer_of(pki["rsa2048"]), timestamp=served.url)
    trusted = TrustSettings(anchors=(str(pki.root.certificate_pem),))
    report = dcmseal.verify(result.data or b"", trust=trusted, timestamp="require")
    (verified,) = report.signatures
    assert report.verdict is Verdict.VALID
    assert verified.outcome(Aspect.TIMESTAMP) is Outcome.PASSED
    assert "tsa-trusted" in codes(result.data, trust=trusted)
    assert verified.trust is not None
    assert verified.certified is not None
    assert verified.trust.basis is TimeBasis.CERTIFIED
    assert verified.trust.moment == verified.certified.moment


def test_an_authority_that_nobody_trusts_makes_it_invalid(pki: Pki, served: Serving, image: bytes) -> None:
    result = dcmseal.sign(image, signer=signer_of(pki["rsa2048"]), timestamp=served.url)
    signer_only = TrustSettings(anchors=(str(pki["rsa2048"].certificate_pem),))
    report = dcmseal.verify(result.data or b"", trust=signer_only)
    (verified,) = report.signatures
    assert "tsa-untrusted" in codes(result.data, trust=signer_only)
    assert verified.outcome(Aspect.TRUST) is Outcome.PASSED
    assert verified.trust is not None
    assert verified.trust.basis is TimeBasis.CLAIMED
    assert report.verdict is Verdict.INVALID
