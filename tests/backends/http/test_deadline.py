"""A deadline: bytes are read until it passes, and then the stream is closed."""

from __future__ import annotations

import socket
from io import BufferedReader, BytesIO

import pytest

from dcmseal_http.deadline import Deadline, DeadlineReader


class Clock:
    """Is set by the test."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_before_the_deadline_is_read() -> None:
    timeouts: list[float] = []
    stream = BufferedReader(DeadlineReader(BytesIO(b"in time"), timeouts.append, Deadline(1000, Clock())))
    assert stream.read() == b"in time"
    assert set(timeouts) == {1000}


def test_nothing_is_read_after_the_deadline() -> None:
    under, clock = BytesIO(b"too late"), Clock()
    stream = DeadlineReader(under, lambda _: None, Deadline(10, clock))
    clock.now = 10
    with pytest.raises(TimeoutError):
        stream.read(1)
    assert under.tell() == 0


def test_a_deadline_that_is_extended() -> None:
    clock = Clock()
    deadline = Deadline(10, clock)
    clock.now = 9
    deadline.extend(5)
    assert deadline.remaining() == 6


def test_the_stream_is_closed_with_it() -> None:
    under = BytesIO()
    with DeadlineReader(under, lambda _: None, Deadline(1, Clock())) as stream:
        pass
    stream.close()
    assert under.closed


def test_all_addresses_of_a_name_share_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is silent leaves time for the next."""
    clock = Clock()
    timeouts: list[float] = []

    class Silent(socket.socket):
        def connect(self, address: object, /) -> None:
            timeouts.append(self.gettimeout() or 0)
            clock.now += timeouts[-1]
            raise TimeoutError

    place = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 9))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [place] * 4)
    monkeypatch.setattr(socket, "socket", Silent)
    with pytest.raises(TimeoutError):
        Deadline(10, clock).connect(("many.example", 80))
    assert timeouts == pytest.approx([2.5] * 4)
