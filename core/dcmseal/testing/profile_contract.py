"""The contract for Digital Signature Profiles, as tests that authors of plugins subclass.

    class TestExampleProfile(ProfileContract):
        profile = ExampleProfile()

Set ``datasets`` as well if the samples do not trigger all rules of the profile.
"""

# Kept apart: imported on first use, without cryptography.

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from dcmseal.errors import ProfileViolation, UsageError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import Location
from dcmseal.macro.levels import find_level
from dcmseal.macro.profile_view import LevelView
from dcmseal.plugins.profile import DocumentProfile, Profile, ProfiledDataset, Requirements, SignatureFacts
from dcmseal.signing.plan import plan_signature
from dcmseal.signing.signing_context import SigningContext
from dcmseal.signing.signing_options import SignOptions
from dcmseal.sources.dataset_input import open_source
from dcmseal.terms import CertificateType, KeyType, MacAlgorithm, SignaturePurpose, TimestampType
from dcmseal.testing.sample_dataset import SAMPLES, SampleDataset

_CODE: Final = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
_HIGHEST_TAG: Final = 0xFFFFFFFF


class ProfileContract:
    """Tests for a profile: subclass it and set ``profile``; add ``datasets`` that trigger all of its rules."""

    profile: Profile
    datasets: tuple[ProfiledDataset, ...] = SAMPLES

    def test_name_title_and_reference_are_valid(self) -> None:
        assert isinstance(self.profile, Profile)
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", self.profile.name)
        for text in (self.profile.title, self.profile.reference):
            assert text
            assert text.isprintable()

    def test_requirements_have_the_declared_types(self) -> None:
        for dataset in self.datasets:
            required = self.profile.requirements(dataset)
            assert isinstance(required, Requirements)
            assert all(0 <= tag <= _HIGHEST_TAG for tag in required.elements)
            assert all(isinstance(term, MacAlgorithm) for term in required.mac_algorithms)
            assert all(isinstance(kind, KeyType) for kind in required.key_types)
            assert all(isinstance(purpose, int) for purpose in required.purposes)
            for members in (required.elements, required.mac_algorithms, required.key_types, required.purposes):
                assert isinstance(members, frozenset)

    def test_results_are_deterministic(self) -> None:
        for dataset in self.datasets:
            assert self.profile.requirements(dataset) == self.profile.requirements(dataset)
            for facts in (_NO_FACTS, *_iter_conforming_facts(self.profile.requirements(dataset), dataset)):
                assert self.profile.check(dataset, facts) == self.profile.check(dataset, facts)

    def test_results_do_not_depend_on_earlier_calls(self) -> None:
        first = [self._collect_results(dataset) for dataset in self.datasets]
        again = [self._collect_results(dataset) for dataset in reversed(self.datasets)]
        assert again == first[::-1]

    def _collect_results(self, dataset: ProfiledDataset) -> tuple[object, ...]:
        tags = frozenset(dataset.tags)
        results = self.profile.requirements(dataset), self.profile.check(dataset, _NO_FACTS), self._check_all(dataset)
        assert frozenset(dataset.tags) == tags
        return results

    def _check_all(self, dataset: ProfiledDataset) -> tuple[Finding, ...]:
        if not isinstance(self.profile, DocumentProfile):
            return ()
        return self.profile.check_all(dataset, (_NO_FACTS, _NO_FACTS))

    def test_findings_are_about_conformance(self) -> None:
        for dataset in self.datasets:
            for findings in (self.profile.check(dataset, _NO_FACTS), self._check_all(dataset)):
                assert isinstance(findings, tuple)
            for finding in (*self.profile.check(dataset, _NO_FACTS), *self._check_all(dataset)):
                assert isinstance(finding, Finding)
                assert finding.aspect is Aspect.CONFORMANCE
                assert _CODE.fullmatch(finding.code), finding.code
                assert finding.message

    def test_conforming_signatures_pass_the_check(self) -> None:
        for dataset in self.datasets:
            required = self.profile.requirements(dataset)
            for facts in _iter_conforming_facts(required, dataset):
                assert self.profile.check(dataset, facts) == (), facts

    def test_violating_signatures_fail_the_check(self) -> None:
        for dataset in self.datasets:
            required = self.profile.requirements(dataset)
            if not _can_be_met(required, dataset):
                everything = replace(_NO_FACTS, elements=frozenset(dataset.tags))
                assert Outcome.FAILED in {finding.outcome for finding in self.profile.check(dataset, everything)}
            for facts in _iter_conforming_facts(required, dataset):
                for broken in _iter_violating_facts(required, facts):
                    outcomes = {finding.outcome for finding in self.profile.check(dataset, broken)}
                    assert Outcome.FAILED in outcomes, broken

    def test_signing_more_elements_than_required_passes_the_check(self) -> None:
        for dataset in self.datasets:
            for facts in _iter_conforming_facts(self.profile.requirements(dataset), dataset):
                required = self.profile.requirements(dataset)
                everything = replace(facts, elements=frozenset(dataset.tags) - required.forbidden)
                assert self.profile.check(dataset, everything) == ()

    def test_planned_signatures_pass_the_check(self) -> None:
        for dataset in self.datasets:
            if not isinstance(dataset, SampleDataset) or (dataset.is_main and not dataset.tags):
                continue  # such a file does not exist
            if self.profile.requirements(dataset).timestamp_required:
                continue  # a plan has no timestamp
            data, location = dataset.encode()
            for is_minimal in (False, True):
                self._check_plan(data, location, is_minimal=is_minimal)

    def _check_plan(self, data: bytes, location: Location, *, is_minimal: bool) -> None:
        """Plan a signature over a real Data Set: planning must refuse it, or the result must pass the check."""
        with open_source(data) as file:
            level = find_level(file, location)
            view = LevelView(scan=level.scanner().finish(), location=location)
            required = self.profile.requirements(view)
            options = SignOptions(
                location=location,
                # no element besides those that the profile requires
                tags=() if is_minimal else None,
                algorithm=min(required.mac_algorithms or MacAlgorithm),
                allow_weak=True,
                purpose=SignaturePurpose(min(required.purposes or SignaturePurpose)),
            )
            is_empty = is_minimal and not (required.required_tags | required.recommended) & view.tags
            conforming = next(_iter_conforming_facts(required, view), None)
            try:
                with plan_signature(data, SigningContext(options=options, profile=self.profile)) as plan:
                    signed = frozenset(plan.elements)
            except (ProfileViolation, UsageError):
                assert conforming is None or is_empty or not view.tags
                return
            assert conforming is not None
            assert required.required_tags & view.tags <= signed
            assert self.profile.check(view, replace(conforming, elements=signed, purpose=options.purpose)) == ()


_NO_FACTS: Final = SignatureFacts(
    mac_algorithm=None, key_type=None, certificate_type="", timestamp_type="", purpose=None, elements=frozenset()
)


def _can_be_met(required: Requirements, dataset: ProfiledDataset) -> bool:
    """Whether any signature over the Data Set can meet the requirements."""
    is_wrong_level = required.main_dataset_only and not dataset.is_main
    return not (required.inapplicable or is_wrong_level) and required.mandatory <= frozenset(dataset.tags)


def _iter_conforming_facts(required: Requirements, dataset: ProfiledDataset) -> Iterator[SignatureFacts]:
    if not _can_be_met(required, dataset):
        return
    algorithms = sorted(required.mac_algorithms or MacAlgorithm)
    key_types = sorted(required.key_types or KeyType, key=lambda kind: kind.value)
    purposes: list[int | None] = [*sorted(required.purposes or SignaturePurpose)]
    if not required.purpose_required:
        purposes.append(None)
    facts = SignatureFacts(
        mac_algorithm=algorithms[0],
        key_type=key_types[0],
        certificate_type=CertificateType.X509_1993_SIG,
        timestamp_type=TimestampType.CMS_TSP if required.timestamp_required else "",
        purpose=purposes[-1],
        elements=required.required_tags.intersection(dataset.tags),
        key_bits=max(required.key_bits.values(), default=2048),
    )
    yield facts
    yield replace(facts, timestamp_type=TimestampType.CMS_TSP)
    yield from (replace(facts, mac_algorithm=algorithm) for algorithm in algorithms)
    yield from (replace(facts, key_type=key_type) for key_type in key_types)
    yield from (replace(facts, purpose=purpose) for purpose in purposes)


def _iter_violating_facts(required: Requirements, facts: SignatureFacts) -> Iterator[SignatureFacts]:
    for tag in facts.elements:
        yield replace(facts, elements=facts.elements - {tag})
    if required.mac_algorithms:
        for algorithm in frozenset(MacAlgorithm) - required.mac_algorithms:
            yield replace(facts, mac_algorithm=algorithm)
    if required.key_types:
        for key_type in frozenset(KeyType) - required.key_types:
            yield replace(facts, key_type=key_type)
    for tag in required.forbidden:
        yield replace(facts, elements=facts.elements | {tag})
    min_bits = required.key_bits.get(facts.key_type, 0) if facts.key_type else 0
    if min_bits:
        yield replace(facts, key_bits=min_bits - 1)
    if required.timestamp_required:
        yield replace(facts, timestamp_type="")
    if required.purpose_required:
        yield replace(facts, purpose=None)
    if required.purposes:
        yield replace(facts, purpose=max(required.purposes) + 1)
