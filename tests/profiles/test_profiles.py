from __future__ import annotations

import pytest
from msgspec.structs import replace

import dcmseal
from dcmseal import tags
from dcmseal.dictionary import parse_tag
from dcmseal.errors import ProfileViolation
from dcmseal.findings import Outcome
from dcmseal.location import MAIN
from dcmseal.macro.levels import main_level
from dcmseal.macro.profile_view import LevelView
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.profile import OTHER_PURPOSE, SignatureFacts
from dcmseal.sources.dataset_input import open_source
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing.profile_contract import ProfileContract
from dcmseal.testing.sample_dataset import IMAGE, REPORT, SampleDataset
from dcmseal_profiles.authorization_rsa import AuthorizationRsa
from dcmseal_profiles.base_rsa import BaseRsa
from dcmseal_profiles.basic_sr_signatures import BasicSrSignatures
from dcmseal_profiles.creator_rsa import CreatorRsa
from dcmseal_profiles.no_profile import NoProfile
from dcmseal_profiles.structured_report_rsa import StructuredReportRsa
from tests.support import builder as b
from tests.support import tags as t
from tests.support.cited_evidence import (
    make_citation,
    make_document,
    make_evidence_sequence,
    make_mac_reference,
    make_signature_reference,
)
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset

FACTS = SignatureFacts(
    mac_algorithm=MacAlgorithm.RIPEMD160,
    key_type=KeyType.RSA,
    certificate_type="X509_1993_SIG",
    timestamp_type="CMS_TSP",
    purpose=None,
    elements=frozenset({tags.SOP_INSTANCE_UID}),
)
VERIFICATION = replace(FACTS, purpose=5, elements=frozenset(REPORT.tags))
AUTHOR = replace(VERIFICATION, purpose=1)
UNVERIFIED = replace(REPORT, values={**REPORT.values, t.VERIFICATION_FLAG: "UNVERIFIED"})


def without(dataset: SampleDataset, *tags: int) -> SampleDataset:
    return replace(dataset, values={tag: value for tag, value in dataset.values.items() if tag not in tags})


class TestNoProfile(ProfileContract):
    profile = NoProfile()

    def test_anything_goes(self) -> None:
        facts = replace(FACTS, mac_algorithm=None, key_type=KeyType.DSA, certificate_type="", timestamp_type="?")
        assert self.profile.check(IMAGE, facts) == ()


class TestBaseRsa(ProfileContract):
    profile = BaseRsa()

    def test_asks_for_no_element_and_no_purpose(self) -> None:
        required = self.profile.requirements(IMAGE)
        assert (required.required_tags, required.purposes, required.purpose_required) == (
            frozenset(),
            frozenset(),
            False,
        )
        assert self.profile.check(replace(IMAGE, is_main=False), replace(FACTS, elements=frozenset[int]())) == ()


class TestCreatorRsa(ProfileContract):
    profile = CreatorRsa()

    def test_requires_creation_time_and_equipment(self) -> None:
        elements = self.profile.requirements(IMAGE).elements
        for keyword in ("InstanceCreationDate", "InstanceCreationTime", "StationName", "TrackSetSequence"):
            assert parse_tag(keyword) in elements

    def test_requires_no_private_element_and_no_patient_data(self) -> None:
        elements = self.profile.requirements(IMAGE).elements
        examined_body_thickness = 0x00109431
        assert {tag for tag in elements if tag >> 16 & 1 or tag >> 16 == 0x0010} == {examined_body_thickness}


class TestAuthorizationRsa(ProfileContract):
    profile = AuthorizationRsa()

    def test_requires_the_visible_part_of_what_the_creator_profile_requires(self) -> None:
        creator = CreatorRsa().requirements(IMAGE).elements
        mine = self.profile.requirements(IMAGE).elements
        assert mine < creator
        assert {
            tags.INSTANCE_CREATION_DATE,
            tags.INSTANCE_CREATION_TIME,
            0x00081010,
            0x00660101,
            0x006A0002,
        } <= creator - mine

    def test_leaves_the_display_to_the_caller(self) -> None:
        assert "shown" in self.profile.requirements(IMAGE).left_to_caller


class TestStructuredReportRsa(ProfileContract):
    profile = StructuredReportRsa()

    def codes(self, dataset: SampleDataset, *signatures: SignatureFacts) -> list[str]:
        return [finding.code for finding in self.profile.check_all(dataset, signatures)]

    def test_a_signature_states_its_purpose(self) -> None:
        facts = replace(AUTHOR, purpose=None)
        assert [finding.code for finding in self.profile.check(UNVERIFIED, facts)] == ["purpose-missing"]
        for purpose in (1, OTHER_PURPOSE):
            assert self.profile.check(UNVERIFIED, replace(AUTHOR, purpose=purpose)) == ()

    def test_sop_instance_uid_may_still_change_until_it_is_verified(self) -> None:
        facts = replace(AUTHOR, elements=AUTHOR.elements - {tags.SOP_INSTANCE_UID})
        assert self.profile.check(UNVERIFIED, facts) == ()
        assert self.codes(UNVERIFIED, facts) == []

    def test_a_verified_document_has_a_verification_signature(self) -> None:
        assert self.codes(REPORT, AUTHOR) == ["verification-signature-missing"]
        assert self.codes(REPORT) == ["verification-signature-missing"]
        assert self.codes(REPORT, AUTHOR, VERIFICATION) == []
        assert self.codes(UNVERIFIED, AUTHOR) == []

    @pytest.mark.parametrize("tag", [tags.SOP_INSTANCE_UID, t.VERIFICATION_FLAG, t.VERIFYING_OBSERVER_SEQUENCE])
    def test_a_verification_signature_covers_the_verification_of_the_document(self, tag: int) -> None:
        facts = replace(VERIFICATION, elements=VERIFICATION.elements - {tag})
        assert self.codes(REPORT, facts) == ["verification-signature-missing"]
        (finding,) = self.profile.check_all(REPORT, [facts])
        assert finding.outcome is Outcome.FAILED
        assert "C.4" in finding.clause

    def test_a_verification_signature_meets_the_profile_itself(self) -> None:
        assert self.codes(REPORT, replace(VERIFICATION, key_type=KeyType.EC)) == ["verification-signature-missing"]

    def test_a_document_without_an_observer_has_no_verification(self) -> None:
        nobody = without(REPORT, t.VERIFYING_OBSERVER_SEQUENCE)
        assert self.codes(nobody, replace(VERIFICATION, elements=frozenset(nobody.tags))) == [
            "verification-signature-missing"
        ]

    def test_one_observer_at_the_most(self) -> None:
        two = replace(REPORT, values={**REPORT.values, t.VERIFYING_OBSERVER_SEQUENCE: 2})
        assert [finding.code for finding in self.profile.check(two, VERIFICATION)] == ["profile-not-applicable"]

    @pytest.mark.parametrize("tag", [0x0040A040, t.CONCEPT_NAME_CODE_SEQUENCE, t.CONTENT_SEQUENCE])
    def test_it_is_for_documents(self, tag: int) -> None:
        other = without(REPORT, tag)
        assert "profile-not-applicable" in [finding.code for finding in self.profile.check(other, VERIFICATION)]
        pdf = replace(REPORT, values={**REPORT.values, t.ENCAPSULATED_DOCUMENT: None})
        assert "not an SR" in self.profile.requirements(pdf).inapplicable

    def test_a_new_signature_of_a_verified_document_verifies_it(self) -> None:
        assert self.profile.requirements(REPORT).default_purpose == 5
        assert self.profile.requirements(UNVERIFIED).default_purpose is None
        assert {tags.SOP_INSTANCE_UID, t.VERIFICATION_FLAG, t.VERIFYING_OBSERVER_SEQUENCE} <= self.profile.requirements(
            REPORT
        ).recommended


RSA_PROFILES = (BaseRsa(), CreatorRsa(), AuthorizationRsa(), StructuredReportRsa())
COMPLETE = replace(FACTS, purpose=1, elements=frozenset(UNVERIFIED.tags))


@pytest.mark.parametrize("profile", RSA_PROFILES, ids=lambda profile: profile.name)
class TestMechanism:
    """What C.2 to C.4 take over from C.1."""

    @pytest.mark.parametrize("algorithm", MacAlgorithm)
    def test_all_six_algorithms(self, profile: BaseRsa, algorithm: MacAlgorithm) -> None:
        assert profile.check(UNVERIFIED, replace(COMPLETE, mac_algorithm=algorithm)) == ()

    @pytest.mark.parametrize(
        ("facts", "code"),
        [
            (replace(COMPLETE, mac_algorithm=None), "mac-algorithm-not-allowed"),
            (replace(COMPLETE, key_type=KeyType.EC), "key-type-not-allowed"),
            (replace(COMPLETE, key_type=KeyType.DSA), "key-type-not-allowed"),
            (replace(COMPLETE, key_type=None), "key-type-unknown"),
            (replace(COMPLETE, certificate_type="X509"), "certificate-type"),
            (replace(COMPLETE, timestamp_type="CMS_TS"), "timestamp-type"),
        ],
    )
    def test_refuses(self, profile: BaseRsa, facts: SignatureFacts, code: str) -> None:
        (finding,) = profile.check(UNVERIFIED, facts)
        assert finding.code == code
        assert finding.clause.startswith(profile.reference)

    def test_is_for_the_main_data_set(self, profile: BaseRsa) -> None:
        codes = [finding.code for finding in profile.check(replace(UNVERIFIED, is_main=False), COMPLETE)]
        assert codes == ([] if profile.name == "base-rsa" else ["not-main-data-set"])

    def test_findings_name_the_edition_of_the_tables(self, profile: BaseRsa) -> None:
        for finding in profile.check(SampleDataset(), replace(FACTS, mac_algorithm=None)):
            assert profile.name == "base-rsa" or "PS3.3 2024c" in finding.clause


class TestBasicSrSignatures(ProfileContract):
    profile = BasicSrSignatures()

    def test_requires_what_structured_report_rsa_requires(self) -> None:
        mine, theirs = self.profile.requirements(REPORT), StructuredReportRsa().requirements(REPORT)
        assert (mine.required_tags, mine.default_purpose) == (theirs.required_tags, theirs.default_purpose)
        assert mine.clause.startswith("PS3.15 A.4")
        assert self.profile.check_all(REPORT, [AUTHOR]) == StructuredReportRsa().check_all(REPORT, [AUTHOR]) != ()

    @pytest.mark.parametrize(
        "tag", [tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, tags.PERTINENT_OTHER_EVIDENCE_SEQUENCE]
    )
    def test_requires_signatures_or_macs_of_all_references(self, tag: int) -> None:
        mac, signature = make_mac_reference(b.file(b.image())), make_signature_reference(("1.2.3", b"??"))
        for said, lacking in (
            (
                [
                    make_citation("1.2.1", mac),
                    make_citation("1.2.2", signature),
                    make_citation("1.2.3", signature, mac),
                ],
                "",
            ),
            ([make_citation("1.2.1", mac), make_citation("1.2.2"), make_citation("1.2.3")], "2 of"),
            ([make_citation("1.2.2", b.Sequence(tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE))], "1 of"),
        ):
            with open_source(b.file(make_document(make_evidence_sequence(tag, *said)))) as source:
                view = LevelView(scan=main_level(source).scanner().finish(), location=MAIN)
                required = self.profile.requirements(view)
            assert required.inapplicable.startswith(lacking)
            assert bool(required.inapplicable) is bool(lacking)

    def test_hostile_evidence_is_not_reported_as_a_fault_of_the_plugin(self, pki: Pki) -> None:
        """No text of the document gets into an answer that has to be short and printable."""
        data = b.file(
            make_document(
                make_evidence_sequence(
                    tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, *[make_citation("\x1b" * 400)] * 3
                )
            )
        )
        report = dcmseal.verify(
            sign_dataset(data, pki["rsa2048"]), integrity_only=True, require=["basic-sr-signatures"]
        )
        assert report.verdict is Verdict.INVALID
        with pytest.raises(ProfileViolation, match="3 of the instances"):
            dcmseal.plan_signing(data, profile="basic-sr-signatures", purpose="author").close()
