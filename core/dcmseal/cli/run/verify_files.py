"""``dcmseal verify`` of files given one by one."""

from __future__ import annotations

from collections.abc import Generator
from os.path import isdir
from typing import TYPE_CHECKING

from dcmseal.api.verify import open_trust, verify
from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.results import BatchResult
from dcmseal.cli.file_arguments import STDIO, display_name, open_input_file
from dcmseal.cli.options.manifest_options import find_manifest
from dcmseal.cli.render.file_progress import FileProgress
from dcmseal.cli.render.verification_output import VerificationOutput
from dcmseal.cli.run.report_collector import make_report_collector
from dcmseal.cli.run.run_loop import run_loop
from dcmseal.errors import DatasetError, UsageError

if TYPE_CHECKING:
    from dcmseal.cli.run.report_collector import ReportCollector
    from dcmseal.cli.run.verify_request import VerifyRequest
    from dcmseal.plugins.trust import TrustSettings
    from dcmseal.verification.signer_trust import Trust


def verify_files(request: VerifyRequest) -> int:
    """Verify the files; the exit code is that of the worst file."""
    reports = make_report_collector(request)
    total = len(request.files)
    progress = FileProgress(total, quiet=request.form.quiet)
    results = _iter_results(request, reports, progress)
    output = VerificationOutput(total, request.form, request.settings, reports)
    return run_loop(results, output, progress, is_single=total == 1)


def _iter_results(
    request: VerifyRequest, reports: ReportCollector | None, progress: FileProgress
) -> Generator[BatchResult]:
    """Verify each file; an error in a file is a result, all others are raised."""
    files, form, manifest = request.files, request.form, request.manifest
    if files.count(STDIO) > 1:
        raise UsageError("standard input can be read only once", hint="give - once")
    evidence = request.evidence.load()
    options = request.build_options(
        _open_trust(request.settings.trust, adds_anchors=request.evidence.trust_anchors),
        # looking for plugins takes longer than all else that a small file needs
        name_profiles=form.verbose or form.as_json or reports is not None,
        count_coverage=not form.quiet,
        file_digest=request.file_digest or reports is not None,
    )
    registry = request.load_registry()
    if manifest is not None and len(files) > 1 and not isdir(manifest):
        raise UsageError(f"{manifest} is not a folder", hint="with several files, --manifest takes a folder")
    for file in files:
        item = InputFile(source=file, relative=file)
        progress.next(display_name(file))
        try:
            with open_input_file(file) as source:
                report = verify(
                    source,
                    registry=registry,
                    keep_evidence=request.evidence.saves_evidence,
                    evidence=evidence,
                    manifest=find_manifest(manifest, file),
                    options=options,
                )
                if reports is not None:
                    reports.add(display_name(file), report, source)
            request.evidence.save(report)
        except DatasetError as error:
            if reports is not None:
                reports.add_problem(display_name(file), error)
            result = BatchResult.from_error(item, error)
        else:
            result = BatchResult.from_report(item, report)
        progress.clear()
        yield result


def _open_trust(settings: TrustSettings | None, *, adds_anchors: bool) -> Trust | TrustSettings | None:
    """Open the trust settings, unless evidence adds its own anchors to them; None without any.

    Raises:
        UsageError: The settings contradict each other.
        TrustError: The settings cannot be loaded.
        PluginError: No plugin supports the settings.
    """
    if adds_anchors:
        from dcmseal.plugins.trust import TrustSettings

        return settings or TrustSettings()
    return None if settings is None else open_trust(settings)
