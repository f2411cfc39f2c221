"""Running a task over items: in chunks, spread over workers, answered in the order of the items.

>>> from dcmseal.batch.inputs.discovery import iter_inputs
>>> from dcmseal.batch.tasks.task import VerifyTask
>>> [result.verdict for result in run_task(iter_inputs(["signed.dcm"]), VerifyTask(integrity_only=True))]
['valid']
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from dcmseal.batch.inputs.input_file import BatchInput
from dcmseal.batch.pool.chunks import CHUNK_SIZE, input_size, iter_chunks, run_input
from dcmseal.batch.pool.executor_factory import (
    ExecutorFactory,
    can_start_processes,
    make_process_pool,
    start_forkserver,
    usable_processors,
)
from dcmseal.batch.pool.result_sync import iter_synced
from dcmseal.batch.results import BatchResult, is_not_attempted

if TYPE_CHECKING:
    from dcmseal.batch.journal.run_journal import Journal
    from dcmseal.batch.local_key import LocalKey
    from dcmseal.batch.tasks.task import Task, Worker

_FEW_FILES: Final = 500
_FEW_BYTES: Final = 200 << 20
"""Files, and bytes, that are done before a pool of processes has begun (measured)."""


def run_task(
    items: Iterable[BatchInput],
    task: Task,
    *,
    executor: ExecutorFactory | None = None,
    jobs: int | None = None,
    chunk: int = CHUNK_SIZE,
    on_abort: Callable[[], object] = lambda: None,
) -> Generator[BatchResult]:
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
        return _run_in_executor(items, task, executor, chunk, on_abort)
    count = (jobs or usable_processors()) if can_start_processes() else 1
    rest = iter(items)
    first = [] if count == 1 else list(_take_first(rest))
    if count == 1 or (len(first) < _FEW_FILES and sum(map(input_size, first)) < _FEW_BYTES):
        return _run_in_process(chain(first, rest), task)
    start_forkserver(task)
    return _run_in_executor(chain(first, rest), task, make_process_pool(count), chunk, on_abort)


def start_run(
    inputs: Iterable[BatchInput],
    task: Task,
    *,
    journal: Journal | None,
    key: LocalKey | None,
    executor: ExecutorFactory | None,
    jobs: int | None,
) -> Generator[BatchResult]:
    """Work on what is found, or on what a journal for the task has no result of; ``key`` is one that signs here."""
    if key is not None:
        return key.run(inputs, task, journal=journal, jobs=jobs)
    if journal is not None:
        return journal.run(inputs, executor=executor, jobs=jobs)
    return run_task(inputs, task, executor=executor, jobs=jobs)


def _take_first(items: Iterator[BatchInput]) -> Iterator[BatchInput]:
    """As many items as show whether they are few and small."""
    size = 0
    for item in islice(items, _FEW_FILES):
        yield item
        size += input_size(item)
        if size >= _FEW_BYTES:
            return


def _run_in_process(items: Iterable[BatchInput], task: Task) -> Generator[BatchResult]:
    with task.open() as worker:
        yield from iter_synced(_run_sequentially(worker, items), task.output_folder)


def _run_sequentially(worker: Worker, items: Iterable[BatchInput]) -> Iterator[BatchResult]:
    for found in items:
        result = run_input(worker, found)
        yield result
        if result.is_fatal:
            return


def _run_in_executor(
    items: Iterable[BatchInput],
    task: Task,
    executor_factory: ExecutorFactory,
    chunk: int,
    on_abort: Callable[[], object],
) -> Generator[BatchResult]:
    from dcmseal.batch.pool.dispatcher import Dispatcher

    end: BatchResult | None = None
    with Dispatcher(executor_factory, task) as crew:
        try:
            for result in crew.results(iter_chunks(items, chunk)):
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
            elif is_not_attempted(end.error):
                end = result
    yield end
