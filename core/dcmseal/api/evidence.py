"""Saving the evidence of a verification."""

from __future__ import annotations

import os
from collections.abc import Iterable

from dcmseal.api.installed_plugins import provide_registry
from dcmseal.evidence.evidence_store import write_evidence
from dcmseal.model.report import VerificationReport
from dcmseal.plugins.registry import Registry
from dcmseal.signing.timestamp_request import TimestampRequest


def save_evidence(
    report: VerificationReport,
    path: str | os.PathLike[str],
    *,
    timestamp: str | Iterable[str] | TimestampRequest | None = None,
    registry: Registry | None = None,
) -> None:
    """Write the evidence of a verification to a new file, which only its owner can read.

    Args:
        report: The report of a verification with ``keep_evidence=True``.
        path: The file, which must not exist.
        timestamp: URL of a timestamp authority, or several, to certify the evidence. This has to happen within minutes
            of the verification.
        registry: The plugins to use; None for all that are installed.

    Raises:
        UsageError: The file exists, or the report has no evidence.
        OutputError: The file cannot be written.
        EvidenceError: The evidence is too large.
        TimestampError: The timestamp could not be obtained or parsed, or the subclass that says why.
        PluginError: No plugin supports timestamps.
    """
    write_evidence(report, path, timestamp=timestamp, registry=provide_registry(registry))
