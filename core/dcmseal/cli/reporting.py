"""Reports for people, written to files while files are verified."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from dcmseal.cli.parser import Parser
from dcmseal.descriptors import descriptor_of
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.engine.opening import DatasetInput
    from dcmseal.errors import SealError
    from dcmseal.plugins.reporting import ReportedFile, ReportWriter
    from dcmseal.report import VerificationReport

_HTML: Final = "html"


def add_report_options(parser: Parser) -> None:
    """Add the options that say where reports go."""
    group = parser.add_argument_group("reports for people")
    group.add_argument("--html", metavar="OUT", help="write a page that a browser shows and prints; short for html:OUT")
    group.add_argument(
        "--report",
        metavar="FORMAT:OUT",
        action="append",
        default=[],
        help="write a report in the format of a plugin; may be repeated",
    )
    group.add_argument(
        "--show-values", action="store_true", help="in reports, show values that might tell who the patient is, too"
    )
    group.add_argument("--force", action="store_true", help="overwrite reports that exist")


def reports_of(options: Namespace) -> Reports | None:
    """The reports that the options ask for; None if they ask for none. Raises UsageError and PluginError."""
    wanted = wanted_of(options)
    if not wanted:
        return None
    from dcmseal.plugins.registry import installed

    return Reports([(installed().report_writer(format_), path) for format_, path in wanted], options)


def wanted_of(options: Namespace) -> list[tuple[str, str]]:
    """Formats and paths of the reports that are asked for; raises UsageError if a report cannot go to its path."""
    wanted = [each.partition(":") for each in options.report]
    if options.html is not None:
        wanted.append((_HTML, ":", options.html))
    inputs = {os.path.realpath(file) for file in options.files} if wanted else set[str]()
    for format_, _, path in wanted:
        if not format_ or not path:
            raise UsageError("a report is given without format or file", hint="write --report html:report.html")
        if os.path.lexists(path) and not options.force and descriptor_of(path) is None:
            raise UsageError(f"{path} exists", hint="name another file; --force overwrites it")
        if os.path.realpath(path) in inputs:
            raise UsageError(f"{path} is an input", hint="name another file for the report")
    return [(format_, path) for format_, _, path in wanted]


class Reports:
    """Collects what is to be reported, and writes it in the end."""

    def __init__(self, writers: list[tuple[ReportWriter, str]], options: Namespace) -> None:
        self._writers = writers
        self._options = options
        self._files: list[ReportedFile] = []

    def add(self, name: str, report: VerificationReport, source: DatasetInput) -> None:
        """Take in a file that was verified."""
        from dcmseal.engine.reporting import reported

        self._files.append(reported(name, report, source, show_values=self._options.show_values))

    def add_problem(self, name: str, error: SealError) -> None:
        """Take in a file that could not be."""
        from dcmseal.engine.reporting import unreported

        self._files.append(unreported(name, error))

    def write(self) -> None:
        """Write all reports; raises OutputError, or PluginBroken if a writer fails."""
        import datetime as dt

        from dcmseal.engine.reporting import context_of, write_report

        context = context_of(dt.datetime.now(dt.UTC), settings_in_words(self._options))
        for writer, path in self._writers:
            write_report(path, writer, self._files, context)


_WORDS: Final = (
    ("uid", "only the signature"),
    ("item", "only signatures at"),
    ("trust", "trust setup"),
    ("trust_anchor", "trust anchors"),
    ("system_anchors", "trust anchors of the operating system"),
    ("intermediate", "intermediate certificates"),
    ("crl", "certificate revocation lists"),
    ("ocsp_response", "OCSP responses"),
    ("fetch", "fetching of revocation data"),
    ("fetch_issuers", "fetching of issuers"),
    ("revocation", "revocation"),
    ("claimed_time", "what expired or was revoked since a claimed time"),
    ("pin_certificate", "only certificates"),
    ("pin_subject", "only subjects"),
    ("key_usage", "key usage"),
    ("extended_key_usage", "extended key usage"),
    ("allow_weak", "weak algorithms and small keys"),
    ("integrity_only", "trust in the signer"),
    ("timestamp", "certified timestamps"),
    ("timestamp_certificate", "certificates of timestamp authorities"),
    ("policy", "policy"),
    ("require", "demanded of one signature"),
    ("require_covered", "has to be covered"),
    ("require_signatures", "signatures there have to be"),
    ("distinct_signers", "signers"),
    ("no_unsigned_additions", "elements without signature"),
    ("evidence", "repeated by the evidence"),
    ("trust_evidence_moment", "moment of the evidence"),
    ("trust_evidence_anchors", "anchors of the evidence"),
    ("manifest", "manifest"),
    ("references", "folders with cited evidence"),
    ("accept_old_format", "the fragment format of DCMTK before 3.5.4"),
    ("config", "configuration file"),
    ("shard", "part of the archive"),
)
WHEN_SET: Final = {
    "system_anchors": "used",
    "fetch": "allowed",
    "fetch_issuers": "allowed",
    "distinct_signers": "have to be different",
    "no_unsigned_additions": "not allowed",
    "trust_evidence_moment": "believed",
    "trust_evidence_anchors": "trusted",
    "allow_weak": "accepted",
    "integrity_only": "not asked for: integrity only",
    "accept_old_format": "accepted",
}


def settings_in_words(options: Namespace) -> list[tuple[str, str]]:
    """The options that the verdict depends on, in words."""
    settings: list[tuple[str, str]] = []
    for name, label in _WORDS:
        value: object = getattr(options, name, None)
        if value is True:
            settings.append((label, WHEN_SET[name]))
        elif isinstance(value, list):
            settings += [(label, ", ".join(map(str, value)))] if value else []  # pyright: ignore[reportUnknownArgumentType]
        elif value:
            settings.append((label, str(value)))
    if not any(getattr(options, each) for each in ("trust", "trust_anchor", "system_anchors", "integrity_only")):
        settings.append(("trust in the signer", "no trust anchor is configured"))
    return settings
