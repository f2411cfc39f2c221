"""Issuers fetched from where certificates say they are: only if allowed, few, and not trusted for being there."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from itertools import count

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.x509.oid import AuthorityInformationAccessOID

from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import TrustRequest
from dcmseal_trust.x509_backend import X509Backend
from tests.backends.trust.trust_pki import NOW, SIGNED, PkiAuthority, Site, finding_codes, make_root, utc_date
from tests.support.responder import SLOWLY, Responder, babble, drip, redirect, wait


def issuer_at(*places: str) -> list[tuple[x509.ExtensionType, bool]]:
    """The extension that says where the issuer's certificate is."""
    named = [
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(each))
        for each in places
    ]
    return [(x509.AuthorityInformationAccess(named), False)]


def test_nothing_is_fetched_unless_allowed(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    issuing = ca.issue("issuing", authority=True)
    leaf = issuing.issue("leaf", extensions=issuer_at(f"{responder.url}/issuing"))
    assert finding_codes(site.ask(leaf, ca, fetch=True)) == ["issuer-missing"]
    assert responder.asked == []


def test_a_chain_is_fetched_one_by_one(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    upper = ca.issue("upper", authority=True)
    lower = upper.issue("lower", authority=True, extensions=issuer_at(f"{responder.url}/upper"))
    leaf = lower.issue("leaf", extensions=issuer_at("ldap://127.0.0.1/cn=lower", f"{responder.url}/lower"))
    responder.answers = {"/upper": upper.der, "/lower": lower.der}
    answer = site.ask(leaf, ca, fetch_issuers=True)
    assert finding_codes(answer)[0] == "leads-to-anchor"
    assert answer.chain == (leaf.der, lower.der, upper.der, ca.der)
    assert responder.asked == ["/lower", "/upper"]


def test_of_several_certificates_the_issuers_is_taken(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    issuing = ca.issue("issuing", authority=True)
    responder.answers["/p7c"] = serialize_certificates(
        [ca.issue("other", authority=True).certificate, issuing.certificate], Encoding.DER
    )
    leaf = issuing.issue("leaf", extensions=issuer_at(f"{responder.url}/p7c"))
    assert site.ask(leaf, ca, fetch_issuers=True).chain == (leaf.der, issuing.der, ca.der)


def test_a_fetched_certificate_is_not_an_anchor(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    stranger = make_root("stranger")
    responder.answers["/root"] = stranger.der
    leaf = stranger.issue("leaf", extensions=issuer_at(f"{responder.url}/root"))
    assert finding_codes(site.ask(leaf, ca, fetch_issuers=True)) == ["untrusted-authority"]


def test_a_circle_of_issuers_ends(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    first, second = make_root("first"), make_root("second")
    there = second.issue("first", authority=True, key=first.key, extensions=issuer_at(f"{responder.url}/back"))
    back = first.issue("second", authority=True, key=second.key, extensions=issuer_at(f"{responder.url}/there"))
    responder.answers = {"/there": there.der, "/back": back.der}
    leaf = there.issue("leaf", extensions=issuer_at(f"{responder.url}/there"))
    assert finding_codes(site.ask(leaf, ca, fetch_issuers=True)) == ["issuer-missing"]
    assert responder.asked == ["/there", "/back"]


def test_a_chain_without_end_ends(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    """Each issuer that is asked for is made up, with one more above it."""
    numbers = count()
    authorities = [make_root(f"level {number}") for number in range(40)]

    def made_up(handler: BaseHTTPRequestHandler) -> None:
        level = next(numbers)
        above = authorities[level + 1]
        issued = above.issue(
            f"level {level}",
            authority=True,
            key=authorities[level].key,
            extensions=issuer_at(f"{responder.url}/{level + 1}"),
        )
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(issued.der)

    responder.answers = {f"/{number}": made_up for number in range(40)}
    leaf = authorities[0].issue("leaf", extensions=issuer_at(f"{responder.url}/0"))
    assert finding_codes(site.ask(leaf, ca, fetch_issuers=True)) == ["issuer-missing"]
    assert len(responder.asked) <= 7


def test_a_crowd_of_one_name_takes_bounded_time(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    crowd = [make_root("stranger").issue("same", authority=True).certificate for _ in range(100)]
    responder.answers["/crowd"] = serialize_certificates(crowd, Encoding.DER)
    leaf = make_root("same").issue("leaf", extensions=issuer_at(f"{responder.url}/crowd"))
    started = time.process_time()
    assert "leads-to-anchor" not in finding_codes(site.ask(leaf, ca, fetch_issuers=True))
    assert time.process_time() - started < 30


@pytest.mark.parametrize("answer", [wait, drip, redirect, babble, b"", b"\x30\x00", b"\x30\x80", *SLOWLY.values()])
def test_a_server_that_is_down_or_worse(
    site: Site, ca: PkiAuthority, responder: Responder, answer: bytes | Callable[[BaseHTTPRequestHandler], None]
) -> None:
    responder.answers["/issuing"] = answer
    leaf = ca.issue("issuing", authority=True).issue("leaf", extensions=issuer_at(f"{responder.url}/issuing"))
    started = time.monotonic()
    assert finding_codes(site.ask(leaf, ca, fetch_issuers=True, timeout=0.3)) == ["issuer-missing"]
    assert time.monotonic() - started < 20


def test_fetched_issuers_are_cached_with_their_own_times(site: Site, ca: PkiAuthority, responder: Responder) -> None:
    issuing = ca.issue("issuing", authority=True, valid=(utc_date(2023), utc_date(2025)))
    responder.answers["/issuing"] = issuing.der
    leaf = issuing.issue("leaf", extensions=issuer_at(f"{responder.url}/issuing"))
    for moments in ((SIGNED, utc_date(2025, 6)), (utc_date(2025, 6), SIGNED)):
        evaluator = X509Backend().open(site.settings(ca, fetch_issuers=True))
        for moment in moments * 2:
            question = TrustRequest(certificate=leaf.der, moment=moment, basis=TimeBasis.CLAIMED, now=NOW)
            assert finding_codes(evaluator.evaluate(question))[0] == (
                "leads-to-anchor" if moment == SIGNED else "expired"
            )
    assert responder.asked == ["/issuing"] * 2
