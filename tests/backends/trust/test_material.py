"""Answers come with their material on request: all that they are based on, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dcmseal.model.evidence_record import TrustMaterial
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import TrustRequest, TrustResult, TrustSettings
from dcmseal_trust.trust_material import load_material
from dcmseal_trust.x509_backend import X509Backend
from tests.backends.trust.trust_pki import NOW, SIGNED, PkiAuthority, Site, finding_codes, make_key, make_root, utc_date
from tests.support.responder import Responder, serving

NOTHING = TrustMaterial()


def kept(leaf: PkiAuthority, settings: TrustSettings, *others: PkiAuthority, keep: bool = True) -> TrustResult:
    question = TrustRequest(
        certificate=leaf.der,
        moment=SIGNED,
        basis=TimeBasis.CLAIMED,
        now=NOW,
        other_certificates=tuple(each.der for each in others),
        collect_material=keep,
    )
    return X509Backend().open(settings).evaluate(question)


def again(leaf: PkiAuthority, first: TrustResult, settings: TrustSettings) -> TrustResult:
    """The same question, answered by the same anchors and the material of an answer."""
    bare = replace(settings, intermediates=(), crls=(), ocsp_responses=(), fetch=False)
    return kept(leaf, replace(bare, revocation=settings.revocation_mode, material=replace(first.material, anchors=())))


def test_it_comes_only_if_asked_for_and_changes_no_answer(site: Site, ca: PkiAuthority) -> None:
    leaf, settings = ca.issue("leaf"), site.settings(ca, crls=[ca.crl()])
    evaluator = X509Backend().open(settings)
    question = TrustRequest(certificate=leaf.der, moment=SIGNED, basis=TimeBasis.CLAIMED, now=NOW)
    without = evaluator.evaluate(question)
    with_it = evaluator.evaluate(replace(question, collect_material=True))
    assert without.material == NOTHING
    assert with_it.material.crls
    assert replace(with_it, material=NOTHING) == without
    assert evaluator.evaluate(question).material == NOTHING


def test_irrelevant_material_is_left_out(site: Site, ca: PkiAuthority) -> None:
    strangers = [make_root(f"stranger {number}") for number in range(20)]
    leaf = ca.issue("leaf")
    settings = site.settings(
        ca,
        *strangers,
        intermediates=[each.issue("other", authority=True) for each in strangers],
        crls=[ca.crl(), *(each.crl() for each in strangers)],
        ocsp_responses=[ca.ocsp(leaf), ca.ocsp(ca.issue("other"))],
    )
    material = kept(leaf, settings).material
    assert material.anchors == (ca.der,)
    assert material.certificates == (leaf.der,)
    assert (len(material.crls), len(material.ocsp_responses)) == (1, 1)


@pytest.mark.parametrize("kind", ["crl", "ocsp"])
def test_fetched_material_is_stored(site: Site, ca: PkiAuthority, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with serving(Responder()) as responder:
        where: dict[str, Any] = {f"{kind}_at": f"{responder.url}/{kind}"}
        leaf = ca.issue("leaf", **where)
        responder.answers[f"/{kind}"] = (
            ca.crl((leaf, utc_date(2024))) if kind == "crl" else ca.ocsp(leaf, revoked=utc_date(2024))
        )
        settings = site.settings(ca, fetch=True)
        first = kept(leaf, settings)
    assert "revoked" in finding_codes(first)
    repeated = again(leaf, first, settings)
    assert repeated.findings == first.findings


def test_an_intermediate_of_a_token_is_kept(site: Site, ca: PkiAuthority) -> None:
    issuing = ca.issue("issuing", authority=True)
    leaf = issuing.issue("leaf")
    first = kept(leaf, site.settings(ca, crls=[ca.crl(), issuing.crl()]), issuing)
    assert issuing.der in first.material.certificates
    assert len(first.material.crls) == 2


def test_a_responder_that_is_an_anchor_is_kept(site: Site, ca: PkiAuthority) -> None:
    leaf, responder = ca.issue("leaf"), make_root("responder")
    settings = site.settings(ca, responder, ocsp_responses=[ca.ocsp(leaf, signer=responder)])
    assert set(kept(leaf, settings).material.anchors) == {ca.der, responder.der}


def test_crls_of_others_than_the_issuer_are_kept(site: Site, ca: PkiAuthority) -> None:
    """The certificate names the issuer of its CRLs (RFC 5280 4.2.1.13)."""
    other = make_root("crl authority")
    names = [x509.DirectoryName(other.certificate.subject)]
    point = x509.DistributionPoint(names, None, None, names)
    leaf = ca.issue("leaf", extensions=[(x509.CRLDistributionPoints([point]), False)])
    crl = other.crl()
    material = kept(leaf, site.settings(ca, intermediates=[other], crls=[crl, ca.crl()])).material
    assert crl in material.crls
    assert other.der in material.certificates


def test_certificates_that_lead_in_circles_are_left_out(site: Site, ca: PkiAuthority) -> None:
    """Paths are searched in every order: for ten such certificates it takes seconds, for forty it never ends."""
    one, two = make_root("one"), make_root("two")
    circle = [
        issuer.issue(name, authority=True, key=make_key(f"{name} {number}"))
        for number in range(20)
        for issuer, name in ((one, "two"), (two, "one"))
    ]
    settings = replace(site.settings(ca), material=TrustMaterial(certificates=tuple(each.der for each in circle)))
    assert load_material(settings).intermediates == ()
    assert finding_codes(kept(one.issue("leaf"), settings)) == ["issuer-missing"]


def test_certificates_that_lead_to_the_sites_own_are_used(site: Site, ca: PkiAuthority) -> None:
    upper = ca.issue("upper", authority=True)
    middle = upper.issue("middle", authority=True)
    lower = middle.issue("lower", authority=True)
    twin = PkiAuthority(make_key("twin"), upper.certificate).issue("middle", authority=True)
    settings = site.settings(ca, intermediates=[upper])
    given = TrustMaterial(certificates=(lower.der, twin.der, middle.der))
    material = load_material(replace(settings, material=given))
    assert [each.dump() for each in material.intermediates] == [upper.der, lower.der, middle.der]
    assert [each.dump() for each in material.unverified] == [twin.der]
    assert finding_codes(kept(lower.issue("leaf"), replace(settings, material=given)))[0] == "leads-to-anchor"


@given(st.data())
def test_material_has_all_that_the_answer_depends_on(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    """Of chains of any length, with and without each CRL and OCSP response, revoked or stale."""
    ca = make_root("any")
    chain = [ca]
    for number in range(data.draw(st.integers(0, 2))):
        chain.append(chain[-1].issue(f"issuing {number}", authority=True))
    chain.append(chain[-1].issue("leaf"))
    crls, responses = [], []
    for issuer, subject in pairwise(chain):
        since = data.draw(st.sampled_from([None, utc_date(2024), utc_date(2025)]))
        due = data.draw(st.sampled_from([utc_date(2025, 6), utc_date(2026, 1, 31)]))
        told = data.draw(st.sampled_from(["nothing", "crl", "ocsp", "both"]))
        if told in ("crl", "both"):
            crls.append(issuer.crl(*([(subject, since)] if since else []), issued=utc_date(2025, 5), due=due))
        if told in ("ocsp", "both"):
            responses.append(issuer.ocsp(subject, revoked=since, issued=utc_date(2025, 5), due=due))
    site = Site(tmp_path_factory.mktemp("any"))
    stranger = make_root("stranger")
    settings = site.settings(
        ca, intermediates=[stranger, *chain[1:-1]], crls=[*crls, stranger.crl()], ocsp_responses=responses
    )
    first = kept(chain[-1], settings)
    repeated = again(chain[-1], first, settings)
    assert (_but_for_strangers(repeated), repeated.chain) == (_but_for_strangers(first), first.chain)


def _but_for_strangers(answer: TrustResult) -> list[object]:
    """The findings; CRLs of others have no bearing, so that it is not known later that there were any."""
    return [
        (each.aspect, each.outcome, each.where) if each.code in ("revocation-of-others", "revocation-unknown") else each
        for each in answer.findings
    ]
