"""Constraints that a trust anchor states apply to all paths (RFC 5937), as in OpenSSL."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from dcmseal.findings import Outcome
from tests.backends.trust import malformed_pki
from tests.backends.trust.trust_pki import (
    PkiAuthority,
    Site,
    find_finding,
    finding_codes,
    make_key,
    make_root,
    utc_date,
)

GOOD = ["leads-to-anchor", "revocation-unknown"]


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])


def anchor(*extensions: x509.ExtensionType, length: int | None = None, usages: bool = True) -> PkiAuthority:
    """A root that states something."""
    key = make_key("anchor")
    builder = x509.CertificateBuilder(
        named("anchor"), named("anchor"), key.public_key(), 1, utc_date(2020), utc_date(2040)
    )
    builder = builder.add_extension(x509.BasicConstraints(True, length), True)
    if usages:
        builder = builder.add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False), True
        )
    for each in extensions:
        builder = builder.add_extension(each, True)
    return PkiAuthority(key, builder.sign(key, hashes.SHA256()))


def test_path_length(site: Site) -> None:
    for length, good in ((0, False), (1, True), (None, True)):
        ca = anchor(length=length)
        issuing = ca.issue("issuing", authority=True)
        found = finding_codes(site.ask(issuing.issue("leaf"), ca, intermediates=[issuing]))
        assert found == ([*GOOD, "revocation-unknown"] if good else ["chain-invalid"])
        assert finding_codes(site.ask(ca.issue("leaf"), ca)) == GOOD


@pytest.mark.parametrize(
    ("permitted", "excluded", "good"),
    [
        ([x509.DirectoryName(named("leaf"))], None, True),
        ([x509.DirectoryName(named("hospital"))], None, False),
        (None, [x509.DirectoryName(named("leaf"))], False),
        (None, [x509.DirectoryName(named("hospital"))], True),
        # constraints on one kind of names do not apply to others
        ([x509.RFC822Name("example.org")], None, True),
        ([x509.RFC822Name("example.com")], None, False),
        ([x509.DNSName("example.com")], None, True),
    ],
)
def test_name_constraints(site: Site, permitted: Any, excluded: Any, good: bool) -> None:
    ca = anchor(x509.NameConstraints(permitted, excluded))
    names = x509.SubjectAlternativeName([x509.RFC822Name("signer@example.org")])
    leaf = ca.issue("leaf", extensions=[(names, False)])
    assert finding_codes(site.ask(leaf, ca)) == (GOOD if good else ["chain-invalid"])


ADDRESSES = x509.NameConstraints([x509.IPAddress(ip_network("10.0.0.0/8"))], None)
ADDRESS = (x509.SubjectAlternativeName([x509.IPAddress(ip_network("10.0.0.1/32").network_address)]), False)


def test_constraints_that_cannot_be_evaluated_leave_open_what_they_concern(site: Site) -> None:
    ca = anchor(ADDRESSES)
    assert finding_codes(site.ask(ca.issue("leaf", extensions=[ADDRESS]), ca), Outcome.UNKNOWN) == [
        "chain-not-evaluable"
    ]
    assert finding_codes(site.ask(ca.issue("leaf"), ca)) == GOOD


def test_an_intermediate_that_cannot_be_evaluated_does_not_hide_another(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    constrained = ca.issue("issuing", authority=True, extensions=[(ADDRESSES, True)])
    leaf = issuing.issue("leaf", extensions=[ADDRESS])
    assert finding_codes(site.ask(leaf, ca, intermediates=[constrained])) == ["chain-not-evaluable"]
    for order in ([constrained, issuing], [issuing, constrained]):
        assert "leads-to-anchor" in finding_codes(site.ask(leaf, ca, intermediates=order))


POLICY, OTHER, ANY = ("1.2.3.4.1", "1.2.3.4.2", "2.5.29.32.0")


def policies(*oids: str) -> x509.CertificatePolicies:
    return x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids])


@pytest.mark.parametrize(
    ("of_anchor", "of_leaf", "good"),
    [
        ((POLICY,), (OTHER,), True),  # no policy is required
        ((POLICY,), (POLICY,), True),
        ((ANY,), (OTHER,), True),
        ((), (OTHER,), True),
    ],
)
@pytest.mark.parametrize("explicit", [None, 0, 1, 5])
def test_policies(site: Site, of_anchor: Any, of_leaf: Any, good: bool, explicit: int | None) -> None:
    stated: list[x509.ExtensionType] = [policies(*of_anchor)] if of_anchor else []
    if explicit is not None:
        stated.append(x509.PolicyConstraints(explicit, None))
    ca = anchor(*stated)
    is_asked_for = explicit in (0, 1)
    good = good and not (is_asked_for and of_anchor == (POLICY,) and of_leaf == (OTHER,))
    found = finding_codes(site.ask(ca.issue("leaf", extensions=[(policies(*of_leaf), False)]), ca))
    assert found == (GOOD if good else ["chain-invalid"])
    assert finding_codes(site.ask(ca.issue("leaf"), ca)) == (["chain-invalid"] if is_asked_for else GOOD)


def test_an_anchor_that_forbids_any_policy(site: Site) -> None:
    leaf = [(policies(ANY), False)]
    for stated, good in (((), True), ((x509.InhibitAnyPolicy(0),), False)):
        ca = anchor(x509.PolicyConstraints(0, None), *stated)
        assert finding_codes(site.ask(ca.issue("leaf", extensions=leaf), ca)) == (GOOD if good else ["chain-invalid"])


@pytest.mark.parametrize("turn", [1, -1])
def test_of_several_certificates_of_an_anchor_each_may_do(site: Site, turn: int) -> None:
    """As when a root was renewed with the same key."""
    old, renewed = make_root("renewed", valid=(utc_date(2010), utc_date(2020))), make_root("renewed")
    leaf = old.issue("leaf")
    assert finding_codes(site.ask(leaf, *[old, renewed][::turn])) == GOOD
    narrow, wide = anchor(length=0), anchor()
    issuing = wide.issue("issuing", authority=True)
    found = finding_codes(site.ask(issuing.issue("leaf"), *[narrow, wide][::turn], intermediates=[issuing]))
    assert found == [*GOOD, "revocation-unknown"]


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_certificates_with_one_serial_number_none_hides_the_other(
    site: Site, ca: PkiAuthority, turn: int
) -> None:
    issuing = ca.issue("issuing", authority=True)
    other = malformed_pki.modify_certificate(issuing.der, ca, lambda tbs: tbs.__setitem__("subject", tbs["issuer"]))
    found = site.ask(issuing.issue("leaf"), ca, intermediates=[issuing, other][::turn])
    assert finding_codes(found) == [*GOOD, "revocation-unknown"]


def test_an_anchor_that_must_not_issue(site: Site, ca: PkiAuthority) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    usages = x509.KeyUsage(True, False, False, False, False, False, True, False, False)
    for other in (anchor(unknown), anchor(usages, usages=False)):
        answer = site.ask(other.issue("leaf"), other, ca)
        assert finding_codes(answer, Outcome.UNKNOWN) == ["untrusted-authority"]
        assert "must not issue certificates" in find_finding(answer, "untrusted-authority").message


def test_of_roots_only_those_of_version_1_need_no_basic_constraints(site: Site, ca: PkiAuthority) -> None:
    def without(tbs: Any) -> None:
        del tbs["extensions"]

    def of_version_1(tbs: Any) -> None:
        without(tbs)
        tbs["version"] = "v1"

    def unconstrained(tbs: Any) -> None:
        tbs["extensions"] = [each for each in tbs["extensions"] if each["extn_id"].native != "basic_constraints"]

    leaf = ca.issue("leaf")
    assert finding_codes(site.ask(leaf, malformed_pki.modify_certificate(ca.der, ca, of_version_1))) == GOOD
    for change in unconstrained, without:
        assert finding_codes(site.ask(leaf, malformed_pki.modify_certificate(ca.der, ca, change)), Outcome.UNKNOWN) == [
            "untrusted-authority"
        ]
