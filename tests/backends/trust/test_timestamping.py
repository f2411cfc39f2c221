"""Trust in timestamp authorities: for timestamps only, through what came with the token, and never because of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ReasonFlags as Reason
from cryptography.x509.oid import ExtendedKeyUsageOID

import dcmseal
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.model.signature import CertifiedTime
from dcmseal.plugins.trust import Strictness, TrustRequest
from tests.backends.trust.trust_pki import NOW, SIGNED, PkiAuthority, Site, make_root, utc_date

STAMPING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)


def vouched(
    site: Site, anchor: PkiAuthority, authority: PkiAuthority, others: tuple[PkiAuthority, ...] = (), **settings: Any
) -> Finding:
    trust = dcmseal.open_trust(site.settings(anchor, now=NOW, **settings))
    time = CertifiedTime(
        moment=SIGNED,
        accuracy=None,
        policy="1.2.3",
        serial_number=1,
        authority=authority.der,
        others=tuple(each.der for each in others),
    )
    (finding,) = trust.evaluate_authority(time)
    assert finding.aspect is Aspect.TIMESTAMP
    return finding


def test_an_authority_for_timestamps(site: Site, ca: PkiAuthority) -> None:
    tsa = ca.issue("tsa", extensions=[STAMPING])
    assert vouched(site, ca, tsa).code == "tsa-trusted"
    # pins are for signers
    assert vouched(site, ca, tsa, pinned_subjects=frozenset({"CN=leaf"})).code == "tsa-trusted"


def test_a_signer_certifies_no_time(site: Site, ca: PkiAuthority) -> None:
    finding = vouched(site, ca, ca.issue("leaf"))
    assert (finding.code, finding.outcome) == ("tsa-untrusted", Outcome.FAILED)
    assert "time stamping" in finding.message


def test_certificates_of_the_token_extend_paths_but_are_not_anchors(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    tsa = issuing.issue("tsa", extensions=[STAMPING])
    assert vouched(site, ca, tsa).code == "tsa-trust-not-established"
    assert vouched(site, ca, tsa, (issuing,)).code == "tsa-trusted"
    fake = make_root("fake")
    assert vouched(site, ca, fake.issue("tsa", extensions=[STAMPING]), (fake,)).code == "tsa-trust-not-established"


Told = Callable[[PkiAuthority, dt.datetime, x509.ReasonFlags | None], dict[str, Any]]


def by_crl(ca: PkiAuthority) -> Told:
    return lambda tsa, since, reason: {"crls": [ca.crl((tsa, since), reason=reason)]}


def by_ocsp(ca: PkiAuthority) -> Told:
    return lambda tsa, since, reason: {"ocsp_responses": [ca.ocsp(tsa, revoked=since, reason=reason)]}


@pytest.mark.parametrize("told", [by_crl, by_ocsp])
@pytest.mark.parametrize("claimed_time", [*Strictness])
@pytest.mark.parametrize(
    ("reason", "is_safe"),
    [
        (Reason.superseded, True),
        (Reason.cessation_of_operation, True),
        (Reason.affiliation_changed, True),
        (Reason.key_compromise, False),
        (Reason.ca_compromise, False),
        (Reason.aa_compromise, False),
        (Reason.privilege_withdrawn, False),
        (Reason.unspecified, False),
        (None, False),
    ],
)
def test_the_revocation_reason_decides_about_earlier_timestamps(
    site: Site,
    ca: PkiAuthority,
    told: Callable[[PkiAuthority], Told],
    claimed_time: Strictness,
    reason: Reason | None,
    is_safe: bool,
) -> None:
    """The owner of the key can make timestamps of any time (RFC 3161 4)."""
    tsa = ca.issue("tsa", extensions=[STAMPING])
    since = told(ca)(tsa, utc_date(2025), reason)
    found = vouched(site, ca, tsa, claimed_time=claimed_time, **since)
    expected = ("tsa-trusted", Outcome.PASSED) if is_safe else ("tsa-revoked", Outcome.FAILED)
    assert (found.code, found.outcome) == expected
    before = told(ca)(tsa, utc_date(2024), reason)
    assert vouched(site, ca, tsa, claimed_time=claimed_time, **before).code == "tsa-revoked"


def test_of_two_reasons_the_worse_counts(site: Site, ca: PkiAuthority) -> None:
    tsa = ca.issue("tsa", extensions=[STAMPING])
    crls = [ca.crl((tsa, utc_date(2025)), reason=Reason.key_compromise)]
    responses = [ca.ocsp(tsa, revoked=utc_date(2025), reason=Reason.superseded)]
    assert vouched(site, ca, tsa, crls=crls, ocsp_responses=responses).code == "tsa-revoked"


def test_the_issuer_of_an_authority_must_not_be_compromised_either(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    tsa = issuing.issue("tsa", extensions=[STAMPING])
    crls = [issuing.crl(), ca.crl((issuing, utc_date(2025)), reason=Reason.ca_compromise)]
    found = vouched(site, ca, tsa, (issuing,), crls=crls, claimed_time=Strictness.ACCEPT)
    assert found.code == "tsa-revoked"


def test_expired_since(site: Site, ca: PkiAuthority) -> None:
    old = ca.issue("tsa", extensions=[STAMPING], valid=(utc_date(2023), utc_date(2025)))
    assert vouched(site, ca, old).code == "tsa-trust-not-established"
    assert vouched(site, ca, old, claimed_time=Strictness.ACCEPT).code == "tsa-trusted"
    assert vouched(site, ca, old, claimed_time=Strictness.REFUSE).code == "tsa-untrusted"


def test_hostile_certificates_in_a_token_are_passed_over(site: Site, ca: PkiAuthority) -> None:
    tsa = ca.issue("tsa", extensions=[STAMPING])
    trust = dcmseal.open_trust(site.settings(ca, now=NOW))
    others = (b"", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", *(make_root("same").der for _ in range(1000)))
    time = CertifiedTime(moment=SIGNED, accuracy=None, policy="", serial_number=1, authority=tsa.der, others=others)
    assert [each.code for each in trust.evaluate_authority(time)] == ["tsa-trusted", "tsa-certificates-ignored"]


def test_certificates_beyond_the_limit_are_reported(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    tsa = issuing.issue("tsa", extensions=[STAMPING])
    trust = dcmseal.open_trust(site.settings(ca, now=NOW))
    fillers = tuple(make_root("filler").der for _ in range(6))
    for others, expected in (
        ((*fillers[:5], issuing.der), [("tsa-trusted", Outcome.PASSED)]),
        (
            (*fillers, issuing.der),
            [("tsa-trust-not-established", Outcome.UNKNOWN), ("tsa-certificates-ignored", Outcome.NOT_CHECKED)],
        ),
    ):
        time = CertifiedTime(moment=SIGNED, accuracy=None, policy="", serial_number=1, authority=tsa.der, others=others)
        found = trust.evaluate_authority(time)
        assert [(each.code, each.outcome) for each in found] == expected
    assert "7 certificates" in found[-1].message
    request = TrustRequest(
        certificate=ca.issue("leaf").der, moment=NOW, basis=TimeBasis.NOW, now=NOW, other_certificates=fillers * 2
    )
    codes = {each.code: each.outcome for each in trust.evaluator.evaluate(request).findings}
    assert codes["certificates-ignored"] is Outcome.NOT_CHECKED
