"""SoftHSM at length: many threads over one signer, and many processes that open the token at once."""

from __future__ import annotations

import os
import sys

import pytest

from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.support.stress import sign_in_threads
from tests.tokens.programs import run
from tests.tokens.token_device import TokenDevice
from tests.tokens.token_kinds import KINDS
from tests.tokens.token_results import Results

_RUNS, _THREADS, _DIGESTS = 20, 8, 2_000
_ROUNDS, _WORKERS = 100, 8

pytestmark = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.name == "SoftHSM"], ids=str)


def test_threads_over_one_signer(device: TokenDevice, results: Results) -> None:
    for _ in range(_RUNS):
        with Pkcs11Backend().open(device.present("rsa2048"), lambda _: device.pin) as signer:
            sign_in_threads(signer, threads=_THREADS, digests=_DIGESTS)
    results.behaviour["Many threads over one signer"] = (
        f"{_RUNS} times {_THREADS} threads and {_DIGESTS} signatures: all succeed"
    )


def test_processes_open_the_token_at_once(device: TokenDevice, results: Results) -> None:
    uri = f"{device.present('rsa2048')}&pin-source=env:TOKEN_PIN"
    command = (sys.executable, "-m", "tests.support.stress", uri, str(_WORKERS), str(_ROUNDS))
    printed = run(*command, env=os.environ | {"TOKEN_PIN": device.pin}, seconds=1200)
    assert printed.startswith(f"0 of {_WORKERS * _ROUNDS} failed")
    results.behaviour["Many processes at once"] = (
        f"{_ROUNDS} times {_WORKERS} processes that open, sign and close: all succeed"
    )
