"""Results as JSON documents, in the terms of the standard: for programs, as the command line's text is for people.

Every document says its version and kind (``schema``, ``document``), and holds nothing but what JSON has: text is valid
Unicode, tags are eight hexadecimal digits, moments are ISO 8601 in UTC. Texts are never null: an empty one says that
there is nothing. ``docs/reference/report.schema.json`` describes them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dcmseal.dictionary import keyword_of
from dcmseal.engine.certificate import Certificate
from dcmseal.engine.certificate_values import certificate_value, certified_value, moment_value, signer_value
from dcmseal.engine.json_values import Document, Json
from dcmseal.engine.json_values import document as _document
from dcmseal.engine.references.values import reference_value
from dcmseal.errors import Malformed, NotSignable, SealError
from dcmseal.report import Aspect

if TYPE_CHECKING:
    from dcmseal.engine.advice import Advice
    from dcmseal.engine.certifying import StampingResult
    from dcmseal.engine.changing import RemovalResult, SigningResult
    from dcmseal.engine.explaining import Explanation
    from dcmseal.engine.inspection import Signature, SignedElement
    from dcmseal.engine.planning import Plan
    from dcmseal.model import DigitalSignature, MacParameters, PurposeCode
    from dcmseal.plugins.protocols import KeyListing, Profile, Requirements
    from dcmseal.plugins.registry import PluginInfo
    from dcmseal.report import Coverage, Finding, SignatureReport, SignerTrust, VerificationReport


def report_document(report: VerificationReport, file: str | None = None) -> Document:
    """The result of a verification, of kind ``verification``; ``file`` is how the caller names the input."""
    return _document(
        "verification",
        {
            "file": file or "",
            "verdict": report.verdict.value,
            "integrity_only": report.integrity_only,
            "signatures": [_verified(each, integrity_only=report.integrity_only) for each in report.signatures],
            "notes": [_finding(note) for note in report.notes],
            "unmet": [_finding(each) for each in report.unmet],
            "skipped": [str(location) for location in report.skipped],
            "references": [_finding(each) for each in report.references],
        },
    )


def signature_document(signature: Signature, file: str | None = None) -> Document:
    """One signature and all it says of itself, of kind ``signature``."""
    return _document("signature", {"file": file or "", **_inspected(signature)})


def signatures_document(signatures: Iterable[Signature], file: str | None = None) -> Document:
    """The signatures of a Data Set, of kind ``signatures``."""
    return _document("signatures", {"file": file or "", "signatures": [_inspected(each) for each in signatures]})


def signing_document(result: SigningResult, file: str | None = None, output: str | None = None) -> Document:
    """A signature that was made, of kind ``signing``; ``file`` and ``output`` are how the caller names them."""
    return _document(
        "signing",
        {
            "file": file or "",
            "output": output or "",
            "signature": _stated(result.signature),
            "warnings": [_warning(each) for each in result.warnings],
            "padded": [_elements(path) for path in result.padded],
            "left_out": _with_reasons(result.left_out),
            "references": [reference_value(each) for each in result.references],
            "certified": certified_value(result.certified.time if result.certified else None),
        },
    )


def stamping_document(result: StampingResult, file: str | None = None) -> Document:
    """A signature that got a certified timestamp, of kind ``stamping``."""
    return _document(
        "stamping",
        {
            "file": file or "",
            "signature": _stated(result.signature),
            "certified": certified_value(result.time),
            "findings": [_finding(each) for each in result.findings],
        },
    )


def plan_document(plan: Plan, file: str | None = None) -> Document:
    """A signature as it would be made, of kind ``plan``; it has no signer yet."""
    return _document(
        "plan",
        {
            "file": file or "",
            "signature": _stated(plan.signature),
            "profile": None if plan.profile is None else _profile(plan.profile),
            "required": _elements(sorted(plan.requirements.covered.intersection(plan.elements))),
            "warnings": [_warning(each) for each in plan.advice],
            "padded": [_elements(each.path) for each in plan.padded],
            "left_out": _with_reasons(plan.left_out),
            "references": [reference_value(each) for each in plan.references],
        },
    )


def removal_document(result: RemovalResult) -> Document:
    """The signatures that were removed, of kind ``removal``."""
    return _document("removal", {"removed": [_stated(each) for each in result.removed]})


def certificate_document(certificate: Certificate) -> Document:
    """Certificate of Signer (0400,0115), of kind ``certificate``, with the certificate itself as PEM text."""
    return _document("certificate", {**certificate_value(certificate), "pem": certificate.pem.decode("ascii")})


def plugins_document(plugins: Iterable[PluginInfo]) -> Document:
    """The plugins installed, of kind ``plugins``, the broken ones too."""
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
    """Keys that can be found, of kind ``keys``, and the errors of the plugins that could not look for theirs."""
    return _document("keys", {"keys": [_key(each) for each in keys], "problems": [*problems]})


def profiles_document(profiles: Iterable[Profile]) -> Document:
    """Digital Signature Profiles, of kind ``profiles``."""
    return _document("profiles", {"profiles": [_profile(each) for each in profiles]})


def rules_document(profile: Profile) -> Document:
    """What a profile demands whatever the Data Set, of kind ``rules``."""
    from dcmseal.engine.explaining import rules_of

    rules = rules_of(profile)
    tables = rules.tables
    return _document(
        "rules",
        {
            "profile": _profile(profile),
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
            "mandatory": _elements(sorted(rules.mandatory)),
            "elements": [_listed(tag, rules) for tag in sorted(rules.covered)],
            "advised": _elements(sorted(rules.advised)),
            "forbidden": _elements(sorted(rules.forbidden)),
            "left_to_caller": rules.left_to_caller,
            "notes": [*rules.notes],
        },
    )


def explanation_document(explanation: Explanation, file: str | None = None) -> Document:
    """What a signature by a profile would be like, of kind ``explanation``."""
    return _document(
        "explanation",
        {
            "file": file or "",
            "profile": _profile(explanation.profile),
            "clause": explanation.requirements.clause,
            "elements": [
                {**_element(each.tag), "signed": each.signed, "required": each.required, "why": each.why}
                for each in explanation.elements
            ],
            "problems": [_finding(each) for each in explanation.problems],
        },
    )


def files_document(documents: Iterable[Document]) -> Document:
    """The results of several files, or the errors that prevented them, of kind ``files``."""
    return _document("files", {"files": [*documents]})


def error_document(error: SealError, exit_code: int, file: str | None = None) -> Document:
    """An error, of kind ``error``; ``error`` is the name of its class in ``dcmseal.errors``."""
    return _document(
        "error",
        {
            "file": file or "",
            "error": _error_name(type(error)),
            "message": str(error),
            "hint": error.hint,
            "exit_code": exit_code,
            "offset": error.offset if isinstance(error, Malformed) else None,
            "element": _with_reasons([(error.tag, error.why)])[0] if isinstance(error, NotSignable) else None,
            "findings": [_finding(each) for each in getattr(error, "findings", ())],
        },
    )


def _verified(report: SignatureReport, *, integrity_only: bool) -> Document:
    return {
        **_stated(report.signature),
        "index": report.signature.index,
        "verdict": report.verdict(integrity_only=integrity_only).value,
        "aspects": {aspect.value: report.outcome(aspect).value for aspect in Aspect},
        "required": [aspect.value for aspect in report.required],
        "findings": [_finding(each) for each in report.findings],
        "coverage": None if report.coverage is None else _coverage(report.coverage),
        "profiles": list(report.profiles),
        "trust": None if report.trust is None else _trust(report.trust),
        "certified": certified_value(report.certified),
    }


def _trust(trust: SignerTrust) -> Document:
    return {
        "moment": moment_value(trust.moment),
        "basis": trust.basis.value,
        "chain": [signer_value(each) for each in trust.chain],
    }


def _inspected(signature: Signature) -> Document:
    return {
        **_stated(signature.content),
        "index": signature.content.index,
        "elements": [_signed_element(each) for each in signature.elements],
    }


def _stated(signature: DigitalSignature) -> Document:
    """What a signature says of itself, true or not."""
    return {
        "uid": signature.uid,
        "location": str(signature.location),
        "signer": signer_value(signature.certificate),
        "datetime": signature.datetime,
        "moment": None if signature.moment is None else moment_value(signature.moment),
        "purpose": None if signature.purpose is None else _purpose(signature.purpose),
        "certificate_type": signature.certificate_type,
        "timestamp": {"type": signature.timestamp_type} if signature.timestamp_type or signature.timestamp else None,
        "mac": None if signature.mac is None else _mac(signature.mac),
    }


def _purpose(purpose: PurposeCode) -> Document:
    return {"value": purpose.value, "scheme": purpose.scheme, "meaning": purpose.meaning}


def _mac(mac: MacParameters) -> Document:
    return {
        "id": mac.mac_id,
        "algorithm": mac.algorithm,
        "transfer_syntax": mac.transfer_syntax,
        "elements": _elements(mac.elements),
    }


def _finding(finding: Finding) -> Document:
    return {
        "aspect": finding.aspect.value,
        "outcome": finding.outcome.value,
        "code": finding.code,
        "message": finding.message,
        "where": finding.where,
        "clause": finding.clause,
    }


def _coverage(coverage: Coverage) -> Document:
    return {
        "signed": _elements(coverage.signed),
        "unsigned": _elements(coverage.unsigned),
        "unsignable": _with_reasons(coverage.unsignable),
        "absent": _elements(coverage.absent),
        "critical": _elements(coverage.critical),
    }


def _warning(advice: Advice) -> Document:
    return {"code": advice.code, "message": advice.message, "elements": _elements(advice.elements)}


def _profile(profile: Profile) -> Document:
    return {"name": profile.name, "title": profile.title, "reference": profile.reference}


def _key(key: KeyListing) -> Document:
    return {
        "uri": key.uri,
        "label": key.label,
        "key_type": key.key_type.value if key.key_type else "",
        "detail": {**key.detail},
        "problem": key.problem,
    }


def _element(tag: int) -> Document:
    return {"tag": f"{tag:08X}", "keyword": keyword_of(tag) or ""}


def _listed(tag: int, rules: Requirements) -> Document:
    """An element that a profile demands, and what names it."""
    tables = rules.tables
    origin = tables.origins.get(tag) if tables else None
    return {**_element(tag), "origin": origin or rules.clause, "later_edition": bool(tables and tag in tables.added)}


def _elements(tags: Iterable[int]) -> list[Json]:
    return [_element(tag) for tag in tags]


def _with_reasons(elements: Iterable[tuple[int, str]]) -> list[Json]:
    return [{**_element(tag), "why": why} for tag, why in elements]


def _signed_element(element: SignedElement) -> Document:
    return {**_element(element.tag), "name": element.name, "vr": element.vr, "present": element.present}


def _error_name(kind: type[SealError]) -> str:
    """The name of the nearest class of this package: plugins may derive their own."""
    return next(each.__name__ for each in kind.__mro__ if each.__module__ == SealError.__module__)
