"""Timestamps by certomancer's authorities: good ones, and each way in which one can be wrong or false."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal.cli.main import main
from dcmseal.errors import TimestampError, TimestampRejected
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.timestamp_backend import RetryPolicy, TimestampQuery
from dcmseal.plugins.trust import TrustSettings
from tests.interop.conftest import STAMPED, Stamp, token_of
from tests.support.independent_pki import NOW, SIGNED, IndependentPki, utc_date
from tests.support.real_files import real_file

SOUND = {"timestamp-imprint-matches", "timestamp-signature-valid", "timestamp-in-time"}


@pytest.fixture
def verify(independent: IndependentPki) -> Callable[..., dict[str, Outcome]]:
    """The findings about the timestamp."""

    def verify(data: bytes, **settings: Any) -> dict[str, Outcome]:
        trust = TrustSettings(
            **{
                "anchors": independent.pem("root"),
                "intermediates": independent.pem("issuing"),
                "fetch": True,
                "now": NOW,
                **settings,
            }
        )
        (signature,) = dcmseal.verify(data, trust=trust).signatures
        return {each.code: each.outcome for each in signature.findings if each.aspect is Aspect.TIMESTAMP}

    return verify


Verify = Callable[..., dict[str, Outcome]]


def test_good(stamp: Stamp, verify: Verify) -> None:
    assert verify(stamp("tsa")) == dict.fromkeys({*SOUND, "tsa-trusted"}, Outcome.PASSED)


def test_good_with_the_certificates_of_the_token(stamp: Stamp, verify: Verify) -> None:
    """The intermediate is in the token, and none is at hand."""
    assert verify(stamp("tsa"), intermediates=())["tsa-trusted"] is Outcome.PASSED


def test_made_while_signing(independent: IndependentPki) -> None:
    independent.live_at(dt.datetime.now(dt.UTC))
    signer = independent.identity("good")
    key = f"pem:{signer.key_pem}?cert={signer.certificate_pem}"
    data = dcmseal.sign(real_file("CT_small.dcm").data, key=key, timestamp=independent.tsa("tsa")).data
    assert data is not None
    trust = TrustSettings(anchors=independent.pem("root"), intermediates=independent.pem("issuing"), fetch=True)
    assert dcmseal.verify(data, trust=trust, timestamp="require").verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("service", "code"),
    [("without-usage", "tsa-usage-wrong"), ("not-critical", "tsa-usage-not-critical")],
)
def test_a_certificate_that_is_not_for_timestamps(
    stamp: Stamp, verify: Verify, independent: IndependentPki, signed_by: Callable[[str], Path], service: str, code: str
) -> None:
    found = verify(stamp(service))
    assert {each for each, outcome in found.items() if outcome is Outcome.FAILED} == {code}
    independent.live_at(STAMPED)
    with pytest.raises(TimestampRejected) as caught:
        dcmseal.add_timestamp(signed_by("good").read_bytes(), independent.tsa(service))
    assert [each.code for each in caught.value.findings] == [code]


def test_an_authority_of_a_stranger(stamp: Stamp, verify: Verify) -> None:
    """Its root is in the token, and not trusted for that."""
    assert verify(stamp("of-stranger"))["tsa-trust-not-established"] is Outcome.UNKNOWN


def test_an_authority_that_was_revoked(stamp: Stamp, verify: Verify) -> None:
    assert verify(stamp("revoked"))["tsa-revoked"] is Outcome.FAILED


def test_no_anchor_at_all(stamp: Stamp) -> None:
    (signature,) = dcmseal.verify(stamp("tsa"), integrity_only=True).signatures
    assert "tsa-trust-unknown" in {each.code for each in signature.findings}


def test_an_imprint_of_something_else(stamp: Stamp, verify: Verify, signed_by: Callable[[str], Path]) -> None:
    assert verify(stamp("tsa", over=signed_by("listed")))["timestamp-imprint-differs"] is Outcome.FAILED


def test_an_answer_that_was_recorded(independent: IndependentPki, signed_by: Callable[[str], Path]) -> None:
    """A replayed answer of the authority: for the same value, with another nonce."""
    data = signed_by("good").read_bytes()
    earlier = token_of(independent, "tsa", dcmseal.build_timestamp_query(data), STAMPED)
    for request, code in (
        (TimestampQuery(), "timestamp-nonce-differs"),
        (TimestampQuery(policy="1.2.3"), "timestamp-nonce-differs"),
    ):
        with pytest.raises(TimestampRejected) as caught:
            dcmseal.attach_timestamp(data, earlier, query=dcmseal.build_timestamp_query(data, query_options=request))
        assert [each.code for each in caught.value.findings] == [code]


def test_an_authority_that_ignores_the_policy(independent: IndependentPki, signed_by: Callable[[str], Path]) -> None:
    independent.live_at(STAMPED)
    request = dcmseal.TimestampRequest(urls=(independent.tsa("tsa"),), query=TimestampQuery(policy="1.2.3"))
    with pytest.raises(TimestampRejected) as caught:
        dcmseal.add_timestamp(signed_by("good").read_bytes(), request)
    assert [each.code for each in caught.value.findings] == ["timestamp-policy-differs"]


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (SIGNED - dt.timedelta(hours=1), "timestamp-before-signing"),
        (SIGNED - dt.timedelta(days=3650), "tsa-certificate-out-of-date"),
        (utc_date(2031), "timestamp-after-expiry"),
    ],
)
def test_a_clock_that_is_wrong(stamp: Stamp, verify: Verify, at: dt.datetime, code: str) -> None:
    assert verify(stamp("tsa", at))[code] is Outcome.FAILED


def test_an_authority_that_is_down(independent: IndependentPki, signed_by: Callable[[str], Path]) -> None:
    independent.answers["tsa/tsa"] = lambda: ("503 Service Unavailable", [], [])
    request = dcmseal.TimestampRequest(urls=(independent.tsa("tsa"),), retry_policy=RetryPolicy(attempts=1))
    with pytest.raises(TimestampError, match="503"):
        dcmseal.add_timestamp(signed_by("good").read_bytes(), request)


def test_on_the_command_line(
    independent: IndependentPki, signed_by: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, stamped, bad = str(signed_by("good")), tmp_path / "stamped.dcm", tmp_path / "bad.dcm"
    independent.live_at(STAMPED)
    assert main(["timestamp", "add", source, str(stamped), "--timestamp", independent.tsa("tsa")]) == 0
    trust = ["--trust-anchor", *independent.pem("root"), "--intermediate", *independent.pem("issuing")]
    assert main(["verify", str(stamped), *trust, "--timestamp-mode", "require"]) == 0
    capsys.readouterr()
    assert main(["timestamp", "add", source, str(bad), "--timestamp", independent.tsa("not-critical")]) == 6
    assert "critical" in capsys.readouterr().err
    assert not bad.exists()
