"""What a verdict means to somebody who has to act on it, and what to do: sentences, the weightiest first."""

# Kept apart: sentences for people, apart from the layout of the page.

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
    Aspect.INTEGRITY: "The data is not what was signed. Something was changed since; a signature cannot tell what.",
    Aspect.AUTHENTICITY: "The signature was not made with the key of its certificate, or not while that was valid.",
    Aspect.TRUST: "The signer is not trusted.",
    Aspect.TIMESTAMP: "The certified time of signing is wrong, or belongs to something else.",
    Aspect.FORM: "The signature is not formed as the standard demands.",
    Aspect.COVERAGE: "The signature protects nothing that is there.",
    Aspect.CONFORMANCE: "A profile that was required is not met.",
}
_CAUSES: Final = {
    FailureCause.REVOKED: "The certificate of the signer, or of its authority, is revoked.",
    FailureCause.EXPIRED: "The certificate of the signer, or of its authority, was not valid yet, or had expired.",
    FailureCause.UNTRUSTED: "The certificate of the signer does not lead to an authority that this site trusts for it.",
}
"""What is wrong with trust, in the words of its cause."""
_ACTIONS: Final = {
    FailureCause.REVOKED: (
        "Do not rely on the signature: whoever has the key now may have made it.",
        "Ask the issuer of the certificate since when it is revoked and why, and have the instance signed again.",
    ),
    FailureCause.EXPIRED: (
        "Do not rely on the signature as long as nobody shows that it was made in time.",
        "Ask for a certified timestamp of the signature, or have the instance signed again.",
    ),
    FailureCause.UNTRUSTED: (
        "Do not rely on the signature as long as you do not know who made it.",
        "Find out whose certificate it is. Name its authority (--trust, --trust-anchor) if your rules allow it.",
    ),
}
_UNKNOWN: Final = {
    Aspect.INTEGRITY: "Whether the data is unchanged could not be found out.",
    Aspect.AUTHENTICITY: "Whether the signature was made with the key of its certificate could not be found out.",
    Aspect.TRUST: "Whether the signer can be trusted could not be found out.",
    Aspect.FORM: "Whether the signature is well formed could not be found out.",
}


def explain_verdict(file: ReportedFile) -> Iterator[str]:
    """What the verdict on a file means."""
    report = file.report
    if report is None:
        yield "The file could not be read, so nothing is known about its signatures."
        return
    if report.verdict is Verdict.NO_SIGNATURE:
        yield "Nothing protects this file: anybody could have changed it unnoticed."
    elif report.verdict is Verdict.VALID:
        yield "What was signed is unchanged."
        if report.integrity_only:
            yield "It was not asked who the signers are: anybody can make a certificate in any name."
        else:
            who = "The signer is" if len(report.signatures) == 1 else "The signers are"
            yield f"{who} known to this site and trusted."
    else:
        yield from tuple(_iter_reasons(report)) or ("The findings below say why.",)


def _iter_reasons(report: VerificationReport) -> Iterator[str]:
    if not report.is_object_signed:
        yield "The object is not signed. Signatures protect items in it, and a signed item can be put into any object."
    outcome, sentences = Outcome.UNKNOWN, _UNKNOWN
    if report.verdict is Verdict.INVALID:
        outcome, sentences = Outcome.FAILED, _FAILED
    of_signers = [sentence for cause, sentence in _CAUSES.items() if cause in report_causes(report)]
    if is_data_unchanged(report):
        yield from of_signers
    for aspect, sentence in sentences.items():
        if of_signers and aspect in (Aspect.TRUST, Aspect.AUTHENTICITY) and is_data_unchanged(report):
            continue
        affected = [str(number) for number, each in enumerate(report.signatures, 1) if each.outcome(aspect) is outcome]
        if affected and _is_decisive(aspect, report):
            which = f" (S{affected[0]})" if len(affected) == 1 else f" ({len(affected)} signatures)"
            yield f"{sentence.removesuffix('.')}{which if len(report.signatures) > 1 else ''}."
    if report.verdict is Verdict.NOT_ESTABLISHED and any(map(_lacks_trust_anchors, report.signatures)):
        yield "Whether the signer can be trusted was not checked, because no trust anchor is configured."
    if any(each.has_unverified_timestamp for each in report.signatures):
        yield "A certified timestamp is there and could not be verified."
    if not is_data_unchanged(report):
        yield from of_signers
    demands = (each for each in report.unmet if each.code != OBJECT_NOT_SIGNED)
    yield from (f"Required, and not there: {each.message}." for each in demands)
    yield from (f"{each.message}." for each in report.notes if each.outcome is outcome)
    wrong = sum(each.outcome is outcome and each.aspect is not Aspect.COVERAGE for each in report.references)
    if wrong:
        yield f"Of the evidence that the document cites, {wrong} instances do not check out."


def _is_decisive(aspect: Aspect, report: VerificationReport) -> bool:
    return not (aspect is Aspect.TRUST and report.integrity_only) and aspect is not Aspect.CONFORMANCE


def explain_limits(file: ReportedFile) -> str:
    """What even a good verdict does not say; empty if there is nothing, or nothing is protected at all."""
    if file.report is None or not file.report.signatures:
        return ""
    if file.coverage is None:
        return "How much of the object is covered is not known."
    if not any(each.is_valid for each in file.coverage.signatures):
        return "No signature holds, so nothing is protected."
    return format_gaps(file.coverage.summary)


def recommend_actions(file: ReportedFile) -> Iterator[str]:
    """What to do next."""
    report = file.report
    if report is None:
        yield file.hint or "Fetch the file again from its source."
        return
    found = report_causes(report)
    if is_data_unchanged(report) and (found or report.verdict is Verdict.INVALID):
        # whoever fetches it again gets the same
        yield "The data is what was signed: there is no need to fetch the instance again."
        steps = tuple(each for cause, steps in _ACTIONS.items() if cause in found for each in steps)
        yield from steps or ("Do not rely on it for what your rules demand. The findings below say what is wrong.",)
    elif report.verdict is Verdict.INVALID:
        yield "Do not rely on this file for diagnosis or treatment. Keep it as it is: it is evidence."
        yield "Fetch the instance again from where it was made or first stored, and verify that."
        yield "If it is the same there, tell whoever is in charge of security and of the system that sent it."
    elif report.verdict is Verdict.NO_SIGNATURE:
        yield "Ask the source for a signed instance if your rules demand one."
    elif report.verdict is Verdict.NOT_ESTABLISHED:
        yield "Treat it as unsigned until the open question is answered."
        if not report.is_object_signed:
            yield "If only the signed items matter, verify these alone, each by its place (--item)."
        if any(_lacks_only_trust(each) for each in report.signatures):
            yield "Name the authorities that this site trusts (--trust, --trust-anchor), and verify again."
        yield "The findings marked “Unknown” below say what was missing."
    elif file.coverage is None or not file.coverage.summary.is_complete:
        yield "Rely on what is covered. Look below at what is not, before you rely on the rest."
    else:
        yield "Nothing: you can rely on what the coverage map shows as covered."
    if report.verdict is Verdict.VALID and report.integrity_only:
        yield "Compare the certificate with one that you know, or verify again with trust anchors."


def _lacks_trust_anchors(report: SignatureReport) -> bool:
    return not report.integrity_only and report.outcome(Aspect.TRUST) is Outcome.NOT_CHECKED


def _lacks_only_trust(report: SignatureReport) -> bool:
    return report.integrity_verdict is Verdict.VALID and report.outcome(Aspect.TRUST) in (
        Outcome.UNKNOWN,
        Outcome.NOT_CHECKED,
    )
