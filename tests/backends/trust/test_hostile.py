"""Hostile certificates, CRLs and OCSP responses: no crash, no injection, nothing passes, bounded time."""

from __future__ import annotations

import datetime as dt
import time
from contextlib import suppress
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.ocsp import load_der_ocsp_response
from hypothesis import given
from hypothesis import strategies as st

from dcmseal.cli.render.text_layout import escape_unprintable
from dcmseal.errors import TrustError
from dcmseal.findings import Outcome
from dcmseal.model.evidence_record import TrustMaterial
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import RevocationMode, Strictness, TrustRequest, TrustResult, TrustSettings
from dcmseal_trust.crls import parse_crl
from dcmseal_trust.ocsp import parse_ocsp_response
from dcmseal_trust.trust_evaluator import X509Evaluator
from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_backend import X509Backend
from dcmseal_trust.x509_certificates import parse_certificate
from tests.backends.trust import malformed_pki
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

CA = make_root("hostile")
LEAF = CA.issue("leaf", crl_at="http://127.0.0.1:9/", extensions=[(x509.SubjectKeyIdentifier(b"12"), False)])
CRL = CA.crl((CA.issue("other"), utc_date(2024)))
OCSP = CA.ocsp(LEAF)
ISSUING = CA.issue("issuing", authority=True)
ISSUED = ISSUING.issue("issued")
OTHER_CRL = ISSUING.crl((CA.issue("other"), utc_date(2024)))
LISTED = {"revoked", "revoked-since", "revocation-indeterminate"}


@st.composite
def damaged(draw: st.DrawFn, der: bytes) -> bytes:
    """DER with some bytes changed, cut out or doubled."""
    data = bytearray(der)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(("change", "cut", "double", "end"))):
            case "change":
                data[start] = draw(st.integers(0, 255))
            case "cut":
                del data[start : start + draw(st.integers(1, 8))]
            case "double":
                data[start:start] = data[start : start + draw(st.integers(1, 40))]
            case _:
                del data[start + 1 :]
        if not data:
            break
    return bytes(data)


def evaluated(leaf: bytes, **material: Any) -> TrustResult:
    """Evaluate a certificate with certificates, CRLs and OCSP responses in memory."""
    settings = TrustSettings(revocation=RevocationMode.HARD if material else RevocationMode.OFF)
    evaluator = X509Evaluator(settings, LoadedMaterial(anchors=(parse_certificate(CA.der),), **material))
    return evaluator.evaluate(TrustRequest(certificate=leaf, moment=SIGNED, basis=TimeBasis.CLAIMED, now=NOW))


@given(data=damaged(LEAF.der))
def test_a_damaged_certificate_is_never_trusted(data: bytes) -> None:
    answer = evaluated(data)
    assert answer.findings
    # unsigned parts, such as the second algorithm identifier, may be damaged
    assert result_outcome(answer) is not Outcome.PASSED or LEAF.certificate.tbs_certificate_bytes in data


@given(data=damaged(CRL))
def test_a_damaged_crl_is_refused_or_has_no_effect(data: bytes) -> None:
    try:
        read = parse_crl(data)
    except Exception:  # noqa: BLE001 - ASN.1 readers raise many exceptions
        return
    signed = x509.load_der_x509_crl(CRL).tbs_certlist_bytes
    assert result_outcome(evaluated(LEAF.der, crls=(read,))) is not Outcome.PASSED or signed in data


@given(data=damaged(OCSP))
def test_a_damaged_ocsp_response_is_refused_or_has_no_effect(data: bytes) -> None:
    try:
        read = parse_ocsp_response(data)
    except Exception:  # noqa: BLE001 - ASN.1 readers raise many exceptions
        return
    signed = load_der_ocsp_response(OCSP).tbs_response_bytes
    assert result_outcome(evaluated(LEAF.der, ocsp_responses=(read,))) is not Outcome.PASSED or signed in data


@given(data=st.data())
def test_odd_material_does_not_affect_other_certificates(data: st.DataObject) -> None:
    """Signed as it should be, so that readers come as far as they can."""
    odd_ones = [
        malformed_pki.resign(der, CA, lambda signed: data.draw(damaged(signed)))
        for der in (CA.der, ISSUING.der, CRL, OTHER_CRL)
    ]
    anchor, issuing, *crls = odd_ones
    material = TrustMaterial(
        anchors=(anchor, CA.der), certificates=(issuing, ISSUING.der), crls=(*crls, CRL, ISSUING.crl())
    )
    settings = TrustSettings(material=material, revocation=RevocationMode.HARD)
    evaluator = X509Backend().open(settings)
    for leaf in LEAF, ISSUED:
        question = TrustRequest(certificate=leaf.der, moment=SIGNED, basis=TimeBasis.CLAIMED, now=NOW)
        answer = evaluator.evaluate(question)
        # one that still lists a certificate, or might, is the only reason to doubt
        assert result_outcome(answer) is Outcome.PASSED or {*finding_codes(answer)} & LISTED


def test_undamaged_they_are_believed() -> None:
    answer = evaluated(LEAF.der, crls=(parse_crl(CRL),), ocsp_responses=(parse_ocsp_response(OCSP),))
    assert result_outcome(answer) is Outcome.PASSED


@given(data=st.binary(max_size=200))
def test_any_bytes_in_a_file_are_read_or_refused(site_of_hypothesis: Site, data: bytes) -> None:
    for name in ("intermediates", "crls", "ocsp_responses"):
        with suppress(TrustError):
            settings: dict[str, Any] = {name: [data]}
            site_of_hypothesis.ask(LEAF, CA, **settings)


@pytest.fixture(scope="module")
def site_of_hypothesis(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("hostile"))


def test_a_crl_of_50_000_entries_is_read_once(site: Site) -> None:
    many = CA.crl((LEAF, utc_date(2025)), others=50_000)
    evaluator = X509Backend().open(site.settings(CA, crls=[many], claimed_time=Strictness.REFUSE))
    started = time.process_time()
    for minutes in range(500):
        moment = SIGNED + dt.timedelta(minutes=minutes)
        question = TrustRequest(certificate=LEAF.der, moment=moment, basis=TimeBasis.CLAIMED, now=NOW)
        assert finding_codes(evaluator.evaluate(question), Outcome.FAILED) == ["revoked-since"]
    # one scan takes a second, and one for each question would take minutes
    assert time.process_time() - started < 30


def test_names_do_not_get_out_of_their_line(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("evil\r\n\x1b[31mvalid\N{RIGHT-TO-LEFT OVERRIDE}")
    message = find_finding(site.ask(make_root("stranger"), leaf, key_usages=frozenset()), "untrusted-authority").message
    assert escape_unprintable(message)


def test_an_invalid_certificate_cannot_be_evaluated() -> None:
    for data in (b"", b"\x30\x80", LEAF.der[:-1]):
        assert finding_codes(evaluated(data), Outcome.UNKNOWN) == ["certificate-not-evaluable"]


def test_a_loop_of_authorities_ends(site: Site, ca: PkiAuthority) -> None:
    first, second = make_root("first"), make_root("second")
    there = PkiAuthority(second.key, first.issue("second", authority=True).certificate)
    back = PkiAuthority(first.key, second.issue("first", authority=True).certificate)
    answer = site.ask(back.issue("leaf"), ca, intermediates=[there, back])
    assert result_outcome(answer) is Outcome.UNKNOWN


def test_many_authorities_of_one_name_take_bounded_time(site: Site, ca: PkiAuthority) -> None:
    crowd = [make_root("same") for _ in range(100)]
    started = time.process_time()
    assert result_outcome(site.ask(crowd[0].issue("leaf"), ca, intermediates=crowd)) is Outcome.UNKNOWN
    assert time.process_time() - started < 30
