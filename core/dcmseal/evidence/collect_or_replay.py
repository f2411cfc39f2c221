"""Verification whose verdict is to be repeated, or repeats one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import UsageError
from dcmseal.verification.report_builder import ReportBuilder
from dcmseal.verification.signer_trust import Trust

if TYPE_CHECKING:
    from dcmseal.evidence.evidence_file import Evidence
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.verification.context import VerificationContext

ReportHook: TypeAlias = "Callable[[DicomFile, VerificationContext, ReportBuilder], None]"


def prepare_evidence(
    trust: Trust | TrustSettings | None,
    evidence: Evidence | None,
    registry: Registry | None,
    *,
    collect: bool,
    integrity_only: bool,
) -> tuple[Trust, ReportHook]:
    """The trust to verify with, and the step that adds to the report; raises UsageError and what Trust.open does."""
    if integrity_only:
        raise UsageError("evidence is about trust, and integrity alone does without", hint="leave one of them out")
    if evidence is None:
        from dcmseal.evidence.collect import EvidenceCollector

        if trust is None:
            raise UsageError("evidence is kept of trust, and nobody is trusted", hint="name trust anchors")
        gathering = EvidenceCollector(trust if isinstance(trust, Trust) else Trust.open(trust, registry))
        return gathering.trust, gathering.add_evidence
    if collect:
        raise UsageError("a verdict is found or repeated, not both", hint="copy the evidence file to keep it twice")
    from dcmseal.evidence.replay import EvidenceReplay

    repetition = EvidenceReplay(evidence, trust, registry)
    return repetition.trust, repetition.add_findings
