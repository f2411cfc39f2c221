"""An executor that does not give up work because a worker or the scheduler went away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor
from concurrent.futures import Future as LocalFuture
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from distributed import Client, Future

P = ParamSpec("P")
T = TypeVar("T")

_MOST_TRIES: Final = 10
_PAUSE: Final = 0.2


@dataclass(slots=True, kw_only=True, eq=False)
class _Work:
    """A function that was submitted, and how often it was sent to the cluster."""

    call: Callable[[], Future[Any]]
    answer: LocalFuture[Any] = field(default_factory=LocalFuture)
    sent: Future[Any] | None = None
    """Held on to: what nobody holds is forgotten by the scheduler."""
    tries: int = 0


class PatientExecutor(Executor):
    """Submits to a cluster, again where the scheduler lost what it was given.

    Work may be done twice then: whoever submits has to see to it that this does no harm. If a worker dies, the
    scheduler gives its work to another by itself; what kills one worker after the other fails.
    """

    def __init__(self, client: Client, patience: float, most: int | None = None) -> None:
        """``patience`` is for how many seconds a scheduler that went away is waited for."""
        self._client = client
        self._patience = patience
        self._most = most
        self._lock = threading.Lock()
        self._open: set[_Work] = set()
        self._is_shut = False

    def slots(self) -> int:
        """Threads of all workers there are now, or as many as were asked for if that is less."""
        threads: int = sum(self._client.nthreads().values())
        return max(1, threads if self._most is None else min(threads, self._most))

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> LocalFuture[T]:
        """Send a function to the cluster."""
        work = _Work(call=lambda: self._client.submit(fn, *args, pure=False, **kwargs))
        with self._lock:
            if self._is_shut:
                raise RuntimeError("the executor was shut down")
            self._open.add(work)
        work.answer.set_running_or_notify_cancel()
        self._send(work)
        return work.answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """End; what was not answered is withdrawn from the cluster if ``cancel_futures``, and else waited for."""
        with self._lock:
            self._is_shut = True
            left = list(self._open)
        if cancel_futures:
            for work in left:
                if work.sent is not None:
                    work.sent.cancel()
                self._end(work, BrokenExecutor("the run was ended"))
        elif wait:
            for work in left:
                work.answer.exception()

    def _send(self, work: _Work) -> None:
        work.tries += 1
        try:
            work.sent = work.call()
        except Exception as error:  # noqa: BLE001 - whatever Dask raises, the future says it
            self._end(work, _broken(error))
            return
        work.sent.add_done_callback(lambda sent: self._settle(work, sent))

    def _settle(self, work: _Work, sent: Future[Any]) -> None:
        """Pass on what came of it; called in a thread of its own."""
        if sent.status == "error":
            self._end(work, sent.exception(timeout=self._patience))
        elif sent.status == "finished":
            try:
                answer = sent.result(timeout=self._patience)
            except Exception:  # noqa: BLE001 - the answer went away with the worker that had it
                self._again(work)
            else:
                self._end(work, None, answer)
        else:
            self._again(work)

    def _again(self, work: _Work) -> None:
        """Send it once more, when the scheduler is back."""
        until = time.monotonic() + self._patience
        while self._client.status == "connecting" and time.monotonic() < until and not self._is_shut:
            time.sleep(_PAUSE)
        if self._is_shut or self._client.status != "running":
            self._end(work, BrokenExecutor("the Dask scheduler went away"))
        elif work.tries >= _MOST_TRIES:
            self._end(work, BrokenExecutor(f"the Dask scheduler lost the work {work.tries} times"))
        else:
            self._send(work)

    def _end(self, work: _Work, error: BaseException | None, answer: Any = None) -> None:
        with self._lock:
            if work not in self._open:
                return
            self._open.discard(work)
        work.sent = None
        if error is not None:
            work.answer.set_exception(error)
        else:
            work.answer.set_result(answer)


def _broken(error: Exception) -> BrokenExecutor:
    return BrokenExecutor(f"the Dask cluster does not take work: {type(error).__name__}")
