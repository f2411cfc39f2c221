"""The measures of a kind of file: functions that return one sample in milliseconds."""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

import dcmseal
from tests.bench.bench_identity import BenchIdentity
from tests.bench.request_loop import RequestLoop

VERIFY: Final = "verify"
VERIFY_DCMTK: Final = "verify-dcmtk"
FLOOR: Final = "floor"
FLOOR_RSA: Final = "floor-rsa"
VERIFY_PYTHON: Final = "verify-python"
SIGN: Final = "sign"
SIGN_PYTHON: Final = "sign-python"
SYNC: Final = "sync"
SIGN_DCMTK: Final = "sign-dcmtk"
PROCESS: Final = "process"
PROCESS_DCMSIGN: Final = "process-dcmsign"
HELP: Final = "process-help"
MEMORY: Final = "memory"
MAP: Final = "map"

SUMMARIES: Final = {
    VERIFY: "dcmseal.verify, CPU ms",
    VERIFY_DCMTK: "DCMTK load + verify in process, CPU ms",
    FLOOR: "read + SHA-256, CPU ms",
    FLOOR_RSA: "read + SHA-256 + certificate + RSA verify, CPU ms",
    VERIFY_PYTHON: "dcmseal.verify without the compiled walker, CPU ms",
    SIGN: "dcmseal.sign to a new file, CPU ms",
    SIGN_PYTHON: "dcmseal.sign to a new file without the compiled walker, CPU ms",
    SYNC: "of which the sync of the new file, which DCMTK does without, CPU ms",
    SIGN_DCMTK: "DCMTK load + sign + save in process, CPU ms",
    MAP: "dcmseal.map_coverage, CPU ms",
    PROCESS: "dcmseal verify, whole process, wall ms",
    PROCESS_DCMSIGN: "dcmsign --verify, whole process, wall ms",
    HELP: "dcmseal --help, whole process, wall ms",
    MEMORY: "peak memory of dcmseal.verify over the interpreter's, MB",
}

Sample = Callable[[], float]

_BUFFER: Final = 256 << 10
_SAMPLE_MS: Final = 20.0
_MOST_REPEATS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """A kind of file: unsigned, and as each implementation signed it."""

    unsigned: Path
    ours: Path
    dcmtk: Path
    scratch: Path


def _hash_file(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        buffer = memoryview(bytearray(_BUFFER))
        while count := file.readinto(buffer):
            digest.update(buffer[:count])
    return digest.digest()


def _cpu(action: Callable[[], object], *, before: Callable[[], None] = lambda: None) -> Sample:
    """Mean CPU milliseconds of as many runs as a steady clock needs; ``before`` does not count."""

    def once() -> float:
        before()
        start = process_time()
        action()
        return (process_time() - start) * 1e3

    return _repeated(once)


def _repeated(once: Sample) -> Sample:
    once()  # warms caches
    repeats = min(_MOST_REPEATS, max(1, round(_SAMPLE_MS / max(once(), 1e-3))))
    return lambda: sum(once() for _ in range(repeats)) / repeats


def _wall(command: list[str]) -> Sample:
    """Wall milliseconds of a process; raises CalledProcessError if it fails."""

    def once() -> float:
        start = perf_counter()
        subprocess.run(command, check=True, capture_output=True, text=True)
        return (perf_counter() - start) * 1e3

    once()
    return once


def verify_ours(files: Files) -> Sample:
    """Verification by dcmseal, in process."""
    return _cpu(lambda: dcmseal.verify(files.ours, integrity_only=True))


def map_ours(files: Files) -> Sample:
    """The coverage map of a verified file, in process: most of what a tree or an HTML report costs."""
    report = dcmseal.verify(files.ours, integrity_only=True)
    return _cpu(lambda: dcmseal.map_coverage(files.ours, report))


def verify_in_loop(file: Path, loop: RequestLoop) -> Sample:
    """Verification by another process."""
    return _repeated(lambda: loop.run("verify", file))


def floor(files: Files) -> Sample:
    """Reading and hashing the file: less is impossible."""
    return _cpu(lambda: _hash_file(files.ours))


def floor_rsa(files: Files, identity: BenchIdentity) -> Sample:
    """The same, and the public-key operations of a signature."""
    signature = identity.key.sign(_hash_file(files.ours), padding.PKCS1v15(), Prehashed(hashes.SHA256()))

    def action() -> None:
        digest = _hash_file(files.ours)
        key = x509.load_der_x509_certificate(identity.certificate).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("the benchmark signs with RSA")
        key.verify(signature, digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))

    return _cpu(action)


def sign_ours(files: Files, identity: BenchIdentity) -> Sample:
    """Signing by dcmseal, with an open key, to a file that is not there yet."""
    return _cpu(
        lambda: dcmseal.sign(files.unsigned, signer=identity, output=files.scratch),
        before=lambda: files.scratch.unlink(missing_ok=True),
    )


def sign_in_loop(files: Files, loop: RequestLoop) -> Sample:
    """Signing by another process, with an open key, to a file that is not there yet."""

    def once() -> float:
        files.scratch.unlink(missing_ok=True)
        return loop.run("signsave", files.unsigned, files.scratch)

    return _repeated(once)


def sync(files: Files) -> Sample:
    """Write a file of this size to the disk, as signing does before it names the new file."""
    size = files.ours.stat().st_size

    def once() -> float:
        with files.scratch.open("wb") as file:
            file.truncate(size)
            file.seek(max(0, size - _BUFFER))
            file.write(bytes(_BUFFER))
            file.flush()
            start = process_time()
            os.fsync(file.fileno())
            return (process_time() - start) * 1e3

    return _repeated(once)


def process_ours(files: Files, dcmseal_command: str) -> Sample:
    """``dcmseal verify --integrity-only`` from start to end."""
    return _wall([*shlex.split(dcmseal_command), "verify", "--integrity-only", str(files.ours)])


def process_dcmsign(files: Files, identity: BenchIdentity) -> Sample:
    """``dcmsign --verify`` from start to end."""
    return _wall(["dcmsign", "--verify", "+cf", str(identity.certificate_file), str(files.dcmtk)])


def process_help(dcmseal_command: str) -> Sample:
    """``dcmseal --help`` from start to end."""
    return _wall([*shlex.split(dcmseal_command), "--help"])
