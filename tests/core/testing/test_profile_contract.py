"""The contract for profiles finds what it is there to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import pytest
from msgspec.structs import replace

from dcmseal import tags
from dcmseal.errors import ProfileViolation
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.plugins.profile import ProfiledDataset, Requirements, SignatureFacts
from dcmseal.plugins.profile_rules import requirement_findings
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal.testing import ProfileContract
from dcmseal.testing.sample_dataset import IMAGE
from tests.support import tags as t
from tests.support.wrong_types import wrong_type


def run_all(suite: ProfileContract) -> None:
    for name in dir(suite):
        if name.startswith("test_"):
            getattr(suite, name)()


@dataclass(frozen=True)
class SomeProfile:
    """A profile that meets the contract by default."""

    required: Requirements
    checked: Requirements | None = None
    extra: tuple[Finding, ...] = ()
    name: str = "some"
    title: str = "Some profile"
    reference: str = "none"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return self.required

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return requirement_findings(self.checked or self.required, dataset, facts) + self.extra


FULL = Requirements(
    elements=frozenset(IMAGE.tags),
    mac_algorithms=frozenset({MacAlgorithm.SHA512}),
    key_types=frozenset({KeyType.EC}),
    purposes=frozenset({1}),
    purpose_required=True,
    main_dataset_only=True,
)

FINDING = Finding(aspect=Aspect.CONFORMANCE, outcome=Outcome.FAILED, code="too-many", message="too many")


def profile_contract(profile: SomeProfile) -> ProfileContract:
    suite = ProfileContract()
    suite.profile = profile
    return suite


class TestProfileContract:
    @pytest.mark.parametrize("required", [FULL, Requirements()])
    def test_is_met_by_a_good_profile(self, required: Requirements) -> None:
        run_all(profile_contract(SomeProfile(required)))

    @pytest.mark.parametrize(
        "laxer",
        [
            replace(FULL, elements=FULL.elements - {tags.SOP_INSTANCE_UID}),
            replace(FULL, mac_algorithms=frozenset[MacAlgorithm]()),
            replace(FULL, key_types=frozenset(KeyType)),
            replace(FULL, purposes=frozenset[int]()),
            replace(FULL, purpose_required=False),
        ],
    )
    def test_finds_checks_that_differ_from_the_requirements(self, laxer: Requirements) -> None:
        with pytest.raises(AssertionError):
            profile_contract(SomeProfile(FULL, checked=laxer)).test_violating_signatures_fail_the_check()
        with pytest.raises(AssertionError):
            profile_contract(SomeProfile(laxer, checked=FULL)).test_conforming_signatures_pass_the_check()

    def test_finds_items_let_through(self) -> None:
        suite = profile_contract(SomeProfile(replace(Requirements(), main_dataset_only=True), checked=Requirements()))
        with pytest.raises(AssertionError):
            suite.test_violating_signatures_fail_the_check()

    def test_finds_answers_that_vary(self) -> None:
        numbers = count()

        class Moody(SomeProfile):
            def requirements(self, dataset: ProfiledDataset) -> Requirements:
                return Requirements(elements=frozenset({next(numbers)}))

        with pytest.raises(AssertionError):
            profile_contract(Moody(FULL)).test_results_are_deterministic()

    @pytest.mark.parametrize(("aspect", "code"), [(Aspect.TRUST, "fine"), (Aspect.CONFORMANCE, "Not Fine")])
    def test_finds_findings_of_another_kind(self, aspect: Aspect, code: str) -> None:
        finding = Finding(aspect=aspect, outcome=Outcome.FAILED, code=code, message="message")
        with pytest.raises(AssertionError):
            profile_contract(SomeProfile(FULL, extra=(finding,))).test_findings_are_about_conformance()

    @pytest.mark.parametrize(
        "wrong",
        [SomeProfile(FULL, name="Some One"), SomeProfile(FULL, title=""), SomeProfile(FULL, reference="two\nlines")],
        ids=["name", "title", "reference"],
    )
    def test_finds_invalid_names(self, wrong: SomeProfile) -> None:
        with pytest.raises(AssertionError):
            profile_contract(wrong).test_name_title_and_reference_are_valid()

    @pytest.mark.parametrize(
        "wrong",
        [
            replace(FULL, elements=frozenset({1 << 32})),
            replace(FULL, mac_algorithms=wrong_type(frozenset({"SHA3"}))),
            replace(FULL, purposes=wrong_type({1})),
        ],
    )
    def test_finds_requirements_of_other_types(self, wrong: Requirements) -> None:
        with pytest.raises(AssertionError):
            profile_contract(SomeProfile(wrong)).test_requirements_have_the_declared_types()

    def test_finds_that_signing_more_does_harm(self) -> None:
        class Sparing(SomeProfile):
            def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
                too_many = facts.elements and facts.elements == frozenset(dataset.tags)
                return (FINDING,) if too_many else super().check(dataset, facts)

        with pytest.raises(AssertionError):
            profile_contract(Sparing(Requirements())).test_signing_more_elements_than_required_passes_the_check()

    @pytest.mark.parametrize(
        "strict",
        [
            Requirements(mandatory=frozenset({tags.SOP_INSTANCE_UID})),
            Requirements(forbidden=frozenset({t.PATIENT_NAME})),
            Requirements(key_types=frozenset({KeyType.RSA}), key_bits={KeyType.RSA: 3072}),
            Requirements(timestamp_required=True),
            Requirements(inapplicable="never"),
        ],
        ids=["mandatory", "forbidden", "size of key", "timestamp", "inapplicable"],
    )
    def test_finds_demands_that_the_check_forgets(self, strict: Requirements) -> None:
        run_all(profile_contract(SomeProfile(strict)))
        with pytest.raises(AssertionError):
            profile_contract(
                SomeProfile(strict, checked=Requirements(key_types=strict.key_types))
            ).test_violating_signatures_fail_the_check()

    def test_finds_a_profile_that_remembers(self) -> None:
        @dataclass(frozen=True)
        class Learning(SomeProfile):
            seen: frozenset[int] = frozenset()

            def requirements(self, dataset: ProfiledDataset) -> Requirements:
                object.__setattr__(self, "seen", self.seen | frozenset(dataset.tags))
                return Requirements(elements=self.seen)

        with pytest.raises(AssertionError):
            profile_contract(Learning(FULL)).test_results_do_not_depend_on_earlier_calls()

    def test_finds_a_check_that_wants_more_than_is_planned(self) -> None:
        greedy = SomeProfile(Requirements(), checked=Requirements(mandatory=frozenset({0x00400244})))
        with pytest.raises((AssertionError, ProfileViolation)):
            profile_contract(greedy).test_planned_signatures_pass_the_check()

    def test_finds_rules_that_are_not_findings(self) -> None:
        class Together(SomeProfile):
            def check_all(self, dataset: ProfiledDataset, signatures: Sequence[SignatureFacts]) -> tuple[Finding, ...]:
                return (replace(FINDING, aspect=Aspect.TRUST),)

        with pytest.raises(AssertionError):
            profile_contract(Together(Requirements())).test_findings_are_about_conformance()
