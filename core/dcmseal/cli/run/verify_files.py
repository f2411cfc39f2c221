"""``dcmseal verify`` of files given one by one."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Generator
from os.path import isdir
from typing import TYPE_CHECKING

from dcmseal.api.verify import verify
from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.results import BatchResult
from dcmseal.cli.file_arguments import STDIO, display_name, open_input_file
from dcmseal.cli.options.evidence_options import parse_evidence_options
from dcmseal.cli.options.manifest_options import find_manifest
from dcmseal.cli.options.policy_options import load_policy
from dcmseal.cli.options.report_options import make_report_collector
from dcmseal.cli.options.site_profiles import load_registry
from dcmseal.cli.options.verify_options import build_verify_options
from dcmseal.cli.render.file_progress import FileProgress
from dcmseal.cli.render.verification_output import VerificationOutput
from dcmseal.cli.run.run_loop import run_loop
from dcmseal.errors import DatasetError, UsageError

if TYPE_CHECKING:
    from dcmseal.cli.options.report_options import ReportCollector


def verify_files(options: Namespace) -> int:
    """Verify the files; the exit code is that of the worst file."""
    reports = make_report_collector(options)
    total = len(options.files)
    progress = FileProgress(total, quiet=options.quiet)
    results = _iter_results(options, reports, progress)
    return run_loop(results, VerificationOutput(options, reports), progress, is_single=total == 1)


def _iter_results(
    options: Namespace, reports: ReportCollector | None, progress: FileProgress
) -> Generator[BatchResult]:
    """Verify each file; an error in a file is a result, all others are raised."""
    if options.files.count(STDIO) > 1:
        raise UsageError("standard input can be read only once", hint="give - once")
    setup = load_policy(options)
    evidence = parse_evidence_options(options)
    verify_options = build_verify_options(
        options,
        policy=setup.policy if setup else None,
        trust=evidence.open_trust(options, setup.trust if setup else ""),
        # looking for plugins takes longer than all else that a small file needs
        name_profiles=options.verbose or options.json or reports is not None,
        count_coverage=not options.quiet,
        file_digest=options.sha256 or reports is not None,
    )
    registry = load_registry(options) if setup else None
    if options.manifest is not None and len(options.files) > 1 and not isdir(options.manifest):
        raise UsageError(f"{options.manifest} is not a folder", hint="with several files, --manifest takes a folder")
    for file in options.files:
        item = InputFile(source=file, relative=file)
        progress.next(display_name(file))
        try:
            with open_input_file(file) as source:
                report = verify(
                    source,
                    registry=registry,
                    keep_evidence=evidence.saves_evidence,
                    evidence=evidence.evidence,
                    manifest=find_manifest(options.manifest, file),
                    options=verify_options,
                )
                if reports is not None:
                    reports.add(display_name(file), report, source)
            evidence.save(report)
        except DatasetError as error:
            if reports is not None:
                reports.add_problem(display_name(file), error)
            result = BatchResult.from_error(item, error)
        else:
            result = BatchResult.from_report(item, report)
        progress.clear()
        yield result
