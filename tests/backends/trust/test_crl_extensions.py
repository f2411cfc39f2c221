"""CRLs with unknown or contradictory contents do not count."""

from __future__ import annotations

from typing import Any

import pytest
from asn1crypto import core
from cryptography import x509

from dcmseal.findings import Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import RevocationMode
from tests.backends.trust import malformed_pki
from tests.backends.trust.revocation_cases import BEFORE, UNKNOWN, revocation_codes
from tests.backends.trust.trust_pki import PkiAuthority, Site, find_finding, finding_codes, result_outcome, utc_date


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
    assert "an extension is repeated" in find_finding(answer, "revocation-unknown").message
    # the others of the run count
    assert revocation_codes(site, leaf, ca, crls=[twice, ca.crl()]) == ["not-revoked"]


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
            assert revocation_codes(site, leaf, ca, crls=[crl]) == [code]
    # version 1 has neither
    plain = malformed_pki.modify_crl(ca.crl(), ca, without_version)
    assert revocation_codes(site, leaf, ca, crls=[plain]) == ["not-revoked"]


@pytest.mark.parametrize("by", ["crls", "ocsp_responses"])
def test_an_answer_that_ends_before_it_begins_does_not_count(site: Site, ca: PkiAuthority, by: str) -> None:
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
