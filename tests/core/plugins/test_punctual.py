"""A stream with a deadline: what comes in time is read, nothing is read later, and the stream is closed with it."""

from __future__ import annotations

import time
from io import BufferedReader, BytesIO

import pytest

from dcmseal.plugins.punctual import Punctual


def test_what_comes_in_time_is_read() -> None:
    patience: list[float] = []
    stream = BufferedReader(Punctual(BytesIO(b"in time"), patience.append, time.monotonic() + 1000))
    assert stream.read() == b"in time"
    assert all(0 < each <= 1000 for each in patience)


def test_nothing_is_read_after_the_deadline() -> None:
    under = BytesIO(b"too late")
    stream = Punctual(under, lambda _: None, time.monotonic())
    with pytest.raises(TimeoutError):
        stream.read(1)
    assert under.tell() == 0


def test_the_stream_is_closed_with_it() -> None:
    under = BytesIO()
    with Punctual(under, lambda _: None, time.monotonic()) as stream:
        pass
    stream.close()
    assert under.closed
