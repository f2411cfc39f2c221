"""Verifying and signing many files, as applications ask for it.

>>> from dcmseal import verify_many
>>> [(result.item.source, result.verdict) for result in verify_many(["signed.dcm"], integrity_only=True)]
[('signed.dcm', 'valid')]
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from dcmseal.batch.finding import instances
from dcmseal.batch.results import Kind, Result
from dcmseal.batch.running import run
from dcmseal.batch.tasks import Task, VerifyTask
from dcmseal.batch.workers import Workers, workers_named
from dcmseal.errors import UsageError


def verify_many(
    sources: Iterable[str | os.PathLike[str]],
    *,
    jobs: int | None = None,
    executor: str | Workers | None = None,
    **question: Any,
) -> Iterator[Result]:
    """Verify all that ``sources`` name: files, folders and what is below them.

    Results come in the order of the sources, and within a folder in that of the names. ``question`` is what VerifyTask
    takes. Close the generator to stop early.
    """
    return _many(sources, VerifyTask(**question), jobs, executor)


def _many(
    sources: Iterable[str | os.PathLike[str]], task: Task, jobs: int | None, executor: str | Workers | None
) -> Generator[Result]:
    from dcmseal.plugins.registry import installed

    if isinstance(sources, (str, os.PathLike)):
        raise UsageError("one source is given where several may be", hint="verify_many([SOURCE])")
    workers = workers_named(executor, jobs, installed()) if isinstance(executor, str) else executor
    for result in run(instances(os.fspath(source) for source in sources), task, executor=workers, jobs=jobs):
        if result.kind is not Kind.PASSED_OVER:
            yield result
