"""Signs several files with one key: an error in a file stops that file, an error of the key stops all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from dcmseal.cli.error_handling import print_error
from dcmseal.cli.render.file_progress import FileProgress
from dcmseal.cli.run.file_jobs import Job
from dcmseal.cli.run.lazy_signer import LazySigner
from dcmseal.cli.standard_streams import standard_error
from dcmseal.errors import SealError, SignerError, UsageError

if TYPE_CHECKING:
    from dcmseal.signing.signing_result import SigningResult

SignFunction: TypeAlias = "Callable[[Job], SigningResult]"
DevicePrompt: TypeAlias = Callable[[SealError], bool]
"""Has the device put back; whether to try again."""


def sign_files(
    jobs: Sequence[Job],
    key: LazySigner,
    sign_one: SignFunction,
    *,
    device_prompt: DevicePrompt | None,
    progress: FileProgress,
) -> Iterator[tuple[Job, SigningResult | SealError]]:
    """Sign files in order; each is signed completely or left unchanged."""
    over = False
    for job in jobs:
        if over:
            yield job, SignerError("not signed: the key is no longer usable")
            continue
        progress.next(job.source)
        result = _sign_file(job, key, sign_one, device_prompt=device_prompt, progress=progress)
        progress.clear()
        over = isinstance(result, SealError) and key.is_fatal(result)
        yield job, result


def _sign_file(
    job: Job, key: LazySigner, sign_one: SignFunction, *, device_prompt: DevicePrompt | None, progress: FileProgress
) -> SigningResult | SealError:
    while True:
        try:
            return sign_one(job)
        except SealError as error:
            progress.clear()
            if device_prompt is None or not key.is_device_missing(error) or not device_prompt(error):
                return error
            key.mark_device_returned()


def make_device_prompt() -> DevicePrompt:
    """Return a prompt to put the device back; raises UsageError if standard input is not a terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("--wait-for-device requires a terminal as standard input", hint="remove --wait-for-device")
    return _prompt_for_device


def _prompt_for_device(error: SealError) -> bool:
    print_error(error)
    print("Insert the card or token, then press Enter (Ctrl-C to stop): ", end="", file=standard_error(), flush=True)
    return bool(sys.stdin.readline())
