"""Threads, children of fork and worker processes; the same at length is in tests/tokens/test_stress_softhsm.py."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.terms import MacAlgorithm
from dcmseal.testing import assert_verifies
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.support.softhsm_token import PIN, SoftToken
from tests.support.stress import sign_in_threads

BACKEND = Pkcs11Backend()
MESSAGE = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"content")


def pin(_: SecretRequest) -> str:
    return PIN


def sign_in_worker(work: tuple[Pkcs11Backend, str, BytesMessage]) -> tuple[bytes, bytes]:
    backend, uri, message = work
    with backend.open(uri, pin) as signer:
        return signer.sign(message), signer.certificate_chain[0]


def test_eight_threads_sign_with_one_signer(token: SoftToken) -> None:
    with BACKEND.open(token.uri("p256"), pin) as signer:
        sign_in_threads(signer, threads=8, digests=400)


def test_threads_sign_with_keys_of_their_own_on_two_tokens(token: SoftToken, other_token: SoftToken) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def work(uri: str) -> None:
        for _ in range(20):
            with BACKEND.open(uri, pin) as signer:
                assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))

    uris = [token.uri("p256"), token.uri("p384"), token.uri("rsa2048"), other_token.uri("p256")]
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(work, uri) for uri in uris * 2]:
            done.result()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_eight_processes_open_a_token_at_once(token: SoftToken) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.stress", token.uri("p256", **{"pin-source": "env:TEST_PIN"}), "8", "5"],
        env=os.environ | {"TEST_PIN": PIN},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.stdout.startswith("0 of 40 failed"), done.stdout + done.stderr


def test_workers_get_backend_and_uri_and_log_in_themselves(token: SoftToken) -> None:
    work = (BACKEND, token.uri("p256"), MESSAGE)
    assert PIN.encode() not in pickle.dumps(work)
    with BACKEND.open(token.uri("p256"), pin) as signer:
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            for signature, certificate in pool.map(sign_in_worker, [work] * 4):
                assert certificate == signer.certificate_chain[0]
                assert_verifies(signer, MESSAGE, signature)
        assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))


def test_an_open_signer_is_not_sent_to_another_process(token: SoftToken) -> None:
    with BACKEND.open(token.uri("p256"), pin) as signer, pytest.raises(TypeError, match="key URI"):
        pickle.dumps(signer)


FORKING = """
import os, sys, threading
from dcmseal.terms import MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal.testing import assert_verifies
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from dcmseal_pkcs11.loaded_modules import load_module

message = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"content")
asked = []
uri, pin = sys.argv[1:]

def answer(request):
    asked.append(os.getpid())
    return pin

def good(signer):
    assert_verifies(signer, message, signer.sign(message))

with Pkcs11Backend().open(uri, answer) as signer:
    good(signer)
    held, forked = threading.Event(), threading.Event()
    def hold():
        with load_module(uri.partition("module-path=")[2]).lock:
            held.set()
            forked.wait()
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    child = os.fork()
    if not child:
        good(signer)                # though a thread that is not here holds the lock
        good(signer)
        with Pkcs11Backend().open(uri, answer) as another:
            good(another)
        grandchild = os.fork()
        if not grandchild:
            good(signer)
            os._exit(asked.count(os.getpid()))
        assert os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) == 1
        good(signer)
        signer.close()
        os._exit(10 + asked.count(os.getpid()))
    forked.set()
    holder.join()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    good(signer)
print(status, len(asked))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_of_fork_logs_in_itself_and_leaves_its_parent_logged_in(token: SoftToken) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING, token.uri("p256"), PIN],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.split() == ["11", "1"], done.stdout + done.stderr
