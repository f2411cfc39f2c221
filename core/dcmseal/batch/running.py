"""Running a task over items: in chunks, spread over workers, answered in the order of the items.

>>> from dcmseal.batch.finding import instances
>>> from dcmseal.batch.tasks import VerifyTask
>>> [result.verdict for result in run(instances(["signed.dcm"]), VerifyTask(integrity_only=True))]
['valid']
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from dcmseal.batch.chunks import CHUNK, chunks, result_of, size_of
from dcmseal.batch.items import Found
from dcmseal.batch.results import Result
from dcmseal.batch.settling import settled
from dcmseal.batch.untried import is_untried
from dcmseal.batch.workers import Workers, can_begin, local_workers, start_server, usable_processors

if TYPE_CHECKING:
    from dcmseal.batch.journal.journal import Journal
    from dcmseal.batch.key_here import KeyHere
    from dcmseal.batch.tasks import Task, Worker

_FEW: Final = 500
_SMALL: Final = 200 << 20
"""Files, and bytes, that are done before a pool of processes has begun (measured)."""


def run(
    items: Iterable[Found],
    task: Task,
    *,
    executor: Workers | None = None,
    jobs: int | None = None,
    chunk: int = CHUNK,
    on_abort: Callable[[], object] = lambda: None,
) -> Generator[Result]:
    """Work on all items; results come in the order of the items, and not all items are looked at before.

    With ``executor`` the work is done there; else by ``jobs`` processes (None: as many as there are processors), and in
    this one if that is one, if the items are few, or if no other can begin as this one did. A bad item is a result that
    failed, and so is an item that no worker survives. A result that ``ends_run`` is the last: what was done by then
    comes before it, in order, and what was not tried does not come. ``on_abort`` is called when it is known that the
    run stops early, so that workers need not be waited for longer than for the files in their hands. Close the
    generator to stop early: no worker process is left, and no file half written.

    Raises SealError or one of its kinds for what is wrong with the request itself.
    """
    if executor is not None:
        return _there(items, task, executor, chunk, on_abort)
    count = (jobs or usable_processors()) if can_begin() else 1
    rest = iter(items)
    first = [] if count == 1 else list(_few(rest))
    if count == 1 or (len(first) < _FEW and sum(map(size_of, first)) < _SMALL):
        return _here(chain(first, rest), task)
    start_server(task)
    return _there(chain(first, rest), task, local_workers(count), chunk, on_abort)


def started(
    inputs: Iterable[Found],
    task: Task,
    *,
    journal: Journal | None,
    key: KeyHere | None,
    executor: Workers | None,
    jobs: int | None,
) -> Generator[Result]:
    """Work on what is found, or on what a journal for the task has no result of; ``key`` is one that signs here."""
    if key is not None:
        return key.run(inputs, task, journal=journal, jobs=jobs)
    if journal is not None:
        return journal.run(inputs, executor=executor, jobs=jobs)
    return run(inputs, task, executor=executor, jobs=jobs)


def _few(items: Iterator[Found]) -> Iterator[Found]:
    """As many items as show whether they are few and small."""
    size = 0
    for item in islice(items, _FEW):
        yield item
        size += size_of(item)
        if size >= _SMALL:
            return


def _here(items: Iterable[Found], task: Task) -> Generator[Result]:
    with task.open() as worker:
        yield from settled(_one_by_one(worker, items), task.output_folder)


def _one_by_one(worker: Worker, items: Iterable[Found]) -> Iterator[Result]:
    for found in items:
        result = result_of(worker, found)
        yield result
        if result.is_fatal:
            return


def _there(
    items: Iterable[Found], task: Task, executor_factory: Workers, chunk: int, on_abort: Callable[[], object]
) -> Generator[Result]:
    from dcmseal.batch.crew import Crew

    end: Result | None = None
    with Crew(executor_factory, task) as crew:
        try:
            for result in crew.results(chunks(items, chunk)):
                if result.is_fatal:
                    end = result
                    break
                yield result
        except BaseException:
            on_abort()
            raise
        if end is None:
            return
        on_abort()
        for result in crew.drain():
            if not result.is_fatal:
                yield result
            elif is_untried(end.error):
                end = result
    yield end
