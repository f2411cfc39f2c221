from __future__ import annotations

import pytest
from msgspec.structs import replace

from dcmseal import tags
from dcmseal.findings import Aspect, Outcome
from dcmseal.plugins.profile import Requirements, SignatureFacts
from dcmseal.plugins.profile_rules import requirement_findings, type_findings
from dcmseal.terms import KeyType, MacAlgorithm, SignaturePurpose
from dcmseal.testing.sample_dataset import SampleDataset
from tests.support import tags as t

DATASET = SampleDataset(values={tags.SOP_INSTANCE_UID: "1.2.3", t.PATIENT_ID: "4711"})
GOOD = SignatureFacts(
    mac_algorithm=MacAlgorithm.SHA384,
    key_type=KeyType.EC,
    certificate_type="X509_1993_SIG",
    timestamp_type="",
    purpose=SignaturePurpose.VERIFICATION,
    elements=frozenset({tags.SOP_INSTANCE_UID, t.PATIENT_ID}),
)
STRICT = Requirements(
    elements=frozenset({tags.PIXEL_DATA, t.PATIENT_ID, tags.SOP_INSTANCE_UID}),
    mac_algorithms=frozenset({MacAlgorithm.SHA384, MacAlgorithm.SHA512}),
    key_types=frozenset({KeyType.EC}),
    purposes=frozenset({SignaturePurpose.VERIFICATION}),
    purpose_required=True,
    main_dataset_only=True,
    clause="PS3.15 6.3",
)


def test_nothing_required_nothing_unmet() -> None:
    facts = replace(GOOD, mac_algorithm=None, key_type=None, purpose=None, elements=frozenset[int]())
    assert requirement_findings(Requirements(), SampleDataset(is_main=False), facts) == ()


def test_met() -> None:
    assert requirement_findings(STRICT, DATASET, GOOD) == ()


@pytest.mark.parametrize(
    ("facts", "code", "words"),
    [
        (replace(GOOD, mac_algorithm=MacAlgorithm.MD5), "mac-algorithm-not-allowed", "MD5, not one of SHA384, SHA512"),
        (replace(GOOD, mac_algorithm=None), "mac-algorithm-not-allowed", "unknown, not one of"),
        (replace(GOOD, key_type=KeyType.RSA), "key-type-not-allowed", "RSA, not one of EC"),
        (replace(GOOD, purpose=None), "purpose-missing", "Purpose"),
        (replace(GOOD, purpose=1), "purpose-not-allowed", "1 (Author's Signature), not one of 5 (Verification"),
        (replace(GOOD, purpose=99), "purpose-not-allowed", "99, not one of"),
    ],
)
def test_each_requirement(facts: SignatureFacts, code: str, words: str) -> None:
    (finding,) = requirement_findings(STRICT, DATASET, facts)
    assert (finding.aspect, finding.outcome, finding.code) == (Aspect.CONFORMANCE, Outcome.FAILED, code)
    assert words in finding.message
    assert finding.clause == "PS3.15 6.3"


def test_key_of_unknown_kind_is_not_called_wrong() -> None:
    (finding,) = requirement_findings(STRICT, DATASET, replace(GOOD, key_type=None))
    assert (finding.outcome, finding.code) == (Outcome.UNKNOWN, "key-type-unknown")


def test_item_where_only_the_main_data_set_will_do() -> None:
    (finding,) = requirement_findings(STRICT, replace(DATASET, is_main=False), GOOD)
    assert finding.code == "not-main-data-set"


def test_each_element_present_but_not_covered_in_order() -> None:
    findings = requirement_findings(STRICT, DATASET, replace(GOOD, elements=frozenset[int]()))
    assert [(finding.code, finding.where) for finding in findings] == [
        ("element-not-covered", "(0008,0018)"),
        ("element-not-covered", "(0010,0020)"),
    ]


def test_purpose_may_be_left_out_where_it_is_not_required() -> None:
    optional = replace(STRICT, purpose_required=False)
    assert requirement_findings(optional, DATASET, replace(GOOD, purpose=None)) == ()
    assert [finding.code for finding in requirement_findings(optional, DATASET, replace(GOOD, purpose=1))] == [
        "purpose-not-allowed"
    ]


@pytest.mark.parametrize(
    ("certificate_type", "timestamp_type", "codes"),
    [
        ("X509_1993_SIG", "", []),
        ("X509_1993_SIG", "CMS_TSP", []),
        ("X509_1993_SIG", "CMS_TS", ["timestamp-type"]),
        ("", "", ["certificate-type"]),
        ("x509_1993_sig", "OTHER", ["certificate-type", "timestamp-type"]),
    ],
)
def test_types_of_certificate_and_timestamp(certificate_type: str, timestamp_type: str, codes: list[str]) -> None:
    facts = replace(GOOD, certificate_type=certificate_type, timestamp_type=timestamp_type)
    assert [finding.code for finding in type_findings(facts, "PS3.15 C.1")] == codes
