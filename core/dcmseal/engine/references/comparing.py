"""An instance held against what a document cites of it: its MAC, its signatures (PS3.3 C.17.2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.syntax import TransferSyntax
from dcmseal.engine.profiling import is_sound
from dcmseal.engine.references.cited import CitedInstance, CitedMac, CitedSignature
from dcmseal.engine.references.instances import is_other_representation, matching_mac
from dcmseal.engine.timestamps import TimestampQuestion, TimestampRule
from dcmseal.engine.verification import Question, verify_file
from dcmseal.mac.digest import is_available
from dcmseal.report import Aspect, Finding, Outcome, SignatureReport

_CLAUSE: Final = "PS3.3 C.17.2.1"
INTEGRITY_ONLY: Final = Question(integrity_only=True, timestamp=TimestampQuestion(rule=TimestampRule.IGNORE))
"""What is asked of an instance: whether it is what was signed, not by whom or when."""


class _Compared(NamedTuple):
    """One reference: why it does not hold, or how much of the instance it leaves open."""

    problem: Finding | None
    covers_all: bool = False
    open: int = 0
    """Elements of the instance that may have changed unnoticed."""


def compared(cited: CitedInstance, path: str, file: DicomFile) -> tuple[Finding, ...]:
    """What comes out for an instance that was found; raises DatasetError if it cannot be read."""
    results = [] if cited.mac is None else [_by_mac(cited, cited.mac, path, file)]
    if cited.signatures:
        reports = verify_file(file, INTEGRITY_ONLY).signatures
        results.extend(_by_signature(cited, each, path, reports) for each in cited.signatures)
    return tuple(_together(cited, results, path))


def _together(cited: CitedInstance, results: list[_Compared], path: str) -> Iterator[Finding]:
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
    least = min(each.open for each in holding)
    if least:
        message = f"{least} elements of {path} are in no MAC that is cited: changes and additions there go unnoticed"
        yield reference_finding("reference-covers-part", message, cited.uid, aspect=Aspect.COVERAGE)


def _by_mac(cited: CitedInstance, mac: CitedMac, path: str, file: DicomFile) -> _Compared:
    algorithm = mac.parameters.mac_algorithm
    if algorithm is None or not is_available(algorithm):
        return _Compared(_unusable(cited, f"MAC Algorithm {mac.parameters.algorithm!r} is not supported"))
    if not TransferSyntax(mac.parameters.transfer_syntax).is_allowed_for_mac:
        return _Compared(_unusable(cited, "the MAC Calculation Transfer Syntax is not explicit VR little endian"))
    made, matches = matching_mac(file, mac, algorithm)
    if made.refused:
        return _Compared(
            _unusable(cited, f"an element of {path} is listed that cannot be in a MAC: {made.refused[0][1]}")
        )
    if is_other_representation(file, mac):
        message = f"the pixels of {path} are in another transfer syntax than when they were cited"
        return _Compared(reference_finding("reference-other-representation", message, cited.uid))
    if not matches:
        message = f"{path} is not what was cited: its MAC differs"
        return _Compared(reference_finding("reference-changed", message, cited.uid, outcome=Outcome.FAILED))
    uncovered = len(frozenset(made.elements) - frozenset(mac.parameters.elements))
    return _Compared(None, covers_all=not uncovered, open=uncovered + len(made.unsignable))


def _by_signature(
    cited: CitedInstance, wanted: CitedSignature, path: str, reports: Iterable[SignatureReport]
) -> _Compared:
    named = [each for each in reports if each.signature.uid == wanted.uid]
    if not named:
        message = f"{path} no longer has signature {wanted.uid}"
        return _Compared(reference_finding("reference-signature-gone", message, cited.uid))
    equal = [each for each in named if _even(each.signature.value) == _even(wanted.value)]
    if not equal or any(each.outcome(Aspect.INTEGRITY) is Outcome.FAILED for each in equal):
        what = "does not hold any longer" if equal else "has another value"
        message = f"{path} is not what was cited: its signature {wanted.uid} {what}"
        return _Compared(reference_finding("reference-changed", message, cited.uid, outcome=Outcome.FAILED))
    report = equal[0]
    if not is_sound(report) or report.coverage is None:
        message = f"signature {wanted.uid} of {path} is there, but does not say that nothing changed"
        return _Compared(reference_finding("reference-signature-unsound", message, cited.uid))
    in_main = not report.signature.location.steps
    uncovered = len(report.coverage.unsigned)
    return _Compared(
        None, covers_all=in_main and not uncovered, open=uncovered + len(report.coverage.unsignable) + (not in_main)
    )


def _even(value: bytes) -> bytes:
    return value + b"\0" if len(value) & 1 else value


def _unusable(cited: CitedInstance, message: str) -> Finding:
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
