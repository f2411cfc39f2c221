"""Build JSON documents from results.

Each document states its version and kind (``schema``, ``document``). Text is valid Unicode, tags are eight hexadecimal
digits, times are ISO 8601 in UTC. Strings are never null; an empty string means that the value is missing.
``docs/reference/report.schema.json`` describes all documents.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dcmseal.documents.document_parts import (
    certificate_value,
    certified_time_value,
    context_value,
    element_value,
    element_values,
    elements_with_reasons,
    finding_value,
    instance_value,
    key_value,
    object_coverage_value,
    profile_value,
    reference_value,
    required_element_value,
    signature_claims_value,
    signature_report_value,
    signature_value,
    warning_value,
)
from dcmseal.documents.json_types import Document, Json
from dcmseal.documents.json_types import build_document as _document
from dcmseal.errors import Malformed, NotSignable, SealError
from dcmseal.macro.signer_certificate import Certificate

if TYPE_CHECKING:
    from dcmseal.comparison.differences import Comparison, Difference, FrameRuns
    from dcmseal.comparison.signed_paths import ComparedSignature
    from dcmseal.macro.edit import RemovalResult
    from dcmseal.macro.inspection import Signature
    from dcmseal.model.coverage_map import CoverageMap
    from dcmseal.model.report import VerificationReport
    from dcmseal.plugins.profile import Profile
    from dcmseal.plugins.registry import PluginInfo
    from dcmseal.plugins.report_writer import ReportContext
    from dcmseal.plugins.signer_backend import KeyListing
    from dcmseal.signing.plan import Plan
    from dcmseal.signing.profile_explanation import ProfileExplanation
    from dcmseal.signing.signing_result import SigningResult
    from dcmseal.signing.timestamping import TimestampingResult


def comparison_value(comparison: Comparison) -> Document:
    """Convert a comparison."""
    return {
        "equivalent": comparison.is_equivalent,
        "breaks_signature": comparison.breaks_signature,
        "signatures_in_a": [_compared_signature(each) for each in comparison.signatures_in_a],
        "signatures_in_b": [_compared_signature(each) for each in comparison.signatures_in_b],
        "differences": [_difference(each) for each in comparison.differences],
        "notes": [*comparison.notes],
    }


def _compared_signature(signature: ComparedSignature) -> Document:
    return {
        "uid": signature.uid,
        "location": str(signature.location),
        "integrity": signature.integrity.value,
    }


def _difference(difference: Difference) -> Document:
    return {
        "part": difference.part.value,
        "kind": difference.kind.value,
        "path": difference.path,
        "path_in_b": difference.path_in_b,
        "representation": difference.representation,
        "recoded": difference.recoded,
        "vr_in_a": difference.vr_in_a,
        "vr_in_b": difference.vr_in_b,
        "value_in_a": difference.value_in_a,
        "value_in_b": difference.value_in_b,
        "frames": None if difference.frames is None else _frames(difference.frames),
        "signed_in_a": [*difference.signed_in_a],
        "signed_in_b": [*difference.signed_in_b],
    }


def _frames(frames: FrameRuns) -> Document:
    return {
        "fragments": frames.fragments,
        "changed": _runs(frames.changed),
        "removed": _runs(frames.removed),
        "added": _runs(frames.added),
        "moved": _runs(frames.moved),
        "frames": _runs(frames.frames),
    }


def _runs(runs: Iterable[tuple[int, int]]) -> list[Json]:
    return [[first, last] for first, last in runs]


def report_document(
    report: VerificationReport, file: str | None = None, report_context: ReportContext | None = None
) -> Document:
    """Build a document of kind ``verification``.

    Args:
        report: The result of a verification.
        file: The name of the input.
        report_context: Version, time and settings of the verification.

    Returns:
        The document.
    """
    return _document(
        "verification",
        {
            "file": file or "",
            "verdict": report.verdict.value,
            "integrity_only": report.integrity_only,
            "object_signed": report.is_object_signed,
            "reasons": [finding_value(each) for each in report.deciding_findings],
            "coverage": None if report.coverage is None else object_coverage_value(report.coverage),
            "instance": instance_value(report.instance),
            "context": None if report_context is None else context_value(report_context),
            "signatures": [signature_report_value(each) for each in report.signatures],
            "notes": [finding_value(note) for note in report.notes],
            "unmet": [finding_value(each) for each in report.unmet],
            "skipped": [str(location) for location in report.skipped],
            "references": [finding_value(each) for each in report.references],
            "manifest": [finding_value(each) for each in report.manifest],
        },
    )


def signature_document(signature: Signature, file: str | None = None) -> Document:
    """Build a document of kind ``signature``: the contents of one signature, not verified."""
    return _document("signature", {"file": file or "", **signature_value(signature)})


def signatures_document(signatures: Iterable[Signature], file: str | None = None) -> Document:
    """Build a document of kind ``signatures``: the contents of each signature, not verified."""
    return _document("signatures", {"file": file or "", "signatures": [signature_value(each) for each in signatures]})


def map_document(coverage: CoverageMap, file: str | None = None) -> Document:
    """Build a document of kind ``map``: every element, and which signatures cover it."""
    from dcmseal.documents.coverage_map_parts import map_value

    return _document("map", {"file": file or "", **map_value(coverage)})


def signing_document(
    result: SigningResult, file: str | None = None, output: str | None = None, manifest: str | None = None
) -> Document:
    """Build a document of kind ``signing``.

    Args:
        result: The signature that was made.
        file: The name of the input.
        output: The name of the output.
        manifest: The name of the change manifest.

    Returns:
        The document.
    """
    return _document(
        "signing",
        {
            "file": file or "",
            "output": output or "",
            "manifest": manifest or "",
            "signature": signature_claims_value(result.signature),
            "warnings": [warning_value(each) for each in result.warnings],
            "padded": [element_values(path) for path in result.padded],
            "unsignable": elements_with_reasons(result.unsignable),
            "references": [reference_value(each) for each in result.references],
            "certified_time": certified_time_value(result.certified.time if result.certified else None),
        },
    )


def timestamping_document(result: TimestampingResult, file: str | None = None) -> Document:
    """Build a document of kind ``timestamping``: the signature that a timestamp was added to."""
    return _document(
        "timestamping",
        {
            "file": file or "",
            "signature": signature_claims_value(result.signature),
            "certified_time": certified_time_value(result.time),
            "findings": [finding_value(each) for each in result.findings],
            "warnings": [warning_value(each) for each in result.warnings],
        },
    )


def plan_document(plan: Plan, file: str | None = None) -> Document:
    """Build a document of kind ``plan``: the signature that would be made; its signer is null."""
    return _document(
        "plan",
        {
            "file": file or "",
            "signature": signature_claims_value(plan.signature),
            "profile": None if plan.profile is None else profile_value(plan.profile),
            "required": element_values(sorted(plan.requirements.required_tags.intersection(plan.elements))),
            "warnings": [warning_value(each) for each in plan.warnings],
            "padded": [element_values(each.path) for each in plan.padded],
            "unsignable": elements_with_reasons(plan.unsignable),
            "references": [reference_value(each) for each in plan.references],
        },
    )


def comparison_document(comparison: Comparison, a: str | None = None, b: str | None = None) -> Document:
    """Build a document of kind ``comparison``; ``a`` and ``b`` are the names of the inputs."""
    return _document("comparison", {"a": a or "", "b": b or "", **comparison_value(comparison)})


def removal_document(result: RemovalResult) -> Document:
    """Build a document of kind ``removal``: the signatures that were removed."""
    return _document("removal", {"removed": [signature_claims_value(each) for each in result.removed]})


def certificate_document(certificate: Certificate) -> Document:
    """Build a document of kind ``certificate``: the certificate of a signer, also as PEM."""
    return _document("certificate", {**certificate_value(certificate), "pem": certificate.pem.decode("ascii")})


def plugins_document(plugins: Iterable[PluginInfo]) -> Document:
    """Build a document of kind ``plugins``: the installed plugins, including broken ones."""
    return _document(
        "plugins",
        {
            "plugins": [
                {
                    "name": each.name,
                    "distribution": each.distribution,
                    "version": each.version,
                    "contributes": list(each.contributes),
                    "problem": each.problem,
                }
                for each in plugins
            ]
        },
    )


def keys_document(keys: Iterable[KeyListing], problems: Iterable[Document]) -> Document:
    """Build a document of kind ``keys``: the keys that plugins can find, and the errors of plugins that failed."""
    return _document("keys", {"keys": [key_value(each) for each in keys], "problems": [*problems]})


def profiles_document(profiles: Iterable[Profile]) -> Document:
    """Build a document of kind ``profiles``: the available Digital Signature Profiles."""
    return _document("profiles", {"profiles": [profile_value(each) for each in profiles]})


def rules_document(profile: Profile) -> Document:
    """Build a document of kind ``rules``: the requirements of a profile that do not depend on a Data Set."""
    from dcmseal.signing.profile_explanation import profile_requirements

    rules = profile_requirements(profile)
    tables = rules.tables
    return _document(
        "rules",
        {
            "profile": profile_value(profile),
            "clause": rules.clause,
            "edition": tables.edition if tables else "",
            "earlier_edition": tables.earlier if tables else "",
            "mac_algorithms": [*sorted(rules.mac_algorithms)],
            "key_types": [*sorted(kind.value for kind in rules.key_types)],
            "key_bits": {kind.value: bits for kind, bits in rules.key_bits.items() if bits},
            "purposes": [*sorted(rules.purposes)],
            "purpose_required": rules.purpose_required,
            "timestamp_required": rules.timestamp_required,
            "main_dataset_only": rules.main_dataset_only,
            "mandatory": element_values(sorted(rules.mandatory)),
            "elements": [required_element_value(tag, rules) for tag in sorted(rules.required_tags)],
            "recommended": element_values(sorted(rules.recommended)),
            "forbidden": element_values(sorted(rules.forbidden)),
            "left_to_caller": rules.left_to_caller,
            "notes": [*rules.notes],
        },
    )


def explanation_document(explanation: ProfileExplanation, file: str | None = None) -> Document:
    """Build a document of kind ``explanation``: what a signature for a profile would cover in a file."""
    return _document(
        "explanation",
        {
            "file": file or "",
            "profile": profile_value(explanation.profile),
            "clause": explanation.requirements.clause,
            "elements": [
                {**element_value(each.tag), "signed": each.signed, "required": each.required, "reason": each.why}
                for each in explanation.elements
            ],
            "problems": [finding_value(each) for each in explanation.problems],
        },
    )


def files_document(documents: Iterable[Document], report_context: ReportContext | None = None) -> Document:
    """Build a document of kind ``files``: the result of each file, or the error that prevented it."""
    context = None if report_context is None else context_value(report_context)
    return _document("files", {"context": context, "files": [*documents]})


def error_document(error: SealError, exit_code: int, file: str | None = None) -> Document:
    """Build a document of kind ``error``.

    Args:
        error: The error; its member ``error`` is the name of its class in ``dcmseal.errors``.
        exit_code: The exit code of the command.
        file: The name of the input.

    Returns:
        The document.
    """
    return _document(
        "error",
        {
            "file": file or "",
            "error": _error_name(type(error)),
            "message": str(error),
            "hint": error.hint,
            "exit_code": exit_code,
            "offset": error.offset if isinstance(error, Malformed) else None,
            "element": elements_with_reasons([(error.tag, error.why)])[0] if isinstance(error, NotSignable) else None,
            "findings": [finding_value(each) for each in getattr(error, "findings", ())],
        },
    )


def _error_name(kind: type[SealError]) -> str:
    """Find the name of the nearest class in dcmseal, because plugins may define subclasses."""
    return next(each.__name__ for each in kind.__mro__ if each.__module__ == SealError.__module__)
