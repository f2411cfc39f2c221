"""Every way in which trust in a signer's certificate can go, each with a code of its own."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from dcmseal.findings import Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import RevocationMode, Strictness
from tests.backends.trust.trust_pki import (
    NOW,
    SIGNED,
    PkiAuthority,
    Site,
    find_finding,
    finding_codes,
    make_key,
    make_root,
    result_outcome,
    utc_date,
)

BEFORE, SINCE = utc_date(2024, 1), utc_date(2025, 1)
"""Before the signature was made, and since."""


def test_good(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    answer = site.ask(leaf, ca, crls=[ca.crl()])
    assert finding_codes(answer) == ["leads-to-anchor", "not-revoked"]
    assert result_outcome(answer) is Outcome.PASSED
    assert answer.chain == (leaf.der, ca.der)
    assert "CN=root" in find_finding(answer, "leads-to-anchor").message
    assert "only claimed" in find_finding(answer, "leads-to-anchor").message
    assert "only claimed" not in find_finding(site.ask(leaf, ca, basis=TimeBasis.CERTIFIED), "leads-to-anchor").message


def test_through_an_intermediate_and_not_without_it(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    leaf = issuing.issue("leaf")
    answer = site.ask(leaf, ca, intermediates=[issuing])
    assert answer.chain == (leaf.der, issuing.der, ca.der)
    missing = site.ask(leaf, ca)
    assert finding_codes(missing) == ["issuer-missing"]
    assert result_outcome(missing) is Outcome.UNKNOWN
    assert "CN=issuing" in find_finding(missing, "issuer-missing").message
    assert missing.chain == ()


def test_an_intermediate_is_not_trusted_by_itself(site: Site, ca: PkiAuthority) -> None:
    stranger = make_root("stranger")
    answer = site.ask(stranger.issue("leaf"), ca, intermediates=[stranger])
    assert finding_codes(answer, Outcome.UNKNOWN) == ["untrusted-authority"]


def test_self_signed(site: Site, ca: PkiAuthority) -> None:
    assert finding_codes(site.ask(make_root("leaf"), ca, key_usages=frozenset())) == ["untrusted-authority"]


def test_an_authority_of_the_same_name_is_another(site: Site, ca: PkiAuthority) -> None:
    twin = PkiAuthority(make_key("twin"), ca.certificate)
    answer = site.ask(twin.issue("leaf"), ca)
    assert finding_codes(answer, Outcome.UNKNOWN) == ["issuer-missing"]
    assert "another CA named" in find_finding(answer, "issuer-missing").message


def test_a_certificate_that_names_the_key_of_its_issuer_was_altered_if_that_did_not_sign_it(site: Site) -> None:
    key = make_key("named")
    extension = (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    ca = make_root("trusted").issue("named", authority=True, key=key, extensions=[extension])
    names = (x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), False)
    twin = PkiAuthority(make_key("twin"), ca.certificate)
    assert finding_codes(site.ask(ca.issue("leaf", extensions=[names]), ca)) == [
        "leads-to-anchor",
        "revocation-unknown",
    ]
    assert finding_codes(site.ask(twin.issue("leaf", extensions=[names]), ca), Outcome.FAILED) == ["chain-invalid"]


def test_a_certificate_without_ca_rights_issues_nothing(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    assert finding_codes(site.ask(leaf.issue("other"), ca, intermediates=[leaf])) == ["chain-invalid"]


def test_a_signers_certificate_may_be_the_anchor_but_issues_nothing(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    assert finding_codes(site.ask(leaf, leaf)) == ["leads-to-anchor"]
    other = site.ask(leaf.issue("other"), leaf)
    assert result_outcome(other) is Outcome.UNKNOWN
    assert "must not issue certificates" in find_finding(other, "untrusted-authority").message
    late = site.ask(ca.issue("leaf", valid=(utc_date(2022), utc_date(2023))), leaf)
    assert result_outcome(late) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("at", "code"), [(utc_date(2022), "not-yet-valid"), (utc_date(2031), "expired")], ids=["not-yet-valid", "expired"]
)
def test_outside_its_validity_when_it_signed(site: Site, ca: PkiAuthority, at: dt.datetime, code: str) -> None:
    for answer in (site.ask(ca.issue("leaf"), ca, at=at), site.ask(leaf := ca.issue("leaf"), leaf, at=at)):
        assert finding_codes(answer) == [code]
        assert result_outcome(answer) is Outcome.FAILED


def test_the_anchor_expires_too(site: Site) -> None:
    old = make_root("old", valid=(utc_date(2010), utc_date(2024, 1)))
    leaf = old.issue("leaf")
    assert finding_codes(site.ask(leaf, old)) == ["expired"]
    assert finding_codes(site.ask(leaf, old, at=utc_date(2009))) == ["not-yet-valid"]


OF_WHAT_CAME_SINCE = [
    (TimeBasis.CERTIFIED, Strictness.REFUSE, Outcome.PASSED),
    (TimeBasis.CLAIMED, Strictness.ACCEPT, Outcome.PASSED),
    (TimeBasis.CLAIMED, Strictness.INDETERMINATE, Outcome.UNKNOWN),
    (TimeBasis.CLAIMED, Strictness.REFUSE, Outcome.FAILED),
]


@pytest.mark.parametrize(("basis", "leniency", "outcome"), OF_WHAT_CAME_SINCE)
def test_expired_since(site: Site, ca: PkiAuthority, basis: TimeBasis, leniency: Strictness, outcome: Outcome) -> None:
    leaf = ca.issue("leaf", valid=(utc_date(2024), utc_date(2025)))
    answer = site.ask(leaf, ca, basis=basis, claimed_time=leniency)
    assert find_finding(answer, "expired-since").outcome is outcome is result_outcome(answer)
    assert finding_codes(site.ask(leaf, ca, at=NOW, basis=TimeBasis.NOW)) == ["expired"]


@pytest.mark.parametrize("by", ["crls", "ocsp_responses"])
@pytest.mark.parametrize("basis", TimeBasis)
def test_revoked_before_it_signed(site: Site, ca: PkiAuthority, by: str, basis: TimeBasis) -> None:
    leaf = ca.issue("leaf")
    told: dict[str, Any] = {by: [ca.crl((leaf, BEFORE)) if by == "crls" else ca.ocsp(leaf, revoked=BEFORE)]}
    answer = site.ask(leaf, ca, basis=basis, claimed_time=Strictness.ACCEPT, **told)
    assert finding_codes(answer, Outcome.FAILED) == ["revoked"]
    assert "key" in find_finding(answer, "revoked").message
    assert find_finding(answer, "revoked").where == "CN=leaf"


@pytest.mark.parametrize("by", ["crls", "ocsp_responses"])
@pytest.mark.parametrize(("basis", "leniency", "outcome"), OF_WHAT_CAME_SINCE)
def test_revoked_since(
    site: Site, ca: PkiAuthority, by: str, basis: TimeBasis, leniency: Strictness, outcome: Outcome
) -> None:
    leaf = ca.issue("leaf")
    told: dict[str, Any] = {by: [ca.crl((leaf, SINCE)) if by == "crls" else ca.ocsp(leaf, revoked=SINCE)]}
    answer = site.ask(leaf, ca, basis=basis, claimed_time=leniency, **told)
    assert find_finding(answer, "revoked-since").outcome is outcome is result_outcome(answer)


def test_revoked_in_the_second_of_signing(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    answer = site.ask(leaf, ca, basis=TimeBasis.CERTIFIED, crls=[ca.crl((leaf, SIGNED))])
    assert finding_codes(answer, Outcome.FAILED) == ["revoked"]


def test_a_revoked_intermediate_is_seen_though_the_signer_is_unknown(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    leaf = issuing.issue("leaf")
    crl = ca.crl((issuing, BEFORE))
    answer = site.ask(leaf, ca, intermediates=[issuing], crls=[crl], revocation=RevocationMode.SOFT)
    assert finding_codes(answer, Outcome.FAILED) == ["revoked"]
    assert find_finding(answer, "revoked").where == "CN=issuing"


def test_a_revoked_signer_is_seen_though_the_intermediate_is_unknown(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    leaf = issuing.issue("leaf")
    crl = issuing.crl((leaf, BEFORE))
    answer = site.ask(leaf, ca, intermediates=[issuing], crls=[crl], revocation=RevocationMode.SOFT)
    assert finding_codes(answer, Outcome.FAILED) == ["revoked"]


def stale(ca: PkiAuthority) -> dict[str, Any]:
    return {"crls": [ca.crl(issued=utc_date(2023, 2), due=utc_date(2023, 3))]}


def of_another(_: PkiAuthority) -> dict[str, Any]:
    return {"crls": [make_root("stranger").crl()]}


def forged(ca: PkiAuthority) -> dict[str, Any]:
    return {"crls": [PkiAuthority(make_key("thief"), ca.certificate).crl()]}


def of_another_certificate(ca: PkiAuthority) -> dict[str, Any]:
    return {"ocsp_responses": [ca.ocsp(ca.issue("leaf"))]}


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (stale, "revocation-stale"),
        (of_another, "revocation-of-others"),
        (forged, "revocation-unknown"),
        (of_another_certificate, "revocation-unknown"),
    ],
)
def test_an_inconclusive_answer_is_indeterminate_or_ignored(site: Site, ca: PkiAuthority, told: Any, code: str) -> None:
    leaf = ca.issue("leaf")
    for rule, outcome in (
        (None, Outcome.UNKNOWN),
        (RevocationMode.HARD, Outcome.UNKNOWN),
        (RevocationMode.SOFT, Outcome.NOT_CHECKED),
    ):
        answer = site.ask(leaf, ca, revocation=rule, **told(ca))
        assert find_finding(answer, code).outcome is outcome
        assert result_outcome(answer) is (Outcome.PASSED if rule is RevocationMode.SOFT else Outcome.UNKNOWN)
        assert "not-revoked" not in finding_codes(answer)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_revocation_in_one_of_two_crls_counts(site: Site, ca: PkiAuthority, turn: int) -> None:
    leaf = ca.issue("leaf")
    crls = [ca.crl(issued=utc_date(2025, 12, 1)), ca.crl((leaf, BEFORE))][::turn]
    assert finding_codes(site.ask(leaf, ca, crls=crls), Outcome.FAILED) == ["revoked"]


def test_a_hold_in_a_stale_crl_may_have_ended(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    for reason, code in (
        (x509.ReasonFlags.certificate_hold, "revocation-stale"),
        (x509.ReasonFlags.key_compromise, "revoked"),
    ):
        crl = ca.crl((leaf, BEFORE), issued=utc_date(2024, 2), due=utc_date(2024, 3), reason=reason)
        assert finding_codes(site.ask(leaf, ca, crls=[crl])) == ["leads-to-anchor", code]


def test_without_any_source_revocation_is_looked_at_if_it_has_to_be(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    assert find_finding(site.ask(leaf, ca), "revocation-unknown").outcome is Outcome.NOT_CHECKED
    assert (
        find_finding(site.ask(leaf, ca, revocation=RevocationMode.HARD), "revocation-unknown").outcome
        is Outcome.UNKNOWN
    )
    assert finding_codes(site.ask(leaf, ca, revocation=RevocationMode.OFF)) == ["leads-to-anchor", "revocation-off"]


def test_a_crl_of_that_time_is_enough_for_a_certified_one(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    crl = ca.crl(issued=utc_date(2024, 5, 31), due=utc_date(2024, 6, 30))
    assert finding_codes(site.ask(leaf, ca, basis=TimeBasis.CERTIFIED, crls=[crl])) == [
        "leads-to-anchor",
        "not-revoked",
    ]
    assert finding_codes(site.ask(leaf, ca, crls=[crl])) == ["leads-to-anchor", "revocation-stale"]


def test_a_responder_that_may_be_revoked_does_not_count(site: Site, ca: PkiAuthority) -> None:
    responder = ca.issue("responder", extensions=[(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)])
    leaf = ca.issue("leaf")
    response = ca.ocsp(leaf, signer=responder)
    assert "revocation-unknown" in finding_codes(site.ask(leaf, ca, ocsp_responses=[response]))
    # a CRL has the status of the signer, which the responder may not state
    assert "not-revoked" in finding_codes(
        site.ask(leaf, ca, ocsp_responses=[response], crls=[ca.crl((responder, BEFORE))])
    )


def test_a_responder_that_the_authority_names(site: Site, ca: PkiAuthority) -> None:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    responder = ca.issue("responder", extensions=[(usage, False), (x509.OCSPNoCheck(), False)])
    leaf = ca.issue("leaf")
    answer = site.ask(leaf, ca, ocsp_responses=[ca.ocsp(leaf, signer=responder)])
    assert finding_codes(answer) == ["leads-to-anchor", "not-revoked"]


@pytest.mark.parametrize(
    ("usages", "asked", "good"),
    [
        (("digital_signature",), None, True),
        (("content_commitment",), None, True),
        (None, None, True),
        (("key_encipherment",), None, False),
        (("key_encipherment",), frozenset(), True),
        (("digital_signature",), frozenset({"non_repudiation"}), False),
    ],
)
def test_key_usage(site: Site, ca: PkiAuthority, usages: Any, asked: Any, good: bool) -> None:
    more = {} if asked is None else {"key_usages": asked}
    answer = site.ask(ca.issue("leaf", usages=usages), ca, **more)
    assert finding_codes(answer, Outcome.FAILED) == ([] if good else ["wrong-key-usage"])


@pytest.mark.parametrize(
    ("asked", "good"),
    [(set(), True), ({"code_signing"}, True), ({"1.3.6.1.5.5.7.3.3"}, True), ({"email_protection"}, False)],
)
def test_extended_key_usage(site: Site, ca: PkiAuthority, asked: set[str], good: bool) -> None:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    asked_for = frozenset(asked)
    with_it = site.ask(ca.issue("leaf", extensions=[(usage, False)]), ca, extended_key_usages=asked_for)
    assert finding_codes(with_it, Outcome.FAILED) == ([] if good else ["wrong-extended-key-usage"])
    without = site.ask(ca.issue("leaf"), ca, extended_key_usages=asked_for)
    assert finding_codes(without, Outcome.FAILED) == (["wrong-extended-key-usage"] if asked else [])


def test_an_unknown_critical_extension(site: Site, ca: PkiAuthority) -> None:
    private = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    leaf = ca.issue("leaf", extensions=[(private, True)])
    for anchor in (ca, leaf):
        assert finding_codes(site.ask(leaf, anchor), Outcome.FAILED)[0] == "critical-extension-unknown"
    assert finding_codes(site.ask(ca.issue("leaf", extensions=[(private, False)]), ca), Outcome.FAILED) == []


@pytest.mark.parametrize(
    ("leniency", "outcome"),
    [
        (Strictness.ACCEPT, Outcome.PASSED),
        (Strictness.INDETERMINATE, Outcome.UNKNOWN),
        (Strictness.REFUSE, Outcome.FAILED),
    ],
)
def test_weak_certificates(site: Site, leniency: Strictness, outcome: Outcome) -> None:
    small = make_root("small", bits=1024)
    strong = make_root("strong", bits=2048)
    sha1 = strong.issue("issuing", authority=True).resign_with_sha1(strong)
    for leaf, anchor, where in (
        (small.issue("leaf"), small, "CN=leaf"),
        (sha1.issue("leaf"), strong, "CN=issuing"),
    ):
        answer = site.ask(leaf, anchor, intermediates=[sha1], weak=leniency)
        assert find_finding(answer, "weak-certificate").outcome is outcome is result_outcome(answer)
        assert find_finding(answer, "weak-certificate").where == where


def test_pins(site: Site, ca: PkiAuthority) -> None:
    leaf, other = ca.issue("leaf"), ca.issue("other")
    fingerprint = leaf.certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"pinned_certificates": frozenset({fingerprint})}, "certificate-not-pinned"),
        ({"pinned_subjects": frozenset({"CN=leaf"})}, "subject-not-pinned"),
    )
    for pins, code in cases:
        assert result_outcome(site.ask(leaf, ca, **pins)) is Outcome.PASSED
        assert finding_codes(site.ask(other, ca, **pins), Outcome.FAILED) == [code]
        # a pinned certificate is not an anchor
        assert result_outcome(site.ask(leaf, make_root("stranger"), **pins)) is Outcome.UNKNOWN
