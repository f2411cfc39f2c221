"""``dcmseal verify`` of many files."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from dcmseal.batch.results import Form
from dcmseal.batch.verify_task import VerifyTask
from dcmseal.cli.archive_output import show_line
from dcmseal.cli.archive_reports import archive_reports_of
from dcmseal.cli.archive_run import report_of, run_archive
from dcmseal.cli.archives import refuse_of_one_file
from dcmseal.cli.certificate_files import certificates_in
from dcmseal.cli.demanding import policy_of
from dcmseal.cli.settings import has_trust, judged_by
from dcmseal.cli.site import profiles_folder_of
from dcmseal.cli.trusting import trust_settings

_NO_TRUST: Final = (
    "no trust anchor is configured, so no signer is trusted: name authorities with --trust-anchor FILE, or with "
    "--trust NAME as [trust.NAME] of the configuration file says; --integrity-only accepts signatures without trust"
)
_OF_ONE_FILE: Final = (
    *("save_evidence", "evidence", "evidence_timestamp", "trust_evidence_moment", "trust_evidence_anchors"),
    "manifest",
)
"""Options about single files."""


def verify_archive(options: Namespace) -> int:
    """Verify all that is named; the exit code is that of the worst file."""
    refuse_of_one_file(options, *_OF_ONE_FILE)
    report = report_of(
        options,
        "verified",
        show=show_line if options.verbose else None,
        hint="" if has_trust(options) else _NO_TRUST,
        context=lambda: judged_by(options),
    )
    pages = archive_reports_of(options, report)
    if pages is None:
        return run_archive(_task(options, report.detail), options.files, options, report)
    return run_archive(_task(options, pages.detail), options.files, options, pages, on_recorded=pages.add_recorded)


def _task(options: Namespace, detail: Form) -> VerifyTask:
    setup = policy_of(options)
    return VerifyTask(
        uid=options.uid,
        location=options.item,
        policy=setup.policy if setup else None,
        integrity_only=options.integrity_only,
        accept_old_format=options.accept_old_format,
        timestamp=options.timestamp,
        timestamp_certificates=tuple(certificates_in(options.timestamp_certificate)),
        name_profiles=detail is not Form.VERDICT or options.journal is not None,
        trust=trust_settings(options, setup.trust if setup else ""),
        references=tuple(options.references),
        count_coverage=detail is Form.DOCUMENT,
        file_digest=options.sha256 and detail is Form.DOCUMENT,
        profiles_folder=profiles_folder_of(options) if setup else None,
        detail=detail,
    )
