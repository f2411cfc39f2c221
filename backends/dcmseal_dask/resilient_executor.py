"""An executor that survives the loss of workers, and of the scheduler."""

# Kept apart: imports distributed, which listing plugins must not do.

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor
from concurrent.futures import Future as LocalFuture
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from distributed import Client
from msgspec import Struct, field

from dcmseal.errors import PluginError

if TYPE_CHECKING:
    from distributed import Future

_TIMEOUT_MARGIN: Final = 1.05
"""Factor by which our timeout is longer than that of Dask, whose error is more informative."""
_CLOSE_TIMEOUT: Final = 5.0
"""Timeout in seconds for a clean close, on which nothing depends."""


class BoundedClient(Client):
    """A client that raises TimeoutError if the scheduler does not respond in time, also while it connects."""

    def __init__(self, seconds: float, **options: Any) -> None:
        self._seconds = seconds
        super().__init__(timeout=seconds, set_as_default=False, name="dcmseal", **options)  # type: ignore[no-untyped-call] # distributed has no types

    def start(self, **options: Any) -> None:
        """Connect; if that fails, clean up."""
        try:
            super().start(callback_timeout=self._seconds * _TIMEOUT_MARGIN, **options)  # type: ignore[no-untyped-call] # distributed has no types
        except BaseException:
            self.close_quietly()
            raise

    def sync(self, func: Callable[..., Any], *args: Any, callback_timeout: float | None = None, **options: Any) -> Any:
        """Call a coroutine function with the given timeout, or that of the client."""
        return super().sync(
            func, *args, callback_timeout=callback_timeout or self._seconds * _TIMEOUT_MARGIN, **options
        )  # type: ignore[no-untyped-call] # distributed has no types

    def close_quietly(self) -> None:
        """Close without an error, even if the scheduler does not respond."""
        with suppress(Exception):
            self.close(timeout=min(self._seconds, _CLOSE_TIMEOUT))


P = ParamSpec("P")
T = TypeVar("T")

_MAX_ATTEMPTS: Final = 10
_PAUSE: Final = 0.2
_POLL_INTERVAL: Final = 1.0
"""Seconds between checks of the workers."""


class _Submission(Struct, kw_only=True, eq=False):
    """A submitted function, and how often it was sent to the cluster."""

    call: Callable[[], Future[Any]]
    result: LocalFuture[Any] = field(default_factory=LocalFuture)
    future: Future[Any] | None = None
    """The scheduler forgets work without a reference to its future."""
    attempts: int = 0


class ResilientExecutor(Executor):
    """Submits work to a cluster, and submits it again if the scheduler loses it.

    Work may therefore run twice, so it must be safe to repeat. If a worker dies, the scheduler gives its work to
    another worker; work that kills several workers fails. If no worker is left, the scheduler would wait forever: all
    work fails with PluginError then, after a timeout that gives nannies the time to restart workers.
    """

    def __init__(self, client: BoundedClient, timeout: float, max_slots: int | None = None) -> None:
        self._client = client
        self._timeout = timeout
        self._max_slots = max_slots
        self._lock = threading.Lock()
        self._open: set[_Submission] = set()
        self._shut = threading.Event()
        self._threads = self._count_threads()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def slots(self) -> int:
        """Return the number of threads of all workers at the last check, at most ``max_slots``."""
        return max(1, self._threads if self._max_slots is None else min(self._threads, self._max_slots))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> LocalFuture[T]:
        """Submit a function to the cluster."""
        work = _Submission(call=lambda: self._client.submit(fn, *args, pure=False, **kwargs))
        with self._lock:
            if self._shut.is_set():
                raise RuntimeError("the executor is shut down")
            self._open.add(work)
        work.result.set_running_or_notify_cancel()
        self._submit_work(work)
        return work.result

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of Executor
        """Shut down; cancel pending work if ``cancel_futures``, otherwise wait for it."""
        with self._lock:
            self._shut.set()
            pending = list(self._open)
        self._watcher.join(timeout=_POLL_INTERVAL)
        if cancel_futures:
            sent = [each for work in pending if (each := work.future) is not None]  # it may complete meanwhile
            with suppress(Exception):  # the scheduler may be unreachable
                self._client.cancel(sent)
            for work in pending:
                self._complete(work, BrokenExecutor("the run has ended"))
        elif wait:
            for work in pending:
                work.result.exception()

    def _count_threads(self) -> int:
        threads: int = sum(self._client.nthreads().values())
        return threads

    def _watch(self) -> None:
        """Count the threads in the background, and fail all work if there have been none for too long."""
        last_seen = last_answer = time.monotonic()
        while not self._shut.wait(_POLL_INTERVAL):
            try:
                self._threads = self._count_threads()
                last_answer = time.monotonic()
            except TimeoutError:
                if time.monotonic() - last_answer > self._timeout:
                    self._fail_all(_no_response_error)
                continue
            except Exception:  # noqa: BLE001 - _resubmit waits for a lost scheduler
                last_seen = last_answer = time.monotonic()
                continue
            if self._threads:
                last_seen = time.monotonic()
            elif time.monotonic() - last_seen > self._timeout:
                self._fail_all(_no_workers_error)

    def _fail_all(self, error: Callable[[], PluginError]) -> None:
        with self._lock:
            pending = list(self._open)
        for work in pending:
            self._complete(work, error())

    def _submit_work(self, work: _Submission) -> None:
        if work not in self._open:
            return
        work.attempts += 1
        try:
            sent = work.call()
        except Exception as error:  # noqa: BLE001 - the future passes on any exception of Dask
            self._complete(work, _broken_error(error))
            return
        work.future = sent
        sent.add_done_callback(lambda sent: self._handle_result(work, sent))

    def _handle_result(self, work: _Submission, sent: Future[Any]) -> None:
        """Pass on a result; Dask calls this in its own thread."""
        try:
            if sent.status == "finished":
                self._complete(work, None, sent.result(timeout=self._timeout))
                return
            if sent.status == "error":
                error = sent.exception(timeout=self._timeout)
                if not _is_no_worker_error(error):
                    self._complete(work, error)
                    return
                work.attempts -= 1  # no worker ran it; _watch limits the wait for workers
        except Exception:  # noqa: BLE001, S110 - the result was lost with its worker
            pass
        self._resubmit(work)

    def _resubmit(self, work: _Submission) -> None:
        """Submit it again when the scheduler is back."""
        until = time.monotonic() + self._timeout
        while self._client.status == "connecting" and time.monotonic() < until and not self._shut.wait(_PAUSE):
            pass
        if self._shut.is_set() or self._client.status != "running":
            self._complete(work, BrokenExecutor("the connection to the Dask scheduler was lost"))
        elif work.attempts >= _MAX_ATTEMPTS:
            self._complete(work, BrokenExecutor(f"the Dask scheduler lost the work {work.attempts} times"))
        else:
            self._submit_work(work)

    def _complete(self, work: _Submission, error: BaseException | None, value: Any = None) -> None:
        with self._lock:
            if work not in self._open:
                return
            self._open.discard(work)
        work.future = None
        if error is not None:
            work.result.set_exception(error)
        else:
            work.result.set_result(value)


def _is_no_worker_error(error: BaseException | None) -> bool:
    """Whether the scheduler gave up waiting for a worker (its setting ``no-workers-timeout``)."""
    from distributed.scheduler import NoValidWorkerError, NoWorkerError

    return isinstance(error, NoValidWorkerError | NoWorkerError)


def _broken_error(error: Exception) -> BrokenExecutor:
    return BrokenExecutor(f"the Dask cluster does not accept work: {type(error).__name__}")


def _no_response_error() -> PluginError:
    return PluginError("the Dask scheduler no longer responds", hint="check its log and load, and start the run again")


def _no_workers_error() -> PluginError:
    return PluginError(
        "the Dask cluster has no workers left",
        hint="start workers with nannies, which restart them if a file kills them; their logs say why they died",
    )
