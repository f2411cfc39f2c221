"""Dispatching of chunks to worker processes: results are in order, and a worker that dies loses one file only."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from msgspec import Struct

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.pool.chunks import Chunk, run_chunk
from dcmseal.batch.results import BatchResult
from dcmseal.errors import ProcessDied, SealError, UsageError

if TYPE_CHECKING:
    from dcmseal.batch.pool.executor_factory import ExecutorFactory
    from dcmseal.batch.tasks.task import Task

_CHUNKS_AHEAD: Final = 3
"""Chunks on their way for each that is worked on: while one is slow, the other workers have something to do."""
_MAX_DEATHS: Final = 20
"""Without any answer in between: then it is not the files."""

_ChunkFuture: TypeAlias = "Future[list[BatchResult]]"


class _SubmittedChunk(Struct, frozen=True):
    """A chunk that was submitted, and its future; None if the executor broke."""

    chunk: Chunk
    executor: Executor
    future: _ChunkFuture | None


class Dispatcher:
    """Worker processes, as a context manager."""

    def __init__(self, executor_factory: ExecutorFactory, task: Task) -> None:
        self._executor_factory = executor_factory
        self._task = task
        self._pickled = pickle_task(task)
        self._resources = ExitStack()
        self._executor: Executor | None = None
        self._submitted: deque[_SubmittedChunk] = deque()
        self._deaths = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def results(self, chunks: Iterable[Chunk]) -> Iterator[BatchResult]:
        """Iterate over the results of all chunks, in order; raises SealError if the task cannot be opened."""
        for chunk in chunks:
            executor = self._open_executor()
            self._submit(executor, chunk)
            while len(self._submitted) > _CHUNKS_AHEAD * self._executor_factory.slots(executor):
                yield from self._next_results()
        while self._submitted:
            yield from self._next_results()

    def drain(self) -> Iterator[BatchResult]:
        """Iterate over the results of running chunks; chunks that were not started are cancelled."""
        for sent in self._submitted:
            if sent.future is not None:
                sent.future.cancel()
        for sent in self._submitted:
            with suppress(Exception, CancelledError):  # it is as if it had not begun
                yield from sent.future.result() if sent.future is not None else ()
        self._submitted.clear()

    def _open_executor(self) -> Executor:
        if self._executor is None:
            self._executor = self._resources.enter_context(self._executor_factory.open(self._task))
        return self._executor

    def _submit(self, executor: Executor, chunk: Chunk) -> None:
        try:
            self._submitted.append(_SubmittedChunk(chunk, executor, executor.submit(run_chunk, self._pickled, chunk)))
        except BrokenExecutor:
            self._submitted.append(_SubmittedChunk(chunk, executor, None))

    def _next_results(self) -> Iterator[BatchResult]:
        """Return the results of the oldest chunk, and retry the chunks that were lost with it."""
        sent = self._submitted.popleft()
        results = self._wait_for_results(sent)
        if results is not None:
            yield from results
            return
        # Which of the chunks was fatal is not known. So no other is on its way when one is tried again.
        wait([each.future for each in self._submitted if each.future is not None])
        yield from self._retry(sent.chunk)
        while self._submitted:
            other = self._submitted.popleft()
            results = self._wait_for_results(other)
            yield from self._retry(other.chunk) if results is None else results

    def _wait_for_results(self, submitted: _SubmittedChunk) -> list[BatchResult] | None:
        """Wait for results; None if the worker died. Raises SealError if the task cannot be opened."""
        try:
            if submitted.future is None:
                raise BrokenExecutor
            results = submitted.future.result()
        except BrokenExecutor:
            if submitted.executor is self._executor:
                self._close_executor()
            return None
        except SealError:
            raise
        except (Exception, CancelledError):  # noqa: BLE001 - whatever happens to workers elsewhere
            return None
        self._deaths = 0
        return results

    def _retry(self, chunk: Chunk) -> Iterator[BatchResult]:
        """Retry a chunk alone, and if the worker dies again, each of its items: few attempts mean few deaths."""
        results = self._retry_alone(chunk)
        if results is not None:
            yield from results
        elif len(chunk) == 1:
            self._remove_leftovers(chunk)
            yield BatchResult.from_error(chunk[0], _death_error())
        else:
            for found in chunk:
                yield from self._retry((found,))

    def _retry_alone(self, chunk: Chunk) -> list[BatchResult] | None:
        """Process a chunk while nothing else is processed; raises ProcessDied after too many deaths."""
        self._remove_leftovers(chunk)
        self._submit(self._open_executor(), chunk)
        results = self._wait_for_results(self._submitted.pop())
        if results is None:
            self._deaths += 1
            if self._deaths > _MAX_DEATHS:
                raise ProcessDied(
                    "worker processes die, whatever they work on",
                    hint='a script keeps what it does below if __name__ == "__main__"; else look for want of memory',
                )
        return results

    def _remove_leftovers(self, chunk: Chunk) -> None:
        """Remove what a dead worker may have left behind."""
        for found in chunk:
            if isinstance(found, InputFile):
                self._task.remove_leftovers(found)

    def _close_executor(self) -> None:
        """Close an executor that broke; another one is opened when it is needed."""
        self._executor = None
        self._resources.close()


def pickle_task(task: Task) -> bytes:
    """Pickle a task for other processes; raises UsageError if it has values that cannot be sent."""
    try:
        return pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError):
        raise UsageError(
            "a profile or plugin that is given as an object cannot be sent to other processes",
            hint="name profiles by their names, and install plugins; or give jobs=1",
            code="not-portable",
        ) from None


def _death_error() -> ProcessDied:
    return ProcessDied(
        "the process that worked on it died, and so did another one that tried again",
        hint="memory may have run out, or the file is made to do harm: look at it by itself, with bounds",
    )
