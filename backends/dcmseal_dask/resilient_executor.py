"""An executor that does not give up work because a worker or the scheduler went away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor
from concurrent.futures import Future as LocalFuture
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from distributed import Client

from dcmseal.errors import PluginError

if TYPE_CHECKING:
    from distributed import Future

_TIMEOUT_MARGIN: Final = 1.05
"""Dask's own limit comes before ours: its error says more."""
_CLOSE_TIMEOUT: Final = 5.0
"""Seconds for the farewell: nothing depends on it."""


class BoundedClient(Client):
    """Raises TimeoutError where the scheduler does not answer within so many seconds, also while it connects."""

    def __init__(self, seconds: float, **options: Any) -> None:
        self._seconds = seconds
        super().__init__(timeout=seconds, set_as_default=False, name="dcmseal", **options)  # type: ignore[no-untyped-call] # distributed has no types

    def start(self, **options: Any) -> None:
        """Connect; what was begun is ended if that fails."""
        try:
            super().start(callback_timeout=self._seconds * _TIMEOUT_MARGIN, **options)  # type: ignore[no-untyped-call] # distributed has no types
        except BaseException:
            self.close_quietly()
            raise

    def sync(self, func: Callable[..., Any], *args: Any, callback_timeout: float | None = None, **options: Any) -> Any:
        """Call a coroutine function, within the time that is given or else that of the client."""
        return super().sync(
            func, *args, callback_timeout=callback_timeout or self._seconds * _TIMEOUT_MARGIN, **options
        )  # type: ignore[no-untyped-call] # distributed has no types

    def close_quietly(self) -> None:
        """Close without an error, even if the scheduler has nothing more to say."""
        with suppress(Exception):
            self.close(timeout=min(self._seconds, _CLOSE_TIMEOUT))


P = ParamSpec("P")
T = TypeVar("T")

_MAX_ATTEMPTS: Final = 10
_PAUSE: Final = 0.2
_POLL_INTERVAL: Final = 1.0
"""Seconds from one look at the workers to the next."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Submission:
    """A function that was submitted, and how often it was sent to the cluster."""

    call: Callable[[], Future[Any]]
    result: LocalFuture[Any] = field(default_factory=LocalFuture)
    future: Future[Any] | None = None
    """Held on to: what nobody holds is forgotten by the scheduler."""
    attempts: int = 0


class ResilientExecutor(Executor):
    """Submits to a cluster, again where the scheduler lost what it was given.

    Work may be done twice then: whoever submits has to see to it that this does no harm. If a worker dies, the
    scheduler gives its work to another by itself; what kills one worker after the other fails. If all are gone, the
    scheduler would wait for another for ever: then all work fails with PluginError, and not at once, for nannies need
    some time to start workers anew.
    """

    def __init__(self, client: BoundedClient, timeout: float, max_slots: int | None = None) -> None:
        """``timeout`` is for how many seconds a scheduler that went away is waited for, or the last worker."""
        self._client = client
        self._patience = timeout
        self._most = max_slots
        self._lock = threading.Lock()
        self._open: set[_Submission] = set()
        self._shut = threading.Event()
        self._threads = self._count_threads()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def slots(self) -> int:
        """Threads of all workers there were a moment ago, or as many as were asked for if that is less."""
        return max(1, self._threads if self._most is None else min(self._threads, self._most))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> LocalFuture[T]:
        """Send a function to the cluster."""
        work = _Submission(call=lambda: self._client.submit(fn, *args, pure=False, **kwargs))
        with self._lock:
            if self._shut.is_set():
                raise RuntimeError("the executor was shut down")
            self._open.add(work)
        work.result.set_running_or_notify_cancel()
        self._submit_work(work)
        return work.result

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """End; what was not answered is withdrawn from the cluster if ``cancel_futures``, and else waited for."""
        with self._lock:
            self._shut.set()
            left = list(self._open)
        self._watcher.join(timeout=_POLL_INTERVAL)
        if cancel_futures:
            sent = [each for work in left if (each := work.future) is not None]  # it may be answered meanwhile
            with suppress(Exception):  # a scheduler that is away, or silent, has nothing to withdraw
                self._client.cancel(sent)
            for work in left:
                self._complete(work, BrokenExecutor("the run was ended"))
        elif wait:
            for work in left:
                work.result.exception()

    def _count_threads(self) -> int:
        threads: int = sum(self._client.nthreads().values())
        return threads

    def _watch(self) -> None:
        """Count the threads, and end all work when there have been none for too long; in a thread of its own."""
        last_seen = last_answer = time.monotonic()
        while not self._shut.wait(_POLL_INTERVAL):
            try:
                self._threads = self._count_threads()
                last_answer = time.monotonic()
            except TimeoutError:
                if time.monotonic() - last_answer > self._patience:
                    self._fail_all(_no_response_error)
                continue
            except Exception:  # noqa: BLE001 - a scheduler that is away is waited for elsewhere
                last_seen = last_answer = time.monotonic()
                continue
            if self._threads:
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > self._patience:
                self._fail_all(_no_workers_error)

    def _fail_all(self, error: Callable[[], PluginError]) -> None:
        with self._lock:
            left = list(self._open)
        for work in left:
            self._complete(work, error())

    def _submit_work(self, work: _Submission) -> None:
        if work not in self._open:
            return
        work.attempts += 1
        try:
            sent = work.call()
        except Exception as error:  # noqa: BLE001 - whatever Dask raises, the future says it
            self._complete(work, _broken_error(error))
            return
        work.future = sent
        sent.add_done_callback(lambda sent: self._handle_result(work, sent))

    def _handle_result(self, work: _Submission, sent: Future[Any]) -> None:
        """Pass on what came of it; called in a thread of its own."""
        try:
            if sent.status == "finished":
                self._complete(work, None, sent.result(timeout=self._patience))
                return
            if sent.status == "error":
                error = sent.exception(timeout=self._patience)
                if not _is_no_worker_error(error):
                    self._complete(work, error)
                    return
                work.attempts -= 1  # it was with nobody; how long to wait for a worker is decided here
        except Exception:  # noqa: BLE001, S110 - the answer went away with the worker that had it
            pass
        self._resubmit(work)

    def _resubmit(self, work: _Submission) -> None:
        """Send it once more, when the scheduler is back."""
        until = time.monotonic() + self._patience
        while self._client.status == "connecting" and time.monotonic() < until and not self._shut.wait(_PAUSE):
            pass
        if self._shut.is_set() or self._client.status != "running":
            self._complete(work, BrokenExecutor("the Dask scheduler went away"))
        elif work.attempts >= _MAX_ATTEMPTS:
            self._complete(work, BrokenExecutor(f"the Dask scheduler lost the work {work.attempts} times"))
        else:
            self._submit_work(work)

    def _complete(self, work: _Submission, error: BaseException | None, answer: Any = None) -> None:
        with self._lock:
            if work not in self._open:
                return
            self._open.discard(work)
        work.future = None
        if error is not None:
            work.result.set_exception(error)
        else:
            work.result.set_result(answer)


def _is_no_worker_error(error: BaseException | None) -> bool:
    """Whether a scheduler that is told to (``no-workers-timeout``) gave up waiting for a worker."""
    from distributed.scheduler import NoValidWorkerError, NoWorkerError

    return isinstance(error, NoValidWorkerError | NoWorkerError)


def _broken_error(error: Exception) -> BrokenExecutor:
    return BrokenExecutor(f"the Dask cluster does not take work: {type(error).__name__}")


def _no_response_error() -> PluginError:
    return PluginError(
        "the Dask scheduler does not answer any more", hint="look at its log and load, and start the run again"
    )


def _no_workers_error() -> PluginError:
    return PluginError(
        "the Dask cluster has no worker any more",
        hint="start some with nannies, which start them anew when a file kills them; their logs say what they died of",
    )
