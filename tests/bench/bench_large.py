"""Large files in wall time: from a cold and from a warm page cache, and from a web server with latency."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import dcmseal
from tests.bench.bench_identity import BenchIdentity
from tests.bench.measures import Files

VERIFY_WARM: Final = "verify-warm"
VERIFY_COLD: Final = "verify-cold"
LIMIT_WARM: Final = "limit-warm"
LIMIT_COLD: Final = "limit-cold"
VERIFY_REMOTE: Final = "verify-remote"
DOWNLOAD: Final = "download"
SIGN_WARM: Final = "sign-warm"
SIGN_COLD: Final = "sign-cold"
COPY_WARM: Final = "copy-warm"
COPY_COLD: Final = "copy-cold"
FILE_KINDS: Final = ("g_native",)
REMOTE_KIND: Final = "b_dx"
SUMMARIES: Final = {
    VERIFY_WARM: "dcmseal.verify of a file in the page cache, wall ms",
    VERIFY_COLD: "dcmseal.verify of a file that is not in the page cache, wall ms",
    LIMIT_WARM: "the longer of reading and hashing the file, in the page cache, wall ms",
    LIMIT_COLD: "the longer of reading and hashing the file, not in the page cache, wall ms",
    SIGN_WARM: "dcmseal.sign of a file in the page cache, wall ms",
    SIGN_COLD: "dcmseal.sign of a file that is not in the page cache, wall ms",
    COPY_WARM: "the longer of hashing the file and copying it to the disk, in the page cache, wall ms",
    COPY_COLD: "the longer of hashing the file and copying it to the disk, not in the page cache, wall ms",
    VERIFY_REMOTE: "dcmseal.verify of an object on a server with 20 ms latency, wall ms",
    DOWNLOAD: "download of the same object in one request, wall ms",
}
_BUFFER: Final = 1 << 20


def iter_file_measures(
    files: Files, identity: BenchIdentity
) -> Iterator[tuple[str, Callable[[], Callable[[], float]]]]:
    """Names, and what makes the samples, for a large file on disk."""
    signed, unsigned = files.ours, files.unsigned

    def verify() -> None:
        dcmseal.verify(signed, integrity_only=True)

    def sign() -> None:
        dcmseal.sign(unsigned, signer=identity, output=files.scratch)

    def without_output(prepare: Callable[[Path], None]) -> None:
        files.scratch.unlink(missing_ok=True)
        prepare(unsigned)

    for verifying, reading, signing, copying, prepare in (
        (VERIFY_WARM, LIMIT_WARM, SIGN_WARM, COPY_WARM, _read),
        (VERIFY_COLD, LIMIT_COLD, SIGN_COLD, COPY_COLD, _drop_from_cache),
    ):
        before_verifying, before_signing = partial(prepare, signed), partial(without_output, prepare)
        yield verifying, partial(_wall, verify, before_verifying)
        yield reading, partial(_longer, partial(_read, signed), before_verifying, signed)
        yield signing, partial(_wall, sign, before_signing)
        yield copying, partial(_longer, partial(_copy, unsigned, files.scratch), before_signing, unsigned)


def iter_remote_measures(url: str) -> Iterator[tuple[str, Callable[[], Callable[[], float]]]]:
    """Names, and what makes the samples, for an object on a server."""
    yield VERIFY_REMOTE, lambda: _wall(lambda: dcmseal.verify(url, integrity_only=True), lambda: None)
    yield DOWNLOAD, lambda: _wall(lambda: _download(url), lambda: None)


def _wall(action: Callable[[], object], before: Callable[[], object]) -> Callable[[], float]:
    def sample() -> float:
        before()
        start = time.perf_counter()
        action()
        return (time.perf_counter() - start) * 1e3

    return sample


def _longer(action: Callable[[], object], before: Callable[[], object], path: Path) -> Callable[[], float]:
    """Work on the disk overlaps with hashing at best, so the longer of the two is the limit."""
    size = path.stat().st_size
    on_disk, hashed = _wall(action, before), _wall(lambda: _hash(size), lambda: None)
    return lambda: max(on_disk(), hashed())


def _copy(path: Path, target: Path) -> None:
    shutil.copyfile(path, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _read(path: Path) -> None:
    buffer = bytearray(_BUFFER)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def _hash(size: int) -> None:
    digest, block = hashlib.sha256(), bytes(1 << 16)
    for _ in range(size // len(block)):
        digest.update(block)


def _download(url: str) -> None:
    buffer = bytearray(_BUFFER)
    with urllib.request.urlopen(url) as answer:
        while answer.readinto(buffer):
            pass


def _drop_from_cache(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
