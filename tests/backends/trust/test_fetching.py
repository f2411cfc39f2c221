"""CRLs and OCSP responses fetched from a responder on this machine: only if allowed, and never for strangers."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from cryptography import x509

from dcmseal.findings import Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import RevocationMode, Strictness, TrustRequest
from dcmseal_trust.fetcher import EvaluatorLimits
from dcmseal_trust.x509_backend import X509Backend
from tests.backends.trust.trust_pki import (
    NOW,
    SIGNED,
    PkiAuthority,
    Site,
    find_finding,
    finding_codes,
    make_root,
    result_outcome,
    utc_date,
)
from tests.support.responder import SLOWLY, Responder, babble, drip, redirect, wait

SINCE = utc_date(2025)


def test_nothing_is_fetched_unless_allowed(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    leaf = ca.issue("leaf", crl_at=f"{responder.url}/crl", ocsp_at=f"{responder.url}/ocsp")
    assert "revocation-unknown" in finding_codes(site.ask(leaf, ca, revocation=RevocationMode.HARD))
    assert responder.asked == []


def test_a_stranger_makes_nothing_be_fetched(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    leaf = make_root("stranger").issue("leaf", crl_at=f"{responder.url}/crl", ocsp_at=f"{responder.url}/ocsp")
    assert finding_codes(site.ask(leaf, ca, fetch=True)) == ["issuer-missing"]
    assert responder.asked == []


@pytest.mark.parametrize("kind", ["crl", "ocsp"])
@pytest.mark.parametrize("revoked", [False, True])
def test_fetched(site: Site, ca: PkiAuthority, responder: Responder, kind: str, revoked: bool) -> None:
    place = f"{responder.url}/{kind}"
    leaf = ca.issue("leaf", crl_at=place) if kind == "crl" else ca.issue("leaf", ocsp_at=place)
    if kind == "crl":
        responder.answers["/crl"] = ca.crl(*([(leaf, SINCE)] if revoked else []))
    else:
        responder.answers["/ocsp"] = ca.ocsp(leaf, revoked=SINCE if revoked else None)
    answer = site.ask(leaf, ca, fetch=True, claimed_time=Strictness.REFUSE)
    assert finding_codes(answer) == ["leads-to-anchor", "revoked-since" if revoked else "not-revoked"]
    assert responder.asked == [f"/{kind}"]


def test_the_crl_is_next_if_the_responder_is_down(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    leaf = ca.issue("leaf", crl_at=f"{responder.url}/crl", ocsp_at=f"{responder.url}/ocsp")
    responder.answers["/crl"] = ca.crl()
    assert finding_codes(site.ask(leaf, ca, fetch=True)) == ["leads-to-anchor", "not-revoked"]
    assert responder.asked == ["/ocsp", "/crl"]


@pytest.mark.parametrize("part", SLOWLY)
def test_a_dripping_answer_ends_at_the_deadline(site: Site, ca: PkiAuthority, responder: Responder, part: str) -> None:
    responder.answers["/crl"] = SLOWLY[part]
    leaf = ca.issue("leaf", crl_at=f"{responder.url}/crl")
    started = time.monotonic()
    assert (
        find_finding(site.ask(leaf, ca, fetch=True, timeout=0.3), "revocation-unreachable").outcome is Outcome.UNKNOWN
    )
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("answer", [wait, drip, redirect, babble, b"", b"\x30\x00", None])
@pytest.mark.parametrize(
    ("rule", "outcome"),
    [(None, Outcome.UNKNOWN), (RevocationMode.SOFT, Outcome.NOT_CHECKED)],
)
def test_a_responder_that_is_down_or_worse(
    site: Site,
    ca: PkiAuthority,
    responder: Responder,
    answer: bytes | Callable[[BaseHTTPRequestHandler], None] | None,
    rule: RevocationMode | None,
    outcome: Outcome,
) -> None:
    if answer is not None:
        responder.answers["/crl"] = answer
    leaf = ca.issue("leaf", crl_at=f"{responder.url}/crl")
    backend = X509Backend(limits=EvaluatorLimits(max_crl_bytes=1 << 20))
    evaluator = backend.open(site.settings(ca, fetch=True, revocation=rule, timeout=0.3))
    request = TrustRequest(certificate=leaf.der, moment=SIGNED, basis=TimeBasis.CLAIMED, now=NOW)
    found = evaluator.evaluate(request)
    assert find_finding(found, "revocation-unreachable").outcome is outcome


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ldap://127.0.0.1/cn=ca", "http://127.0.0.1:1/", "http://["])
def test_other_places_are_not_visited(site: Site, ca: PkiAuthority, place: str) -> None:
    found = site.ask(ca.issue("leaf", crl_at=place), ca, fetch=True, timeout=1.0)
    assert result_outcome(found) is not Outcome.PASSED


def test_a_place_with_a_login_in_it_is_not_visited(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    """Otherwise the issuer of the certificate would choose who receives the login."""
    place = f"{responder.url}/crl".replace("://", "://user:hunter2@")
    responder.answers["/crl"] = ca.crl()
    found = site.ask(ca.issue("leaf", crl_at=place), ca, fetch=True, timeout=1.0)
    assert "revocation-unreachable" in finding_codes(found)
    assert responder.asked == []


def test_fetched_material_is_cached_and_counts_for_every_time(
    site: Site, ca: PkiAuthority, responder: Responder
) -> None:
    leaf = ca.issue("leaf", crl_at=f"{responder.url}/crl")
    responder.answers["/crl"] = ca.crl((leaf, SINCE))
    evaluator = X509Backend().open(site.settings(ca, fetch=True))

    def ask(at: object) -> list[str]:
        assert isinstance(at, type(SIGNED))
        question = TrustRequest(certificate=leaf.der, moment=at, basis=TimeBasis.CLAIMED, now=NOW)
        return finding_codes(evaluator.evaluate(question))

    for _ in range(3):
        assert ask(SIGNED) == ["leads-to-anchor", "revoked-since"]
        assert ask(utc_date(2025, 6)) == ["leads-to-anchor", "revoked"]
    assert responder.asked == ["/crl"]


def test_the_content_type_of_an_answer_does_not_matter(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    def as_a_page(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        handler.wfile.write(ca.crl())

    responder.answers["/crl"] = as_a_page
    assert finding_codes(site.ask(ca.issue("leaf", crl_at=f"{responder.url}/crl"), ca, fetch=True))[-1] == "not-revoked"


def test_material_that_is_fetched_again_is_stored_once(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    leaf = ca.issue("leaf", crl_at=f"{responder.url}/crl")
    responder.answers["/crl"] = ca.crl(issued=utc_date(2023, 2), due=utc_date(2023, 3))
    evaluator = X509Backend(limits=EvaluatorLimits(cache_seconds=0.001)).open(site.settings(ca, fetch=True))
    for hour in range(3):
        now = NOW + timedelta(hours=hour)
        evaluator.evaluate(TrustRequest(certificate=leaf.der, moment=SIGNED, basis=TimeBasis.CLAIMED, now=now))
    assert responder.asked == ["/crl"] * 3
    assert len(evaluator._material.crls) == 1


def test_a_distribution_point_without_a_url_is_skipped(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    part = x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.COMMON_NAME, "part 1")])
    names = [x509.DirectoryName(ca.certificate.subject)]
    points = [
        x509.DistributionPoint(None, part, None, None),
        x509.DistributionPoint(None, None, None, names),
        x509.DistributionPoint([x509.UniformResourceIdentifier(responder.url + "/crl")], None, None, None),
    ]
    leaf = ca.issue("leaf", extensions=[(x509.CRLDistributionPoints(points), False)])
    responder.answers["/crl"] = ca.crl()
    assert finding_codes(site.ask(leaf, ca, fetch=True)) == ["leads-to-anchor", "not-revoked"]
