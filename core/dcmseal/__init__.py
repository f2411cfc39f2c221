"""DICOM Digital Signatures (PS3.15 Annex C): create, verify, list, explain and remove them.

>>> import dcmseal
>>> report = dcmseal.verify("signed.dcm", integrity_only=True)  # doctest: +SKIP
>>> report.verdict  # doctest: +SKIP
<Verdict.VALID: 'valid'>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcmseal.version import __version__

if TYPE_CHECKING:
    from dcmseal.api.inspect import find_signature, signatures, write_mac_stream
    from dcmseal.api.remove import remove
    from dcmseal.api.sign import plan_signing, sign
    from dcmseal.api.timestamp import add_timestamp, attach_timestamp, build_timestamp_query
    from dcmseal.api.verify import map_coverage, verify
    from dcmseal.batch.batch_api import sign_many, verify_many
    from dcmseal.batch.results import BatchResult
    from dcmseal.comparison.differences import Comparison, Difference, compare
    from dcmseal.config.config_file import Config, load_config
    from dcmseal.config.key_setup import KeySetup
    from dcmseal.errors import SealError
    from dcmseal.evidence.evidence_file import Evidence
    from dcmseal.evidence.evidence_store import load_evidence, save_evidence
    from dcmseal.findings import Aspect, Finding, Outcome
    from dcmseal.location import Location
    from dcmseal.macro.edit import RemovalResult
    from dcmseal.macro.inspection import Signature, SignedElement
    from dcmseal.model.coverage_map import CoverageMap, CoverState
    from dcmseal.model.report import SignatureReport, VerificationReport
    from dcmseal.model.verdict import Verdict
    from dcmseal.plugins.registry import Registry
    from dcmseal.policy.policy import Policy
    from dcmseal.policy.rule import Rule
    from dcmseal.references.reference_folders import ReferenceFolders
    from dcmseal.signing.make import attach_signature, make_signature
    from dcmseal.signing.plan import Plan
    from dcmseal.signing.signing_result import SigningResult
    from dcmseal.signing.timestamp_request import TimestampingResult, TimestampRequest
    from dcmseal.terms import MacAlgorithm, SignaturePurpose
    from dcmseal.verification.timestamp_checks import TimestampMode

_EXPORTS = {
    "dcmseal.api.inspect": ("find_signature", "signatures", "write_mac_stream"),
    "dcmseal.api.remove": ("remove",),
    "dcmseal.api.sign": ("plan_signing", "sign"),
    "dcmseal.api.timestamp": ("add_timestamp", "attach_timestamp", "build_timestamp_query"),
    "dcmseal.api.verify": ("map_coverage", "verify"),
    "dcmseal.batch.batch_api": ("sign_many", "verify_many"),
    "dcmseal.batch.results": ("BatchResult",),
    "dcmseal.comparison.differences": ("Comparison", "Difference", "compare"),
    "dcmseal.config.config_file": ("Config", "load_config"),
    "dcmseal.config.key_setup": ("KeySetup",),
    "dcmseal.errors": ("SealError",),
    "dcmseal.evidence.evidence_file": ("Evidence",),
    "dcmseal.evidence.evidence_store": ("load_evidence", "save_evidence"),
    "dcmseal.findings": ("Aspect", "Finding", "Outcome"),
    "dcmseal.location": ("Location",),
    "dcmseal.macro.edit": ("RemovalResult",),
    "dcmseal.macro.inspection": ("Signature", "SignedElement"),
    "dcmseal.model.coverage_map": ("CoverState", "CoverageMap"),
    "dcmseal.model.report": ("SignatureReport", "Verdict", "VerificationReport"),
    "dcmseal.plugins.registry": ("Registry",),
    "dcmseal.policy.policy": ("Policy",),
    "dcmseal.policy.rule": ("Rule",),
    "dcmseal.references.reference_folders": ("ReferenceFolders",),
    "dcmseal.signing.make": ("attach_signature", "make_signature"),
    "dcmseal.signing.plan": ("Plan",),
    "dcmseal.signing.signing_result": ("SigningResult",),
    "dcmseal.signing.timestamp_request": ("TimestampRequest", "TimestampingResult"),
    "dcmseal.terms": ("MacAlgorithm", "SignaturePurpose"),
    "dcmseal.verification.timestamp_checks": ("TimestampMode",),
}
_EXPORT_MODULES = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [
    "Aspect",
    "BatchResult",
    "Comparison",
    "Config",
    "CoverState",
    "CoverageMap",
    "Difference",
    "Evidence",
    "Finding",
    "KeySetup",
    "Location",
    "MacAlgorithm",
    "Outcome",
    "Plan",
    "Policy",
    "ReferenceFolders",
    "Registry",
    "RemovalResult",
    "Rule",
    "SealError",
    "Signature",
    "SignaturePurpose",
    "SignatureReport",
    "SignedElement",
    "SigningResult",
    "TimestampMode",
    "TimestampRequest",
    "TimestampingResult",
    "Verdict",
    "VerificationReport",
    "__version__",
    "add_timestamp",
    "attach_signature",
    "attach_timestamp",
    "build_timestamp_query",
    "compare",
    "find_signature",
    "load_config",
    "load_evidence",
    "make_signature",
    "map_coverage",
    "plan_signing",
    "remove",
    "save_evidence",
    "sign",
    "sign_many",
    "signatures",
    "verify",
    "verify_many",
    "write_mac_stream",
]


def __getattr__(name: str) -> Any:
    """Import a name of the front door when it is first used (PEP 562): start-up matters on the command line."""
    home = _EXPORT_MODULES.get(name)
    if home is None:
        raise AttributeError(f"module 'dcmseal' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
