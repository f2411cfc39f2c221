"""A verification report as text: the verdict first, then each signature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from dcmseal.cli.render import signature_format
from dcmseal.cli.render.screens import Screen, write_fields
from dcmseal.cli.render.text_layout import MAX_LINE, escape_unprintable, format_count, join_names
from dcmseal.cli.render.tone import Tone
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.causes import FailureCause, is_data_unchanged, report_causes
from dcmseal.model.report import Coverage, Instance, ObjectCoverage, SignatureReport, VerificationReport
from dcmseal.model.verdict import AUTHORITY_TRUST_CODES, Verdict

if TYPE_CHECKING:
    from dcmseal.plugins.report_writer import ReportContext

_VERDICT_TONES: Final = {
    Verdict.VALID: Tone.GOOD,
    Verdict.INVALID: Tone.BAD,
    Verdict.NOT_ESTABLISHED: Tone.OPEN,
    Verdict.NO_SIGNATURE: Tone.OPEN,
}
_OUTCOME_TONES: Final = {
    Outcome.PASSED: Tone.GOOD,
    Outcome.FAILED: Tone.BAD,
    Outcome.UNKNOWN: Tone.OPEN,
    Outcome.NOT_CHECKED: Tone.MUTED,
}
_MAX_SHOWN: Final = 20
_MAX_REASONS: Final = 3
_CAUSE_TEXTS: Final = {
    FailureCause.REVOKED: "the signer's certificate is revoked",
    FailureCause.EXPIRED: "the signer's certificate was expired or not yet valid",
    FailureCause.UNTRUSTED: "the signer is not trusted",
}
_CAUSE_HINTS: Final = {
    FailureCause.REVOKED: "ask the issuer when and why it was revoked, and have the instance signed again",
    FailureCause.EXPIRED: "a certified timestamp can prove that it was signed in time; otherwise have it signed again",
    FailureCause.UNTRUSTED: "find out who the signer is; trust authorities with --trust-anchor and --intermediate",
}
"""What to do about a signer if the data is intact."""
_SIGNER_ASPECTS: Final = (Aspect.AUTHENTICITY, Aspect.TRUST)
_NO_ANCHOR: Final = "no trust anchor is configured"


def show_report(name: str, report: VerificationReport, to: Screen, *, verbose: bool) -> None:
    """Write the report about a file."""
    to.line(f"{name}: {_format_headline(report)}", _report_tone(report))
    for reason in _iter_reasons(report, verbose=verbose):
        to.line(f"  {escape_unprintable(reason)}", _VERDICT_TONES[report.verdict])
    about_file = (*report.unmet, *report.notes)
    _show_findings((each for each in about_file if _is_open(each)), to)
    _show_references(report.references, to, verbose=verbose)
    for note in _iter_notes(report, verbose=verbose):
        to.line(f"  {note}", Tone.OPEN)
    _show_findings((each for each in about_file if not _is_open(each)), to)
    if verbose:
        write_fields(to, _iter_instance_fields(report.instance))
    for location in report.skipped:
        to.line(f"  not verified: signatures of an earlier state of the data set, at {location}", Tone.OPEN)
    for each in report.signatures:
        _show_signature(each, to, verbose=verbose)
    _show_manifest(report.manifest, to, verbose=verbose)


def show_context(context: ReportContext, to: Screen) -> None:
    """Write the settings that the verdict is based on."""
    to.line()
    to.line("verified with", Tone.HEADING)
    made = [("program", f"dcmseal {context.version}"), ("verified on", context.moment.isoformat(" ", "seconds"))]
    for label, value in (*made, *context.settings):
        to.line(f"  {escape_unprintable(label)}: {escape_unprintable(value)}")


def _iter_instance_fields(instance: Instance) -> Iterator[tuple[str, str]]:
    """The object of the report."""
    yield "size", format_count(instance.size, "byte")
    yield "SHA-256", instance.sha256
    yield "SOP Class", signature_format.format_sop_class(instance.sop_class, with_uid=True)
    yield "SOP Instance", instance.sop_instance
    yield "patient", ", ".join(f"{element} (masked)" for element in signature_format.format_elements(instance.patient))


def _report_tone(report: VerificationReport) -> Tone:
    """The tone of the verdict; *valid* is good only if all critical elements are covered."""
    if report.verdict is Verdict.VALID and (report.coverage is None or report.coverage.critical):
        return Tone.OPEN
    return _VERDICT_TONES[report.verdict]


def _show_references(findings: Sequence[Finding], to: Screen, *, verbose: bool) -> None:
    """Count the verified instances, and show findings about all others."""
    verified = sum(each.outcome is Outcome.PASSED for each in findings)
    if verified:
        to.line(f"  {'references':14}{format_count(verified, 'instance')} verified", Tone.GOOD)
    _show_findings((each for each in findings if verbose or each.outcome is not Outcome.PASSED), to)


def _show_manifest(findings: Sequence[Finding], to: Screen, *, verbose: bool) -> None:
    """Show the findings of a manifest: the first ones, or with ``verbose`` all."""
    if not findings:
        return
    to.line()
    to.line("changes according to the manifest (informative):", Tone.HEADING)
    shown = findings if verbose else findings[:_MAX_SHOWN]
    _show_findings(shown, to)
    if len(shown) < len(findings):
        to.line(f"  and {len(findings) - len(shown)} more (-v shows all)", Tone.OPEN)


def _format_headline(report: VerificationReport) -> str:
    words = report.verdict.value.replace("-", " ")
    if not report.signatures:
        return words
    restriction = "; integrity only" if report.integrity_only else ""
    about = "" if report.is_object_signed else "; only items are signed, not the object"
    return f"{words} ({format_count(len(report.signatures), 'signature')}{restriction}{about})"


def _iter_reasons(report: VerificationReport, *, verbose: bool) -> Iterator[str]:
    """Why signatures are not valid: what is wrong with the data first, then with the signer.

    Findings about the file as a whole are left out, because they are shown next.
    """
    if report.verdict in (Verdict.VALID, Verdict.NO_SIGNATURE):
        return
    about_file = (*report.unmet, *report.notes, *report.references)
    found = [each for each in report.deciding_findings if each not in about_file]
    causes = report_causes(report)
    reasons = [each.message for each in found if each.aspect not in _SIGNER_ASPECTS]
    reasons += [text for cause, text in _CAUSE_TEXTS.items() if cause in causes]
    if not any(cause in causes for cause in _CAUSE_TEXTS):
        reasons += [each.message for each in found if each.aspect in _SIGNER_ASPECTS]
    if report.verdict is Verdict.NOT_ESTABLISHED and _lacks_anchor(report):
        intact = "the data is unchanged, but " if is_data_unchanged(report) else ""
        reasons.append(f"{intact}the signer is not verified: {_NO_ANCHOR}")
    reasons = [*dict.fromkeys(reasons)]
    shown = reasons if verbose else reasons[:_MAX_REASONS]
    yield from shown
    if len(shown) < len(reasons):
        yield f"and {format_count(len(reasons) - len(shown), 'other reason')} (see below)"


def _lacks_anchor(report: VerificationReport) -> bool:
    """Whether a signature is not established because no trust anchor is configured."""
    return not report.integrity_only and any(
        each.outcome(Aspect.TRUST) is Outcome.NOT_CHECKED and each.integrity_verdict is Verdict.VALID
        for each in report.signatures
    )


def _iter_notes(report: VerificationReport, *, verbose: bool) -> Iterator[str]:
    """What the signatures cover, and what to do about a verdict that is not valid."""
    if not report.signatures:
        return
    if not report.is_object_signed:
        yield "a signed item can be copied to another object; use --item PATH to verify only the signatures of an item"
    elif report.verdict is not Verdict.INVALID and report.coverage is not None and not report.coverage.is_complete:
        yield _format_coverage(report.verdict, report.coverage, verbose=verbose)
    elif report.verdict is Verdict.VALID and report.coverage is None:
        yield "cannot determine how much of the object is covered"
    found = report_causes(report)
    if found and is_data_unchanged(report):
        yield "the data is unchanged; the problem is the signer"
        yield from (text for cause, text in _CAUSE_HINTS.items() if cause in found)
    if report.verdict is not Verdict.NOT_ESTABLISHED:
        return
    if any(_has_unverified_timestamp(each) for each in report.signatures):
        yield "use --timestamp-mode ignore to verify without the certified timestamp"
    if _lacks_anchor(report):
        yield "use --trust-anchor FILE to trust an authority, or --integrity-only to accept any signer"


def _format_coverage(verdict: Verdict, coverage: ObjectCoverage, *, verbose: bool) -> str:
    """How much of the object is protected, and what is not."""
    from dcmseal.model.coverage_map import format_coverage, format_gaps

    what = "valid for" if verdict is Verdict.VALID else "covers"
    few, every = format_gaps(coverage), format_gaps(coverage, limit=len(coverage.gaps))
    names = every if verbose else few if few == every else f"{few} (-v shows all)"
    return f"{what} {format_coverage(coverage)}. {names}"


def _has_unverified_timestamp(report: SignatureReport) -> bool:
    """Whether its timestamp could not be verified, for another reason than trust in the authority."""
    return any(
        each.aspect is Aspect.TIMESTAMP and each.outcome is Outcome.UNKNOWN and each.code not in AUTHORITY_TRUST_CODES
        for each in report.findings
    )


def _show_signature(report: SignatureReport, to: Screen, *, verbose: bool) -> None:
    signature, verdict = report.signature, report.verdict
    to.line()
    to.line(f"signature {signature.uid or '(without UID)'}: {verdict.value.replace('-', ' ')}", _VERDICT_TONES[verdict])
    write_fields(
        to,
        [
            ("location", str(signature.location)),
            ("signer", signature_format.format_signer(signature)),
            ("time", f"{signature_format.format_signing_time(signature)}, claimed"),
            ("certified", _format_certified_time(report)),
            ("purpose", signature_format.format_purpose(signature.purpose)),
            ("MAC algorithm", signature_format.format_mac_algorithm(signature)),
        ],
    )
    if report.trust is not None and report.trust.chain:
        write_fields(to, [("chain", signature_format.format_chain(report.trust.chain))], longest=MAX_LINE)
    for aspect in Aspect:
        text, tone = _format_aspect(report, aspect)
        write_fields(to, [(aspect.value, text)], tone)
        if aspect is Aspect.TRUST and _is_revocation_unchecked(report):
            write_fields(to, [("revocation", "not checked")], Tone.MUTED)
    if report.profiles:
        write_fields(to, [("profiles met", ", ".join(report.profiles))])
    if report.coverage is not None:
        write_fields(to, _iter_coverage_fields(report.coverage, verbose=verbose), longest=MAX_LINE)
    _show_findings((each for each in report.findings if verbose or _is_notable(each)), to)


def _format_certified_time(report: SignatureReport) -> str:
    """The certified time, and whether it is verified; empty without one."""
    if report.certified_time is None:
        return ""
    doubt = "" if report.outcome(Aspect.TIMESTAMP) is Outcome.PASSED else " (not verified)"
    return signature_format.format_certified_time(report.certified_time) + doubt


def _format_aspect(report: SignatureReport, aspect: Aspect) -> tuple[str, Tone]:
    """The outcome of an aspect and its tone."""
    outcome = report.outcome(aspect)
    if outcome is Outcome.UNKNOWN and aspect is Aspect.COVERAGE and report.coverage is not None:
        return "partial", Tone.OPEN
    if outcome is not Outcome.NOT_CHECKED:
        return outcome.value, _OUTCOME_TONES[outcome]
    match aspect:
        case Aspect.TRUST if not report.integrity_only:
            return f"not checked: {_NO_ANCHOR}", Tone.MUTED
        case Aspect.TIMESTAMP if not report.signature.timestamp:
            return "none", Tone.MUTED
        case _:
            return "not checked", Tone.MUTED


def _is_revocation_unchecked(report: SignatureReport) -> bool:
    return any(each.outcome is Outcome.NOT_CHECKED and each.code.startswith("revocation-") for each in report.findings)


def _is_notable(finding: Finding) -> bool:
    """Whether to show a finding without ``verbose``; coverage has its own lines unless it failed."""
    if finding.aspect is Aspect.COVERAGE:
        return finding.outcome is Outcome.FAILED
    return _is_open(finding)


def _is_open(finding: Finding) -> bool:
    return finding.outcome in (Outcome.FAILED, Outcome.UNKNOWN)


def _iter_coverage_fields(coverage: Coverage, *, verbose: bool) -> Iterator[tuple[str, str]]:
    yield "signed", format_count(len(coverage.signed), "element")
    if coverage.unsigned:
        yield (
            "not signed",
            f"{format_count(len(coverage.unsigned), 'element')}: changes to them are not detected",
        )
        yield (
            "  elements",
            join_names(signature_format.format_elements(coverage.unsigned), show_all=True) if verbose else "",
        )
    if coverage.unsignable:
        names = join_names(signature_format.format_reasons(coverage.unsignable), show_all=verbose)
        yield "not signable", f"{format_count(len(coverage.unsignable), 'element')}: {names}"
    if coverage.absent:
        names = join_names(signature_format.format_elements(coverage.absent), show_all=verbose)
        yield "absent", f"{format_count(len(coverage.absent), 'element')} listed as signed: {names}"


def _show_findings(findings: Iterable[Finding], to: Screen) -> None:
    for each in findings:
        where = f" [{escape_unprintable(each.where)}]" if each.where else ""
        clause = f" ({escape_unprintable(each.clause)})" if each.clause else ""
        message = escape_unprintable(each.message)
        line = f"  {each.outcome.value:7} {each.aspect.value} {each.code}: {message}{where}{clause}"
        to.line(line, _OUTCOME_TONES[each.outcome])
