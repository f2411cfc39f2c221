"""Verifying and signing many files, as applications ask for it.

>>> from dcmseal import verify_many
>>> [(result.item.source, result.verdict) for result in verify_many(["signed.dcm"], integrity_only=True)]
[('signed.dcm', 'valid')]
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, TypeVar, Unpack

from dcmseal.batch.finding import instances
from dcmseal.batch.lane import open_lane
from dcmseal.batch.results import Kind, Result
from dcmseal.batch.running import run
from dcmseal.batch.sign_task import Placement
from dcmseal.batch.skipping import SkipRule
from dcmseal.batch.tasks import SignTask, Task, VerifyTask
from dcmseal.batch.workers import Workers, workers_named
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.config.pins import PinSource
    from dcmseal.plugins.protocols import SecretRequest, Secrets, Signer
    from dcmseal.plugins.trust import TrustSettings

Sources: TypeAlias = Iterable[str | os.PathLike[str]]
T = TypeVar("T")


class Question(TypedDict, total=False):
    """What ``verify_many`` may be asked: as ``verify``, and as values."""

    uid: str | None
    location: str | None
    require: Iterable[str]
    integrity_only: bool
    accept_old_format: bool
    timestamp: str
    timestamp_certificates: Iterable[bytes]
    name_profiles: bool
    trust: TrustSettings | None
    references: Iterable[str]


class Wish(TypedDict, total=False):
    """What ``sign_many`` may be asked for: as ``sign``, and as values."""

    location: str
    tags: Iterable[int | str] | None
    only_required: bool
    profile: str | None
    algorithm: str
    transfer_syntax: str | None
    purpose: int | str | None
    allow_weak: bool
    allow_expired: bool
    padding: str
    references: Iterable[str]
    timestamp: Iterable[str]


def verify_many(
    sources: Sources,
    *,
    jobs: int | None = None,
    executor: str | Workers | None = None,
    **question: Unpack[Question],
) -> Generator[Result]:
    """Verify all that ``sources`` name: files, folders and what is below them, DICOMDIR file-sets, patterns.

    Results come in the order of the sources, and within a folder in that of the names; a file that cannot be read is a
    result that failed. Files in folders that are no DICOM files are passed over. Many files are spread over ``jobs``
    processes, as many as there are processors if that is not said, or over what ``executor`` names, as in
    ``NAME:ADDRESS``. A script that uses this keeps what it does below ``if __name__ == "__main__"``, because processes
    import it. Close the generator to stop early. ``question`` is what ``verify`` is asked.

    Raises UsageError, ProfileError, TrustError or PluginError for what is wrong with the question, when the first
    result is asked for.
    """
    task = VerifyTask(**_as_values(question, "require", "timestamp_certificates", "references"))
    return _many(sources, task, _workers(executor, jobs), jobs)


def sign_many(
    sources: Sources,
    *,
    key: str | None = None,
    signer: Signer | None = None,
    secrets: Secrets | None = None,
    pin: PinSource | None = None,
    output_dir: str | os.PathLike[str] | None = None,
    in_place: bool = False,
    overwrite: bool = False,
    skip_signed: Iterable[str] = (),
    jobs: int | None = None,
    executor: str | Workers | None = None,
    **wish: Unpack[Wish],
) -> Generator[Result]:
    """Sign all that ``sources`` name, in place, or into a folder that mirrors theirs.

    ``key`` is opened in this process, once, with what ``secrets`` answers; or give an open ``signer``. Workers hash,
    and send digests. Only with an ``executor`` the key is opened by each worker, which finds passphrase or PIN where
    ``pin`` says. ``skip_signed`` leaves files alone that have a signature already: ``any``, ``profile:NAME``,
    ``purpose:PURPOSE`` or ``signer:SUBJECT``. A result with ``ends_run`` says that the key cannot be used any more, and
    is the last. For the rest see ``verify_many`` and ``sign``.
    """
    if (key is None) == (signer is None):
        raise UsageError("give either a key or a signer", hint="key='pem:key.pem?cert=cert.pem'")
    if (output_dir is None) is not in_place:
        raise UsageError("the results go to a folder or in place", hint="give output_dir, or in_place=True")
    if executor is not None and key is None:
        raise UsageError("the workers of an executor open the key themselves", hint="give a key URI")
    task = SignTask(
        run=str(uuid.uuid4()),
        placement=Placement(folder=None if output_dir is None else os.fspath(output_dir), overwrite=overwrite),
        key=key or "",
        pin=pin,
        skip=tuple(SkipRule.parse(each) for each in _several(skip_signed, "skip_signed")),
        **_as_values(wish, "tags", "references", "timestamp"),
    )
    if executor is not None:
        return _many(sources, task, _workers(executor, jobs), jobs)
    return _by_lane(sources, task, signer, secrets, jobs)


def _by_lane(
    sources: Sources, task: SignTask, signer: Signer | None, secrets: Secrets | None, jobs: int | None
) -> Generator[Result]:
    """Sign with a key that is open in this process only."""
    from dcmseal.plugins.registry import installed

    with ExitStack() as stack:
        if signer is None:
            assert isinstance(task.key, str)
            signer = stack.enter_context(installed().open_signer(task.key, secrets or _no_secrets))
        lane = stack.enter_context(open_lane(signer))
        yield from _many(sources, replace(task, key=lane.way), None, jobs, before_end=lane.close)


def _many(
    sources: Sources,
    task: Task,
    workers: Workers | None,
    jobs: int | None,
    before_end: Callable[[], object] = lambda: None,
) -> Generator[Result]:
    paths = (os.fspath(source) for source in _several(sources, "sources"))
    folder = task.placement.folder if isinstance(task, SignTask) else None
    found = instances(
        list(paths) if isinstance(sources, Sequence) else paths, without=() if folder is None else (folder,)
    )
    for result in run(found, task, executor=workers, jobs=jobs, before_end=before_end):
        if result.kind is not Kind.PASSED_OVER:
            yield result


def _as_values(given: Mapping[str, Any], *several: str) -> dict[str, Any]:
    """What was given, with tuples where several values may be."""
    return {
        name: tuple(_several(value, name)) if name in several and value is not None else value
        for name, value in given.items()
    }


def _several(values: Iterable[T], name: str) -> Iterable[T]:
    """The values; raises UsageError for a text, which is one value and none of several."""
    if isinstance(values, (str, bytes, os.PathLike)):
        raise UsageError(f"{name} is one value where several may be", hint=f"{name}=[VALUE]")
    return values


def _workers(executor: str | Workers | None, jobs: int | None) -> Workers | None:
    from dcmseal.plugins.registry import installed

    return workers_named(executor, jobs, installed()) if isinstance(executor, str) else executor


def _no_secrets(_: SecretRequest) -> None:
    return None
