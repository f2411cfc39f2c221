"""``dcmseal verify`` of many files."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from dcmseal.batch.results import ResultDetail
from dcmseal.batch.verify_task import VerifyTask
from dcmseal.cli.archive_output import show_result_line
from dcmseal.cli.archive_reports import make_reporting_output
from dcmseal.cli.archive_run import make_output, run_archive
from dcmseal.cli.archives import reject_single_file_options
from dcmseal.cli.certificate_files import load_certificates
from dcmseal.cli.demanding import load_policy
from dcmseal.cli.settings import build_report_context, has_trust
from dcmseal.cli.site import load_profiles_folder
from dcmseal.cli.trusting import parse_trust_settings

_NO_TRUST_HINT: Final = (
    "no trust anchor is configured, so no signer is trusted: name authorities with --trust-anchor FILE, or with "
    "--trust NAME as [trust.NAME] of the configuration file says; --integrity-only accepts signatures without trust"
)
_SINGLE_FILE_OPTIONS: Final = (
    *("save_evidence", "evidence", "evidence_timestamp", "trust_evidence_moment", "trust_evidence_anchors"),
    "manifest",
)
"""Options about single files."""


def verify_archive(options: Namespace) -> int:
    """Verify all that is named; the exit code is that of the worst file."""
    reject_single_file_options(options, *_SINGLE_FILE_OPTIONS)
    report = make_output(
        options,
        "verified",
        show=show_result_line if options.verbose else None,
        hint="" if has_trust(options) else _NO_TRUST_HINT,
        context=lambda: build_report_context(options),
    )
    pages = make_reporting_output(options, report)
    if pages is None:
        return run_archive(_build_task(options, report.detail), options.files, options, report)
    return run_archive(
        _build_task(options, pages.detail), options.files, options, pages, on_recorded=pages.add_recorded
    )


def _build_task(options: Namespace, detail: ResultDetail) -> VerifyTask:
    setup = load_policy(options)
    return VerifyTask(
        uid=options.uid,
        location=options.item,
        policy=setup.policy if setup else None,
        integrity_only=options.integrity_only,
        accept_old_format=options.accept_old_format,
        timestamp=options.timestamp,
        timestamp_certificates=tuple(load_certificates(options.timestamp_certificate)),
        name_profiles=detail is not ResultDetail.VERDICT or options.journal is not None,
        trust=parse_trust_settings(options, setup.trust if setup else ""),
        references=tuple(options.references),
        count_coverage=detail is ResultDetail.DOCUMENT,
        file_digest=options.sha256 and detail is ResultDetail.DOCUMENT,
        profiles_folder=load_profiles_folder(options) if setup else None,
        detail=detail,
    )
