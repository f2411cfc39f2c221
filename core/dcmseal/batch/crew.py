"""A crew of workers: chunks are sent ahead, answers come in order, and a worker that dies takes one item with it."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from dcmseal.batch.chunks import Chunk, work_on
from dcmseal.batch.items import Item
from dcmseal.batch.results import Result
from dcmseal.errors import ProcessDied, SealError

if TYPE_CHECKING:
    from dcmseal.batch.tasks import Task
    from dcmseal.batch.workers import Workers

_AHEAD: Final = 3
"""Chunks on their way for each that is worked on: while one is slow, the other workers have something to do."""
_MOST_DEATHS: Final = 20
"""Without any answer in between: then it is not the files."""

_Answer: TypeAlias = "Future[list[Result]]"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A chunk that was sent, and the answer that will come; None if it is known that none will."""

    chunk: Chunk
    executor: Executor
    answer: _Answer | None


class Crew:
    """Workers, as long as the context lasts."""

    def __init__(self, workers: Workers, task: Task) -> None:
        self._workers = workers
        self._task = task
        self._pickled = pickle.dumps(task)
        self._resources = ExitStack()
        self._executor: Executor | None = None
        self._sent: deque[_Sent] = deque()
        self._deaths = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def results(self, chunks: Iterable[Chunk]) -> Iterator[Result]:
        """The results of all chunks, in order; raises SealError for what is wrong with the task."""
        for chunk in chunks:
            executor = self._open()
            self._send(executor, chunk)
            while len(self._sent) > _AHEAD * self._workers.slots(executor):
                yield from self._next()
        while self._sent:
            yield from self._next()

    def last_results(self) -> Iterator[Result]:
        """The results of what is worked on; what has not begun does not begin any more."""
        for sent in self._sent:
            if sent.answer is not None:
                sent.answer.cancel()
        for sent in self._sent:
            with suppress(Exception, CancelledError):  # it is as if it had not begun
                yield from sent.answer.result() if sent.answer is not None else ()
        self._sent.clear()

    def _open(self) -> Executor:
        if self._executor is None:
            self._executor = self._resources.enter_context(self._workers.open(self._task))
        return self._executor

    def _send(self, executor: Executor, chunk: Chunk) -> None:
        try:
            self._sent.append(_Sent(chunk, executor, executor.submit(work_on, self._pickled, chunk)))
        except BrokenExecutor:
            self._sent.append(_Sent(chunk, executor, None))

    def _next(self) -> Iterator[Result]:
        """The results of the chunk that was sent first, and of all that died with it."""
        sent = self._sent.popleft()
        results = self._answer(sent)
        if results is not None:
            yield from results
            return
        # Which of the chunks was fatal is not known. So no other is on its way when one is tried again.
        wait([each.answer for each in self._sent if each.answer is not None])
        yield from self._again(sent.chunk)
        while self._sent:
            other = self._sent.popleft()
            results = self._answer(other)
            yield from self._again(other.chunk) if results is None else results

    def _answer(self, sent: _Sent) -> list[Result] | None:
        """The answer, or None if whoever was to give it died; raises SealError for what is wrong with the task."""
        try:
            if sent.answer is None:
                raise BrokenExecutor
            results = sent.answer.result()
        except BrokenExecutor:
            if sent.executor is self._executor:
                self._close()
            return None
        except SealError:
            raise
        except (Exception, CancelledError):  # noqa: BLE001 - whatever happens to workers elsewhere
            return None
        self._deaths = 0
        return results

    def _again(self, chunk: Chunk) -> Iterator[Result]:
        """Try a chunk again, by itself, and if that is fatal each of its items: the fewer tries, the fewer deaths."""
        results = self._alone(chunk)
        if results is not None:
            yield from results
        elif len(chunk) == 1:
            self._tidy(chunk)
            yield Result.failed(chunk[0], _death())
        else:
            for found in chunk:
                yield from self._again((found,))

    def _alone(self, chunk: Chunk) -> list[Result] | None:
        """The answer to a chunk while nothing else is worked on; raises ProcessDied if there are too many deaths."""
        self._tidy(chunk)
        self._send(self._open(), chunk)
        results = self._answer(self._sent.pop())
        if results is None:
            self._deaths += 1
            if self._deaths > _MOST_DEATHS:
                raise ProcessDied(
                    "worker processes die, whatever they work on",
                    hint='a script keeps what it does below if __name__ == "__main__"; else look for want of memory',
                )
        return results

    def _tidy(self, chunk: Chunk) -> None:
        """Remove what a worker that died may have left behind."""
        for found in chunk:
            if isinstance(found, Item):
                self._task.tidy(found)

    def _close(self) -> None:
        """Close an executor that broke; another is opened when it is needed."""
        self._executor = None
        self._resources.close()


def _death() -> ProcessDied:
    return ProcessDied(
        "the process that worked on it died, and so did another one that tried again",
        hint="memory may have run out, or the file is made to do harm: look at it by itself, with bounds",
    )
