"""CRLs and OCSP responses of every kind: which of them are heard, and that the worst they say counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.x509 import ReasonFlags as Reason
from cryptography.x509.oid import ExtendedKeyUsageOID

from dcmseal.findings import Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import RevocationMode, Strictness
from tests.backends.trust import malformed_pki
from tests.backends.trust.trust_pki import (
    CRL_DUE,
    CRL_ISSUED,
    NOW,
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
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
FOR_OCSP = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)
FOR_ANYTHING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False)
LONG_AGO: dict[str, Any] = {"issued": utc_date(2024, 2), "due": utc_date(2024, 3)}
Sources = dict[str, Any]
AHEAD = NOW + dt.timedelta(minutes=4)
TOO_FAR_AHEAD = NOW + dt.timedelta(minutes=6)


def reason(flag: Reason) -> tuple[x509.ExtensionType, bool]:
    return x509.CRLReason(flag), False


HOLD = reason(Reason.certificate_hold)
REMOVED = reason(Reason.remove_from_crl)


def told(site: Site, leaf: PkiAuthority, ca: PkiAuthority, *anchors: PkiAuthority, **more: Any) -> list[str]:
    """What a certificate comes to, less that it leads to an anchor."""
    answer = site.ask(leaf, ca, *anchors, **more)
    assert "leads-to-anchor" in finding_codes(answer)
    return finding_codes(answer)[1:]


@pytest.mark.parametrize(("issued", "code"), [(AHEAD, "not-revoked"), (TOO_FAR_AHEAD, "revocation-unknown")])
def test_what_is_from_the_future_does_not_count(site: Site, ca: PkiAuthority, issued: dt.datetime, code: str) -> None:
    leaf = ca.issue("leaf")
    assert told(site, leaf, ca, crls=[ca.crl(issued=issued, due=utc_date(2027))]) == [code]
    assert told(site, leaf, ca, ocsp_responses=[ca.ocsp(leaf, issued=issued, due=utc_date(2027))]) == [code]


def test_a_response_that_has_yet_to_be_made_does_not_count(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    for produced, code in ((CRL_ISSUED, "not-revoked"), (utc_date(9999), "revocation-unknown")):
        response = malformed_pki.build_response(ca, [malformed_pki.build_single(leaf, ca)], produced=produced)
        assert told(site, leaf, ca, ocsp_responses=[response]) == [code]


@pytest.mark.parametrize("rule", [RevocationMode.SOFT, RevocationMode.HARD])
def test_a_revocation_from_the_future_is_a_doubt(site: Site, ca: PkiAuthority, rule: RevocationMode) -> None:
    leaf = ca.issue("leaf")
    crl = ca.crl((leaf, BEFORE), issued=utc_date(2030), due=utc_date(2031))
    response = ca.ocsp(leaf, revoked=BEFORE, issued=utc_date(2030), due=utc_date(2031))
    every: tuple[Sources, ...] = ({"crls": [crl]}, {"ocsp_responses": [response]}, {"crls": [crl, ca.crl()]})
    for more in every:
        answer = site.ask(leaf, ca, revocation=rule, **more)
        assert finding_codes(answer, Outcome.UNKNOWN) == ["revocation-indeterminate"]


@pytest.mark.parametrize("basis", [TimeBasis.CLAIMED, TimeBasis.NOW])
def test_whoever_is_listed_is_revoked_though_the_date_is_still_to_come(
    site: Site, ca: PkiAuthority, basis: TimeBasis
) -> None:
    leaf = ca.issue("leaf")
    by_crl: Sources = {"crls": [ca.crl((leaf, utc_date(2029)))]}
    by_ocsp: Sources = {"ocsp_responses": [ca.ocsp(leaf, revoked=utc_date(2029))]}
    for more in by_crl, by_ocsp:
        answer = site.ask(leaf, ca, basis=basis, claimed_time=Strictness.ACCEPT, **more)
        assert finding_codes(answer, Outcome.FAILED) == ["revoked"]
        assert "in the future" in find_finding(answer, "revoked").message
        # what is certified was signed before
        certified = site.ask(leaf, ca, basis=TimeBasis.CERTIFIED, **more)
        assert find_finding(certified, "revoked-since").outcome is Outcome.PASSED


@pytest.mark.parametrize("turn", [1, -1])
def test_of_several_entries_the_worst_counts(site: Site, ca: PkiAuthority, turn: int) -> None:
    leaf = ca.issue("leaf")
    entries = [
        malformed_pki.build_entry(leaf, utc_date(2029)),
        malformed_pki.build_entry(leaf, SINCE, HOLD),
        malformed_pki.build_entry(leaf, BEFORE),
    ][::turn]
    answer = site.ask(leaf, ca, crls=[malformed_pki.build_crl(ca, *entries)])
    assert "2024" in find_finding(answer, "revoked").message
    responses = [ca.ocsp(leaf, revoked=SINCE), ca.ocsp(leaf), ca.ocsp(leaf, revoked=BEFORE)][::turn]
    answer = site.ask(leaf, ca, ocsp_responses=responses)
    assert finding_codes(answer, Outcome.FAILED) == ["revoked"]
    assert "2024" in find_finding(answer, "revoked").message


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize(
    ("others", "code"), [({"revoked": BEFORE}, "revoked"), ({"status": "unknown"}, "revocation-unknown")]
)
def test_of_several_answers_in_a_response_the_worst_counts(
    site: Site, ca: PkiAuthority, turn: int, others: dict[str, Any], code: str
) -> None:
    leaf = ca.issue("leaf")
    singles = [malformed_pki.build_single(leaf, ca), malformed_pki.build_single(leaf, ca, **others)][::turn]
    for rule in RevocationMode.SOFT, RevocationMode.HARD:
        assert told(site, leaf, ca, ocsp_responses=[malformed_pki.build_response(ca, singles)], revocation=rule) == [
            code
        ]


@pytest.mark.parametrize("rule", [RevocationMode.SOFT, RevocationMode.HARD])
def test_a_revocation_in_what_is_out_of_date_holds(site: Site, ca: PkiAuthority, rule: RevocationMode) -> None:
    leaf = ca.issue("leaf")
    undated = malformed_pki.modify_crl(ca.crl((leaf, BEFORE)), ca, lambda tbs: tbs.__setitem__("next_update", None))
    both = [malformed_pki.build_single(leaf, ca), malformed_pki.build_single(leaf, ca, revoked=BEFORE, **LONG_AGO)]
    every: tuple[Sources, ...] = (
        {"crls": [ca.crl((leaf, BEFORE), **LONG_AGO)]},
        {"crls": [undated]},
        {"crls": [ca.crl((leaf, BEFORE), **LONG_AGO), ca.crl()]},
        {"ocsp_responses": [ca.ocsp(leaf, revoked=BEFORE, **LONG_AGO)]},
        {"ocsp_responses": [ca.ocsp(leaf, revoked=BEFORE, issued=utc_date(2024, 2), due=None)]},
        {"ocsp_responses": [ca.ocsp(leaf, revoked=BEFORE, **LONG_AGO), ca.ocsp(leaf)]},
        {"ocsp_responses": [malformed_pki.build_response(ca, both)]},
    )
    for more in every:
        assert "revoked" in finding_codes(site.ask(leaf, ca, revocation=rule, **more), Outcome.FAILED)


def test_a_hold_that_may_have_ended_is_a_doubt_unless_something_newer_says_that_it_has(
    site: Site, ca: PkiAuthority
) -> None:
    leaf = ca.issue("leaf")
    held = malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE, HOLD), **LONG_AGO)
    answer = site.ask(leaf, ca, crls=[held], revocation=RevocationMode.SOFT)
    assert finding_codes(answer, Outcome.UNKNOWN) == ["revocation-stale"]
    assert told(site, leaf, ca, crls=[held, ca.crl()]) == ["not-revoked"]


def test_a_crl_without_an_end_says_of_nobody_that_he_is_good(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    undated = malformed_pki.modify_crl(ca.crl(), ca, lambda tbs: tbs.__setitem__("next_update", None))
    assert told(site, leaf, ca, crls=[undated]) == ["revocation-stale"]


def test_an_anchor_that_is_no_root_has_crls_of_its_own(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    leaf = issuing.issue("leaf")
    for rule in RevocationMode.SOFT, RevocationMode.HARD:
        assert told(site, leaf, issuing, crls=[issuing.crl()], revocation=rule) == ["not-revoked"]
        assert told(site, leaf, issuing, crls=[issuing.crl((leaf, BEFORE))], revocation=rule) == ["revoked"]


def test_an_issuer_that_may_not_sign_crls(site: Site, ca: PkiAuthority) -> None:
    usages = x509.KeyUsage(False, False, False, False, False, True, False, False, False)
    issuing = ca.issue("issuing", authority=True, usages=None, extensions=[(usages, True)])
    leaf = issuing.issue("leaf")
    found = told(site, leaf, ca, intermediates=[issuing], crls=[issuing.crl(), ca.crl()])
    assert found == ["revocation-unknown", "not-revoked"]


# who signs CRLs in place of the issuer


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
    assert told(site, ca.issue("leaf"), ca, crls=crls[:1], **more) == ["revocation-of-others"]
    assert told(site, named, ca, crls=crls, **more) == ["not-revoked"]
    # one that is about its issuer's own certificates only
    assert told(site, named, ca, crls=[other.crl()], **more) == ["revocation-of-others"]
    # who issues them has to be good, too
    assert told(site, named, ca, crls=[crls[0], ca.crl((other, BEFORE))], **more) == ["not-revoked"]


def test_entries_of_an_indirect_crl_are_of_the_issuer_named_last(site: Site, ca: PkiAuthority) -> None:
    other, third = (ca.issue(f"{name} authority", authority=True) for name in ("other", "third"))
    leaf, first = indirect(ca, other), ca.issue("first")
    for issuer, code in ((ca, "revoked"), (third, "not-revoked"), (None, "not-revoked")):
        # without any name, entries are about certificates of who issued the CRL
        entries = [
            malformed_pki.build_entry(first, BEFORE, *([of(issuer)] if issuer else [])),
            malformed_pki.build_entry(leaf, BEFORE),
        ]
        crls = [
            malformed_pki.build_crl(other, *entries, indirect_crl=True),
            malformed_pki.build_crl(ca, malformed_pki.build_entry(first, BEFORE)),
        ]
        assert told(site, leaf, ca, crls=crls, intermediates=[other]) == [code]


def separate(ca: PkiAuthority, *, name: str = "root", extensions: Any = ()) -> PkiAuthority:
    """Another certificate of an authority, with a key for CRLs alone."""
    usages = x509.KeyUsage(False, False, False, False, False, False, True, False, False)
    return ca.issue(name, key=make_key("for crls"), usages=None, extensions=[(usages, True), *extensions])


def test_a_separate_key_for_crls(site: Site, ca: PkiAuthority) -> None:
    leaf, signer = ca.issue("leaf"), separate(ca)
    good = PkiAuthority(signer.key, ca.certificate)
    for crl, code in ((good.crl(), "not-revoked"), (good.crl((leaf, BEFORE)), "revoked")):
        assert told(site, leaf, ca, crls=[crl], intermediates=[signer]) == [code]
        # without the certificate it is anybody's
        assert told(site, leaf, ca, crls=[crl]) == ["revocation-unknown"]


def test_who_signs_crls_must_not_be_revoked(site: Site, ca: PkiAuthority) -> None:
    leaf, signer = ca.issue("leaf"), separate(ca)
    by_signer = PkiAuthority(signer.key, ca.certificate)
    revoked = by_signer.crl((signer, BEFORE))
    more: dict[str, Any] = {"intermediates": [signer]}
    assert told(site, leaf, ca, crls=[revoked], **more) == ["revocation-unknown"]
    both = by_signer.crl((signer, BEFORE), (leaf, BEFORE))
    answer = site.ask(leaf, ca, crls=[both], revocation=RevocationMode.SOFT, **more)
    assert finding_codes(answer, Outcome.UNKNOWN) == ["revocation-indeterminate"]


def test_who_signs_crls_leads_to_the_same_anchor(site: Site, ca: PkiAuthority) -> None:
    stranger = make_root("stranger")
    leaf, signer = ca.issue("leaf"), separate(stranger)
    crl = PkiAuthority(signer.key, ca.certificate).crl()
    assert told(site, leaf, ca, stranger, crls=[crl], intermediates=[signer]) == ["revocation-unknown"]


# what a CRL is about


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
    found = told(site, leaf, ca, intermediates=[issuing], crls=crls)
    assert [code == "not-revoked" for code in found] == [of_signers, of_authorities]


def test_who_is_listed_out_of_scope_is_doubtful(site: Site, ca: PkiAuthority) -> None:
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
    assert told(site, leaf, ca, crls=[other, ca.crl()]) == ["not-revoked"]


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
    assert told(site, leaf, ca, crls=[malformed_pki.build_crl(ca, **of_crl)]) == [code]


EVERY = frozenset(each for each in Reason if each not in (Reason.unspecified, Reason.remove_from_crl))
SOME = frozenset({Reason.key_compromise, Reason.ca_compromise})


def test_reasons_have_to_be_covered_together(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    some, others = (malformed_pki.build_crl(ca, only_some_reasons=reasons) for reasons in (SOME, EVERY - SOME))
    assert told(site, leaf, ca, crls=[some]) == ["revocation-unknown"]
    assert told(site, leaf, ca, crls=[others]) == ["revocation-unknown"]
    assert told(site, leaf, ca, crls=[some, others]) == ["not-revoked"]
    listed = malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE), only_some_reasons=SOME)
    assert told(site, leaf, ca, crls=[listed]) == ["revoked"]


# critical extensions


def test_a_crl_with_an_unknown_critical_extension_does_not_count(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    of_others = malformed_pki.build_entry(ca.issue("other"), BEFORE, (UNKNOWN, True))
    for crl, code in (
        (malformed_pki.build_crl(ca, extensions=[(UNKNOWN, True)]), "revocation-unknown"),
        (malformed_pki.build_crl(ca, extensions=[(UNKNOWN, False)]), "not-revoked"),
        (
            malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE), extensions=[(UNKNOWN, True)]),
            "revocation-indeterminate",
        ),
        (
            malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE, (UNKNOWN, True))),
            "revocation-indeterminate",
        ),
        (malformed_pki.build_crl(ca, malformed_pki.build_entry(leaf, BEFORE, (UNKNOWN, False))), "revoked"),
        (malformed_pki.build_crl(ca, of_others), "not-revoked"),
    ):
        found = site.ask(leaf, ca, crls=[crl], revocation=RevocationMode.SOFT)
        assert finding_codes(found)[1:] == [code]
        assert (result_outcome(found) is Outcome.PASSED) == (code in ("revocation-unknown", "not-revoked"))


def test_an_extension_twice_makes_a_crl_unusable(site: Site, ca: PkiAuthority) -> None:
    leaf = ca.issue("leaf")
    twice = malformed_pki.modify_crl(
        malformed_pki.build_crl(ca, extensions=[(x509.CRLNumber(1), False)]), ca, malformed_pki.duplicate_extension
    )
    answer = site.ask(leaf, ca, crls=[twice])
    assert finding_codes(answer, Outcome.UNKNOWN) == ["revocation-unknown"]
    assert "an extension twice" in find_finding(answer, "revocation-unknown").message
    # the others of the run count
    assert told(site, leaf, ca, crls=[twice, ca.crl()]) == ["not-revoked"]


def test_a_crl_that_contradicts_itself_does_not_count(site: Site, ca: PkiAuthority) -> None:
    def empty(tbs: Any) -> None:
        tbs["crl_extensions"][0]["extn_value"] = core.ParsableOctetString(b"\x30\x00")

    def both(tbs: Any) -> None:
        tbs["crl_extensions"][0]["extn_value"] = core.ParsableOctetString(b"\x30\x06\x81\x01\xff\x82\x01\xff")

    def without_version(tbs: Any) -> None:
        del tbs["version"]

    def version_1(tbs: Any) -> None:
        tbs["version"] = "v1"

    leaf = ca.issue("leaf")
    for change, listed in (
        (empty, "revocation-indeterminate"),
        (both, "revocation-indeterminate"),
        (without_version, "revocation-indeterminate"),
        (version_1, "revocation-unknown"),  # it cannot be read
    ):
        for entries, code in (([], "revocation-unknown"), ([malformed_pki.build_entry(leaf, BEFORE)], listed)):
            crl = malformed_pki.modify_crl(
                malformed_pki.build_crl(ca, *entries, only_contains_user_certs=True), ca, change
            )
            assert told(site, leaf, ca, crls=[crl]) == [code]
    # version 1 has neither
    plain = malformed_pki.modify_crl(ca.crl(), ca, without_version)
    assert told(site, leaf, ca, crls=[plain]) == ["not-revoked"]


@pytest.mark.parametrize("by", ["crls", "ocsp_responses"])
def test_what_ends_before_it_begins_does_not_count(site: Site, ca: PkiAuthority, by: str) -> None:
    leaf = ca.issue("leaf")
    dates: dict[str, Any] = {"issued": utc_date(2025, 12), "due": utc_date(2025, 6)}
    response = malformed_pki.build_response(ca, [malformed_pki.build_single(leaf, ca, **dates)])
    crl = malformed_pki.modify_crl(
        ca.crl(issued=dates["due"], due=utc_date(2027)),
        ca,
        lambda tbs: tbs.__setitem__("this_update", malformed_pki.to_utc_time(utc_date(2025, 12))),
    )
    crl = malformed_pki.modify_crl(
        crl, ca, lambda tbs: tbs.__setitem__("next_update", malformed_pki.to_utc_time(utc_date(2025, 6)))
    )
    source = {by: [crl if by == "crls" else response]}
    answer = site.ask(leaf, ca, basis=TimeBasis.CERTIFIED, at=utc_date(2024), now=utc_date(2026), **source)
    assert finding_codes(answer)[1:] == ["revocation-stale"]


# delta CRLs (RFC 5280 5.2.4)


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
        # what ends a hold stands in delta CRLs only
        ([complete(ca, ended)], "revocation-indeterminate"),
    ):
        assert told(site, leaf, ca, crls=crls) == [code]


# OCSP


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("by_key", [False, True])
def test_how_a_response_names_certificate_and_responder(
    site: Site, ca: PkiAuthority, digest: str, by_key: bool
) -> None:
    leaf = ca.issue("leaf")
    response = malformed_pki.build_response(ca, [malformed_pki.build_single(leaf, ca, digest=digest)], by_key=by_key)
    assert told(site, leaf, ca, ocsp_responses=[response]) == ["not-revoked"]


def test_a_response_about_a_certificate_of_another_issuer(site: Site, ca: PkiAuthority) -> None:
    leaf, twin = ca.issue("leaf"), PkiAuthority(make_key("twin"), make_root("root").certificate)
    stranger = make_root("stranger")
    by_name, by_key = malformed_pki.build_single(leaf, ca), malformed_pki.build_single(leaf, ca)
    by_name["cert_id"]["issuer_name_hash"] = malformed_pki.build_single(leaf, stranger)["cert_id"]["issuer_name_hash"]
    by_key["cert_id"]["issuer_key_hash"] = malformed_pki.build_single(leaf, stranger)["cert_id"]["issuer_key_hash"]
    for single in by_name, by_key:
        assert told(site, leaf, ca, ocsp_responses=[malformed_pki.build_response(ca, [single])]) == [
            "revocation-unknown"
        ]
    assert told(
        site, leaf, ca, ocsp_responses=[malformed_pki.build_response(twin, [malformed_pki.build_single(leaf, ca)])]
    ) == ["revocation-unknown"]


def test_a_response_that_names_another_responder(site: Site, ca: PkiAuthority) -> None:
    leaf, other = ca.issue("leaf"), ca.issue("responder", extensions=[FOR_OCSP, (x509.OCSPNoCheck(), False)])
    says_other = malformed_pki.build_response(ca, [malformed_pki.build_single(leaf, ca)], says=other, embedded=[other])
    says_issuer = malformed_pki.build_response(other, [malformed_pki.build_single(leaf, ca)], says=ca, embedded=[other])
    for response in says_other, says_issuer:
        assert told(site, leaf, ca, ocsp_responses=[response]) == ["revocation-unknown"]


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
    assert told(site, leaf, ca, ocsp_responses=[response]) == [code]


def test_a_responder_is_named_by_the_issuer_itself(site: Site, ca: PkiAuthority) -> None:
    other = ca.issue("other authority", authority=True)
    responder = other.issue("responder", extensions=[FOR_OCSP, (x509.OCSPNoCheck(), False)])
    leaf = ca.issue("leaf")
    response = malformed_pki.build_response(responder, [malformed_pki.build_single(leaf, ca)], embedded=[responder])
    found = told(site, leaf, ca, ocsp_responses=[response], intermediates=[other])
    assert found == ["revocation-responder-unauthorized"]
    # a signer's certificate that is for OCSP, too, does not speak for itself
    double = ca.issue("leaf", extensions=[FOR_OCSP, (x509.OCSPNoCheck(), False)])
    response = malformed_pki.build_response(double, [malformed_pki.build_single(double, ca)], embedded=[double])
    assert told(site, double, ca, ocsp_responses=[response]) == ["revocation-unknown"]


def test_responders_that_are_revoked_or_vouch_for_each_other(site: Site, ca: PkiAuthority) -> None:
    leaf, one, two = ca.issue("leaf"), *(ca.issue(name, extensions=[FOR_OCSP]) for name in ("one", "two"))
    good = malformed_pki.build_response(one, [malformed_pki.build_single(leaf, ca)], embedded=[one])
    revoked = malformed_pki.build_response(one, [malformed_pki.build_single(leaf, ca, revoked=BEFORE)], embedded=[one])
    unlisted = [malformed_pki.build_response(ca, [malformed_pki.build_single(one, ca)])]
    assert told(site, leaf, ca, ocsp_responses=[good, *unlisted]) == ["not-revoked"]
    assert told(site, leaf, ca, ocsp_responses=[revoked, *unlisted]) == ["revoked"]
    assert told(site, leaf, ca, ocsp_responses=[revoked]) == ["revoked"]
    listed = [malformed_pki.build_response(ca, [malformed_pki.build_single(one, ca, revoked=BEFORE)])]
    assert told(site, leaf, ca, ocsp_responses=[good, *listed]) == ["revocation-unknown"]
    assert told(site, leaf, ca, ocsp_responses=[revoked, *listed]) == ["revocation-indeterminate"]
    circle = [
        malformed_pki.build_response(by, [malformed_pki.build_single(about, ca)], embedded=[by])
        for by, about in ((one, two), (two, one))
    ]
    assert told(site, leaf, ca, ocsp_responses=[good, *circle]) == ["revocation-unknown"]


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
        assert told(site, leaf, ca, ocsp_responses=[response]) == [code]


@pytest.mark.parametrize(
    ("now", "code"), [(CRL_ISSUED + dt.timedelta(minutes=29), "not-revoked"), (NOW, "revocation-stale")]
)
def test_a_response_without_an_end_counts_for_half_an_hour(
    site: Site, ca: PkiAuthority, now: dt.datetime, code: str
) -> None:
    leaf = ca.issue("leaf")
    assert told(site, leaf, ca, ocsp_responses=[ca.ocsp(leaf, due=None)], now=now) == [code]
    assert now < CRL_DUE
