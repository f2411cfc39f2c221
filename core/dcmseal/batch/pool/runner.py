"""Running a task over inputs: inputs -> journal.filter_inputs -> dispatch -> journal.record_results.

>>> from dcmseal.batch.inputs.discovery import iter_inputs
>>> from dcmseal.batch.tasks.task import VerifyTask
>>> from dcmseal.verification.verification_options import VerifyOptions
>>> task = VerifyTask(options=VerifyOptions(integrity_only=True))
>>> [result.verdict for result in run_task(iter_inputs(["signed.dcm"]), task)]
['valid']
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from dcmseal.batch.inputs.input_file import BatchInput
from dcmseal.batch.pool.chunks import CHUNK_SIZE, input_size, iter_chunks, run_input
from dcmseal.batch.pool.executor_factory import (
    ExecutorFactory,
    can_start_processes,
    check_jobs,
    make_process_pool,
    start_forkserver,
    usable_processors,
)
from dcmseal.batch.pool.result_sync import iter_with_sync
from dcmseal.batch.results import BatchResult, is_not_attempted
from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from dcmseal.batch.journal.run_journal import Journal
    from dcmseal.batch.local_key import LocalKey
    from dcmseal.batch.signing_server import SigningEndpoint
    from dcmseal.batch.tasks.task import Task, Worker
    from dcmseal.plugins.signer_backend import Signer

_FEW_FILES: Final = 500
_FEW_BYTES: Final = 200 << 20
"""Files and bytes that are processed faster than a pool of processes starts (measured)."""


def run_task(
    inputs: Iterable[BatchInput],
    task: Task,
    *,
    journal: Journal | None = None,
    key: LocalKey | None = None,
    executor: ExecutorFactory | None = None,
    jobs: int | None = None,
    chunk: int = CHUNK_SIZE,
) -> Generator[BatchResult]:
    """Process inputs. Results are in their order, and the first results arrive before all inputs are found.

    A file that cannot be processed is a failed result, and so is a file at which every worker process dies. A result
    with ``is_fatal`` is the last: files that were done come before it, and files that were not attempted do not come.
    Close the generator to stop early; no worker process and no incomplete file remains.

    Args:
        inputs: What to process.
        task: What to do with each input.
        journal: Skips inputs with a recorded result, and records the others.
        key: A key of this process, for a SignTask. It is opened when the first input is found, before this function
            returns, because that may prompt for a PIN.
        executor: Where to work, instead of on this machine.
        jobs: Number of processes; None for as many as there are processors. This process does the work itself if the
            number is 1, if there are few inputs, or if no process can start like this one did.
        chunk: Number of inputs that a worker gets at once.

    Raises:
        UsageError: ``jobs`` is below 1.
        SealError: The task or the key cannot be used.
    """
    check_jobs(jobs)
    if journal is None:
        return _dispatch(inputs, task, key, executor, jobs, chunk)
    return journal.record_results(_dispatch(journal.filter_inputs(inputs), journal.task, key, executor, jobs, chunk))


def _dispatch(
    inputs: Iterable[BatchInput],
    task: Task,
    key: LocalKey | None,
    executor: ExecutorFactory | None,
    jobs: int | None,
    chunk: int,
) -> Generator[BatchResult]:
    """Process inputs in an executor, in this process, or in a pool of processes."""
    rest = iter(inputs)
    if key is not None:
        first = list(islice(rest, 1))
        if not first:
            return _no_results()
        key.open()
        rest = chain(first, rest)
    if executor is None:
        count = (jobs or usable_processors()) if can_start_processes() else 1
        head = [] if count == 1 else list(_take_first(rest))
        rest = chain(head, rest)
        is_small = len(head) < _FEW_FILES and sum(map(input_size, head)) < _FEW_BYTES
        if count == 1 or is_small or (jobs is None and not _can_pickle(task)):
            return _run_in_process(rest, task if key is None else _with_key(task, key.open()))
        start_forkserver(task)
        executor = make_process_pool(count)
    if key is None:
        return _run_in_executor(rest, task, executor, chunk)
    server = key.serve()
    return _run_in_executor(rest, _with_key(task, server.endpoint), executor, chunk, server.close)


def _with_key(task: Task, key: Signer | SigningEndpoint) -> Task:
    from dcmseal.batch.tasks.sign_task import SignTask

    assert isinstance(task, SignTask)
    return replace(task, key=key)


def _can_pickle(task: Task) -> bool:
    from dcmseal.batch.pool.dispatcher import pickle_task

    try:
        pickle_task(task)
    except UsageError:
        return False
    return True


def _no_results() -> Generator[BatchResult]:
    yield from ()


def _do_nothing() -> None:
    """Close nothing, because there is no signing server."""


def _take_first(items: Iterator[BatchInput]) -> Iterator[BatchInput]:
    """Take as many items as needed to know whether they are few and small."""
    size = 0
    for item in islice(items, _FEW_FILES):
        yield item
        size += input_size(item)
        if size >= _FEW_BYTES:
            return


def _run_in_process(items: Iterable[BatchInput], task: Task) -> Generator[BatchResult]:
    with task.open() as worker:
        yield from iter_with_sync(_run_sequentially(worker, items), task.output_folder)


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
    on_abort: Callable[[], object] = _do_nothing,
) -> Generator[BatchResult]:
    """Process inputs; ``on_abort`` is called if the run stops early, so that workers only finish the current files."""
    from dcmseal.batch.pool.dispatcher import Dispatcher

    end: BatchResult | None = None
    with Dispatcher(executor_factory, task) as dispatcher:
        try:
            for result in dispatcher.results(iter_chunks(items, chunk)):
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
        for result in dispatcher.drain():
            if not result.is_fatal:
                yield result
            elif is_not_attempted(end.error):
                end = result
    yield end
