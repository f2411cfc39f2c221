"""Certified timestamps of signatures: made with them, added later, in one step or two."""

from __future__ import annotations

import datetime as dt
from io import BytesIO
from typing import Any

import pydicom
import pytest
from msgspec.structs import replace

import dcmseal
from dcmseal import Aspect, Outcome, TimestampRequest, Verdict, tags
from dcmseal.errors import NoSuchSignature, TimestampError, TimestampRejected, UsageError
from dcmseal.plugins.timestamp_backend import RetryPolicy, TimestampQuery
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import build_signer, sign_at, sign_dataset
from tests.support.timestamped import SOUND, signature_value, timestamp_codes
from tests.support.tsa import RunningAuthority, TimestampAuthority, make_refusal, make_response, serving

SIGNERS = ("rsa2048", "p256", "p521", "dsa2048")


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_signature_is_made_with_its_timestamp(pki: Pki, served: RunningAuthority, plain: bytes, signer: str) -> None:
    result = dcmseal.sign(plain, signer=build_signer(pki[signer]), timestamp=served.url)
    assert result.data is not None
    assert result.certified is not None
    assert result.certified.time is not None
    report = dcmseal.verify(result.data, integrity_only=True, timestamp="require")
    (verified,) = report.signatures
    assert report.verdict is Verdict.VALID
    assert {each.code for each in verified.findings if each.aspect is Aspect.TIMESTAMP} == SOUND
    assert verified.certified_time == result.certified.time
    # who vouches for the authority is open, and so is what it certifies
    assert verified.outcome(Aspect.TIMESTAMP) is Outcome.UNKNOWN


@pytest.mark.parametrize("odd", [False, True])
def test_a_der_value_of_odd_length_is_certified_without_its_padding(
    pki: Pki, served: RunningAuthority, plain: bytes, odd: bool
) -> None:
    while True:
        data = sign_dataset(plain, pki["p256"])
        value = signature_value(data)
        if (value[1] + 2 != len(value)) == odd:
            break
    result = dcmseal.add_timestamp(data, served.url)
    assert timestamp_codes(result.data) == SOUND


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "JPEG2000.dcm"]
)
def test_a_timestamp_added_later_leaves_every_other_byte(pki: Pki, served: RunningAuthority, name: str) -> None:
    data = sign_dataset(real_file(name).data, pki["rsa2048"])
    result = dcmseal.add_timestamp(data, served.url)
    assert result.data is not None
    assert timestamp_codes(result.data) == SOUND
    before, after = (pydicom.dcmread(BytesIO(each)) for each in (data, result.data))
    item = after[tags.DIGITAL_SIGNATURES_SEQUENCE][0]
    assert item[tags.CERTIFIED_TIMESTAMP_TYPE].value == "CMS_TSP"
    del item[tags.CERTIFIED_TIMESTAMP_TYPE], item[tags.CERTIFIED_TIMESTAMP]
    assert before == after
    removed = dcmseal.remove(result.data).data
    assert removed == dcmseal.remove(data).data


@pytest.mark.parametrize("undefined", [False, True])
def test_lengths_around_a_timestamp_are_corrected(pki: Pki, served: RunningAuthority, undefined: bool) -> None:
    """Also where the signature stands in an item, and sequences have lengths of either kind."""
    plan = real_file("rtplan.dcm").data
    data = sign_dataset(sign_dataset(plan, pki["p256"], location="BeamSequence[0]"), pki["rsa2048"])
    if undefined:
        dataset = pydicom.dcmread(BytesIO(data))
        sequences: Any = (
            dataset[t.BEAM_SEQUENCE],
            dataset[tags.DIGITAL_SIGNATURES_SEQUENCE],
            dataset[t.BEAM_SEQUENCE][0][tags.DIGITAL_SIGNATURES_SEQUENCE],
        )
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
    assert [each.certified_time is not None for each in report.signatures] == [True, True]


def test_a_pydicom_dataset_is_stamped_in_place(pki: Pki, served: RunningAuthority) -> None:
    dataset = pydicom.dcmread(real_file("rtplan.dcm").path)
    dcmseal.sign(dataset, signer=build_signer(pki["p256"]), timestamp=served.url)
    dcmseal.sign(dataset, signer=build_signer(pki["p256"]), location="BeamSequence[0]")
    (nested,) = (each for each in dcmseal.signatures(dataset) if each.location.steps)
    assert dcmseal.add_timestamp(dataset, served.url, uid=nested.uid).data is None
    report = dcmseal.verify(dataset, integrity_only=True, timestamp="require")
    assert (report.verdict, len(report.signatures)) == (Verdict.VALID, 2)


def test_two_steps_need_no_network(pki: Pki, authority: TimestampAuthority, plain: bytes) -> None:
    data = sign_dataset(sign_dataset(plain, pki["p256"], tags=["PatientID"]), pki["rsa2048"])
    first, second = (each.uid for each in dcmseal.signatures(data))
    query = dcmseal.build_timestamp_query(data, uid=second)
    answer = authority.reply(query)
    # the signature is the one that the answer is about
    result = dcmseal.attach_timestamp(data, answer, query=query)
    assert result.uid == second
    assert result.data is not None
    assert [each.certified_time is not None for each in dcmseal.verify(result.data).signatures] == [False, True]
    with pytest.raises(TimestampRejected, match="not made for this signature"):
        dcmseal.attach_timestamp(data, answer, query=query, uid=first)
    with pytest.raises(TimestampRejected, match="nonce"):
        dcmseal.attach_timestamp(data, answer, query=dcmseal.build_timestamp_query(data, uid=second))
    with pytest.raises(UsageError, match="already"):
        dcmseal.attach_timestamp(result.data, answer, uid=second)
    again = dcmseal.attach_timestamp(result.data, answer, uid=second, replace=True)
    assert again.data == result.data


def test_which_signature_is_meant_has_to_be_known(pki: Pki, served: RunningAuthority, plain: bytes) -> None:
    twice = sign_dataset(sign_dataset(plain, pki["p256"]), pki["p256"])
    for ask in (dcmseal.build_timestamp_query, lambda data: dcmseal.add_timestamp(data, served.url)):
        with pytest.raises(UsageError, match="2 signatures"):
            ask(twice)
        with pytest.raises(NoSuchSignature):
            ask(plain)
    with pytest.raises(NoSuchSignature):
        dcmseal.build_timestamp_query(twice, uid="2.25.1")
    with pytest.raises(UsageError, match="no timestamp authority"):
        dcmseal.add_timestamp(twice, ())


def test_the_next_authority_is_asked_when_one_fails(pki: Pki, served: RunningAuthority, plain: bytes) -> None:
    with serving(lambda *_: (404, {}, b"")) as gone, serving(lambda *_: (200, {}, b"<html>")) as broken:
        wish = TimestampRequest(urls=(gone.url, broken.url, served.url), retry_policy=RetryPolicy(attempts=1))
        result = dcmseal.sign(plain, signer=build_signer(pki["p256"]), timestamp=wish)
        assert [len(each.queries) for each in (gone, broken, served)] == [1, 1, 1]
        assert timestamp_codes(result.data) == SOUND
        with pytest.raises(TimestampError, match=r"status 404.*not an RFC 3161 timestamp"):
            dcmseal.sign(plain, signer=build_signer(pki["p256"]), timestamp=[gone.url, broken.url])


def test_of_many_files_only_the_first_waits_for_an_authority_that_is_silent(
    pki: Pki, served: RunningAuthority, plain: bytes
) -> None:
    now = 0.0
    backoff = dcmseal.AuthorityBackoff(clock=lambda: now)
    with serving(lambda *_: (503, {}, b"")) as silent, serving(lambda *_: (200, {}, make_refusal())) as refusing:
        wish = TimestampRequest(
            urls=(silent.url, refusing.url, served.url), retry_policy=RetryPolicy(attempts=1), backoff=backoff
        )
        for _ in range(3):
            assert dcmseal.sign(plain, signer=build_signer(pki["p256"]), timestamp=wish).certified is not None
        # who refuses this signature may certify the next
        assert [len(each.queries) for each in (silent, refusing, served)] == [1, 3, 3]
        alone = replace(wish, urls=(silent.url,))
        with pytest.raises(TimestampError, match="did not respond less than"):
            dcmseal.sign(plain, signer=build_signer(pki["p256"]), timestamp=alone)
        assert len(silent.queries) == 1
        now = backoff.seconds
        with pytest.raises(TimestampError, match="503"):
            dcmseal.sign(plain, signer=build_signer(pki["p256"]), timestamp=alone)
        assert len(silent.queries) == 2


def test_nothing_is_written_without_a_sound_timestamp(
    pki: Pki, authority: TimestampAuthority, plain: bytes, tmp_path: Any
) -> None:
    """An authority that answers with a timestamp over something else, however well signed, is not believed."""

    def old(_: int, __: object) -> Any:
        return 200, {}, make_response(authority.token(b"something else"))

    target = tmp_path / "signed.dcm"
    wish = TimestampRequest(urls=("",), query=TimestampQuery(nonce=False))
    with authority.serving(old) as fake, pytest.raises(TimestampRejected) as caught:
        dcmseal.sign(plain, signer=build_signer(pki["p256"]), timestamp=replace(wish, urls=(fake.url,)), output=target)
    assert [each.code for each in caught.value.findings] == ["timestamp-other-query"]
    assert list(tmp_path.iterdir()) == []


def test_a_clock_that_is_ahead_is_noticed_when_signing(pki: Pki, served: RunningAuthority, plain: bytes) -> None:
    data = sign_at(plain, pki["p256"], dt.datetime.now(dt.UTC) + dt.timedelta(hours=1))
    with pytest.raises(TimestampRejected) as caught:
        dcmseal.add_timestamp(data, served.url)
    assert [each.code for each in caught.value.findings] == ["timestamp-before-signing"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"moment": dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(hours=1)}, "timestamp-in-future"),
        ({"embedded": ()}, "tsa-certificate-missing"),
        ({"digest": "sha1"}, "timestamp-weak"),
    ],
)
def test_attaching_an_unverifiable_timestamp_warns(
    pki: Pki, authority: TimestampAuthority, plain: bytes, wrong: dict[str, Any], code: str
) -> None:
    """It is attached, and verification will not accept it."""
    data = sign_dataset(plain, pki["p256"])
    attached = dcmseal.attach_timestamp(data, authority.token(signature_value(data), **wrong))
    assert attached.data is not None
    assert code in timestamp_codes(attached.data)
    assert dcmseal.verify(attached.data, integrity_only=True).verdict is Verdict.NOT_ESTABLISHED
    assert [each.code for each in attached.warnings] == ["timestamp-not-accepted"]


def test_signing_with_an_unverifiable_timestamp_warns(pki: Pki, served: RunningAuthority, plain: bytes) -> None:
    wish = TimestampRequest(urls=(served.url,), query=TimestampQuery(certificates=False))
    result = dcmseal.sign(plain, signer=build_signer(pki["p256"]), timestamp=wish)
    assert [each.code for each in result.warnings] == ["timestamp-not-accepted"]
    sound = dcmseal.sign(plain, signer=build_signer(pki["p256"]), timestamp=served.url)
    assert sound.warnings == ()
