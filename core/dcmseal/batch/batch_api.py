"""Verifying and signing many files.

>>> from dcmseal import verify_many
>>> [(result.input.source, result.verdict) for result in verify_many(["signed.dcm"], integrity_only=True)]
[('signed.dcm', 'valid')]
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias, Unpack

from msgspec.structs import replace

from dcmseal.api.installed_plugins import provide_registry
from dcmseal.batch.inputs.discovery import has_several_roots, iter_inputs
from dcmseal.batch.local_key import LocalKey
from dcmseal.batch.pool.executor_factory import ExecutorFactory, check_jobs, parse_executor
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.output_collisions import iter_without_collisions
from dcmseal.batch.tasks.placement import Placement
from dcmseal.batch.tasks.skip_rule import SkipRule
from dcmseal.batch.tasks.task import SignTask, Task, VerifyTask
from dcmseal.errors import UsageError
from dcmseal.option_values import to_tuple
from dcmseal.output.collisions import ProtectedPath, iter_key_files
from dcmseal.signing.signing_options import SignKeywords, SignOptions
from dcmseal.verification.verification_options import VerifyKeywords, VerifyOptions

if TYPE_CHECKING:
    from dcmseal.batch.journal.journal_settings import JournalSettings
    from dcmseal.batch.journal.run_journal import Journal
    from dcmseal.config.pin_source import PinSource
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.signer_backend import SecretRequest, Secrets, Signer

Sources: TypeAlias = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]

_SINGLE_FILE: Final = {
    "manifest": "a manifest belongs to one file",
    "evidence": "evidence belongs to one file",
    "keep_evidence": "evidence belongs to one file",
    "uid": "a Digital Signature UID belongs to one signature",
    "output": "an output belongs to one file",
}
"""Arguments of ``sign`` and ``verify`` about a single file, and why they do not apply to many files."""


def verify_many(
    sources: Sources,
    *,
    jobs: int | None = None,
    executor: str | ExecutorFactory | None = None,
    journal: str | os.PathLike[str] | None = None,
    shard: str | None = None,
    follow_links: bool = False,
    registry: Registry | None = None,
    options: VerifyOptions | None = None,
    **keywords: Unpack[VerifyKeywords],
) -> Generator[BatchResult]:
    """Verify many files: files, folders with everything below them, DICOMDIR file-sets, patterns, and URLs.

    Results come in the order of the sources, and within a folder by name. Files in folders that are not DICOM, and do
    not claim to be, are skipped. A script that calls this needs ``if __name__ == "__main__"``, because worker processes
    import it. Close the generator to stop early.

    With a ``journal``, a run that was stopped continues when it is started again with the same arguments. It yields the
    results of this run only, each after it was recorded, and skips files that have not changed since they were
    recorded. JournalReader of dcmseal.batch.journal.journal_reader reads all results.

    Args:
        sources: What to verify.
        jobs: Number of processes; None for as many as there are processors.
        executor: Where to work instead, as in ``NAME:ADDRESS``.
        journal: A file to record results in.
        shard: ``I/N``: one of N parts of the files, each with a journal of its own.
        follow_links: Follow links in folders to files outside of them. Without it, such a link is a failed result.
        registry: The plugins to use; None for all that are installed. Plugins that an application registered stay in
            this process, as with ``jobs=1``.
        options: The options as one value.
        **keywords: The options one by one, as in ``verify``.

    Yields:
        A result for each file; a file that cannot be read is a failed result.

    Raises:
        UsageError: The arguments contradict each other or cannot be read, or the journal belongs to another task.
        ProfileError: A required profile is unknown.
        TrustError: The files that ``trust`` names cannot be read.
        PluginError: A plugin is missing or broken.
        JournalError: The journal cannot be read or written, or is in use.
    """
    _refuse_single_file_arguments("verify", keywords, ("manifest", "evidence", "keep_evidence"))
    check_jobs(jobs)
    asked = VerifyOptions.build(options, keywords)
    if asked.trust is not None:
        from dcmseal.verification.signer_trust import Trust

        if isinstance(asked.trust, Trust):
            # each worker process opens it
            asked = asked.replace(trust=asked.trust.settings)
    return _run(
        sources,
        VerifyTask(options=asked, registry=registry),
        executor=_resolve_executor(executor, jobs, registry),
        jobs=jobs,
        settings=_build_journal_settings(journal, shard),
        follow_links=follow_links,
        registry=registry,
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
    skip_signed: str | Iterable[str] = (),
    jobs: int | None = None,
    executor: str | ExecutorFactory | None = None,
    journal: str | os.PathLike[str] | None = None,
    shard: str | None = None,
    follow_links: bool = False,
    registry: Registry | None = None,
    options: SignOptions | None = None,
    **keywords: Unpack[SignKeywords],
) -> Generator[BatchResult]:
    """Sign many files, in place or into a folder that mirrors theirs.

    The key is opened once, in this process, when the first file is found; worker processes send digests to it. With an
    ``executor``, each worker opens the key. A result with ``is_fatal`` means that the key can no longer be used, and
    is the last. With a ``journal``, each file is signed once, however often the run is stopped and started again.

    Args:
        sources: What to sign, as in ``verify_many``.
        key: A key URI. Give either ``key`` or ``signer``.
        signer: An open key.
        secrets: Answers requests for the passphrase or PIN of ``key``.
        pin: Where the workers of an ``executor`` find the passphrase or PIN.
        output_dir: The folder or URL for the results. Give either ``output_dir`` or ``in_place``.
        in_place: Replace the files.
        overwrite: Replace files that exist in ``output_dir``.
        skip_signed: Skip files that have such a signature: ``any``, ``profile:NAME``, ``purpose:PURPOSE`` or
            ``signer:SUBJECT``.
        jobs: Number of processes; None for as many as there are processors.
        executor: Where to work instead, as in ``NAME:ADDRESS``.
        journal: A file to record results in.
        shard: ``I/N``: one of N parts of the files, each with a journal of its own.
        follow_links: Follow links in folders to files outside of them.
        registry: The plugins to use, as in ``verify_many``.
        options: The options as one value.
        **keywords: The options one by one, as in ``sign``.

    Yields:
        A result for each file.

    Raises:
        SealError: As ``sign`` and ``verify_many``.
    """
    _refuse_single_file_arguments("sign", keywords, ("manifest", "uid", "output"))
    check_jobs(jobs)
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
        skip=tuple(SkipRule.parse(each) for each in to_tuple(skip_signed, single=(str,))),
        options=SignOptions.build(options, keywords),
        registry=registry,
    )
    settings = _build_journal_settings(journal, shard)
    opener: AbstractContextManager[Signer] | None = None
    if signer is not None:
        opener = nullcontext(signer)
        settings = settings and replace(settings, key=_key_name(signer))
    elif executor is None:
        opener = _open_signer(key or "", secrets or _no_secrets, registry)
    return _run(
        sources,
        task,
        executor=_resolve_executor(executor, jobs, registry),
        jobs=jobs,
        settings=settings,
        signer=opener,
        follow_links=follow_links,
        registry=registry,
    )


def _run(
    sources: Sources,
    task: Task,
    *,
    executor: ExecutorFactory | None,
    jobs: int | None,
    settings: JournalSettings | None,
    signer: AbstractContextManager[Signer] | None = None,
    follow_links: bool,
    registry: Registry | None,
) -> Generator[BatchResult]:
    """Process all files; ``signer`` is entered once, in this process, if there is something to sign."""
    named = (sources,) if isinstance(sources, (str, os.PathLike)) else sources
    paths: Iterable[str] = (os.fspath(source) for source in named)
    if isinstance(named, Sequence):
        paths = list(paths)
    folder = task.placement.folder if isinstance(task, SignTask) else None
    if folder is not None and has_several_roots(paths):
        # collisions between sources that are known already are found before anything is signed
        paths = (
            list(iter_without_collisions(paths, folder))
            if isinstance(paths, Sequence)
            else iter_without_collisions(paths, folder)
        )
    inputs = iter_inputs(
        paths,
        exclude=() if folder is None else (folder,),
        follow_links=follow_links,
        skip_duplicate_links=isinstance(task, SignTask) and folder is None,
        registry=registry,
    )
    with ExitStack() as stack:
        key: LocalKey | None = None
        if signer is not None:
            key = stack.enter_context(LocalKey(signer))
            key.open_for_new_journal(settings)
        journal = None if settings is None else stack.enter_context(_open_journal(settings, task))
        results = run_task(inputs, task, journal=journal, key=key, executor=executor, jobs=jobs)
        for result in stack.enter_context(closing(results)):
            if result.kind is not ResultKind.IGNORED:
                yield result


def _refuse_single_file_arguments(verb: str, keywords: Mapping[str, object], names: Iterable[str]) -> None:
    """Refuse arguments of ``sign`` and ``verify`` that callers may expect, although type checkers refuse them, too."""
    for name in names:
        if name in keywords:
            raise UsageError(
                f"{verb}_many does not take {name}: {_SINGLE_FILE[name]}", hint=f"call {verb}() for each file"
            )


def _iter_protected_files(key: str | None, journal: str | os.PathLike[str] | None) -> Iterator[ProtectedPath]:
    """Iterate over the files of the run that no result may replace."""
    for path in iter_key_files(key or ""):
        yield ProtectedPath(path, "a file of the key")
    if journal is not None:
        yield from (ProtectedPath(f"{os.fspath(journal)}{end}", "the journal") for end in ("", "-journal"))


def _build_journal_settings(journal: str | os.PathLike[str] | None, shard: str | None) -> JournalSettings | None:
    """Build the settings of the journal; raises UsageError for a shard without one."""
    if journal is None:
        if shard is not None:
            raise UsageError("a shard needs a journal", hint="give journal=FILE")
        return None
    from dcmseal.batch.inputs.shard import Shard
    from dcmseal.batch.journal.journal_settings import JournalSettings

    return JournalSettings(path=os.fspath(journal), shard=None if shard is None else Shard.parse(shard))


def _open_journal(settings: JournalSettings, task: Task) -> AbstractContextManager[Journal]:
    from dcmseal.batch.journal.run_journal import Journal

    return Journal.open(settings, task)


@contextmanager
def _open_signer(uri: str, secrets: Secrets, registry: Registry | None) -> Generator[Signer]:
    with provide_registry(registry)().open_signer(uri, secrets) as signer:
        yield signer


def _key_name(signer: Signer) -> str:
    """Return the name of an open signer in a journal."""
    return f"certificate:{sha256(signer.certificate_chain[0]).hexdigest()}"


def _resolve_executor(
    executor: str | ExecutorFactory | None, jobs: int | None, registry: Registry | None
) -> ExecutorFactory | None:
    if not isinstance(executor, str):
        return executor
    return parse_executor(executor, jobs, provide_registry(registry)())


def _no_secrets(_: SecretRequest) -> None:
    return None
