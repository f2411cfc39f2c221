"""Options for evidence files: save the evidence of a verdict, or reproduce a verdict from it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from dcmseal.cli.parser import Parser

if TYPE_CHECKING:
    from dcmseal.evidence.evidence_file import Evidence
    from dcmseal.model.report import VerificationReport
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.verification.signer_trust import Trust


def add_evidence_options(parser: Parser) -> None:
    """Add the options about evidence files."""
    group = parser.add_argument_group("evidence (to reproduce a verdict on one FILE offline, years later)")
    group.add_argument(
        "--save-evidence",
        metavar="OUT",
        help="save everything the verdict is based on to a new file; requires trust anchors",
    )
    group.add_argument(
        "--evidence-timestamp",
        metavar="URL",
        action="append",
        default=[],
        help="have this timestamp authority certify the time of the evidence; repeat to name fallbacks",
    )
    group.add_argument(
        "--evidence", metavar="FILE", help="reproduce the verdict from this evidence file, with your own trust anchors"
    )
    group.add_argument(
        "--trust-evidence-moment",
        action="store_true",
        help="trust the time and the completeness of evidence that has no timestamp",
    )
    group.add_argument("--trust-evidence-anchors", action="store_true", help="also trust the anchors in the evidence")


class EvidenceOptions:
    """The options about evidence, parsed."""

    def __init__(self, options: Namespace, evidence: Evidence | None) -> None:
        self._output: str | None = options.save_evidence
        self._authorities: list[str] = options.evidence_timestamp
        self.evidence = evidence
        """The evidence to reproduce a verdict from; None for a new verdict."""

    @property
    def saves_evidence(self) -> bool:
        """Whether verification has to collect evidence."""
        return self._output is not None

    def open_trust(self, options: Namespace, named: str = "") -> Trust | TrustSettings | None:
        """The trust to verify with; settings, not opened yet, if the evidence adds its own anchors.

        Raises:
            UsageError: The options or the configuration file are invalid.
            TrustError: The trust settings cannot be loaded.
            PluginError: No plugin supports the trust settings.
        """
        from dcmseal.cli.options.trust_options import load_trust_settings, open_trust

        if options.trust_evidence_anchors:
            return load_trust_settings(options, named or options.trust)
        return open_trust(options, named)

    def save(self, report: VerificationReport) -> None:
        """Write the evidence if --save-evidence is given; raises like save_evidence."""
        if self._output is not None:
            from dcmseal.api.evidence import save_evidence

            save_evidence(report, self._output, timestamp=self._authorities or None)


def parse_evidence_options(options: Namespace) -> EvidenceOptions:
    """Parse the options, before anything is verified or written.

    Raises:
        UsageError: The options contradict each other.
        EvidenceError: The file cannot be read, or is not an evidence file.
    """
    import os

    from dcmseal.errors import EvidenceError, UsageError

    if not any((options.save_evidence, options.evidence)):
        if options.evidence_timestamp:
            raise UsageError("--evidence-timestamp requires --save-evidence", hint="add --save-evidence OUT")
        if options.trust_evidence_moment or options.trust_evidence_anchors:
            raise UsageError("no evidence given", hint="add --evidence FILE")
        return EvidenceOptions(options, None)
    if options.save_evidence and options.evidence:
        raise UsageError("--save-evidence and --evidence exclude each other", hint="remove one of them")
    if len(options.files) > 1:
        raise UsageError("evidence applies to one file, but several are given", hint="verify them one by one")
    if options.evidence:
        from dcmseal.evidence.evidence_store import load_evidence

        if options.evidence_timestamp:
            raise UsageError("--evidence-timestamp does not apply to --evidence", hint="remove --evidence-timestamp")
        try:
            evidence = load_evidence(
                options.evidence,
                trust_moment=options.trust_evidence_moment,
                trust_anchors=options.trust_evidence_anchors,
            )
        except EvidenceError as error:
            error.file = error.file or options.evidence
            raise
        return EvidenceOptions(options, evidence)
    if options.trust_evidence_moment or options.trust_evidence_anchors:
        raise UsageError(
            "--trust-evidence-moment and --trust-evidence-anchors do not apply to --save-evidence",
            hint="use them with --evidence",
        )
    if os.path.lexists(options.save_evidence):
        raise UsageError(
            f"{options.save_evidence} already exists", hint="choose another file; evidence is never overwritten"
        )
    return EvidenceOptions(options, None)
