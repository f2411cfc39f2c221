"""What the templates show of a file: worked out here, so that they only say where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dcmseal.coverage_map import Cover, CoverageMap, MappedElement
from dcmseal.dictionary import name_of
from dcmseal.plugins.reporting import CertificateFacts, ReportedFile
from dcmseal.report import Aspect, Finding, Outcome, SignatureReport, Verdict
from dcmseal.tags import tag_text
from dcmseal_html import advice, words

_MOST_DETAILED: Final = 100
"""Signatures with a part of their own; the others are rows of a table."""
_MOST_LISTED: Final = 2000
_MOST_FINDINGS: Final = 1000
_MOST_GAPS: Final = 60
_NO_PROFILE: Final = "none"
"""The profile that demands nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureView:
    """A signature and its answers."""

    number: int
    report: SignatureReport
    verdict: Verdict
    signer: CertificateFacts
    chain: tuple[CertificateFacts, ...]
    """The anchor first, the signer last."""
    authority: CertificateFacts | None
    """Of its certified time."""
    time: str
    how_known: str
    profiles: str

    def findings(self, aspect: Aspect) -> list[Finding]:
        """What was found out about one aspect."""
        return [each for each in self.report.findings if each.aspect is aspect]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Critical elements that are not covered: where they are, and how many."""

    path: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A file as the page shows it."""

    number: int
    file: ReportedFile
    verdict: Verdict | None
    meaning: tuple[str, ...]
    caution: str = ""
    """What even a good verdict does not say."""
    to_do: tuple[str, ...]
    signatures: tuple[SignatureView, ...] = ()
    others: tuple[SignatureView, ...] = ()
    """Signatures that have no part of their own."""
    unlisted: int = 0
    general: tuple[Finding, ...] = ()
    """Findings that belong to no single signature."""
    general_left_out: int = 0
    gaps: tuple[Gap, ...] = ()
    gaps_left_out: int = 0


def view_of(number: int, file: ReportedFile) -> FileView:
    """A file as the page shows it."""
    report = file.report
    if report is None:
        return FileView(
            number=number,
            file=file,
            verdict=None,
            meaning=tuple(advice.meaning(file)),
            to_do=tuple(advice.what_to_do(file)),
        )
    # what does not hold must not be hidden behind many that do
    numbered = sorted(
        enumerate(report.signatures, 1),
        key=lambda each: each[1].verdict(integrity_only=report.integrity_only) is Verdict.VALID,
    )
    listed = [
        _signature(place, each, file, integrity_only=report.integrity_only) for place, each in numbered[:_MOST_LISTED]
    ]
    general = (*report.unmet, *report.notes, *report.references, *report.manifest)
    # where nothing holds, all of it could be changed, and a list says no more
    holds = file.coverage is not None and any(each.holds for each in file.coverage.signatures)
    gaps = _gaps(file.coverage) if file.coverage is not None and holds else []
    return FileView(
        number=number,
        file=file,
        verdict=report.verdict,
        meaning=tuple(advice.meaning(file)),
        caution=advice.caution(file),
        to_do=tuple(advice.what_to_do(file)),
        signatures=_in_order(listed[:_MOST_DETAILED]),
        others=_in_order(listed[_MOST_DETAILED:]),
        unlisted=len(report.signatures) - len(listed),
        general=tuple(sorted(general, key=lambda each: each.outcome is Outcome.PASSED)[:_MOST_FINDINGS]),
        general_left_out=max(0, len(general) - _MOST_FINDINGS),
        gaps=tuple(gaps[:_MOST_GAPS]),
        gaps_left_out=max(0, len(gaps) - _MOST_GAPS),
    )


def _in_order(signatures: Iterable[SignatureView]) -> tuple[SignatureView, ...]:
    return tuple(sorted(signatures, key=lambda each: each.number))


def _signature(number: int, report: SignatureReport, file: ReportedFile, *, integrity_only: bool) -> SignatureView:
    facts = file.certificates
    unknown = CertificateFacts(problem="it is not there")
    time, how_known = _time(report, file)
    return SignatureView(
        number=number,
        report=report,
        verdict=report.verdict(integrity_only=integrity_only),
        signer=facts.get(report.signature.certificate, unknown),
        chain=tuple(facts.get(each, unknown) for each in reversed(report.trust.chain)) if report.trust else (),
        authority=facts.get(report.certified.authority, unknown) if report.certified else None,
        time=time,
        how_known=how_known,
        profiles=", ".join(each for each in report.profiles if each != _NO_PROFILE),
    )


def _time(report: SignatureReport, file: ReportedFile) -> tuple[str, str]:
    """The time of signing, and how well it is known."""
    signature = report.signature
    claimed = words.moment(signature.moment) if signature.moment else signature.datetime or "not stated"
    if report.certified is None:
        return claimed, "claimed by the signer; nobody certifies it"
    authority = file.certificates.get(report.certified.authority)
    by = authority.subject if authority and authority.subject else "an authority without a readable name"
    if report.outcome(Aspect.TIMESTAMP) is Outcome.PASSED:
        certified = words.moment(report.certified.moment)
        return claimed, f"certified: the signature was there by {certified}, says {by}, whom this site trusts"
    return claimed, f"claimed by the signer; {by} certifies it, but that is not established"


def _gaps(coverage: CoverageMap) -> list[Gap]:
    """Critical elements that are not covered, by the sequences they are in."""
    numbers: dict[str, int] = {}
    for path, element in _paths(coverage.elements):
        if element.is_open:
            numbers[path] = numbers.get(path, 0) + element.count
    return [Gap(path=path, count=count) for path, count in numbers.items()]


def _paths(elements: Iterable[MappedElement], path: str = "") -> Iterator[tuple[str, MappedElement]]:
    for each in elements:
        here = f"{path}{name(each)}"
        yield here, each
        for item in each.items:
            yield from _paths(item.elements, f"{here} › ")


def name(element: MappedElement) -> str:
    """An element by its name, or by its tag if it has none."""
    return name_of(element.tag) or f"{tag_text(element.tag)} {'private' if element.tag >> 16 & 1 else 'unknown'}"


def tag(element: MappedElement) -> str:
    """The tag of an element."""
    return tag_text(element.tag)


def shares(coverage: CoverageMap) -> list[tuple[Cover, int, float]]:
    """Each kind of cover with its number of elements and its share of them in percent."""
    totals = coverage.totals
    numbers = (
        (Cover.COVERED, totals.covered),
        (Cover.BROKEN, totals.broken),
        (Cover.PARTLY, totals.partly),
        (Cover.UNCOVERED, totals.uncovered),
        (Cover.UNSIGNABLE, totals.unsignable),
    )
    return [(cover, number, 100 * number / max(1, totals.elements)) for cover, number in numbers]
