"""DICOM Digital Signatures (PS3.15 Annex C): create, verify, list, explain and remove them.

>>> import dcmseal
>>> report = dcmseal.verify("signed.dcm", integrity_only=True)  # doctest: +SKIP
>>> report.verdict  # doctest: +SKIP
<Verdict.VALID: 'valid'>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dcmseal.batch.many import sign_many, verify_many
    from dcmseal.batch.results import BatchResult
    from dcmseal.config.loading import Config, load_config
    from dcmseal.config.setup import KeySetup
    from dcmseal.coverage_map import CoverageMap, CoverState
    from dcmseal.engine.asking import map_coverage, verify
    from dcmseal.engine.attaching import RemovalResult
    from dcmseal.engine.certifying import add_timestamp, attach_timestamp, build_timestamp_query
    from dcmseal.engine.changing import plan_signing, sign
    from dcmseal.engine.comparison.comparing import Comparison, Difference, compare
    from dcmseal.engine.inspecting import find_signature, list_signatures, write_mac_stream
    from dcmseal.engine.inspection import Signature, SignedElement
    from dcmseal.engine.keeping.manifest import Evidence
    from dcmseal.engine.keeping.saving import load_evidence, save_evidence
    from dcmseal.engine.planning import Plan
    from dcmseal.engine.policy import Policy
    from dcmseal.engine.references.folders import ReferenceFolders
    from dcmseal.engine.removing import remove
    from dcmseal.engine.rule import Rule
    from dcmseal.engine.signing import attach_signature, make_signature
    from dcmseal.engine.signing_result import SigningResult
    from dcmseal.engine.stamping import TimestampingResult, TimestampRequest
    from dcmseal.engine.timestamps import TimestampMode
    from dcmseal.errors import SealError
    from dcmseal.findings import Aspect, Finding, Outcome
    from dcmseal.location import Location
    from dcmseal.plugins.registry import Registry
    from dcmseal.report import SignatureReport, Verdict, VerificationReport
    from dcmseal.terms import MacAlgorithm, SignaturePurpose

_EXPORTS = {
    "dcmseal.batch.many": ("sign_many", "verify_many"),
    "dcmseal.batch.results": ("BatchResult",),
    "dcmseal.config.loading": ("Config", "load_config"),
    "dcmseal.config.setup": ("KeySetup",),
    "dcmseal.coverage_map": ("CoverState", "CoverageMap"),
    "dcmseal.engine.asking": ("find_signature", "map_coverage", "list_signatures", "write_mac_stream", "verify"),
    "dcmseal.engine.certifying": ("TimestampingResult", "add_timestamp", "attach_timestamp", "build_timestamp_query"),
    "dcmseal.engine.changing": ("RemovalResult", "plan_signing", "remove", "sign"),
    "dcmseal.engine.comparison.comparing": ("Comparison", "Difference", "compare"),
    "dcmseal.engine.inspection": ("Signature", "SignedElement"),
    "dcmseal.engine.keeping.manifest": ("Evidence",),
    "dcmseal.engine.keeping.saving": ("load_evidence", "save_evidence"),
    "dcmseal.engine.planning": ("Plan",),
    "dcmseal.engine.policy": ("Policy",),
    "dcmseal.engine.references.folders": ("ReferenceFolders",),
    "dcmseal.engine.rule": ("Rule",),
    "dcmseal.engine.signing": ("attach_signature", "make_signature"),
    "dcmseal.engine.signing_result": ("SigningResult",),
    "dcmseal.engine.stamping": ("TimestampRequest",),
    "dcmseal.engine.timestamps": ("TimestampMode",),
    "dcmseal.errors": ("SealError",),
    "dcmseal.location": ("Location",),
    "dcmseal.plugins.registry": ("Registry",),
    "dcmseal.report": ("Aspect", "Finding", "Outcome", "SignatureReport", "Verdict", "VerificationReport"),
    "dcmseal.terms": ("MacAlgorithm", "SignaturePurpose"),
}
_EXPORT_MODULES = {name: module for module, names in _EXPORTS.items() for name in names}

__all__ = [
    "Aspect",
    "Comparison",
    "Config",
    "CoverState",
    "CoverageMap",
    "Difference",
    "Evidence",
    "Finding",
    "ReferenceFolders",
    "KeySetup",
    "Location",
    "MacAlgorithm",
    "Outcome",
    "Plan",
    "Policy",
    "Registry",
    "RemovalResult",
    "BatchResult",
    "Rule",
    "SealError",
    "Signature",
    "SignaturePurpose",
    "SignatureReport",
    "SignedElement",
    "SigningResult",
    "TimestampingResult",
    "TimestampMode",
    "TimestampRequest",
    "Verdict",
    "VerificationReport",
    "__version__",
    "add_timestamp",
    "attach_signature",
    "attach_timestamp",
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
    "list_signatures",
    "write_mac_stream",
    "build_timestamp_query",
    "verify",
    "verify_many",
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
