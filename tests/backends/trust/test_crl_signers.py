"""Who may sign a CRL: the issuer, a separate key of it, or another authority that the certificate names."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from dcmseal.findings import Outcome
from dcmseal.plugins.trust import RevocationMode
from tests.backends.trust import malformed_pki
from tests.backends.trust.revocation_cases import BEFORE, revocation_codes
from tests.backends.trust.trust_pki import PkiAuthority, Site, finding_codes, make_key, make_root


def test_an_anchor_that_is_not_a_root_has_its_own_crls(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    leaf = issuing.issue("leaf")
    for rule in RevocationMode.SOFT, RevocationMode.HARD:
        assert revocation_codes(site, leaf, issuing, crls=[issuing.crl()], revocation=rule) == ["not-revoked"]
        assert revocation_codes(site, leaf, issuing, crls=[issuing.crl((leaf, BEFORE))], revocation=rule) == ["revoked"]


def test_an_issuer_that_may_not_sign_crls(site: Site, ca: PkiAuthority) -> None:
    usages = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
    issuing = ca.issue("issuing", authority=True, usages=None, extensions=[(usages, True)])
    leaf = issuing.issue("leaf")
    found = revocation_codes(site, leaf, ca, intermediates=[issuing], crls=[issuing.crl(), ca.crl()])
    assert found == ["revocation-unknown", "not-revoked"]


def indirect(ca: PkiAuthority, other: PkiAuthority, *, extensions: Any = (), critical: bool = True) -> PkiAuthority:
    """A certificate that names another for its CRLs."""
    names = [x509.DirectoryName(other.certificate.subject)]
    point = x509.DistributionPoint(None, None, None, names)
    return ca.issue("leaf", extensions=[(x509.CRLDistributionPoints([point]), critical), *extensions])


def of(issuer: PkiAuthority) -> tuple[x509.ExtensionType, bool]:
    """Whose certificate an entry is about."""
    return x509.CertificateIssuer([x509.DirectoryName(issuer.certificate.subject)]), True


def test_an_indirect_crl_counts_only_if_the_certificate_names_who_issues_it(site: Site, ca: PkiAuthority) -> None:
    other = ca.issue("other authority", authority=True)
    crls = [malformed_pki.build_crl(other, indirect_crl=True), ca.crl()]
    named = indirect(ca, other)
    more: dict[str, Any] = {"intermediates": [other]}
    assert revocation_codes(site, ca.issue("leaf"), ca, crls=crls[:1], **more) == ["revocation-of-others"]
    assert revocation_codes(site, named, ca, crls=crls, **more) == ["not-revoked"]
    # one that is about its issuer's own certificates only
    assert revocation_codes(site, named, ca, crls=[other.crl()], **more) == ["revocation-of-others"]
    # their issuer must be good, too
    assert revocation_codes(site, named, ca, crls=[crls[0], ca.crl((other, BEFORE))], **more) == ["not-revoked"]


def test_entries_of_an_indirect_crl_are_of_the_issuer_named_last(site: Site, ca: PkiAuthority) -> None:
    other, third = (ca.issue(f"{name} authority", authority=True) for name in ("other", "third"))
    leaf, first = indirect(ca, other), ca.issue("first")
    for issuer, code in ((ca, "revoked"), (third, "not-revoked"), (None, "not-revoked")):
        # without a name, entries are about certificates of the CRL issuer
        entries = [
            malformed_pki.build_entry(first, BEFORE, *([of(issuer)] if issuer else [])),
            malformed_pki.build_entry(leaf, BEFORE),
        ]
        crls = [
            malformed_pki.build_crl(other, *entries, indirect_crl=True),
            malformed_pki.build_crl(ca, malformed_pki.build_entry(first, BEFORE)),
        ]
        assert revocation_codes(site, leaf, ca, crls=crls, intermediates=[other]) == [code]


def separate(ca: PkiAuthority, *, name: str = "root", extensions: Any = ()) -> PkiAuthority:
    """Another certificate of an authority, with a key for CRLs alone."""
    usages = x509.KeyUsage(False, False, False, False, False, False, True, False, False)
    return ca.issue(name, key=make_key("for crls"), usages=None, extensions=[(usages, True), *extensions])


def test_a_separate_key_for_crls(site: Site, ca: PkiAuthority) -> None:
    leaf, signer = ca.issue("leaf"), separate(ca)
    good = PkiAuthority(signer.key, ca.certificate)
    for crl, code in ((good.crl(), "not-revoked"), (good.crl((leaf, BEFORE)), "revoked")):
        assert revocation_codes(site, leaf, ca, crls=[crl], intermediates=[signer]) == [code]
        # without the certificate it is anybody's
        assert revocation_codes(site, leaf, ca, crls=[crl]) == ["revocation-unknown"]


def test_a_crl_signer_must_not_be_revoked(site: Site, ca: PkiAuthority) -> None:
    leaf, signer = ca.issue("leaf"), separate(ca)
    by_signer = PkiAuthority(signer.key, ca.certificate)
    revoked = by_signer.crl((signer, BEFORE))
    more: dict[str, Any] = {"intermediates": [signer]}
    assert revocation_codes(site, leaf, ca, crls=[revoked], **more) == ["revocation-unknown"]
    both = by_signer.crl((signer, BEFORE), (leaf, BEFORE))
    answer = site.ask(leaf, ca, crls=[both], revocation=RevocationMode.SOFT, **more)
    assert finding_codes(answer, Outcome.UNKNOWN) == ["revocation-indeterminate"]


def test_a_crl_signer_must_lead_to_the_same_anchor(site: Site, ca: PkiAuthority) -> None:
    stranger = make_root("stranger")
    leaf, signer = ca.issue("leaf"), separate(stranger)
    crl = PkiAuthority(signer.key, ca.certificate).crl()
    assert revocation_codes(site, leaf, ca, stranger, crls=[crl], intermediates=[signer]) == ["revocation-unknown"]
