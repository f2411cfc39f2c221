"""``dcmseal sign`` of many files: the key is opened once, in this process, unless workers of an executor open it.

It is not opened if a journal shows that nothing is left to sign.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dcmseal.batch.local_key import LocalKey
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.tasks.placement import Placement
from dcmseal.batch.tasks.plan_task import PlanTask
from dcmseal.batch.tasks.sign_task import SignTask
from dcmseal.cli.options.key_options import ChosenKey, KeyOptions, require_key
from dcmseal.cli.options.secret_options import load_secrets
from dcmseal.cli.options.timestamp_options import check_timestamp_login
from dcmseal.cli.path_checks import protected_files
from dcmseal.cli.render.archive_output import show_result_line
from dcmseal.cli.run.archive_run import make_output, run_archive
from dcmseal.cli.run.lazy_signer import LazySigner
from dcmseal.cli.run.sign_files import DevicePrompt, make_device_prompt
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.errors import SealError, UsageError

if TYPE_CHECKING:
    from dcmseal.cli.options.archive_options import ArchiveOptions
    from dcmseal.cli.options.named_paths import NamedPaths
    from dcmseal.cli.run.sign_request import SignRequest
    from dcmseal.plugins.signer_backend import SignableMessage, Signer
    from dcmseal.terms import KeyType


def sign_archive(request: SignRequest, archive: ArchiveOptions) -> int:
    """Sign all files, or only plan it; the exit code is that of the worst file.

    Args:
        request: What to do.
        archive: The files, and how to process them.
    """
    _check_destinations(request)
    done = "checked, none signed," if request.dry_run else "processed"
    report = make_output(request.form, done, show=show_result_line if request.form.verbose else None)
    if request.dry_run:
        plan = PlanTask(_build_task_without_key(request, archive.paths, report.detail))
        return run_archive(plan, archive, report)
    chosen = require_key(request.key.chosen)
    task = _build_task_without_key(request, archive.paths, report.detail)
    check_timestamp_login(task.options.timestamp)
    task = replace(task, key=chosen.uri)
    if archive.executor is not None:
        return run_archive(replace(task, pin=_require_remote_source(request.key.pin_source)), archive, report)
    with LocalKey(_open_signer(chosen, request.key)) as key:
        return run_archive(task, archive, report, key=key)


@contextmanager
def _open_signer(chosen: ChosenKey, options: KeyOptions) -> Generator[Signer]:
    """Open the key; prompt for its passphrase or PIN if needed."""
    wait = make_device_prompt() if options.waits_for_device else None
    secrets = load_secrets(options.pin_source, chosen.account)
    with LazySigner(chosen.uri, secrets, _do_nothing) as key:
        yield WaitingSigner(key, wait)


class WaitingSigner:
    """A Signer that waits until its device is inserted again, if there is a prompt."""

    def __init__(self, key: LazySigner, wait: DevicePrompt | None) -> None:
        self._key = key
        self._wait = wait

    @property
    def certificate_chain(self) -> tuple[bytes, ...]:
        return self._key.certificate_chain

    @property
    def key_type(self) -> KeyType:
        return self._key.key_type

    def sign(self, message: SignableMessage) -> bytes:
        """Sign; raises SignerError."""
        while True:
            try:
                return self._key.sign(message)
            except SealError as error:
                if self._wait is None or not self._key.is_device_missing(error) or not self._wait(error):
                    raise
                self._key.allow_retry()


def _check_destinations(request: SignRequest) -> None:
    """Refuse words and options that do not say where results go; raises UsageError."""
    folder, in_place = request.destination.folder, request.destination.in_place
    # what is tried needs no place, unless the second of two words could be meant as one
    needs_place = not request.dry_run or len(request.words) > 1
    if (folder is None) is not in_place and (needs_place or in_place):
        raise UsageError(
            "no output given for several files",
            hint="use -o FOLDER, or --in-place to modify the files",
        )
    _check_no_duplicates(request.words)


def _check_no_duplicates(words: Sequence[str]) -> None:
    """Refuse words that name the same files, which would be signed twice."""
    above = ""
    for place, word in sorted((os.path.join(os.path.realpath(word), ""), word) for word in words):
        if above and place.startswith(above):
            raise UsageError(f"{word} is given twice, or is in another given folder", hint="give each file once")
        above = place


def _build_task_without_key(request: SignRequest, paths: NamedPaths, detail: ResultDetail) -> SignTask:
    """Build the task, without a key and without the source of a secret; raises UsageError."""
    folder, overwrite = request.destination.folder, request.destination.overwrite
    # files that may be replaced by mistake only if the run may replace any
    kept = protected_files(paths) if overwrite and folder is not None else ()
    return SignTask(
        run_id=str(uuid.uuid4()),
        placement=Placement(folder=folder, overwrite=overwrite, protected_files=kept),
        key="",
        options=request.options,
        skip=request.skip,
        registry=request.load_registry(),
        detail=detail,
    )


def _require_remote_source(source: PinSource | None) -> PinSource | None:
    """Return where the workers of an executor read the PIN; raises UsageError if they cannot."""
    if source is not None and source.kind not in (PinKind.ENVIRONMENT, PinKind.FILE):
        raise UsageError(
            "workers of an executor cannot read the passphrase or PIN from here",
            hint="use --passphrase-env or --passphrase-file, and set the variable or file on the workers",
        )
    return source


def _do_nothing() -> None:
    """Clear nothing, because no progress line precedes a prompt."""
