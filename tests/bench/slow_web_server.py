"""A web server behind a link of 1 Gbit/s, with 20 ms latency for each request, in a process of its own.

``python -m tests.bench.slow_web_server FILE`` prints the URL of the file.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, Final

_LATENCY: Final = 0.02
_RATE: Final = 125e6
"""Bytes per second, of all connections together."""
_PIECE: Final = 1 << 18


@contextmanager
def slow_object(path: Path) -> Generator[str]:
    """Serve a file; yields its URL."""
    command = [sys.executable, "-m", "tests.bench.slow_web_server", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class _Link:
    """Passes on as many bytes per second as the link has."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._free_at = 0.0

    def wait(self, size: int) -> None:
        """Wait until the link has sent this many bytes more."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / _RATE
            free_at = self._free_at
        time.sleep(max(0.0, free_at - time.monotonic()))


def _serve(path: Path) -> None:
    link = _Link()
    data = memoryview(path.read_bytes())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(_LATENCY)
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            start, end = (int(asked[1]), min(int(asked[2]) + 1, len(data))) if asked else (0, len(data))
            self.send_response(206 if asked else 200)
            self.send_header("ETag", '"1"')
            self.send_header("Content-Length", str(end - start))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
            self.end_headers()
            with suppress(ConnectionError):
                for position in range(start, end, _PIECE):
                    piece = data[position : min(end, position + _PIECE)]
                    link.wait(len(piece))
                    self.wfile.write(piece)

        def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - the name in http.server
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/{path.name}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
