"""A key that is open in this process: opened once, before the first file is signed, and not at all if none is left.

>>> from contextlib import nullcontext
>>> from dcmseal.batch.inputs.discovery import iter_inputs
>>> from dcmseal.batch.tasks.sign_task import Placement
>>> from dcmseal.plugins.registry import installed_registry
>>> uri = "pem:signer.key.pem?cert=signer.cert.pem"
>>> task = SignTask(run_id="9ab33bf8-d0e9-4f23-a0ee-7cfe1e1a4a29", placement=Placement(folder="signed-by-key"), key=uri)
>>> with LocalKey(installed_registry().open_signer(uri, lambda _: None)) as key:
...     [result.verdict for result in key.run(iter_inputs(["image.dcm"]), task)]
['signed']
>>> with LocalKey(installed_registry().open_signer("pem:none.pem", lambda _: None)) as key:
...     list(key.run([], task))
[]
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Self

from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.signing_server import SigningServer, open_signing_server
from dcmseal.batch.tasks.sign_task import SignTask

if TYPE_CHECKING:
    from dcmseal.batch.inputs.input_file import BatchInput
    from dcmseal.batch.journal.journal_settings import JournalSettings
    from dcmseal.batch.journal.run_journal import Journal
    from dcmseal.batch.results import BatchResult
    from dcmseal.batch.tasks.task import Task
    from dcmseal.plugins.signer_backend import Signer


class LocalKey:
    """A key, and the lane to it; ``signer`` is entered when the key is needed, and left when the context ends."""

    def __init__(self, signer: AbstractContextManager[Signer]) -> None:
        self._signer = signer
        self._resources = ExitStack()
        self._server: SigningServer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def open_if_needed(self, settings: JournalSettings | None) -> None:
        """Open the key, unless an earlier run with this journal may have left nothing to be done with it.

        A journal belongs to its key, so that none is begun for a key that cannot be opened.
        """
        if settings is None or settings.is_new:
            self._open_server()

    def run(
        self, inputs: Iterable[BatchInput], task: Task, *, journal: Journal | None = None, jobs: int | None = None
    ) -> Generator[BatchResult]:
        """Sign what is found, or what a journal for the task has no result of; see ``run_task`` of batch.running.

        The first file is looked for, and the key opened, before this returns: somebody may be asked for a PIN. Raises
        what opening the key does.
        """
        if journal is not None:
            inputs, task = journal.filter_inputs(inputs), journal.task
        assert isinstance(task, SignTask)
        rest = iter(inputs)
        first = next(rest, None)
        if first is None:
            return _no_results()
        lane = self._open_server()
        results = run_task(chain((first,), rest), replace(task, key=lane.endpoint), jobs=jobs, on_abort=lane.close)
        return results if journal is None else journal.record_results(results)

    def _open_server(self) -> SigningServer:
        if self._server is None:
            signer = self._resources.enter_context(self._signer)
            self._server = self._resources.enter_context(open_signing_server(signer))
        return self._server


def _no_results() -> Generator[BatchResult]:
    yield from ()
