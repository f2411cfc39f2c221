"""Check an instance against the MAC and the signatures that a document cites (PS3.3 C.17.2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.dataset.critical_tags import affects_display
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.transfer_syntax import TransferSyntax
from dcmseal.dataset.vr import minimize_padding
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.mac.digest import is_digest_available
from dcmseal.macro.levels import main_level
from dcmseal.model.report import SignatureReport
from dcmseal.references.cited_instances import CitedInstance, CitedMac, CitedSignature
from dcmseal.references.instance_mac import is_other_representation, match_mac
from dcmseal.tags import format_tags
from dcmseal.verification.pipeline import verify_file
from dcmseal.verification.timestamp_checks import TimestampContext
from dcmseal.verification.verification_context import VerificationContext
from dcmseal.verification.verification_options import TimestampMode

_CLAUSE: Final = "PS3.3 C.17.2.1"
_MAX_NAMED: Final = 8
"""Maximum number of elements listed in a message."""
INTEGRITY_CONTEXT: Final = VerificationContext(
    integrity_only=True, timestamp=TimestampContext(mode=TimestampMode.IGNORE)
)
"""Verify whether an instance was changed, not who signed it or when."""


class _ReferenceResult(NamedTuple):
    """The result for one reference: why it is not valid, or which elements it does not cover."""

    problem: Finding | None
    covers_all: bool = False
    uncovered: frozenset[int] = frozenset()
    """Elements that could be part of a MAC, but are not part of this one."""
    unsignable: frozenset[int] = frozenset()
    """Elements that cannot be part of any MAC."""


class ReferenceOptions(Struct, frozen=True, kw_only=True):
    """How to check instances against the references to them."""

    now: datetime | None = None
    """The time of verification; None for the current time."""
    no_additions: bool = False
    """Whether a reference has to cover every element."""


DEFAULT_OPTIONS: Final = ReferenceOptions()


def check_instance(
    cited: CitedInstance, path: str, file: DicomFile, options: ReferenceOptions = DEFAULT_OPTIONS
) -> tuple[Finding, ...]:
    """Check one instance against the references to it.

    Args:
        cited: The references.
        path: The file of the instance, for messages.
        file: The instance.
        options: How to check.

    Returns:
        The findings about the instance.

    Raises:
        DatasetError: The instance cannot be parsed, or the subclass that says why.
    """
    results = [] if cited.mac is None else [_check_mac(cited, cited.mac, path, file)]
    if cited.signatures:
        reports = verify_file(file, replace(INTEGRITY_CONTEXT, now=options.now)).signatures
        results.extend(_check_signature(cited, each, path, file, reports) for each in cited.signatures)
    return tuple(_combine_results(cited, results, path, options))


def _combine_results(
    cited: CitedInstance, results: list[_ReferenceResult], path: str, options: ReferenceOptions
) -> Iterator[Finding]:
    """Combine the results of all references to an instance.

    A valid reference that covers the whole instance outweighs others that are unknown. One that covers only a part does
    not, because an attacker could have left just that one.
    """
    valid = [each for each in results if each.problem is None]
    problems = [each.problem for each in results if each.problem is not None]
    if any(each.covers_all for each in valid):
        problems = [each for each in problems if each.outcome is Outcome.FAILED]
    yield from problems
    if problems:
        return
    message = f"{path} has not changed since it was cited"
    yield reference_finding("reference-verified", message, cited.uid, outcome=Outcome.PASSED)
    first, *others = (each.uncovered | each.unsignable for each in valid)
    unsignable = frozenset[int]().union(*(each.unsignable for each in valid))
    yield from _uncovered_findings(cited, path, first.intersection(*others), unsignable, options)


def _uncovered_findings(
    cited: CitedInstance, path: str, uncovered: frozenset[int], unsignable: frozenset[int], options: ReferenceOptions
) -> Iterator[Finding]:
    """Report elements that may have been added or changed, because no reference covers them."""
    if not uncovered:
        return
    shown = sorted(tag for tag in uncovered if affects_display(tag))
    if shown:
        message = (
            f"elements of {path} that affect what it displays are not covered by the references, and may have been"
            f" added or changed: {_format_tags(shown)}"
        )
        yield reference_finding("reference-shown-uncovered", message, cited.uid)
    if options.no_additions:
        message = (
            f"elements of {path} that the references do not cover may have been added:"
            f" {_format_tags(sorted(uncovered))}"
        )
        outcome = Outcome.UNKNOWN if uncovered <= unsignable else Outcome.FAILED
        yield reference_finding("reference-unsigned-additions", message, cited.uid, outcome=outcome)
    message = f"the references do not cover {len(uncovered)} elements of {path}: changes there would go unnoticed"
    yield reference_finding("reference-covers-part", message, cited.uid, aspect=Aspect.COVERAGE)


def _format_tags(tags: Sequence[int]) -> str:
    more = len(tags) - _MAX_NAMED
    return f"{format_tags(tags[:_MAX_NAMED])}{f' and {more} more' if more > 0 else ''}"


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
    computed, matches = match_mac(file, mac, algorithm)
    if computed.listed_unsignable:
        return _ReferenceResult(
            _unusable_mac_finding(
                cited,
                f"the reference lists an element of {path} that cannot be signed: {computed.listed_unsignable[0][1]}",
            )
        )
    if is_other_representation(file, mac):
        message = f"the transfer syntax of {path} has changed since it was cited"
        return _ReferenceResult(reference_finding("reference-other-representation", message, cited.uid))
    if not matches:
        message = f"{path} has changed since it was cited: its MAC differs"
        return _ReferenceResult(reference_finding("reference-changed", message, cited.uid, outcome=Outcome.FAILED))
    uncovered = frozenset(computed.elements) - frozenset(mac.parameters.elements)
    unsignable = frozenset(tag for tag, _ in computed.unsignable)
    return _ReferenceResult(None, covers_all=not uncovered, uncovered=uncovered, unsignable=unsignable)


def _check_signature(
    cited: CitedInstance, wanted: CitedSignature, path: str, file: DicomFile, reports: Iterable[SignatureReport]
) -> _ReferenceResult:
    named = [each for each in reports if each.signature.uid == wanted.uid]
    if not named:
        message = f"{path} no longer has signature {wanted.uid}"
        return _ReferenceResult(reference_finding("reference-signature-gone", message, cited.uid))
    equal = [
        each for each in named if minimize_padding(b"OB", each.signature.value) == minimize_padding(b"OB", wanted.value)
    ]
    if not equal or any(each.outcome(Aspect.INTEGRITY) is Outcome.FAILED for each in equal):
        what = "is no longer valid" if equal else "has another value"
        message = f"{path} has changed since it was cited: its signature {wanted.uid} {what}"
        return _ReferenceResult(reference_finding("reference-changed", message, cited.uid, outcome=Outcome.FAILED))
    report = equal[0]
    if not report.is_intact or report.coverage is None:
        message = f"signature {wanted.uid} of {path} is not intact, so it cannot show whether the instance changed"
        return _ReferenceResult(reference_finding("reference-signature-not-intact", message, cited.uid))
    coverage = report.coverage
    if report.signature.location.steps:
        # the signature of an item does not cover the main Data Set
        present = main_level(file).scanner().finish().tags
        return _ReferenceResult(None, uncovered=frozenset(tag for tag in present if not exclusion_reason(tag)))
    return _ReferenceResult(
        None,
        covers_all=not coverage.unsigned,
        uncovered=frozenset(coverage.unsigned),
        unsignable=frozenset(tag for tag, _ in coverage.unsignable),
    )


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
    """Build a finding about a reference."""
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, where=where, clause=_CLAUSE)
