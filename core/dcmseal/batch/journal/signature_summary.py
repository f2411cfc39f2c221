"""What signatures come to, in so few words that many are alike: for statistics over archives.

>>> summary = SignatureSummary(verdict="valid", signer="CN=Example", sha256="ab" * 32, month="2026-03")
>>> SignatureSummary.from_values(summary.to_values()) == summary
True
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Self, cast

from dcmseal.documents.document_parts import format_moment
from dcmseal.findings import Aspect, Outcome
from dcmseal.model.verdict import Verdict

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Document
    from dcmseal.model.report import SignatureReport, VerificationReport

_MAX_KINDS: Final = 16
"""Kinds of signatures that are told apart in one file, and profiles of a signature."""
_MAX_NAME: Final = 256
_MONTH_LENGTH: Final = len("2026-03")
_VERDICTS: Final = frozenset({Verdict.VALID.value, Verdict.INVALID.value, Verdict.NOT_ESTABLISHED.value})
_MAX_CACHED_SUBJECTS: Final = 256
"""Signers whose names are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureSummary:
    """What some signatures of a file have in common."""

    verdict: str
    signer: str = ""
    """Subject of the signer's certificate; empty if it cannot be read."""
    sha256: str = ""
    """Its fingerprint, in hexadecimal; empty if the file has too many kinds of signatures to tell them apart."""
    profiles: tuple[str, ...] = ()
    month: str = ""
    """Year and month of signing, as in ``2026-03``; empty if it cannot be read."""
    certified: bool = False
    """The month is that of a timestamp that passed, and not only claimed."""
    number: int = 1
    """How many signatures there are."""

    @classmethod
    def from_report(cls, report: VerificationReport) -> tuple[Self, ...]:
        """The gists of all signatures of a report."""
        kinds = Counter(cls._from_signature(each) for each in report.signatures)
        told_apart = kinds.most_common(_MAX_KINDS)
        rest: Counter[str] = Counter()
        for each, number in kinds.most_common()[_MAX_KINDS:]:
            rest[each.verdict] += number
        summaries = [replace(each, number=number) for each, number in told_apart]
        summaries += [cls(verdict=verdict, number=number) for verdict, number in rest.items()]
        return tuple(sorted(summaries, key=lambda each: str(each.to_values())))

    @classmethod
    def _from_signature(cls, report: SignatureReport) -> Self:
        signature = report.signature
        certified = report.certified_time if report.outcome(Aspect.TIMESTAMP) is Outcome.PASSED else None
        moment = certified.moment if certified else signature.moment
        return cls(
            verdict=report.verdict.value,
            signer=read_subject(signature.certificate)[:_MAX_NAME],
            sha256=sha256(signature.certificate).hexdigest(),
            profiles=tuple(name[:_MAX_NAME] for name in sorted(set(report.profiles))[:_MAX_KINDS]),
            month=(format_moment(moment) or "")[:_MONTH_LENGTH] if moment else "",
            certified=certified is not None,
        )

    @classmethod
    def from_values(cls, values: object) -> Self:
        """Read what ``values`` gave; raises ValueError."""
        if not isinstance(values, (list, tuple)) or len(cast("list[object]", values)) != 7:
            raise ValueError("not a summary")
        verdict, signer, fingerprint, profiles, month, certified, number = cast("list[object]", values)
        if not isinstance(verdict, str) or verdict not in _VERDICTS or not isinstance(profiles, (list, tuple)):
            raise ValueError("not a summary")
        names = tuple(cast("list[object]", profiles))
        texts = (signer, fingerprint, month, *names)
        if not all(isinstance(each, str) for each in texts) or not isinstance(certified, bool):
            raise ValueError("not a summary")
        if type(number) is not int or number < 1:
            raise ValueError("not a summary")
        return cls(
            verdict=verdict,
            signer=cast("str", signer),
            sha256=cast("str", fingerprint),
            profiles=cast("tuple[str, ...]", names),
            month=cast("str", month),
            certified=certified,
            number=number,
        )

    def to_values(self) -> list[object]:
        """Its values in order, for JSON."""
        return [self.verdict, self.signer, self.sha256, [*self.profiles], self.month, self.certified, self.number]

    def to_document(self) -> Document:
        """Its values by name, for JSON documents."""
        return {
            "verdict": self.verdict,
            "signer": self.signer,
            "sha256": self.sha256,
            "profiles": [*self.profiles],
            "month": self.month,
            "certified": self.certified,
            "count": self.number,
        }


def parse_summaries(values: object) -> tuple[SignatureSummary, ...]:
    """Gists of signatures as they stand in a journal; raises ValueError."""
    if not isinstance(values, list):
        raise ValueError("not summaries")  # noqa: TRY004 - what a journal holds is a value
    return tuple(SignatureSummary.from_values(each) for each in cast("Iterable[object]", values))


@lru_cache(_MAX_CACHED_SUBJECTS)
def read_subject(certificate: bytes) -> str:
    """The subject of a certificate in DER; empty if it cannot be read."""
    from dcmseal.errors import CertificateNotValid
    from dcmseal.macro.signer_certificate import read_certificate

    try:
        return read_certificate(certificate).subject
    except CertificateNotValid:
        return ""
