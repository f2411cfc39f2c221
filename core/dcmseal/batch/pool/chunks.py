"""Chunks of items, because sending each item to a worker by itself would take longer than the work.

>>> [len(chunk) for chunk in iter_chunks((InputFile(source=name, relative=name) for name in "abcde"), 2)]
[2, 2, 1]
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from dcmseal.batch.inputs.input_file import BatchInput, InputFile
from dcmseal.batch.pool.content_hash import run_on_change
from dcmseal.batch.pool.result_sync import sync_results
from dcmseal.batch.pool.worker_process import block_exit, exit_without_parent
from dcmseal.batch.results import BatchResult
from dcmseal.errors import NotDicom

if TYPE_CHECKING:
    from dcmseal.batch.tasks.task import Task, Worker

CHUNK_SIZE: Final = 64
"""Items in a chunk."""
_MAX_CHUNK_BYTES: Final = 32 << 20
"""Bytes after which no further item comes into a chunk, so that no worker waits for another's large ones."""

Chunk: TypeAlias = "tuple[BatchInput, ...]"


def iter_chunks(items: Iterable[BatchInput], max_items: int) -> Iterator[Chunk]:
    """Iterate over chunks of at most this many items."""
    chunk: list[BatchInput] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += input_size(item)
        if len(chunk) >= max_items or size >= _MAX_CHUNK_BYTES:
            yield tuple(chunk)
            chunk, size = [], 0
    if chunk:
        yield tuple(chunk)


def input_size(item: BatchInput) -> int:
    """Return the size of an item in bytes, as far as it is known."""
    return max(item.size, 0) if isinstance(item, InputFile) else 0


def run_chunk(task: bytes, chunk: Sequence[BatchInput]) -> list[BatchResult]:
    """Process a chunk with a pickled task, in a worker; stops after a result that ends the run.

    The task is opened once in each thread; its errors are raised.
    """
    results: list[BatchResult] = []
    with block_exit():
        worker, folder, _ = _open_worker(task, threading.get_ident())
        for found in chunk:
            exit_without_parent()
            results.append(run_input(worker, found))
            if results[-1].is_fatal:
                break
        return sync_results(results, folder)


def run_input(worker: Worker, item: BatchInput) -> BatchResult:
    """Process an item; an UnreadableInput is a failed result."""
    if isinstance(item, InputFile):
        return worker.run(item) if item.recorded_content is None else run_on_change(item, worker.run)
    if isinstance(item.error, NotDicom):
        return BatchResult.from_foreign_file(item, str(item.error))
    return BatchResult.from_error(item, item.error)


@lru_cache(maxsize=64)
def _open_worker(pickled: bytes, _thread: int) -> tuple[Worker, str | None, ExitStack]:
    """Open a worker, with its output folder if it has one, for the life of the process."""
    task: Task = pickle.loads(pickled)  # noqa: S301 - it comes from the process that started this one
    resources = ExitStack()
    return resources.enter_context(task.open()), task.output_folder, resources
