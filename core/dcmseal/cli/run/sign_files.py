"""``dcmseal sign`` of files given one by one, with one key: an error of the key stops all, others stop one file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from dcmseal.api.sign import plan_signing, sign
from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.cli.error_handling import print_error
from dcmseal.cli.file_arguments import check_json_destination, make_output_file, open_input_file, open_result_file
from dcmseal.cli.options.key_options import require_key
from dcmseal.cli.options.manifest_options import resolve_manifest_paths
from dcmseal.cli.options.secret_options import load_secrets
from dcmseal.cli.options.timestamp_options import check_timestamp_login
from dcmseal.cli.render.file_progress import FileProgress
from dcmseal.cli.render.signing_output import PlanOutput, SigningOutput
from dcmseal.cli.run.file_jobs import (
    Job,
    make_target_folder,
    open_result_folder,
    parse_jobs,
    sync_result_folders,
)
from dcmseal.cli.run.lazy_signer import LazySigner
from dcmseal.cli.run.run_loop import run_loop
from dcmseal.cli.standard_streams import standard_error
from dcmseal.errors import SealError, SignerError, UsageError
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.cli.run.sign_request import SignRequest
    from dcmseal.signing.signing_result import SigningResult

SignFunction: TypeAlias = "Callable[[Job], SigningResult]"
DevicePrompt: TypeAlias = Callable[[SealError], bool]
"""Asks the user to put the device back; returns whether to try again."""


def sign_files(request: SignRequest) -> int:
    """Sign the files, or only plan it; the exit code is that of the worst file."""
    destination, form = request.destination, request.form
    jobs = parse_jobs(request.words, destination)
    is_single = len(jobs) == 1
    progress = FileProgress(len(jobs), quiet=form.quiet)
    if request.dry_run:
        plans = _iter_plans(jobs, request)
        return run_loop(plans, PlanOutput(as_json=form.as_json, is_single=is_single), progress, is_single=is_single)
    check_json_destination(jobs[0].output, as_json=form.as_json)
    targets = [job.target for job in jobs]
    manifest_paths = resolve_manifest_paths(destination.manifest, targets, overwrite=destination.overwrite)
    manifests = dict(zip(jobs, manifest_paths, strict=True))
    output = SigningOutput(
        len(jobs),
        as_json=form.as_json,
        verbose=form.verbose,
        quiet=form.quiet,
        manifests={job.source: manifest for job, manifest in manifests.items()},
    )
    return run_loop(_iter_results(jobs, manifests, request, progress), output, progress, is_single=is_single)


def _iter_plans(jobs: Sequence[Job], request: SignRequest) -> Generator[BatchResult]:
    registry = request.load_registry()
    for job in jobs:
        item = InputFile(source=job.source, relative=job.source)
        try:
            with (
                open_input_file(job.source) as source,
                plan_signing(source, registry=registry, options=request.options) as planned,
            ):
                kind = ResultKind.PLANNED
                yield BatchResult(input=item, kind=kind, exit_code=ExitCode.OK, verdict=kind.value, value=planned)
        except SealError as error:
            yield BatchResult.from_error(item, error)


def _iter_results(
    jobs: Sequence[Job], manifests: dict[Job, str | None], request: SignRequest, progress: FileProgress
) -> Generator[BatchResult]:
    """Sign the files, in the order given; each is signed completely or left unchanged."""
    destination = request.destination
    chosen = require_key(request.key.chosen)
    check_timestamp_login(request.options.timestamp)
    registry = request.load_registry()
    wait = make_device_prompt() if request.key.waits_for_device else None
    secrets = load_secrets(request.key.pin_source, chosen.account)
    key = LazySigner(chosen.uri, secrets, progress.clear)

    def sign_one(job: Job) -> SigningResult:
        manifest = manifests[job]
        if destination.folder is not None:
            make_target_folder(job.target)
        with (
            open_result_file(
                job.source, job.output, in_place=job.in_place, force=destination.overwrite, synced=len(jobs) == 1
            ) as target,
            open_input_file(job.source) as source,
        ):
            return sign(
                source,
                signer=key,
                output=target,
                in_place=job.in_place,
                manifest=None
                if manifest is None
                else make_output_file(manifest, force=destination.overwrite, synced=len(jobs) == 1),
                registry=registry,
                options=request.options,
            )

    with open_result_folder(destination.folder), key:
        for job, result in _sign_jobs(jobs, key, sign_one, device_prompt=wait, progress=progress):
            item = InputFile(source=job.source, relative=job.source)
            if isinstance(result, SealError):
                yield BatchResult.from_error(item, result)
            else:
                kind = ResultKind.SIGNED
                yield BatchResult(
                    input=item,
                    kind=kind,
                    exit_code=ExitCode.OK,
                    verdict=kind.value,
                    value=result,
                    output=job.target,
                    is_written=True,
                )
        sync_result_folders([*(job.target for job in jobs), *filter(None, manifests.values())], destination.folder)


def _sign_jobs(
    jobs: Sequence[Job],
    key: LazySigner,
    sign_one: SignFunction,
    *,
    device_prompt: DevicePrompt | None,
    progress: FileProgress,
) -> Iterator[tuple[Job, SigningResult | SealError]]:
    over = False
    for job in jobs:
        if over:
            yield job, SignerError("not signed: the key is no longer usable")
            continue
        progress.next(job.source)
        result = _sign_job(job, key, sign_one, device_prompt=device_prompt, progress=progress)
        progress.clear()
        over = isinstance(result, SealError) and key.is_fatal(result)
        yield job, result


def _sign_job(
    job: Job, key: LazySigner, sign_one: SignFunction, *, device_prompt: DevicePrompt | None, progress: FileProgress
) -> SigningResult | SealError:
    while True:
        try:
            return sign_one(job)
        except SealError as error:
            progress.clear()
            if device_prompt is None or not key.is_device_missing(error) or not device_prompt(error):
                return error
            key.allow_retry()


def make_device_prompt() -> DevicePrompt:
    """Return a prompt to put the device back; raises UsageError if standard input is not a terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("--wait-for-device requires a terminal as standard input", hint="remove --wait-for-device")
    return _prompt_for_device


def _prompt_for_device(error: SealError) -> bool:
    print_error(error)
    print("Insert the card or token, then press Enter (Ctrl-C to stop): ", end="", file=standard_error(), flush=True)
    return bool(sys.stdin.readline())
