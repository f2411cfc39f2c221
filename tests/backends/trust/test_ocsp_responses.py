"""OCSP responses: how they name certificate and responder, who may sign them, and how long they count."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.backends.trust import malformed_pki
from tests.backends.trust.revocation_cases import BEFORE, UNKNOWN, revocation_codes
from tests.backends.trust.trust_pki import CRL_DUE, CRL_ISSUED, NOW, PkiAuthority, Site, make_key, make_root, utc_date

FOR_OCSP = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)
FOR_ANYTHING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("by_key", [False, True])
def test_how_a_response_names_certificate_and_responder(
    site: Site, ca: PkiAuthority, digest: str, by_key: bool
) -> None:
    leaf = ca.issue("leaf")
    response = malformed_pki.build_response(ca, [malformed_pki.build_single(leaf, ca, digest=digest)], by_key=by_key)
    assert revocation_codes(site, leaf, ca, ocsp_responses=[response]) == ["not-revoked"]


def test_a_response_about_a_certificate_of_another_issuer(site: Site, ca: PkiAuthority) -> None:
    leaf, twin = ca.issue("leaf"), PkiAuthority(make_key("twin"), make_root("root").certificate)
    stranger = make_root("stranger")
    by_name, by_key = malformed_pki.build_single(leaf, ca), malformed_pki.build_single(leaf, ca)
    by_name["cert_id"]["issuer_name_hash"] = malformed_pki.build_single(leaf, stranger)["cert_id"]["issuer_name_hash"]
    by_key["cert_id"]["issuer_key_hash"] = malformed_pki.build_single(leaf, stranger)["cert_id"]["issuer_key_hash"]
    for single in by_name, by_key:
        assert revocation_codes(site, leaf, ca, ocsp_responses=[malformed_pki.build_response(ca, [single])]) == [
            "revocation-unknown"
        ]
    assert revocation_codes(
        site, leaf, ca, ocsp_responses=[malformed_pki.build_response(twin, [malformed_pki.build_single(leaf, ca)])]
    ) == ["revocation-unknown"]


def test_a_response_that_names_another_responder(site: Site, ca: PkiAuthority) -> None:
    leaf, other = ca.issue("leaf"), ca.issue("responder", extensions=[FOR_OCSP, (x509.OCSPNoCheck(), False)])
    says_other = malformed_pki.build_response(ca, [malformed_pki.build_single(leaf, ca)], says=other, embedded=[other])
    says_issuer = malformed_pki.build_response(other, [malformed_pki.build_single(leaf, ca)], says=ca, embedded=[other])
    for response in says_other, says_issuer:
        assert revocation_codes(site, leaf, ca, ocsp_responses=[response]) == ["revocation-unknown"]


@pytest.mark.parametrize(
    ("extensions", "more", "code"),
    [
        ([FOR_OCSP, (x509.OCSPNoCheck(), False)], {}, "not-revoked"),
        ([FOR_OCSP], {}, "revocation-unknown"),
        ([(x509.OCSPNoCheck(), False)], {}, "revocation-responder-unfit"),
        (
            [FOR_ANYTHING],
            {},
            "revocation-responder-unfit",
        ),
        ([FOR_OCSP, (x509.OCSPNoCheck(), False)], {"usages": ("key_encipherment",)}, "revocation-unknown"),
        ([FOR_OCSP, (x509.OCSPNoCheck(), False)], {"valid": (utc_date(2023), utc_date(2025))}, "revocation-unknown"),
        ([FOR_OCSP, (x509.OCSPNoCheck(), False), (UNKNOWN, True)], {}, "revocation-unknown"),
    ],
)
def test_delegated_responders(site: Site, ca: PkiAuthority, extensions: Any, more: dict[str, Any], code: str) -> None:
    leaf, responder = ca.issue("leaf"), ca.issue("responder", extensions=extensions, **more)
    response = malformed_pki.build_response(responder, [malformed_pki.build_single(leaf, ca)], embedded=[responder])
    assert revocation_codes(site, leaf, ca, ocsp_responses=[response]) == [code]


def test_a_responder_is_named_by_the_issuer_itself(site: Site, ca: PkiAuthority) -> None:
    other = ca.issue("other authority", authority=True)
    responder = other.issue("responder", extensions=[FOR_OCSP, (x509.OCSPNoCheck(), False)])
    leaf = ca.issue("leaf")
    response = malformed_pki.build_response(responder, [malformed_pki.build_single(leaf, ca)], embedded=[responder])
    found = revocation_codes(site, leaf, ca, ocsp_responses=[response], intermediates=[other])
    assert found == ["revocation-responder-unauthorized"]
    # a signer's certificate that is for OCSP, too, does not speak for itself
    double = ca.issue("leaf", extensions=[FOR_OCSP, (x509.OCSPNoCheck(), False)])
    response = malformed_pki.build_response(double, [malformed_pki.build_single(double, ca)], embedded=[double])
    assert revocation_codes(site, double, ca, ocsp_responses=[response]) == ["revocation-unknown"]


def test_responders_that_are_revoked_or_vouch_for_each_other(site: Site, ca: PkiAuthority) -> None:
    leaf, one, two = ca.issue("leaf"), *(ca.issue(name, extensions=[FOR_OCSP]) for name in ("one", "two"))
    good = malformed_pki.build_response(one, [malformed_pki.build_single(leaf, ca)], embedded=[one])
    revoked = malformed_pki.build_response(one, [malformed_pki.build_single(leaf, ca, revoked=BEFORE)], embedded=[one])
    unlisted = [malformed_pki.build_response(ca, [malformed_pki.build_single(one, ca)])]
    assert revocation_codes(site, leaf, ca, ocsp_responses=[good, *unlisted]) == ["not-revoked"]
    assert revocation_codes(site, leaf, ca, ocsp_responses=[revoked, *unlisted]) == ["revoked"]
    assert revocation_codes(site, leaf, ca, ocsp_responses=[revoked]) == ["revoked"]
    listed = [malformed_pki.build_response(ca, [malformed_pki.build_single(one, ca, revoked=BEFORE)])]
    assert revocation_codes(site, leaf, ca, ocsp_responses=[good, *listed]) == ["revocation-unknown"]
    assert revocation_codes(site, leaf, ca, ocsp_responses=[revoked, *listed]) == ["revocation-indeterminate"]
    circle = [
        malformed_pki.build_response(by, [malformed_pki.build_single(about, ca)], embedded=[by])
        for by, about in ((one, two), (two, one))
    ]
    assert revocation_codes(site, leaf, ca, ocsp_responses=[good, *circle]) == ["revocation-unknown"]


def test_extensions_of_responses(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    nonce = {"extn_id": "nonce", "critical": False, "extn_value": malformed_pki.NONCE}
    unknown = {"extn_id": "1.2.3.4", "critical": True, "extn_value": malformed_pki.NOTHING}
    good = [malformed_pki.build_single(leaf, ca)]
    for response, code in (
        (malformed_pki.build_response(ca, good, extensions=[nonce]), "not-revoked"),
        (malformed_pki.build_response(ca, good, extensions=[nonce, nonce]), "revocation-unknown"),
        (malformed_pki.build_response(ca, good, extensions=[unknown]), "revocation-unknown"),
        (
            malformed_pki.build_response(ca, [malformed_pki.build_single(leaf, ca, critical="1.2.3.4")]),
            "revocation-unknown",
        ),
        (
            malformed_pki.build_response(
                ca, [malformed_pki.build_single(leaf, ca, critical="1.2.3.4", revoked=BEFORE)]
            ),
            "revocation-indeterminate",
        ),
    ):
        assert revocation_codes(site, leaf, ca, ocsp_responses=[response]) == [code]


@pytest.mark.parametrize(
    ("now", "code"), [(CRL_ISSUED + dt.timedelta(minutes=29), "not-revoked"), (NOW, "revocation-stale")]
)
def test_a_response_without_an_end_counts_for_half_an_hour(
    site: Site, ca: PkiAuthority, now: dt.datetime, code: str
) -> None:
    leaf = ca.issue("leaf")
    assert revocation_codes(site, leaf, ca, ocsp_responses=[ca.ocsp(leaf, due=None)], now=now) == [code]
    assert now < CRL_DUE
