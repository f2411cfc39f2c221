"""Summaries of results, so short that millions of results share one.

>>> summary = ResultSummary(kind="verified", verdict="valid", exit_code=0, profiles=("base-rsa",))
>>> ResultSummary.parse(str(summary)) == summary
True
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, Self

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.batch.journal.signature_summary import SignatureSummary, read_subject
from dcmseal.batch.result_kind import ResultKind
from dcmseal.documents.document_parts import format_moment
from dcmseal.documents.json_reader import (
    InvalidJson,
    load_json,
    parse_integer,
    parse_list,
    parse_row,
    parse_text,
    parse_texts,
)
from dcmseal.exit_codes import ExitCode
from dcmseal.findings import Outcome
from dcmseal.model.report import VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.signing.signing_result import SigningResult

if TYPE_CHECKING:
    from dcmseal.batch.result_kind import ResultValue
    from dcmseal.documents.json_types import Document
    from dcmseal.errors import SealError
    from dcmseal.findings import Finding
    from dcmseal.model.signature import DigitalSignature

_MAX_NAMES: Final = 16
"""Maximum number of signers, codes or profiles in one summary; a file may have any number."""
_MAX_NAME: Final = 256
_VERDICTS: Final = {
    **{kind: frozenset({kind.value}) for kind in ResultKind},
    ResultKind.VERIFIED: frozenset(each.value for each in Verdict),
    ResultKind.LISTED: frozenset({ResultKind.LISTED.value, Verdict.NO_SIGNATURE.value}),
}
"""The verdicts of each kind of result."""
_NOT_PASSED: Final = (Outcome.FAILED, Outcome.UNKNOWN)
_PARTIAL: Final = "elements-unsigned"
_PARTIAL_COVERAGE: Final = frozenset({_PARTIAL, "critical-unsigned"})
"""Codes of findings about elements that a signature does not cover."""
_MONTH_LENGTH: Final = len("2026-03")


class ResultSummary(Struct, frozen=True, kw_only=True):
    """The properties that many results have in common; none belongs to one file only."""

    kind: str
    """What was done: ``verified``, ``signed``, ``planned``, ``listed``, ``skipped``, ``ignored`` or ``failed``."""
    verdict: str
    exit_code: int
    codes: tuple[str, ...] = ()
    """Codes of findings that did not pass, or the class of the error; for signing, of a later verification."""
    signers: tuple[str, ...] = ()
    """Subjects of the signers' certificates."""
    profiles: tuple[str, ...] = ()
    """Digital Signature Profiles that the file meets."""
    month: str = ""
    """Year and month of the latest signature, as in ``2026-03``."""
    signatures: tuple[SignatureSummary, ...] = ()
    """The results of the verified signatures."""

    @classmethod
    def from_value(
        cls,
        value: ResultValue | None,
        *,
        kind: ResultKind,
        verdict: str,
        exit_code: int,
        error: SealError | None = None,
        blocking_codes: Iterable[str] = (),
    ) -> Self:
        """Build the summary of a result from its value or error."""
        summary = cls(kind=kind.value, verdict=verdict, exit_code=exit_code)
        if error is not None:
            return replace(summary, codes=(type(error).__name__,))
        if isinstance(value, VerificationReport):
            return replace(
                summary,
                codes=_limit_names(_iter_codes(value)),
                signers=_signer_names(each.signature for each in value.signatures),
                profiles=_limit_names(name for each in value.signatures for name in each.profiles),
                month=_latest_month(each.signature for each in value.signatures),
                signatures=SignatureSummary.from_report(value),
            )
        if isinstance(value, SigningResult):
            made = (value.signature,)
            return replace(
                summary,
                codes=_limit_names(blocking_codes),
                signers=_signer_names(made),
                month=_latest_month(made),
            )
        return summary

    @classmethod
    def from_signature(cls, signature: DigitalSignature) -> Self:
        """Build the summary of a signature that was made, but whose result was lost."""
        return cls(
            kind=ResultKind.SIGNED.value,
            verdict=ResultKind.SIGNED.value,
            exit_code=0,
            signers=_signer_names([signature]),
            month=_latest_month([signature]),
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse what ``str`` wrote; raises ValueError."""
        row = parse_row(load_json(text, "the summary"), 8)
        kind, verdict, code, codes, signers, profiles, month, signatures = row
        kind, verdict = ResultKind(parse_text(kind)), parse_text(verdict)
        if verdict not in _VERDICTS[kind] or code == ExitCode.INTERRUPTED:
            raise InvalidJson("a verdict is expected")
        return cls(
            kind=kind.value,
            verdict=verdict,
            exit_code=ExitCode(parse_integer(code)),
            codes=parse_texts(codes),
            signers=parse_texts(signers),
            profiles=parse_texts(profiles),
            month=parse_text(month),
            signatures=parse_list(SignatureSummary.from_values)(signatures),
        )

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at the file: it is invalid, or failed."""
        return self.verdict == Verdict.INVALID.value or self.kind == ResultKind.FAILED.value

    @property
    def is_partial(self) -> bool:
        """Whether it is valid, and signatures cover only part of the elements."""
        return self.verdict == Verdict.VALID.value and _PARTIAL in self.codes

    def to_document(self) -> Document:
        """Return the values for JSON documents."""
        return {
            "kind": self.kind,
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "codes": [*self.codes],
            "signers": [*self.signers],
            "profiles": [*self.profiles],
            "month": self.month,
            "signatures": [each.to_document() for each in self.signatures],
        }

    def __str__(self) -> str:
        """Return a line of JSON, which is the same for equal summaries."""
        lists = (self.codes, self.signers, self.profiles, self.month, [each.to_values() for each in self.signatures])
        values = [self.kind, self.verdict, self.exit_code, *lists]
        return json.dumps(values, separators=(",", ":"))


def _iter_codes(report: VerificationReport) -> Iterator[str]:
    """Iterate over codes of findings that did not pass, except elements that another signature covers."""
    covered = frozenset[str]() if report.is_partial else _PARTIAL_COVERAGE
    for each in _iter_findings(report):
        if each.outcome in _NOT_PASSED and each.code not in covered:
            yield each.code


def _iter_findings(report: VerificationReport) -> Iterator[Finding]:
    for signature in report.signatures:
        yield from signature.findings
    yield from (*report.notes, *report.unmet, *report.references)


def _signer_names(signatures: Iterable[DigitalSignature]) -> tuple[str, ...]:
    return _limit_names(read_subject(der) for der in {each.certificate for each in signatures})


def _latest_month(signatures: Iterable[DigitalSignature]) -> str:
    moments = [each.moment for each in signatures]
    return max(((format_moment(each) or "")[:_MONTH_LENGTH] for each in moments if each is not None), default="")


def _limit_names(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word[:_MAX_NAME] for word in sorted(set(words))[:_MAX_NAMES])
