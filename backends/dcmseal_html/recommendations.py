"""What a verdict means and what to do about it, as sentences for the reader of a report, most important first."""

# Kept apart: sentences for readers, separate from the layout of the page.

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmseal.findings import Aspect, Outcome
from dcmseal.model.causes import FailureCause, is_data_unchanged, report_causes
from dcmseal.model.coverage_map import format_gaps
from dcmseal.model.report import SignatureReport, VerificationReport
from dcmseal.model.verdict import OBJECT_NOT_SIGNED, Verdict
from dcmseal.plugins.report_writer import ReportedFile

_FAILED: Final = {
    Aspect.INTEGRITY: "The data has changed since it was signed. The signature cannot show what has changed.",
    Aspect.AUTHENTICITY: (
        "The signature was not made with the key of its certificate, or not while the certificate was valid."
    ),
    Aspect.TRUST: "The signer is not trusted.",
    Aspect.TIMESTAMP: "The timestamp is invalid, or belongs to other data.",
    Aspect.FORM: "The structure of the signature violates the standard.",
    Aspect.COVERAGE: "The signature protects no element that the file contains.",
    Aspect.CONFORMANCE: "The signature does not meet a required profile.",
}
_CAUSES: Final = {
    FailureCause.REVOKED: "The certificate of the signer or of a certificate authority is revoked.",
    FailureCause.EXPIRED: (
        "The certificate of the signer or of a certificate authority was not yet valid or had expired."
    ),
    FailureCause.UNTRUSTED: (
        "The certificate of the signer does not chain to a certificate authority that this site trusts."
    ),
}
"""Explanations of why a signer is not trusted, by cause."""
_ACTIONS: Final = {
    FailureCause.REVOKED: (
        (
            "Do not rely on the signature: the key may be compromised, and "
            "anyone who has it could have made the signature."
        ),
        "Ask the issuer of the certificate when and why it was revoked, and have the instance signed again.",
    ),
    FailureCause.EXPIRED: (
        "Do not rely on the signature without proof that it was made while the certificate was valid.",
        "Ask for a certified timestamp of the signature, or have the instance signed again.",
    ),
    FailureCause.UNTRUSTED: (
        "Do not rely on the signature before you know who made it.",
        (
            "Find out whose certificate it is. If your policy allows it, add "
            "its certificate authority to the trust anchors."
        ),
    ),
}
_UNKNOWN: Final = {
    Aspect.INTEGRITY: "It could not be determined whether the data is unchanged.",
    Aspect.AUTHENTICITY: "It could not be determined whether the signature was made with the key of its certificate.",
    Aspect.TRUST: "It could not be determined whether the signer can be trusted.",
    Aspect.FORM: "It could not be determined whether the structure of the signature follows the standard.",
}


def explain_verdict(file: ReportedFile) -> Iterator[str]:
    """Yield sentences that explain the verdict on a file."""
    report = file.report
    if report is None:
        yield "The file could not be read, so its signatures could not be checked."
        return
    if report.verdict is Verdict.NO_SIGNATURE:
        yield "Nothing protects this file: it could have been changed without detection."
    elif report.verdict is Verdict.VALID:
        yield "The signed data is unchanged."
        if report.integrity_only:
            yield "The identity of the signers was not checked: anyone can create a certificate in any name."
        else:
            subject = "the signer" if len(report.signatures) == 1 else "the signers"
            yield f"This site trusts {subject}."
    else:
        yield from tuple(_iter_reasons(report)) or ("The findings below give the reason.",)


def _iter_reasons(report: VerificationReport) -> Iterator[str]:
    if not report.is_object_signed:
        yield (
            "The object is not signed. Signatures protect only items in it, "
            "and a signed item can be copied into any object."
        )
    outcome, sentences = Outcome.UNKNOWN, _UNKNOWN
    if report.verdict is Verdict.INVALID:
        outcome, sentences = Outcome.FAILED, _FAILED
    trust_problems = [sentence for cause, sentence in _CAUSES.items() if cause in report_causes(report)]
    if is_data_unchanged(report):
        yield from trust_problems
    for aspect, sentence in sentences.items():
        if trust_problems and aspect in (Aspect.TRUST, Aspect.AUTHENTICITY) and is_data_unchanged(report):
            continue
        affected = [str(number) for number, each in enumerate(report.signatures, 1) if each.outcome(aspect) is outcome]
        if affected and _is_decisive(aspect, report):
            signatures = f" (S{affected[0]})" if len(affected) == 1 else f" ({len(affected)} signatures)"
            yield f"{sentence.removesuffix('.')}{signatures if len(report.signatures) > 1 else ''}."
    if report.verdict is Verdict.NOT_ESTABLISHED and any(map(_lacks_trust_anchors, report.signatures)):
        yield "Whether the signer can be trusted was not checked, because no trust anchor is configured."
    if any(each.has_unverified_timestamp for each in report.signatures):
        yield "A timestamp is present but could not be verified."
    if not is_data_unchanged(report):
        yield from trust_problems
    unmet = (each for each in report.unmet if each.code != OBJECT_NOT_SIGNED)
    yield from (f"A requirement is not met: {each.message}." for each in unmet)
    yield from (f"{each.message}." for each in report.notes if each.outcome is outcome)
    affected_references = sum(
        each.outcome is outcome and each.aspect is not Aspect.COVERAGE for each in report.references
    )
    if affected_references:
        problem = "failed verification" if outcome is Outcome.FAILED else "could not be verified"
        yield f"{affected_references} of the instances that the document cites as evidence {problem}."


def _is_decisive(aspect: Aspect, report: VerificationReport) -> bool:
    return not (aspect is Aspect.TRUST and report.integrity_only) and aspect is not Aspect.CONFORMANCE


def explain_limits(file: ReportedFile) -> str:
    """Return the limits of a verdict; empty if everything is protected, or there are no signatures."""
    if file.report is None or not file.report.signatures:
        return ""
    if file.coverage is None:
        return "The extent of the coverage is unknown."
    if not any(each.is_valid for each in file.coverage.signatures):
        return "No signature is valid, so nothing is protected."
    return format_gaps(file.coverage.summary)


def recommend_actions(file: ReportedFile) -> Iterator[str]:
    """Yield sentences that say what to do about the verdict on a file."""
    report = file.report
    if report is None:
        yield file.hint or "Fetch the file again from its source."
        return
    causes = report_causes(report)
    if is_data_unchanged(report) and (causes or report.verdict is Verdict.INVALID):
        # another copy would have the same signature
        yield "The data is unchanged, so there is no need to fetch the instance again."
        steps = tuple(each for cause, steps in _ACTIONS.items() if cause in causes for each in steps)
        yield from steps or (
            "Do not rely on it where your policy requires a valid signature. The findings below say what is wrong.",
        )
    elif report.verdict is Verdict.INVALID:
        yield "Do not rely on this file for diagnosis or treatment. Keep it unchanged as evidence."
        yield "Fetch the instance again from where it was made or first stored, and verify that copy."
        yield "If that copy is invalid too, inform those responsible for security and for the sending system."
    elif report.verdict is Verdict.NO_SIGNATURE:
        yield "If your policy requires a signature, ask the source for a signed instance."
    elif report.verdict is Verdict.NOT_ESTABLISHED:
        yield "Treat it as unsigned until the missing information is available."
        if not report.is_object_signed:
            yield "If only the signed items matter to you, verify each of them by its location."
        if any(_lacks_only_trust(each) for each in report.signatures):
            yield "Configure the certificate authorities that your site trusts, and verify again."
        yield "The findings marked “Unknown” below say what is missing."
    elif file.coverage is None or not file.coverage.summary.is_complete:
        yield "Rely only on what is covered. Before you rely on other elements, see below what is not covered."
    else:
        yield "No action is needed: you can rely on what the coverage map shows as covered."
    if report.verdict is Verdict.VALID and report.integrity_only:
        yield "Compare the certificate with one that you know, or configure trust anchors and verify again."


def _lacks_trust_anchors(report: SignatureReport) -> bool:
    return not report.integrity_only and report.outcome(Aspect.TRUST) is Outcome.NOT_CHECKED


def _lacks_only_trust(report: SignatureReport) -> bool:
    return report.integrity_verdict is Verdict.VALID and report.outcome(Aspect.TRUST) in (
        Outcome.UNKNOWN,
        Outcome.NOT_CHECKED,
    )
