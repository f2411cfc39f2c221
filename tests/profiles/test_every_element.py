"""For each element of each profile: left out of the signature, or of the data set, it fails and is named."""

from __future__ import annotations

from functools import cache

import pytest

from dcmseal import tags
from dcmseal.findings import Outcome
from dcmseal.model.report import VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.profile import Requirements
from dcmseal.tags import format_tag
from dcmseal.testing.sample_dataset import IMAGE, REPORT
from dcmseal_profiles.authorization_rsa import AuthorizationRsa
from dcmseal_profiles.creator_rsa import CreatorRsa
from dcmseal_profiles.structured_report_rsa import StructuredReportRsa
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.sample_objects import element, make_dataset, report
from tests.support.signed_files import apply_changes, sign_dataset, verify_integrity

PROFILES = {profile.name: profile for profile in (CreatorRsa(), AuthorizationRsa())}
SR = StructuredReportRsa()


@cache
def required_by(name: str) -> Requirements:
    return SR.requirements(REPORT) if name == SR.name else PROFILES[name].requirements(IMAGE)


def everything(name: str) -> tuple[b.Node, ...]:
    """A data set with every element that the profile names."""
    elements = required_by(name).required_tags
    if name != SR.name:
        return make_dataset(elements)
    return make_dataset(elements, *report("VERIFIED"))


def tags_of(nodes: tuple[b.Node, ...]) -> set[int]:
    return {node.tag for node in nodes if not isinstance(node, b.Raw)}


def missing(result: VerificationReport) -> list[tuple[str, str]]:
    """What keeps the signature from meeting the profile."""
    (each,) = result.signatures
    assert each.integrity_verdict is Verdict.VALID
    return [(f.code, f.where) for f in each.findings if f.aspect.value == "conformance" and f.outcome is Outcome.FAILED]


@pytest.mark.parametrize("name", [*PROFILES, SR.name])
def test_an_element_that_is_not_signed_is_named(name: str, pki: Pki) -> None:
    nodes, required = everything(name), required_by(name)
    assert required.tables is not None
    data, tags = b.file(nodes), tags_of(nodes)
    assert verify_integrity(sign_dataset(data, pki["rsa2048"], tags=tags, purpose=1), require=[name]).verdict is (
        Verdict.INVALID if name == SR.name else Verdict.VALID  # no Verification Signature, no more
    )
    # older readers take what has one of the latest VRs for elements, so that it cannot be left out
    latest = {node.tag for node in nodes if isinstance(node, b.Value) and node.vr in ("OV", "SV", "UV")}
    for tag in sorted(required.required_tags - latest):
        result = verify_integrity(sign_dataset(data, pki["rsa2048"], tags=tags - {tag}, purpose=5), require=[name])
        assert result.verdict is Verdict.INVALID, format_tag(tag)
        code = "element-of-later-edition" if tag in required.tables.added else "element-not-covered"
        assert missing(result) == [(code, format_tag(tag))]
        assert "profile-not-met" in [finding.code for finding in result.unmet]


@pytest.mark.parametrize("name", [*PROFILES, SR.name])
def test_an_element_that_has_to_be_there_is_named(name: str, pki: Pki) -> None:
    nodes = everything(name)
    assert required_by(name).mandatory
    for tag in required_by(name).mandatory:
        data = sign_dataset(b.file(apply_changes(nodes, {tag: None})), pki["rsa2048"], purpose=5)
        result = verify_integrity(data, require=[name])
        assert result.verdict is Verdict.INVALID
        assert missing(result) == [("element-missing", format_tag(tag))]


@pytest.mark.parametrize("name", [*PROFILES, SR.name])
def test_signing_no_more_than_is_required_is_enough(name: str, pki: Pki) -> None:
    data = sign_dataset(b.file(everything(name)), pki["rsa2048"], profile=name, only_required=True)
    assert verify_integrity(data, require=[name]).verdict is Verdict.VALID


@pytest.mark.parametrize("tag", [tags.SOP_INSTANCE_UID, t.VERIFICATION_FLAG, t.VERIFYING_OBSERVER_SEQUENCE])
def test_elements_that_verify_a_document_are_named(tag: int, pki: Pki) -> None:
    nodes = everything(SR.name)
    data = sign_dataset(b.file(nodes), pki["rsa2048"], tags=tags_of(nodes) - {tag}, purpose=5)
    result = verify_integrity(data, require=[SR.name], name_profiles=True)
    assert missing(result) == []
    assert [finding.code for finding in result.unmet] == ["verification-signature-missing"]
    assert result.verdict is Verdict.INVALID
    assert result.signatures[0].profiles == ("base-rsa", "none")


def test_elements_of_no_module_are_not_asked_for(pki: Pki) -> None:
    patient_name, pixel_spacing, private_creator = t.PATIENT_NAME, 0x00280030, 0x00090010
    others = {tag: element(tag) for tag in (patient_name, pixel_spacing, private_creator)}
    nodes = apply_changes(everything("authorization-rsa"), others)
    data = sign_dataset(b.file(nodes), pki["rsa2048"], profile="authorization-rsa", only_required=True)
    assert verify_integrity(data, require=["authorization-rsa"]).verdict is Verdict.VALID
