"""Options for evidence files: save the evidence of a verdict, or reproduce a verdict from it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, NamedTuple

from dcmseal.cli.parser import Parser

if TYPE_CHECKING:
    from dcmseal.evidence.evidence_file import Evidence
    from dcmseal.model.report import VerificationReport


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


class EvidenceOptions(NamedTuple):
    """Whether to save the evidence of a verdict, or to reproduce a verdict from evidence."""

    output: str | None = None
    """Where to save the evidence."""
    authorities: tuple[str, ...] = ()
    """The timestamp authorities that certify its time."""
    source: str | None = None
    """The evidence to reproduce a verdict from."""
    trust_moment: bool = False
    """Whether to trust the time and the completeness of evidence without a timestamp."""
    trust_anchors: bool = False
    """Whether to trust the anchors in the evidence as well."""

    @property
    def saves_evidence(self) -> bool:
        """Whether verification has to collect evidence."""
        return self.output is not None

    def load(self) -> Evidence | None:
        """Load the evidence to reproduce a verdict from; None for a new verdict.

        Raises:
            EvidenceError: The file cannot be read, or is not an evidence file.
        """
        if self.source is None:
            return None
        from dcmseal.errors import EvidenceError
        from dcmseal.evidence.evidence_store import load_evidence

        try:
            return load_evidence(self.source, trust_moment=self.trust_moment, trust_anchors=self.trust_anchors)
        except EvidenceError as error:
            error.file = error.file or self.source
            raise

    def save(self, report: VerificationReport) -> None:
        """Write the evidence if --save-evidence is given; raises like save_evidence."""
        if self.output is not None:
            from dcmseal.api.evidence import save_evidence

            save_evidence(report, self.output, timestamp=self.authorities or None)


def parse_evidence_options(options: Namespace) -> EvidenceOptions:
    """Return what to do with evidence; raises UsageError if the options contradict each other."""
    _check_evidence_options(options)
    return EvidenceOptions(
        output=options.save_evidence or None,
        authorities=tuple(options.evidence_timestamp),
        source=options.evidence or None,
        trust_moment=options.trust_evidence_moment,
        trust_anchors=options.trust_evidence_anchors,
    )


def _check_evidence_options(options: Namespace) -> None:
    import os

    from dcmseal.errors import UsageError

    trusts_evidence = options.trust_evidence_moment or options.trust_evidence_anchors
    if not any((options.save_evidence, options.evidence)):
        if options.evidence_timestamp:
            raise UsageError("--evidence-timestamp requires --save-evidence", hint="add --save-evidence OUT")
        if trusts_evidence:
            raise UsageError("no evidence given", hint="add --evidence FILE")
        return
    if options.save_evidence and options.evidence:
        raise UsageError("--save-evidence and --evidence exclude each other", hint="remove one of them")
    if len(options.files) > 1:
        raise UsageError("evidence applies to one file, but several are given", hint="verify them one by one")
    if options.evidence:
        if options.evidence_timestamp:
            raise UsageError("--evidence-timestamp does not apply to --evidence", hint="remove --evidence-timestamp")
        return
    if trusts_evidence:
        raise UsageError(
            "--trust-evidence-moment and --trust-evidence-anchors do not apply to --save-evidence",
            hint="use them with --evidence",
        )
    if os.path.lexists(options.save_evidence):
        raise UsageError(
            f"{options.save_evidence} already exists", hint="choose another file; evidence is never overwritten"
        )
