"""Which certificates and reasons a CRL covers, and how a delta CRL changes a complete one (RFC 5280 5.2)."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.x509 import ReasonFlags as Reason

from dcmseal.findings import Outcome
from dcmseal.plugins.trust import RevocationMode
from tests.backends.trust import malformed_pki
from tests.backends.trust.revocation_cases import BEFORE, HOLD, LONG_AGO, entry_reason, revocation_codes
from tests.backends.trust.trust_pki import PkiAuthority, Site, finding_codes, make_key, make_root

REMOVED = entry_reason(Reason.remove_from_crl)


@pytest.mark.parametrize(
    ("point", "of_signers", "of_authorities"),
    [
        ({}, True, True),
        ({"only_contains_user_certs": True}, True, False),
        ({"only_contains_ca_certs": True}, False, True),
        ({"only_contains_attribute_certs": True}, False, False),
    ],
)
def test_scope(site: Site, ca: PkiAuthority, point: dict[str, Any], of_signers: bool, of_authorities: bool) -> None:
    issuing = ca.issue("issuing", authority=True)
    leaf = issuing.issue("leaf")
    crls = [malformed_pki.build_crl(issuing, **point), malformed_pki.build_crl(ca, **point)]
    found = revocation_codes(site, leaf, ca, intermediates=[issuing], crls=crls)
    assert [code == "not-revoked" for code in found] == [of_signers, of_authorities]


def test_a_revocation_out_of_scope_is_indeterminate(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    wrong = malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE), only_contains_ca_certs=True)
    elsewhere = malformed_pki.build_crl(
        ca, malformed_pki.build_entry(leaf, BEFORE), full_name=[x509.UniformResourceIdentifier("http://elsewhere/")]
    )
    for crl in wrong, elsewhere:
        answer = site.ask(leaf, ca, crls=[crl, ca.crl()], revocation=RevocationMode.SOFT)
        assert finding_codes(answer, Outcome.UNKNOWN) == ["revocation-indeterminate"]
    # attribute certificates have serial numbers of their own
    other = malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE), only_contains_attribute_certs=True)
    assert revocation_codes(site, leaf, ca, crls=[other, ca.crl()]) == ["not-revoked"]


HERE, THERE = (x509.UniformResourceIdentifier(f"http://{place}/") for place in ("here", "there"))
RELATIVE = x509.RelativeDistinguishedName([x509.NameAttribute(x509.NameOID.COMMON_NAME, "part 1")])


@pytest.mark.parametrize(
    ("of_certificate", "of_crl", "code"),
    [
        ({"full_name": [HERE]}, {"full_name": [HERE]}, "not-revoked"),
        ({"full_name": [THERE, HERE]}, {"full_name": [HERE]}, "not-revoked"),
        ({"full_name": [THERE]}, {"full_name": [HERE]}, "revocation-unknown"),
        ({"full_name": [THERE]}, {}, "not-revoked"),
        (None, {"full_name": [HERE]}, "revocation-unknown"),
        ({"relative_name": RELATIVE}, {"relative_name": RELATIVE}, "not-revoked"),
        (
            {"relative_name": RELATIVE},
            {"full_name": [x509.DirectoryName(x509.Name([*make_root().certificate.subject.rdns, RELATIVE]))]},
            "not-revoked",
        ),
        ({"relative_name": RELATIVE}, {"full_name": [HERE]}, "revocation-unknown"),
    ],
)
def test_distribution_points(
    site: Site, ca: PkiAuthority, of_certificate: dict[str, Any] | None, of_crl: dict[str, Any], code: str
) -> None:
    extensions = []
    if of_certificate is not None:
        names: dict[str, Any] = {"full_name": None, "relative_name": None, **of_certificate}
        point = x509.DistributionPoint(**names, reasons=None, crl_issuer=None)
        extensions = [(x509.CRLDistributionPoints([point]), False)]
    leaf = ca.issue("leaf", extensions=extensions)
    assert revocation_codes(site, leaf, ca, crls=[malformed_pki.build_crl(ca, **of_crl)]) == [code]


EVERY = frozenset(each for each in Reason if each not in (Reason.unspecified, Reason.remove_from_crl))
SOME = frozenset({Reason.key_compromise, Reason.ca_compromise})


def test_reasons_have_to_be_covered_together(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    some, others = (malformed_pki.build_crl(ca, only_some_reasons=reasons) for reasons in (SOME, EVERY - SOME))
    assert revocation_codes(site, leaf, ca, crls=[some]) == ["revocation-unknown"]
    assert revocation_codes(site, leaf, ca, crls=[others]) == ["revocation-unknown"]
    assert revocation_codes(site, leaf, ca, crls=[some, others]) == ["not-revoked"]
    listed = malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE), only_some_reasons=SOME)
    assert revocation_codes(site, leaf, ca, crls=[listed]) == ["revoked"]


def delta(ca: PkiAuthority, *entries: x509.RevokedCertificate, number: int = 6, base: int = 5, **more: Any) -> bytes:
    extensions = [(x509.CRLNumber(number), False), (x509.DeltaCRLIndicator(base), True)]
    return malformed_pki.build_crl(ca, *entries, extensions=extensions, **more)


def complete(ca: PkiAuthority, *entries: x509.RevokedCertificate, number: int = 5, **more: Any) -> bytes:
    return malformed_pki.build_crl(ca, *entries, extensions=[(x509.CRLNumber(number), False)], **more)


def test_delta_crls(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    listed, held, ended = (
        malformed_pki.build_entry(leaf, BEFORE),
        malformed_pki.build_entry(leaf, BEFORE, HOLD),
        malformed_pki.build_entry(leaf, BEFORE, REMOVED),
    )
    of_other: dict[str, Any] = {"full_name": [HERE]}
    for crls, code in (
        ([delta(ca)], "revocation-unknown"),
        ([delta(ca, listed)], "revoked"),
        ([complete(ca), delta(ca)], "not-revoked"),
        ([complete(ca), delta(ca, listed)], "revoked"),
        ([complete(ca, held), delta(ca, ended)], "not-revoked"),
        # only a hold ends
        ([complete(ca, listed), delta(ca, ended)], "revoked"),
        # it starts from a later one, is older, out of date, about others, or another's
        ([complete(ca, held, number=4), delta(ca, ended)], "revoked"),
        ([complete(ca, held, number=6), delta(ca, ended)], "revoked"),
        ([complete(ca, held), delta(ca, ended, **LONG_AGO)], "revoked"),
        ([complete(ca, held), delta(ca, ended, **of_other)], "revoked"),
        ([complete(ca, held), delta(PkiAuthority(make_key("thief"), ca.certificate), ended)], "revoked"),
        # only delta CRLs end a hold
        ([complete(ca, ended)], "revocation-indeterminate"),
    ):
        assert revocation_codes(site, leaf, ca, crls=crls) == [code]
