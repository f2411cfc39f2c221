"""Chunks: some items that a worker gets at once, for to send each by itself takes longer than the work.

>>> [len(chunk) for chunk in chunks((Item(source=name, relative=name) for name in "abcde"), 2)]
[2, 2, 1]
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmseal.batch.content import worked_on_content
from dcmseal.batch.items import Found, Item
from dcmseal.batch.processes import busy, end_if_orphaned
from dcmseal.batch.results import Result
from dcmseal.batch.settling import settle
from dcmseal.errors import NotDicom

if TYPE_CHECKING:
    from dcmseal.batch.tasks import Task, Worker

CHUNK: Final = 64
"""Items in a chunk."""
_LARGE: Final = 32 << 20
"""Bytes after which no further item comes into a chunk, so that no worker waits for another's large ones."""

Chunk: TypeAlias = "tuple[Found, ...]"


def chunks(items: Iterable[Found], max_items: int) -> Iterator[Chunk]:
    """The items in chunks of at most so many."""
    chunk: list[Found] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += size_of(item)
        if len(chunk) >= max_items or size >= _LARGE:
            yield tuple(chunk)
            chunk, size = [], 0
    if chunk:
        yield tuple(chunk)


def size_of(item: Found) -> int:
    """Bytes of an item, as far as they are known."""
    return max(item.size, 0) if isinstance(item, Item) else 0


def work_on(task: bytes, chunk: Sequence[Found]) -> list[Result]:
    """In a worker: the results of a chunk with a pickled task, up to one that ends the run.

    The task is opened once in each thread. Raises what that does.
    """
    results: list[Result] = []
    with busy():
        worker, folder, _ = _opened(task, threading.get_ident())
        for found in chunk:
            end_if_orphaned()
            results.append(result_of(worker, found))
            if results[-1].is_fatal:
                break
        return settle(results, folder)


def result_of(worker: Worker, item: Found) -> Result:
    """The result of an item, found or not."""
    if isinstance(item, Item):
        return worker.run(item) if item.recorded_content is None else worked_on_content(item, worker.run)
    if isinstance(item.error, NotDicom):
        return Result.make_ignored(item, str(item.error))
    return Result.from_error(item, item.error)


@lru_cache(maxsize=64)
def _opened(pickled: bytes, _thread: int) -> tuple[Worker, str | None, ExitStack]:
    """A worker, the folder that it writes to if it does, and what keeps it open as long as the process lives."""
    task: Task = pickle.loads(pickled)  # noqa: S301 - it comes from the process that started this one
    resources = ExitStack()
    return resources.enter_context(task.open()), task.output_folder, resources
