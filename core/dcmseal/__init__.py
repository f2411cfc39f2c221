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
    from dcmseal.batch.results import Result
    from dcmseal.config.loading import Config, load_config
    from dcmseal.config.setup import KeySetup
    from dcmseal.coverage_map import Cover, CoverageMap
    from dcmseal.engine.asking import find, map_coverage, signatures, stream, verify
    from dcmseal.engine.certifying import StampingResult, add_timestamp, attach_timestamp, timestamp_query
    from dcmseal.engine.changing import RemovalResult, plan, remove, sign
    from dcmseal.engine.comparison.comparing import Comparison, Difference, compare
    from dcmseal.engine.inspection import Signature, SignedElement
    from dcmseal.engine.keeping.manifest import Evidence
    from dcmseal.engine.keeping.saving import load_evidence, save_evidence
    from dcmseal.engine.planning import Plan
    from dcmseal.engine.policy import Policy
    from dcmseal.engine.references.folders import Folders
    from dcmseal.engine.rule import Rule
    from dcmseal.engine.signing import attach, make_signature
    from dcmseal.engine.signing_result import SigningResult
    from dcmseal.engine.stamping import TimestampWish
    from dcmseal.engine.timestamps import TimestampRule
    from dcmseal.errors import SealError
    from dcmseal.location import Location
    from dcmseal.plugins.registry import Registry
    from dcmseal.report import Aspect, Finding, Outcome, SignatureReport, Verdict, VerificationReport
    from dcmseal.terms import MacAlgorithm, SignaturePurpose

_HOMES = {
    "dcmseal.batch.many": ("sign_many", "verify_many"),
    "dcmseal.batch.results": ("Result",),
    "dcmseal.config.loading": ("Config", "load_config"),
    "dcmseal.config.setup": ("KeySetup",),
    "dcmseal.coverage_map": ("Cover", "CoverageMap"),
    "dcmseal.engine.asking": ("find", "map_coverage", "signatures", "stream", "verify"),
    "dcmseal.engine.certifying": ("StampingResult", "add_timestamp", "attach_timestamp", "timestamp_query"),
    "dcmseal.engine.changing": ("RemovalResult", "plan", "remove", "sign"),
    "dcmseal.engine.comparison.comparing": ("Comparison", "Difference", "compare"),
    "dcmseal.engine.inspection": ("Signature", "SignedElement"),
    "dcmseal.engine.keeping.manifest": ("Evidence",),
    "dcmseal.engine.keeping.saving": ("load_evidence", "save_evidence"),
    "dcmseal.engine.planning": ("Plan",),
    "dcmseal.engine.policy": ("Policy",),
    "dcmseal.engine.references.folders": ("Folders",),
    "dcmseal.engine.rule": ("Rule",),
    "dcmseal.engine.signing": ("attach", "make_signature"),
    "dcmseal.engine.signing_result": ("SigningResult",),
    "dcmseal.engine.stamping": ("TimestampWish",),
    "dcmseal.engine.timestamps": ("TimestampRule",),
    "dcmseal.errors": ("SealError",),
    "dcmseal.location": ("Location",),
    "dcmseal.plugins.registry": ("Registry",),
    "dcmseal.report": ("Aspect", "Finding", "Outcome", "SignatureReport", "Verdict", "VerificationReport"),
    "dcmseal.terms": ("MacAlgorithm", "SignaturePurpose"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Aspect",
    "Comparison",
    "Config",
    "Cover",
    "CoverageMap",
    "Difference",
    "Evidence",
    "Finding",
    "Folders",
    "KeySetup",
    "Location",
    "MacAlgorithm",
    "Outcome",
    "Plan",
    "Policy",
    "Registry",
    "RemovalResult",
    "Result",
    "Rule",
    "SealError",
    "Signature",
    "SignaturePurpose",
    "SignatureReport",
    "SignedElement",
    "SigningResult",
    "StampingResult",
    "TimestampRule",
    "TimestampWish",
    "Verdict",
    "VerificationReport",
    "__version__",
    "add_timestamp",
    "attach",
    "attach_timestamp",
    "compare",
    "find",
    "load_config",
    "load_evidence",
    "make_signature",
    "map_coverage",
    "plan",
    "remove",
    "save_evidence",
    "sign",
    "sign_many",
    "signatures",
    "stream",
    "timestamp_query",
    "verify",
    "verify_many",
]


def __getattr__(name: str) -> Any:
    """Import a name of the front door when it is first used (PEP 562): start-up matters on the command line."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'dcmseal' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
