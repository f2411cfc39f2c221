"""Trust in signers whom certomancer certified: each way in which it can go, over a file that was really signed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal.cli.main import main
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import RevocationMode, Strictness, TrustSettings
from tests.support.independent_pki import NOW, SIGNED, IndependentPki, utc_date

Site = Callable[..., dict[str, Outcome]]
BEFORE_IT_WAS_REVOKED = utc_date(2024, 12)


@pytest.fixture
def site(independent: IndependentPki, signed_by: Callable[[str], Path]) -> Site:
    """The findings about trust in a signer, for a site that trusts the root and knows the intermediate."""

    def verify(label: str, *, file: Path | None = None, **settings: Any) -> dict[str, Outcome]:
        settings = {"anchors": independent.pem("root"), "intermediates": independent.pem("issuing"), **settings}
        report = dcmseal.verify(file or signed_by(label), trust=TrustSettings(**{"now": NOW, **settings}))
        (signature,) = report.signatures
        return {each.code: each.outcome for each in signature.findings if each.aspect is Aspect.TRUST}

    return verify


def worst(found: dict[str, Outcome]) -> Outcome:
    outcomes = set(found.values())
    return next(each for each in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED) if each in outcomes)


GOOD = {"leads-to-anchor": Outcome.PASSED, "not-revoked": Outcome.PASSED}


def test_good_by_ocsp_over_http(site: Site, independent: IndependentPki) -> None:
    assert site("good", fetch=True) == GOOD
    # the signer by OCSP, its issuer by the CRL that its certificate names
    assert independent.asked == ["ocsp/issuing", "crls/root/latest.crl"]


def test_good_by_crls_over_http(site: Site, independent: IndependentPki) -> None:
    assert site("listed", fetch=True) == GOOD
    assert independent.asked == ["crls/issuing/latest.crl", "crls/root/latest.crl"]


def test_good_by_files(site: Site, independent: IndependentPki) -> None:
    crls = (independent.crl("root"), independent.crl("issuing"))
    independent.asked.clear()
    assert site("good", crls=crls) == GOOD
    assert site("good", crls=crls[:1], ocsp_responses=(independent.ocsp("issuing", "good"),)) == GOOD


def test_an_answer_of_a_moment_with_fractions_of_a_second(site: Site, independent: IndependentPki) -> None:
    """As responders by the clock give them."""
    independent.live_at(NOW - dt.timedelta(microseconds=1))
    assert site("good", fetch=True) == GOOD


@pytest.mark.parametrize("by", ["ocsp", "crl"])
def test_revoked_before_it_signed(site: Site, independent: IndependentPki, by: str) -> None:
    if by == "crl":
        found = site("revoked-before", crls=(independent.crl("root"), independent.crl("issuing")))
    else:
        found = site("revoked-before", fetch=True)
    assert found == {"leads-to-anchor": Outcome.PASSED, "revoked": Outcome.FAILED, "not-revoked": Outcome.PASSED}


def test_revoked_since_a_time_that_is_only_claimed(site: Site) -> None:
    found = site("revoked-since", fetch=True)
    assert found["revoked-since"] is Outcome.UNKNOWN
    assert site("revoked-since", fetch=True, claimed_time=Strictness.REFUSE)["revoked-since"] is Outcome.FAILED


def test_revoked_since_and_asked_about_before(site: Site, independent: IndependentPki) -> None:
    independent.live_at(BEFORE_IT_WAS_REVOKED)
    assert site("revoked-since", fetch=True, now=BEFORE_IT_WAS_REVOKED) == GOOD


def test_revoked_since_the_certified_time(
    site: Site, independent: IndependentPki, signed_by: Callable[[str], Path], tmp_path: Path
) -> None:
    stamped = certified(independent, signed_by("revoked-since"), tmp_path)
    found = site("revoked-since", file=stamped, fetch=True)
    assert found == {
        "leads-to-anchor": Outcome.PASSED,
        "revoked-since": Outcome.PASSED,
        "not-revoked": Outcome.PASSED,
    }


def test_expired_since_a_time_that_is_only_claimed(site: Site, independent: IndependentPki) -> None:
    of_then = (independent.crl("root"), independent.crl("issuing", utc_date(2024, 6)))
    found = site("short-lived", crls=of_then)
    assert found["expired-since"] is Outcome.UNKNOWN
    assert worst(found) is Outcome.UNKNOWN


def test_expired_since_the_certified_time(
    site: Site, independent: IndependentPki, signed_by: Callable[[str], Path], tmp_path: Path
) -> None:
    # of then for the signer, of today for the others
    crls = (independent.crl("root"), independent.crl("issuing", utc_date(2024, 6)), independent.crl("issuing"))
    stamped = certified(independent, signed_by("short-lived"), tmp_path)
    found = site("short-lived", file=stamped, crls=crls)
    assert found == {**GOOD, "expired-since": Outcome.PASSED}


def test_not_yet_valid(site: Site) -> None:
    assert site("of-tomorrow") == {"not-yet-valid": Outcome.FAILED}


def test_untrusted_root(site: Site, independent: IndependentPki) -> None:
    found = site("of-stranger", intermediates=independent.pem("issuing", "stranger"), fetch=True)
    assert found == {"untrusted-authority": Outcome.UNKNOWN}
    assert independent.asked == []


def test_missing_intermediate(site: Site, independent: IndependentPki) -> None:
    assert site("good", intermediates=(), fetch=True) == {"issuer-missing": Outcome.UNKNOWN}
    # what a certificate says that leads nowhere makes nothing be fetched
    assert independent.asked == []


def test_missing_intermediate_that_is_fetched(site: Site, independent: IndependentPki) -> None:
    assert site("good", intermediates=(), fetch=True, fetch_issuers=True) == GOOD
    assert independent.asked[0] == "certs/issuing/ca.crt"


def test_a_root_that_is_fetched_is_not_trusted(site: Site, independent: IndependentPki) -> None:
    found = site("good", anchors=independent.pem("stranger"), intermediates=(), fetch_issuers=True)
    assert found == {"untrusted-authority": Outcome.UNKNOWN}
    assert independent.asked == ["certs/issuing/ca.crt", "certs/root/ca.crt"]


def test_wrong_key_usage(site: Site) -> None:
    assert site("encipherer", revocation=RevocationMode.OFF)["wrong-key-usage"] is Outcome.FAILED


def test_wrong_extended_key_usage(site: Site) -> None:
    found = site("mailer", revocation=RevocationMode.OFF, extended_key_usages=frozenset({"code_signing"}))
    assert found["wrong-extended-key-usage"] is Outcome.FAILED
    assert worst(site("mailer", revocation=RevocationMode.OFF)) is Outcome.PASSED


@pytest.mark.parametrize("label", ["of-small-key", "by-sha1"])
def test_weak_chain(site: Site, independent: IndependentPki, label: str) -> None:
    intermediates = independent.pem("issuing", "small")
    found = site(label, intermediates=intermediates, revocation=RevocationMode.OFF)
    assert found.pop("revocation-off") is Outcome.NOT_CHECKED
    assert found == {"leads-to-anchor": Outcome.PASSED, "weak-certificate": Outcome.UNKNOWN}


def test_a_stale_crl(site: Site, independent: IndependentPki) -> None:
    found = site("listed", crls=(independent.crl("root"), independent.crl("issuing", utc_date(2025))))
    assert found["revocation-stale"] is Outcome.UNKNOWN


def test_a_stale_crl_with_a_revocation(site: Site, independent: IndependentPki) -> None:
    crls = (independent.crl("root"), independent.crl("issuing", utc_date(2025)))
    for rule in (RevocationMode.SOFT, RevocationMode.HARD):
        assert site("revoked-before", crls=crls, revocation=rule)["revoked"] is Outcome.FAILED


def test_a_crl_of_another_issuer(site: Site, independent: IndependentPki) -> None:
    found = site("listed", crls=(independent.crl("root"), independent.crl("stranger")))
    assert found["revocation-of-others"] is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("rule", "outcome"), [(RevocationMode.SOFT, Outcome.NOT_CHECKED), (RevocationMode.HARD, Outcome.UNKNOWN)]
)
def test_a_responder_that_is_down(
    site: Site, independent: IndependentPki, rule: RevocationMode, outcome: Outcome
) -> None:
    for path in ("ocsp/issuing", "crls/issuing/latest.crl"):
        independent.answers[path] = lambda: ("503 Service Unavailable", [], [])
    found = site("good", fetch=True, revocation=rule)
    assert found["revocation-unreachable"] is outcome
    assert worst(found) is (Outcome.PASSED if rule is RevocationMode.SOFT else outcome)


def test_nothing_is_known_of_revocation(site: Site) -> None:
    assert site("good", revocation=RevocationMode.HARD)["revocation-unknown"] is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("told-by-stranger", "revocation-responder-unauthorized"),
        ("told-by-unfit", "revocation-responder-unfit"),
    ],
)
def test_a_responder_that_the_issuer_did_not_name(
    site: Site, independent: IndependentPki, label: str, code: str
) -> None:
    independent.answers["crls/issuing/latest.crl"] = lambda: ("404 Not Found", [], [])
    assert site(label, fetch=True)[code] is Outcome.UNKNOWN
    independent.answers.clear()
    # and then the CRL shows it
    assert site(label, fetch=True) == GOOD


def test_an_ocsp_response_and_a_crl_that_say_the_opposite(site: Site, independent: IndependentPki) -> None:
    """A response from before the revocation, which counts for years, does not outweigh the CRL."""
    good = independent.ocsp("lasting", "revoked-since", BEFORE_IT_WAS_REVOKED)
    crls = (independent.crl("root"), independent.crl("issuing"))
    found = site("revoked-since", ocsp_responses=(good,), crls=crls)
    assert found["revoked-since"] is Outcome.UNKNOWN
    good = independent.ocsp("lasting", "revoked-before", utc_date(2023, 12, 31))
    crls = (independent.crl("root", utc_date(2024, 12, 31)), independent.crl("issuing", utc_date(2024, 12, 31)))
    found = site("revoked-before", ocsp_responses=(good,), crls=crls, now=utc_date(2025))
    assert found["revoked"] is Outcome.FAILED
    assert found["revocation-disputed"] is Outcome.UNKNOWN


@pytest.mark.parametrize("turn", [1, -1])
def test_a_revocation_in_one_of_two_ocsp_responses_counts(site: Site, independent: IndependentPki, turn: int) -> None:
    told = [independent.ocsp("lasting", "revoked-since", at) for at in (BEFORE_IT_WAS_REVOKED, NOW)][::turn]
    found = site("revoked-since", ocsp_responses=tuple(told), crls=(independent.crl("root"),))
    assert found["revoked-since"] is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("label", "options", "code", "said"),
    [
        ("good", ["--fetch"], 0, "valid"),
        ("good", ["--fetch", "--revocation", "soft"], 0, "valid"),
        ("revoked-before", ["--fetch"], 1, "revoked"),
        ("revoked-since", ["--fetch"], 4, "revoked-since"),
        ("revoked-since", ["--fetch", "--claimed-time", "refuse"], 1, "revoked-since"),
        ("of-tomorrow", [], 1, "not-yet-valid"),
        ("of-stranger", [], 4, "issuer-missing"),
        ("by-sha1", [], 4, "weak-certificate"),
    ],
)
def test_on_the_command_line(
    independent: IndependentPki,
    signed_by: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    label: str,
    options: list[str],
    code: int,
    said: str,
) -> None:
    independent.live_at(dt.datetime.now(dt.UTC))
    trust = ["--trust-anchor", *independent.pem("root"), "--intermediate", *independent.pem("issuing")]
    assert main(["verify", str(signed_by(label)), *trust, *options]) == code
    assert said in capsys.readouterr().out


def test_a_missing_intermediate_on_the_command_line(
    independent: IndependentPki, signed_by: Callable[[str], Path]
) -> None:
    words = ["verify", str(signed_by("good")), "--trust-anchor", *independent.pem("root"), "--quiet"]
    assert main(words) == 4
    assert independent.asked == []
    assert main([*words, "--fetch-issuers"]) == 0


def test_a_missing_intermediate_as_the_configuration_file_says(
    independent: IndependentPki, signed_by: Callable[[str], Path], tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.touch(0o600)
    words = ["verify", str(signed_by("good")), "--trust", "site", "--config", str(config), "--quiet"]
    for fetch, code in (("false", 4), ("true", 0)):
        (anchor,) = independent.pem("root")
        config.write_text(f"[trust.site]\nanchors = '{anchor}'\nfetch-issuers = {fetch}\n")
        assert main(words) == code


def certified(independent: IndependentPki, file: Path, folder: Path) -> Path:
    """The file with a timestamp of a minute after the signature."""
    independent.live_at(SIGNED + dt.timedelta(minutes=1))
    stamped = folder / "stamped.dcm"
    dcmseal.add_timestamp(file, independent.tsa("tsa"), output=stamped)
    independent.live_at(NOW)
    return stamped


def test_a_verdict_with_everything(
    independent: IndependentPki, signed_by: Callable[[str], Path], tmp_path: Path
) -> None:
    stamped = certified(independent, signed_by("good"), tmp_path)
    trust = TrustSettings(
        anchors=independent.pem("root"), intermediates=independent.pem("issuing"), fetch=True, now=NOW
    )
    report = dcmseal.verify(stamped, trust=trust, timestamp="require")
    assert report.verdict is Verdict.VALID
    (signature,) = report.signatures
    assert signature.trust is not None
    assert (signature.trust.basis, signature.trust.moment) == (TimeBasis.CERTIFIED, SIGNED + dt.timedelta(minutes=1))
