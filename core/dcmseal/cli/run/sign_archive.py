"""``dcmseal sign`` of many files: the key is opened once, in this process, unless workers of an executor open it.

It is not opened if a journal shows that nothing is left to sign.
"""

from __future__ import annotations

import os
import uuid
from argparse import Namespace
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from dcmseal.batch.local_key import LocalKey
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.tasks.placement import Placement
from dcmseal.batch.tasks.plan_task import PlanTask
from dcmseal.batch.tasks.sign_task import SignTask
from dcmseal.batch.tasks.skip_rule import SkipRule
from dcmseal.cli.options.archive_options import reject_single_file_options
from dcmseal.cli.options.key_options import ChosenKey, parse_key, require_key
from dcmseal.cli.options.secret_options import load_option_secrets, parse_pin_source
from dcmseal.cli.options.timestamp_options import check_timestamp_login
from dcmseal.cli.path_checks import protected_files
from dcmseal.cli.render.archive_output import show_result_line
from dcmseal.cli.run.archive_run import make_output, run_archive
from dcmseal.cli.run.lazy_signer import LazySigner
from dcmseal.cli.run.sign_files import DevicePrompt, make_device_prompt
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.errors import SealError, UsageError

if TYPE_CHECKING:
    from dcmseal.plugins.signer_backend import SignableMessage, Signer
    from dcmseal.terms import KeyType


def sign_archive(options: Namespace) -> int:
    """Sign all files; the exit code is that of the worst file."""
    reject_single_file_options(options, "save_manifest")
    if options.dry_run:
        return plan_archive(options)
    check_destinations(options)
    chosen = require_key(parse_key(options))
    report = make_output(options, "processed", show=show_result_line if options.verbose else None)
    task = _build_task(options, chosen, report.detail)
    if options.executor is not None:
        return run_archive(task, options.words, options, report)
    with LocalKey(_open_signer(options, chosen)) as key:
        return run_archive(task, options.words, options, report, key=key)


@contextmanager
def _open_signer(options: Namespace, chosen: ChosenKey) -> Generator[Signer]:
    """Open the key; prompt for its passphrase or PIN if needed."""
    wait = make_device_prompt() if options.wait_for_device else None
    otherwise = chosen.setup.pin_source if chosen.setup else None
    secrets = load_option_secrets(options, default_source=otherwise, account=chosen.account)
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


def check_destinations(options: Namespace) -> None:
    """Refuse words and options that do not say where results go; raises UsageError."""
    # what is tried needs no place, unless the second of two words could be meant as one
    needs_place = not options.dry_run or len(options.words) > 1
    if (options.output_dir is None) is not options.in_place and (needs_place or options.in_place):
        raise UsageError(
            "no output given for several files",
            hint="use -o FOLDER, or --in-place to modify the files",
        )
    _check_no_duplicates(options.words)


def _check_no_duplicates(words: Sequence[str]) -> None:
    """Refuse words that name the same files, which would be signed twice."""
    above = ""
    for place, word in sorted((os.path.join(os.path.realpath(word), ""), word) for word in words):
        if above and place.startswith(above):
            raise UsageError(f"{word} is given twice, or is in another given folder", hint="give each file once")
        above = place


def build_task_without_key(options: Namespace, chosen: ChosenKey | None, detail: ResultDetail) -> SignTask:
    """Build the task, without a key and without the source of a secret; raises UsageError."""
    from dcmseal.cli.options.sign_options import build_sign_options
    from dcmseal.cli.options.site_profiles import load_registry

    settings = build_sign_options(options, chosen)
    # files that may be replaced by mistake only if the run may replace any
    kept = protected_files("sign", options) if options.force and options.output_dir is not None else ()
    return SignTask(
        run_id=str(uuid.uuid4()),
        placement=Placement(folder=options.output_dir, overwrite=options.force, protected_files=kept),
        key="",
        options=settings,
        skip=tuple(map(SkipRule.parse, options.skip_signed)),
        registry=load_registry(options) if settings.profile else None,
        detail=detail,
    )


def _build_task(options: Namespace, chosen: ChosenKey, detail: ResultDetail) -> SignTask:
    task = build_task_without_key(options, chosen, detail)
    check_timestamp_login(task.options.timestamp)
    return replace(
        task,
        key=chosen.uri,
        pin=_find_pin_source(options, chosen) if options.executor is not None else None,
    )


def _find_pin_source(options: Namespace, chosen: ChosenKey) -> PinSource | None:
    """Find where the workers of an executor read the PIN; raises UsageError if they cannot."""
    source = parse_pin_source(options) or (chosen.setup.pin_source if chosen.setup else None)
    if source is not None and source.kind not in (PinKind.ENVIRONMENT, PinKind.FILE):
        raise UsageError(
            "workers of an executor cannot read the passphrase or PIN from here",
            hint="use --passphrase-env or --passphrase-file, and set the variable or file on the workers",
        )
    return source


def _do_nothing() -> None:
    """Clear nothing, because no progress line precedes a prompt."""


_JOURNAL_OPTIONS: Final = ("journal", "journal_digest", "journal_full", "journal_retry", "shard")


def plan_archive(options: Namespace) -> int:
    """Plan the signatures of all files; the exit code is that of the worst file. The key is not opened."""
    if any(getattr(options, name) for name in _JOURNAL_OPTIONS):
        raise UsageError(
            "--dry-run does not write a journal",
            hint="remove --dry-run, or the journal options",
        )
    check_destinations(options)
    report = make_output(options, "checked, none signed,", show=show_result_line if options.verbose else None)
    task = PlanTask(build_task_without_key(options, parse_key(options), report.detail))
    return run_archive(task, options.words, options, report)
