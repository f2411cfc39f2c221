"""An instance held against what a document cites of it: its MAC, its signatures (PS3.3 C.17.2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from dcmseal.dataset.critical_tags import affects_display
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.transfer_syntax import TransferSyntax
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.mac.digest import is_digest_available
from dcmseal.macro.levels import main_level
from dcmseal.model.report import SignatureReport
from dcmseal.references.cited_instances import CitedInstance, CitedMac, CitedSignature
from dcmseal.references.instance_mac import is_other_representation, match_mac
from dcmseal.tags import format_tags
from dcmseal.verification.context import VerificationContext
from dcmseal.verification.pipeline import verify_file
from dcmseal.verification.timestamp_checks import TimestampContext, TimestampMode

_CLAUSE: Final = "PS3.3 C.17.2.1"
_MAX_NAMED: Final = 8
"""Elements that a message names."""
INTEGRITY_CONTEXT: Final = VerificationContext(
    integrity_only=True, timestamp=TimestampContext(mode=TimestampMode.IGNORE)
)
"""What is asked of an instance: whether it is what was signed, not by whom or when."""


class _ReferenceResult(NamedTuple):
    """One reference: why it does not hold, or what of the instance it leaves open."""

    problem: Finding | None
    covers_all: bool = False
    uncovered: frozenset[int] = frozenset()
    """Elements that could be in a MAC, and are not in this one."""
    unsignable: frozenset[int] = frozenset()
    """Elements that can be in none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceOptions:
    """How instances are held against what is cited of them."""

    now: datetime | None = None
    """The present; None for the clock's."""
    no_additions: bool = False
    """Whether every element has to be covered."""


DEFAULT_OPTIONS: Final = ReferenceOptions()


def check_instance(
    cited: CitedInstance, path: str, file: DicomFile, options: ReferenceOptions = DEFAULT_OPTIONS
) -> tuple[Finding, ...]:
    """What comes out for an instance that was found; raises DatasetError if it cannot be read."""
    results = [] if cited.mac is None else [_check_mac(cited, cited.mac, path, file)]
    if cited.signatures:
        reports = verify_file(file, replace(INTEGRITY_CONTEXT, now=options.now)).signatures
        results.extend(_check_signature(cited, each, path, file, reports) for each in cited.signatures)
    return tuple(_combine_results(cited, results, path, options))


def _combine_results(
    cited: CitedInstance, results: list[_ReferenceResult], path: str, options: ReferenceOptions
) -> Iterator[Finding]:
    """One reference that holds over all of the instance makes up for others about which nothing can be said.

    One over a part does not: it may be what an attacker left of several.
    """
    holding = [each for each in results if each.problem is None]
    is_whole = any(each.covers_all for each in holding)
    problems = [each.problem for each in results if each.problem is not None]
    if is_whole:
        problems = [each for each in problems if each.outcome is Outcome.FAILED]
    yield from problems
    if problems:
        return
    yield reference_finding("reference-verified", f"{path} is what was cited", cited.uid, outcome=Outcome.PASSED)
    first, *others = (each.uncovered | each.unsignable for each in holding)
    unsignable = frozenset[int]().union(*(each.unsignable for each in holding))
    yield from _uncovered_findings(cited, path, first.intersection(*others), unsignable, options)


def _uncovered_findings(
    cited: CitedInstance, path: str, left: frozenset[int], unsignable: frozenset[int], options: ReferenceOptions
) -> Iterator[Finding]:
    """What may have been added to an instance or changed in it, since nothing that is cited covers it."""
    if not left:
        return
    shown = sorted(tag for tag in left if affects_display(tag))
    if shown:
        message = (
            f"elements of {path} that change what it shows are in no MAC that is cited, and may have been added or"
            f" changed: {_format_tags(shown)}"
        )
        yield reference_finding("reference-shown-uncovered", message, cited.uid)
    if options.no_additions:
        message = f"elements of {path} that nothing cited covers may have been added: {_format_tags(sorted(left))}"
        outcome = Outcome.UNKNOWN if left <= unsignable else Outcome.FAILED
        yield reference_finding("reference-unsigned-additions", message, cited.uid, outcome=outcome)
    message = f"{len(left)} elements of {path} are in no MAC that is cited: changes and additions there go unnoticed"
    yield reference_finding("reference-covers-part", message, cited.uid, aspect=Aspect.COVERAGE)


def _format_tags(found: Sequence[int]) -> str:
    more = len(found) - _MAX_NAMED
    return f"{format_tags(found[:_MAX_NAMED])}{f' and {more} more' if more > 0 else ''}"


def _check_mac(cited: CitedInstance, mac: CitedMac, path: str, file: DicomFile) -> _ReferenceResult:
    algorithm = mac.parameters.mac_algorithm
    if algorithm is None or not is_digest_available(algorithm):
        return _ReferenceResult(
            _unusable_mac_finding(cited, f"MAC Algorithm {mac.parameters.algorithm!r} is not supported")
        )
    if not TransferSyntax(mac.parameters.transfer_syntax).is_allowed_for_mac:
        return _ReferenceResult(
            _unusable_mac_finding(cited, "the MAC Calculation Transfer Syntax is not explicit VR little endian")
        )
    made, matches = match_mac(file, mac, algorithm)
    if made.listed_unsignable:
        return _ReferenceResult(
            _unusable_mac_finding(
                cited, f"an element of {path} is listed that cannot be in a MAC: {made.listed_unsignable[0][1]}"
            )
        )
    if is_other_representation(file, mac):
        message = f"the pixels of {path} are in another transfer syntax than when they were cited"
        return _ReferenceResult(reference_finding("reference-other-representation", message, cited.uid))
    if not matches:
        message = f"{path} is not what was cited: its MAC differs"
        return _ReferenceResult(reference_finding("reference-changed", message, cited.uid, outcome=Outcome.FAILED))
    uncovered = frozenset(made.elements) - frozenset(mac.parameters.elements)
    unsignable = frozenset(tag for tag, _ in made.unsignable)
    return _ReferenceResult(None, covers_all=not uncovered, uncovered=uncovered, unsignable=unsignable)


def _check_signature(
    cited: CitedInstance, wanted: CitedSignature, path: str, file: DicomFile, reports: Iterable[SignatureReport]
) -> _ReferenceResult:
    named = [each for each in reports if each.signature.uid == wanted.uid]
    if not named:
        message = f"{path} no longer has signature {wanted.uid}"
        return _ReferenceResult(reference_finding("reference-signature-gone", message, cited.uid))
    equal = [each for each in named if _pad_to_even(each.signature.value) == _pad_to_even(wanted.value)]
    if not equal or any(each.outcome(Aspect.INTEGRITY) is Outcome.FAILED for each in equal):
        what = "does not hold any longer" if equal else "has another value"
        message = f"{path} is not what was cited: its signature {wanted.uid} {what}"
        return _ReferenceResult(reference_finding("reference-changed", message, cited.uid, outcome=Outcome.FAILED))
    report = equal[0]
    if not report.is_intact or report.coverage is None:
        message = f"signature {wanted.uid} of {path} is there, but does not say that nothing changed"
        return _ReferenceResult(reference_finding("reference-signature-not-intact", message, cited.uid))
    coverage = report.coverage
    if report.signature.location.steps:
        # that of an item says nothing about the rest
        there = main_level(file).scanner().finish().tags
        return _ReferenceResult(None, uncovered=frozenset(tag for tag in there if not exclusion_reason(tag)))
    return _ReferenceResult(
        None,
        covers_all=not coverage.unsigned,
        uncovered=frozenset(coverage.unsigned),
        unsignable=frozenset(tag for tag, _ in coverage.unsignable),
    )


def _pad_to_even(value: bytes) -> bytes:
    return value + b"\0" if len(value) & 1 else value


def _unusable_mac_finding(cited: CitedInstance, message: str) -> Finding:
    return reference_finding("reference-mac-unusable", message, cited.uid)


def reference_finding(
    code: str,
    message: str,
    where: str,
    *,
    outcome: Outcome = Outcome.UNKNOWN,
    aspect: Aspect = Aspect.INTEGRITY,
) -> Finding:
    """A finding about what a document cites."""
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, where=where, clause=_CLAUSE)
