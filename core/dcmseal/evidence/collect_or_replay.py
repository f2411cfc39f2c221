"""Prepare a verification that collects evidence, or replays it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from dcmseal.dataset.part10 import DicomFile
from dcmseal.errors import UsageError
from dcmseal.verification.report_builder import ReportBuilder
from dcmseal.verification.signer_trust import Trust

if TYPE_CHECKING:
    from dcmseal.evidence.evidence_file import Evidence
    from dcmseal.plugins.registry_provider import RegistryProvider
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.verification.verification_context import VerificationContext

ReportHook: TypeAlias = "Callable[[DicomFile, VerificationContext, ReportBuilder], None]"


def prepare_evidence(
    trust: Trust | TrustSettings | None,
    evidence: Evidence | None,
    registry: RegistryProvider,
    *,
    collect: bool,
    integrity_only: bool,
) -> tuple[Trust, ReportHook]:
    """Prepare to collect evidence, or to replay it.

    Args:
        trust: The verifier's trust.
        evidence: The evidence to replay; None to collect evidence.
        registry: Returns the plugins.
        collect: Whether evidence is collected.
        integrity_only: Whether the verification ignores trust.

    Returns:
        The trust to verify with, and the step that completes the report.

    Raises:
        UsageError: The options contradict each other, or no trust is configured.
        TrustError: The trust settings cannot be loaded.
        PluginError: No plugin supports the trust settings.
    """
    if integrity_only:
        raise UsageError(
            "evidence requires trust, which an integrity-only verification ignores", hint="omit one of the two options"
        )
    if evidence is None:
        from dcmseal.evidence.collect import EvidenceCollector

        if trust is None:
            raise UsageError(
                "evidence requires trust settings", hint="give trust anchors", code="evidence-without-trust"
            )
        collector = EvidenceCollector(trust if isinstance(trust, Trust) else Trust.open(trust, registry()))
        return collector.trust, collector.add_evidence
    if collect:
        raise UsageError(
            "evidence cannot be collected and replayed in one verification", hint="copy the evidence file instead"
        )
    from dcmseal.evidence.replay import EvidenceReplay

    replay = EvidenceReplay(evidence, trust, registry)
    return replay.trust, replay.add_findings
