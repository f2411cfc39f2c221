"""Check the rules of the Digital Signatures Macro that the MAC does not enforce."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.transfer_syntax import TransferSyntax
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.macro.read import SignatureItem, form_finding
from dcmseal.model.signature import MacParameters
from dcmseal.tags import format_tag, format_tags, is_ascending
from dcmseal.terms import CertificateType

if TYPE_CHECKING:
    from dcmseal.verification.level_coverage import ListedElements

_MACRO: Final = "PS3.3 Table C.12-6"
_RULES: Final = "PS3.3 C.12.1.1.3.1.1"
_CORRECT: Final = Finding(
    aspect=Aspect.FORM,
    outcome=Outcome.PASSED,
    code="form-correct",
    message="the signature has the structure that the macro requires",
    clause=_MACRO,
)


def order_findings(scan: LevelScanner) -> list[Finding]:
    """Check that the elements of a level are in ascending order and unique (PS3.5 7.1)."""
    tags = scan.tags
    if is_ascending(tags):
        return []
    if len(set(tags)) != len(tags):
        repeated = next(tag for tag, following in zip(sorted(tags), sorted(tags)[1:], strict=False) if tag == following)
        return [form_finding("duplicate-element", "the data set contains an element twice", format_tag(repeated))]
    return [form_finding("disordered", "the data set's elements are not in ascending order")]


def macro_findings(signature_item: SignatureItem, listed: ListedElements | None) -> list[Finding]:
    """Check the structure of a signature's item and its MAC parameters.

    Args:
        signature_item: The item of the signature.
        listed: Its Data Elements Signed; None if the level has too many different lists.

    Returns:
        Findings of aspects FORM and CONFORMANCE; a finding with outcome PASSED if the structure is correct.
    """
    findings = list(signature_item.problems)
    signature = signature_item.signature
    if signature.mac is not None:
        findings.extend(_mac_findings(signature.mac, listed))
    if signature.certificate_type and signature.certificate_type != CertificateType.X509_1993_SIG:
        message = f"Certificate Type {signature.certificate_type!r} is not a Defined Term"
        findings.append(_unknown_finding("certificate-type-unknown", message))
    if not any(finding.aspect is Aspect.FORM for finding in findings):
        findings.append(_CORRECT)
    return findings


def _mac_findings(mac: MacParameters, listed: ListedElements | None) -> Iterable[Finding]:
    if not mac.elements:
        yield form_finding("no-elements-listed", "Data Elements Signed is empty")
    elif not (listed.in_order if listed else is_ascending(mac.elements)):
        yield _conformance_finding(
            "elements-disordered", "Data Elements Signed is not in the order of the data set, or lists an element twice"
        )
    if listed and listed.forbidden:
        first = listed.forbidden[0]
        message = f"{format_tag(first)} is listed as signed, but {exclusion_reason(first)}"
        yield form_finding("forbidden-element-listed", message, format_tags(listed.forbidden))
    syntax = TransferSyntax(mac.transfer_syntax)
    if not mac.transfer_syntax:
        yield form_finding("mac-syntax-missing", "MAC Calculation Transfer Syntax UID is missing")
    elif not syntax.is_allowed_for_mac:
        message = f"MAC Calculation Transfer Syntax {syntax.uid} is not explicit VR little endian"
        yield form_finding("mac-syntax-not-allowed", message)
    elif not syntax.is_known:
        yield _unknown_finding("mac-syntax-unknown", f"MAC Calculation Transfer Syntax {syntax.uid} is unknown")
    if not mac.algorithm:
        yield form_finding("mac-algorithm-missing", "MAC Algorithm is missing")


def _unknown_finding(code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.FORM, outcome=Outcome.UNKNOWN, code=code, message=message, clause=_MACRO)


def _conformance_finding(code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.CONFORMANCE, outcome=Outcome.FAILED, code=code, message=message, clause=_RULES)
