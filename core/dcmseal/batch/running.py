"""Running a task over items: in chunks, spread over workers, answered in the order of the items.

>>> from dcmseal.batch.finding import instances
>>> from dcmseal.batch.tasks import VerifyTask
>>> [result.verdict for result in run(instances(["signed.dcm"]), VerifyTask(integrity_only=True), jobs=1)]
['valid']
"""

from __future__ import annotations

import pickle
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from functools import lru_cache

from dcmseal.batch.items import Found, Item
from dcmseal.batch.results import Result
from dcmseal.batch.tasks import Task, Worker
from dcmseal.batch.workers import Workers, local_workers, usable_processors

CHUNK = 64
"""Items in a unit of work, unless they are large."""


def run(
    items: Iterable[Found],
    task: Task,
    *,
    executor: Workers | None = None,
    jobs: int | None = None,
    chunk: int = CHUNK,
) -> Generator[Result]:
    """Work on all items; results come in the order of the items.

    With ``executor`` the work is done there, else by ``jobs`` processes (None: as many as there are processors), and if
    that is one, in this one. A bad item is a result that failed. A result that ``ends_run`` is the last. Close the
    generator to stop early.
    """
    workers = executor or (local_workers(jobs or usable_processors()) if jobs != 1 else None)
    results = _here(items, task) if workers is None else _there(items, task, workers, chunk)
    for result in results:
        yield result
        if result.ends_run:
            return


def _here(items: Iterable[Found], task: Task) -> Iterator[Result]:
    with task.open() as worker:
        for found in items:
            yield _result(worker, found)


def _there(items: Iterable[Found], task: Task, workers: Workers, chunk: int) -> Iterator[Result]:
    pickled = pickle.dumps(task)
    pending: deque[Future[tuple[Result, ...]]] = deque()
    with workers.open() as pool:
        slots = workers.slots(pool)
        for part in _chunks(items, chunk):
            pending.append(pool.submit(run_chunk, pickled, part))
            if len(pending) > 2 * slots:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()


def run_chunk(pickled: bytes, items: Sequence[Found]) -> tuple[Result, ...]:
    """In a worker: work on some items with a pickled task, which is opened once in each thread."""
    worker, _ = _opened(pickled, threading.get_ident())
    return tuple(_result(worker, found) for found in items)


@lru_cache(maxsize=64)
def _opened(pickled: bytes, _thread: int) -> tuple[Worker, ExitStack]:
    """A worker, and what keeps it open as long as the process lives."""
    task: Task = pickle.loads(pickled)  # noqa: S301 - it comes from the process that started this one
    resources = ExitStack()
    return resources.enter_context(task.open()), resources


def _result(worker: Worker, found: Found) -> Result:
    return worker.run(found) if isinstance(found, Item) else Result.failed(found, found.error)


def _chunks(items: Iterable[Found], size: int) -> Iterator[tuple[Found, ...]]:
    chunk: list[Found] = []
    for item in items:
        chunk.append(item)
        if len(chunk) >= size:
            yield tuple(chunk)
            chunk = []
    if chunk:
        yield tuple(chunk)
