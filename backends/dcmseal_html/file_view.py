"""The values that the templates show about a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.coverage_map import CoverageMap, CoverState, MappedElement, format_coverage, format_tag_name
from dcmseal.model.report import CoverageGap, Instance, SignatureReport
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.report_writer import CertificateFacts, ReportedFile
from dcmseal.tags import format_tag
from dcmseal_html import page_labels, recommendations

_MAX_DETAILED: Final = 100
"""Signatures shown in detail; the others are rows of a table."""
_MAX_LISTED: Final = 2000
_MAX_FINDINGS: Final = 1000
_MAX_GAPS: Final = 60
_IDENTITY: Final = (0x00100010, 0x00100020)
"""Patient's Name and Patient ID."""
_NO_PROFILE: Final = "none"
"""The profile without requirements."""


class SignatureView(Struct, frozen=True, kw_only=True):
    """The values that the templates show about a signature."""

    number: int
    report: SignatureReport
    verdict: Verdict
    signer: CertificateFacts
    chain: tuple[CertificateFacts, ...]
    """The anchor first, the signer last."""
    authority: CertificateFacts | None
    """Certificate of the timestamp authority."""
    time: str
    time_basis: str
    """Who claims or certifies the time."""
    profiles: str

    def findings(self, aspect: Aspect) -> list[Finding]:
        """Return the findings about one aspect."""
        return [each for each in self.report.findings if each.aspect is aspect]


class FileView(Struct, frozen=True, kw_only=True):
    """The values that the templates show about a file."""

    number: int
    file: ReportedFile
    verdict: Verdict | None
    tone: str
    symbol: str
    word: str
    """The verdict, and how much of the object it covers."""
    short: str
    """The same, short enough for a table."""
    meaning: tuple[str, ...]
    identity: tuple[tuple[str, str], ...] = ()
    """Labels and values that identify the object."""
    caution: str = ""
    """Limits of the verdict."""
    actions: tuple[str, ...]
    signatures: tuple[SignatureView, ...] = ()
    others: tuple[SignatureView, ...] = ()
    """Signatures listed in a table only."""
    unlisted: int = 0
    """Number of signatures that are not listed at all."""
    general: tuple[Finding, ...] = ()
    """Findings about the file as a whole."""
    general_left_out: int = 0
    gaps: tuple[CoverageGap, ...] = ()
    gaps_left_out: int = 0
    """Number of critical elements that are neither covered nor listed in ``gaps``."""


def build_file_view(number: int, file: ReportedFile) -> FileView:
    """Build the values that the templates show about a file.

    Args:
        number: Position of the file in the report, from 1.
        file: The result of verification.
    """
    report = file.report
    if report is None:
        return FileView(
            number=number,
            file=file,
            verdict=None,
            tone="bad",
            symbol=page_labels.SYMBOLS["bad"],
            word="Unreadable",
            short="Unreadable",
            meaning=tuple(recommendations.explain_verdict(file)),
            actions=tuple(recommendations.recommend_actions(file)),
        )
    # many valid signatures must not push an invalid one off the page
    numbered = sorted(enumerate(report.signatures, 1), key=lambda each: each[1].verdict is Verdict.VALID)
    listed = [_build_signature_view(position, each, file) for position, each in numbered[:_MAX_LISTED]]
    general = (*report.unmet, *report.notes, *report.references, *report.manifest)
    # without a valid signature everything could be changed, and a list of elements adds nothing
    has_cover = file.coverage is not None and any(each.is_valid for each in file.coverage.signatures)
    critical = [each for each in file.coverage.summary.gaps if each.critical] if file.coverage and has_cover else []
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
    unknown = CertificateFacts(problem="certificate not available")
    time, time_basis = _signing_time(report, file)
    return SignatureView(
        number=number,
        report=report,
        verdict=report.verdict,
        signer=facts.get(report.signature.certificate, unknown),
        chain=tuple(facts.get(each, unknown) for each in reversed(report.trust.chain)) if report.trust else (),
        authority=facts.get(report.certified_time.authority, unknown) if report.certified_time else None,
        time=time,
        time_basis=time_basis,
        profiles=", ".join(each for each in report.profiles if each != _NO_PROFILE),
    )


def _signing_time(report: SignatureReport, file: ReportedFile) -> tuple[str, str]:
    """Return the time of signing, and who claims or certifies it."""
    signature = report.signature
    claimed = page_labels.format_moment(signature.moment) if signature.moment else signature.datetime or "not stated"
    if report.certified_time is None:
        return claimed, "claimed by the signer; not certified"
    authority = file.certificates.get(report.certified_time.authority)
    name = authority.subject if authority and authority.subject else "an unnamed authority"
    if report.outcome(Aspect.TIMESTAMP) is Outcome.PASSED:
        certified = page_labels.format_moment(report.certified_time.moment)
        return claimed, f"certified: {name}, which this site trusts, states that the signature existed by {certified}"
    return claimed, f"claimed by the signer; a timestamp of {name} is present, but could not be established"


def _verdict_style(file: ReportedFile, verdict: Verdict) -> dict[str, str]:
    """Return tone and words of a verdict. A valid file is green only if all critical elements are covered."""
    word = page_labels.VERDICTS[verdict]
    tone = page_labels.TONES[verdict]
    style = {"tone": tone, "symbol": page_labels.SYMBOLS[tone], "word": word, "short": word}
    if verdict is not Verdict.VALID or (file.coverage is not None and file.coverage.summary.is_complete):
        return style
    partial = {"tone": "open", "symbol": page_labels.SYMBOLS["part"], "short": "Partly valid"}
    if file.coverage is None:
        return {**partial, "word": "Valid for an unknown number of elements"}
    summary = file.coverage.summary
    if summary.covered == summary.elements:
        return {**partial, "word": "Valid for all elements that can be signed"}
    return {**partial, "word": f"Valid for {format_coverage(summary)}", "tone": "open" if summary.critical else "good"}


def _iter_identity(file: ReportedFile, instance: Instance) -> Iterator[tuple[str, str]]:
    """Yield labels and values that identify the object."""
    yield "File", file.name
    yield "Size", page_labels.format_count(instance.size, "byte")
    yield "SHA-256", instance.sha256
    yield "SOP Class", file.sop_class or instance.sop_class
    yield "SOP Instance UID", instance.sop_instance
    yield "Study Instance UID", instance.study
    yield "Series Instance UID", instance.series
    elements = file.coverage.elements if file.coverage else ()
    for element in (each for each in elements if each.tag in _IDENTITY):
        yield element_name(element), "masked" if element.redacted else element.value


def element_name(element: MappedElement) -> str:
    """Return the name of an element, or its tag if it has no name."""
    return format_tag_name(element.tag)


def element_tag(element: MappedElement) -> str:
    """Return the tag of an element."""
    return format_tag(element.tag)


def coverage_shares(coverage: CoverageMap) -> list[tuple[CoverState, int, float]]:
    """Return each state of cover with its number of elements and their percentage."""
    totals = coverage.totals
    numbers = (
        (CoverState.COVERED, totals.covered),
        (CoverState.BROKEN, totals.broken),
        (CoverState.PARTLY, totals.partly),
        (CoverState.UNCOVERED, totals.uncovered),
        (CoverState.UNSIGNABLE, totals.unsignable),
    )
    return [(state, number, 100 * number / max(1, totals.elements)) for state, number in numbers]
