"""What the templates show of a file: worked out here, so that they only say where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.coverage_map import CoverageMap, CoverState, MappedElement, format_coverage, format_tag_name
from dcmseal.model.report import CoverageGap, Instance, SignatureReport
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.report_writer import CertificateFacts, ReportedFile
from dcmseal.tags import format_tag
from dcmseal_html import page_labels, recommendations

_MAX_DETAILED: Final = 100
"""Signatures with a part of their own; the others are rows of a table."""
_MAX_LISTED: Final = 2000
_MAX_FINDINGS: Final = 1000
_MAX_GAPS: Final = 60
_IDENTITY: Final = (0x00100010, 0x00100020)
"""Patient's Name and Patient ID."""
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
class FileView:
    """A file as the page shows it."""

    number: int
    file: ReportedFile
    verdict: Verdict | None
    tone: str
    sign: str
    word: str
    """The verdict, and how much it is about."""
    short: str
    """The same for tables."""
    meaning: tuple[str, ...]
    identity: tuple[tuple[str, str], ...] = ()
    """Which object it is, as label and value."""
    caution: str = ""
    """What even a good verdict does not say."""
    actions: tuple[str, ...]
    signatures: tuple[SignatureView, ...] = ()
    others: tuple[SignatureView, ...] = ()
    """Signatures that have no part of their own."""
    unlisted: int = 0
    general: tuple[Finding, ...] = ()
    """Findings that belong to no single signature."""
    general_left_out: int = 0
    gaps: tuple[CoverageGap, ...] = ()
    gaps_left_out: int = 0
    """Number of critical elements that are not covered and not among ``gaps``."""


def build_file_view(number: int, file: ReportedFile) -> FileView:
    """A file as the page shows it."""
    report = file.report
    if report is None:
        return FileView(
            number=number,
            file=file,
            verdict=None,
            tone="bad",
            sign=page_labels.SIGNS["bad"],
            word="Unreadable",
            short="Unreadable",
            meaning=tuple(recommendations.explain_verdict(file)),
            actions=tuple(recommendations.recommend_actions(file)),
        )
    # what does not hold must not be hidden behind many that do
    numbered = sorted(
        enumerate(report.signatures, 1),
        key=lambda each: each[1].verdict is Verdict.VALID,
    )
    listed = [_build_signature_view(place, each, file) for place, each in numbered[:_MAX_LISTED]]
    general = (*report.unmet, *report.notes, *report.references, *report.manifest)
    # where nothing holds, all of it could be changed, and a list says no more
    holds = file.coverage is not None and any(each.is_valid for each in file.coverage.signatures)
    critical = [each for each in file.coverage.summary.gaps if each.critical] if file.coverage and holds else []
    gaps = critical[:_MAX_GAPS]
    left_out = file.coverage.summary.critical - sum(each.count for each in gaps) if file.coverage and gaps else 0
    return FileView(
        number=number,
        file=file,
        verdict=report.verdict,
        **_verdict_style(file, report.verdict),
        meaning=tuple(recommendations.explain_verdict(file)),
        identity=tuple(_iter_identity(file, report.instance)),
        caution=recommendations.explain_limits(file),
        actions=tuple(recommendations.recommend_actions(file)),
        signatures=_sort_by_number(listed[:_MAX_DETAILED]),
        others=_sort_by_number(listed[_MAX_DETAILED:]),
        unlisted=len(report.signatures) - len(listed),
        general=tuple(sorted(general, key=lambda each: each.outcome is Outcome.PASSED)[:_MAX_FINDINGS]),
        general_left_out=max(0, len(general) - _MAX_FINDINGS),
        gaps=tuple(gaps),
        gaps_left_out=left_out,
    )


def _sort_by_number(signatures: Iterable[SignatureView]) -> tuple[SignatureView, ...]:
    return tuple(sorted(signatures, key=lambda each: each.number))


def _build_signature_view(number: int, report: SignatureReport, file: ReportedFile) -> SignatureView:
    facts = file.certificates
    unknown = CertificateFacts(problem="it is not there")
    time, how_known = _signing_time(report, file)
    return SignatureView(
        number=number,
        report=report,
        verdict=report.verdict,
        signer=facts.get(report.signature.certificate, unknown),
        chain=tuple(facts.get(each, unknown) for each in reversed(report.trust.chain)) if report.trust else (),
        authority=facts.get(report.certified_time.authority, unknown) if report.certified_time else None,
        time=time,
        how_known=how_known,
        profiles=", ".join(each for each in report.profiles if each != _NO_PROFILE),
    )


def _signing_time(report: SignatureReport, file: ReportedFile) -> tuple[str, str]:
    """The time of signing, and how well it is known."""
    signature = report.signature
    claimed = page_labels.format_moment(signature.moment) if signature.moment else signature.datetime or "not stated"
    if report.certified_time is None:
        return claimed, "claimed by the signer; nobody certifies it"
    authority = file.certificates.get(report.certified_time.authority)
    by = authority.subject if authority and authority.subject else "an authority without a readable name"
    if report.outcome(Aspect.TIMESTAMP) is Outcome.PASSED:
        certified = page_labels.format_moment(report.certified_time.moment)
        return claimed, f"certified: the signature was there by {certified}, says {by}, whom this site trusts"
    return claimed, f"claimed by the signer; {by} certifies it, but that is not established"


def _verdict_style(file: ReportedFile, verdict: Verdict) -> dict[str, str]:
    """Tone and words of a verdict: valid is good only if all that is critical is covered."""
    word = page_labels.VERDICTS[verdict]
    tone = page_labels.TONES[verdict]
    as_it_is = {"tone": tone, "sign": page_labels.SIGNS[tone], "word": word, "short": word}
    if verdict is not Verdict.VALID or (file.coverage is not None and file.coverage.summary.is_complete):
        return as_it_is
    partly = {"tone": "open", "sign": page_labels.SIGNS["part"], "short": "Valid in part"}
    if file.coverage is None:
        return {**partly, "word": "Valid for an unknown part"}
    summary = file.coverage.summary
    if summary.covered == summary.elements:
        return {**partly, "word": "Valid for all that can be signed"}
    return {**partly, "word": f"Valid for {format_coverage(summary)}", "tone": "open" if summary.critical else "good"}


def _iter_identity(file: ReportedFile, instance: Instance) -> Iterator[tuple[str, str]]:
    """Which object a report is about."""
    yield "File", file.name
    yield "Size", page_labels.format_count(instance.size, "byte")
    yield "SHA-256", instance.sha256
    yield "SOP Class", file.sop_class or instance.sop_class
    yield "SOP Instance UID", instance.sop_instance
    yield "Study Instance UID", instance.study
    yield "Series Instance UID", instance.series
    elements = file.coverage.elements if file.coverage else ()
    for element in (each for each in elements if each.tag in _IDENTITY):
        yield element_name(element), "masked; --show-values shows it" if element.redacted else element.value


def element_name(element: MappedElement) -> str:
    """An element by its name, or by its tag if it has none."""
    return format_tag_name(element.tag)


def element_tag(element: MappedElement) -> str:
    """The tag of an element."""
    return format_tag(element.tag)


def coverage_shares(coverage: CoverageMap) -> list[tuple[CoverState, int, float]]:
    """Each kind of cover with its number of elements and its share of them in percent."""
    totals = coverage.totals
    numbers = (
        (CoverState.COVERED, totals.covered),
        (CoverState.BROKEN, totals.broken),
        (CoverState.PARTLY, totals.partly),
        (CoverState.UNCOVERED, totals.uncovered),
        (CoverState.UNSIGNABLE, totals.unsignable),
    )
    return [(cover, number, 100 * number / max(1, totals.elements)) for cover, number in numbers]
