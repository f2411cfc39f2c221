"""Verifying and signing many files, as applications ask for it.

>>> from dcmseal import verify_many
>>> [(result.input.source, result.verdict) for result in verify_many(["signed.dcm"], integrity_only=True)]
[('signed.dcm', 'valid')]
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, TypeVar, Unpack

from dcmseal.batch.inputs.discovery import has_several_roots, iter_inputs
from dcmseal.batch.local_key import LocalKey
from dcmseal.batch.pool.executor_factory import ExecutorFactory, parse_executor
from dcmseal.batch.pool.runner import start_run
from dcmseal.batch.results import BatchResult, ResultKind
from dcmseal.batch.tasks.output_collisions import iter_without_collisions
from dcmseal.batch.tasks.placement import Placement
from dcmseal.batch.tasks.skip_rule import SkipRule
from dcmseal.batch.tasks.task import SignTask, Task, VerifyTask
from dcmseal.errors import UsageError
from dcmseal.output.collisions import ProtectedPath, iter_key_files

if TYPE_CHECKING:
    from dcmseal.batch.journal.journal_settings import JournalSettings
    from dcmseal.batch.journal.run_journal import Journal
    from dcmseal.config.pin_source import PinSource
    from dcmseal.plugins.signer_backend import SecretRequest, Secrets, Signer
    from dcmseal.plugins.trust import TrustSettings

Sources: TypeAlias = Iterable[str | os.PathLike[str]]
T = TypeVar("T")


class VerifyManyOptions(TypedDict, total=False):
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
    count_coverage: bool
    file_digest: bool


class SignManyOptions(TypedDict, total=False):
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
    require_intact: bool


def verify_many(
    sources: Sources,
    *,
    jobs: int | None = None,
    executor: str | ExecutorFactory | None = None,
    journal: str | os.PathLike[str] | None = None,
    shard: str | None = None,
    follow_links: bool = False,
    **options: Unpack[VerifyManyOptions],
) -> Generator[BatchResult]:
    """Verify all that ``sources`` name: files, folders and what is below them, DICOMDIR file-sets, patterns.

    Results come in the order of the sources, and within a folder in that of the names; a file that cannot be read is a
    result that failed. Files in folders that are no DICOM files, and do not claim to be, are passed over. Many files
    are spread over ``jobs`` processes, as many as there are processors if that is not said, or over what ``executor``
    names, as in ``NAME:ADDRESS``. A script that uses this keeps what it does below ``if __name__ == "__main__"``,
    because processes import it. Close the generator to stop early. ``options`` is what ``verify`` is asked.

    With a ``journal``, a run that was stopped or killed goes on when it is started again with the same arguments. Only
    what is judged in this run is yielded, each result after it was recorded: files that are as they were when an
    earlier run judged them are passed over. What came of all files, ``dcmseal journal export`` and ``Reader`` of
    dcmseal.batch.journal.journal_reader tell; ``Journal`` of dcmseal.batch.journal.run_journal counts those that are
    passed over, and can do more. ``shard`` is ``I/N``, one of N parts of the files, each with a journal of its own.
    ``follow_links`` follows links in folders to files outside of them; else such a link is a result that failed.

    Raises UsageError, ProfileError, TrustError or PluginError for what is wrong with the question, when the first
    result is asked for; UsageError for a journal of another task; and JournalError for one that cannot be read or
    written, or is in use.
    """
    task = VerifyTask(**_freeze_options(options, "require", "timestamp_certificates", "references"))
    return _run_many(
        sources,
        task,
        _resolve_executor(executor, jobs),
        jobs,
        _build_journal_settings(journal, shard),
        follow_links=follow_links,
    )


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
    executor: str | ExecutorFactory | None = None,
    journal: str | os.PathLike[str] | None = None,
    shard: str | None = None,
    follow_links: bool = False,
    **options: Unpack[SignManyOptions],
) -> Generator[BatchResult]:
    """Sign all that ``sources`` name, in place, or into a folder that mirrors theirs.

    ``key`` is opened in this process, once, with what ``secrets`` answers; or give an open ``signer``. Workers hash,
    and send digests. Only with an ``executor`` the key is opened by each worker, which finds passphrase or PIN where
    ``pin`` says. ``skip_signed`` leaves files alone that have a signature already: ``any``, ``profile:NAME``,
    ``purpose:PURPOSE`` or ``signer:SUBJECT``. A result with ``ends_run`` says that the key cannot be used any more, and
    is the last. With a ``journal``, each file is signed once, however often the run is killed and started again; if
    nothing is left to sign, ``key`` is not opened. For the rest see ``verify_many`` and ``sign``.
    """
    if (key is None) == (signer is None):
        raise UsageError("give either a key or a signer", hint="key='pem:key.pem?cert=cert.pem'")
    if (output_dir is None) is not in_place:
        raise UsageError("the results go to a folder or in place", hint="give output_dir, or in_place=True")
    if executor is not None and key is None:
        raise UsageError("the workers of an executor open the key themselves", hint="give a key URI")
    task = SignTask(
        run_id=str(uuid.uuid4()),
        placement=Placement(
            folder=None if output_dir is None else os.fspath(output_dir),
            overwrite=overwrite,
            protected_files=tuple(_iter_protected_files(key, journal)) if overwrite else (),
        ),
        key=key or "",
        pin=pin,
        skip=tuple(SkipRule.parse(each) for each in _check_several(skip_signed, "skip_signed")),
        **_freeze_options(options, "tags", "references", "timestamp"),
    )
    kept = _build_journal_settings(journal, shard)
    many = partial(_run_many, sources, task, jobs=jobs, follow_links=follow_links)
    if executor is not None:
        return many(executor=_resolve_executor(executor, jobs), settings=kept)
    if signer is None:
        return many(executor=None, settings=kept, signer=_open_signer(key or "", secrets or _no_secrets))
    if kept is not None:
        kept = replace(kept, key=_key_name(signer))
    return many(executor=None, settings=kept, signer=nullcontext(signer))


def _run_many(
    sources: Sources,
    task: Task,
    executor: ExecutorFactory | None,
    jobs: int | None,
    settings: JournalSettings | None,
    signer: AbstractContextManager[Signer] | None = None,
    *,
    follow_links: bool,
) -> Generator[BatchResult]:
    """Work on all; ``signer`` is entered in this process, once, if there is something to sign."""
    paths: Iterable[str] = (os.fspath(source) for source in _check_several(sources, "sources"))
    if isinstance(sources, Sequence):
        paths = list(paths)
    folder = task.placement.folder if isinstance(task, SignTask) else None
    if folder is not None and has_several_roots(paths):
        # what is known before is looked through before
        paths = (
            list(iter_without_collisions(paths, folder))
            if isinstance(paths, Sequence)
            else iter_without_collisions(paths, folder)
        )
    found = iter_inputs(
        paths,
        exclude=() if folder is None else (folder,),
        follow_links=follow_links,
        skip_duplicate_links=isinstance(task, SignTask) and folder is None,
    )
    with ExitStack() as stack:
        key: LocalKey | None = None
        if signer is not None:
            key = stack.enter_context(LocalKey(signer))
            key.open_if_needed(settings)
        journal = None if settings is None else stack.enter_context(_open_journal(settings, task))
        results = start_run(found, task, journal=journal, key=key, executor=executor, jobs=jobs)
        for result in stack.enter_context(closing(results)):
            if result.kind is not ResultKind.IGNORED:
                yield result


def _iter_protected_files(key: str | None, journal: str | os.PathLike[str] | None) -> Iterator[ProtectedPath]:
    """Files of the run that no result may replace."""
    for path in iter_key_files(key or ""):
        yield ProtectedPath(path, "a file of the key")
    if journal is not None:
        yield from (ProtectedPath(f"{os.fspath(journal)}{end}", "the journal") for end in ("", "-journal"))


def _freeze_options(options: Mapping[str, Any], *several: str) -> dict[str, Any]:
    """What was given, with tuples where several values may be."""
    return {
        name: tuple(_check_several(value, name)) if name in several and value is not None else value
        for name, value in options.items()
    }


def _check_several(values: Iterable[T], name: str) -> Iterable[T]:
    """The values; raises UsageError for a text, which is one value and none of several."""
    if isinstance(values, (str, bytes, os.PathLike)):
        raise UsageError(f"{name} is one value where several may be", hint=f"{name}=[VALUE]")
    return values


def _build_journal_settings(journal: str | os.PathLike[str] | None, shard: str | None) -> JournalSettings | None:
    """The journal that is asked for; raises UsageError."""
    if journal is None:
        if shard is not None:
            raise UsageError("a shard has a journal, and none is named", hint="give journal=FILE")
        return None
    from dcmseal.batch.inputs.shard import Shard
    from dcmseal.batch.journal.journal_settings import JournalSettings

    return JournalSettings(path=os.fspath(journal), shard=None if shard is None else Shard.parse(shard))


def _open_journal(settings: JournalSettings, task: Task) -> AbstractContextManager[Journal]:
    from dcmseal.batch.journal.run_journal import Journal

    return Journal.open(settings, task)


@contextmanager
def _open_signer(uri: str, secrets: Secrets) -> Generator[Signer]:
    from dcmseal.plugins.registry import installed_registry

    with installed_registry().open_signer(uri, secrets) as signer:
        yield signer


def _key_name(signer: Signer) -> str:
    """What a journal calls the key of an open signer."""
    return f"certificate:{sha256(signer.certificate_chain[0]).hexdigest()}"


def _resolve_executor(executor: str | ExecutorFactory | None, jobs: int | None) -> ExecutorFactory | None:
    from dcmseal.plugins.registry import installed_registry

    return parse_executor(executor, jobs, installed_registry()) if isinstance(executor, str) else executor


def _no_secrets(_: SecretRequest) -> None:
    return None
