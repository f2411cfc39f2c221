"""SoftHSM under load, at length; tests/backends/pkcs11/test_concurrency.py has the same for every day."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dcmseal_pkcs11.backend import Pkcs11Backend
from tests.support.pki import Pki
from tests.support.softhsm import PIN, SoftHsm, SoftToken
from tests.support.stress import sign_in_threads

THREADS = 8
DIGESTS = 2000
RUNS = 20
WORKERS = 8
ROUNDS = 100


@pytest.fixture(scope="module")
def token(softhsm: SoftHsm, pki: Pki) -> SoftToken:
    made = softhsm.token("stress")
    for name in ("rsa2048", "p256"):
        made.add(name, pki[name])
    return made


def test_threads_over_one_signer(token: SoftToken) -> None:
    for run in range(RUNS):
        # RSA takes ten times as long: one run in ten
        key = "p256" if run % 10 else "rsa2048"
        with Pkcs11Backend().open(token.uri(key), lambda _: PIN) as signer:
            sign_in_threads(signer, threads=THREADS, digests=DIGESTS)


def test_processes_that_open_at_once(token: SoftToken) -> None:
    uri = token.uri("p256", **{"pin-source": "env:TEST_PIN"})
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.stress", uri, str(WORKERS), str(ROUNDS)],
        env=os.environ | {"TEST_PIN": PIN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith(f"0 of {WORKERS * ROUNDS} failed"), done.stdout + done.stderr
