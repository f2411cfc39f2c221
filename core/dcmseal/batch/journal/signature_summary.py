"""What signatures come to, in so few words that many are alike: for statistics over archives.

>>> summary = SignatureSummary(verdict="valid", signer="CN=Example", sha256="ab" * 32, month="2026-03")
>>> SignatureSummary.from_values(summary.to_values()) == summary
True
"""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Self

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.documents.document_parts import format_moment
from dcmseal.documents.json_reader import InvalidJson, parse_positive_integer, parse_row, parse_text, parse_texts
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


class SignatureSummary(Struct, frozen=True, kw_only=True):
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
        """Parse what ``to_values`` returned; raises InvalidJson."""
        verdict, signer, fingerprint, profiles, month, is_certified, number = parse_row(values, 7)
        if not isinstance(verdict, str) or verdict not in _VERDICTS:
            raise InvalidJson("a verdict is expected")
        if not isinstance(is_certified, bool):
            raise InvalidJson("a boolean is expected")
        return cls(
            verdict=verdict,
            signer=parse_text(signer),
            sha256=parse_text(fingerprint),
            profiles=parse_texts(profiles),
            month=parse_text(month),
            certified=is_certified,
            number=parse_positive_integer(number),
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


@lru_cache(_MAX_CACHED_SUBJECTS)
def read_subject(certificate: bytes) -> str:
    """The subject of a certificate in DER; empty if it cannot be read."""
    from dcmseal.errors import CertificateNotValid
    from dcmseal.macro.signer_certificate import read_certificate

    try:
        return read_certificate(certificate).subject
    except CertificateNotValid:
        return ""
