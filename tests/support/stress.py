"""Many threads over one signer, and many processes that open a token at the same time.

    python -m tests.support.stress URI WORKERS ROUNDS

forks WORKERS processes ROUNDS times. Each has what it needs imported, but no module loaded; all begin at once, open the
key, sign, and verify what they signed. Prints how many failed, and why.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from dcmseal.plugins.signer_backend import Signer
from dcmseal.terms import MacAlgorithm
from dcmseal.testing import assert_verifies
from dcmseal.testing.signable_messages import BytesMessage


def sign_in_threads(signer: Signer, *, threads: int, digests: int) -> None:
    """Sign so many different messages in so many threads; every signature has to verify."""
    messages = [BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"%d" % number) for number in range(digests)]
    with ThreadPoolExecutor(threads) as pool:
        signatures = list(pool.map(signer.sign, messages))
    for message, signature in zip(messages, signatures, strict=True):
        assert_verifies(signer, message, signature)


def failures(uri: str, *, workers: int, rounds: int) -> Iterator[str]:
    """Why workers failed, one text for each that did."""
    for _ in range(rounds):
        started, go = os.pipe()
        children = {}
        for _ in range(workers):
            told, tell = os.pipe()
            child = os.fork()
            if not child:
                os.close(go)
                os.read(started, 1)  # returns when the parent closes its end
                os.write(tell, _attempt(uri).encode()[:4000])
                os._exit(0)
            os.close(tell)
            children[child] = told
        os.close(go)
        os.close(started)
        for child, told in children.items():
            _, status = os.waitpid(child, 0)
            with os.fdopen(told) as reader:
                text = reader.read()
            if status or text != "good":
                yield text or f"ended with status {status}"


def _attempt(uri: str) -> str:
    from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend

    try:
        with Pkcs11Backend().open(uri, lambda _: None) as signer:
            message = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"%d" % os.getpid())
            assert_verifies(signer, message, signer.sign(message))
    except Exception as error:  # noqa: BLE001 - reported to the parent process
        return f"{type(error).__name__}: {error}"
    return "good"


def main(uri: str, workers: str, rounds: str) -> int:
    # imported before the children start, so that they sign at the same time
    importlib.import_module("dcmseal_pkcs11.pkcs11_signer")
    importlib.import_module("dcmseal_pkcs11.token_key")

    why = list(failures(uri, workers=int(workers), rounds=int(rounds)))
    print(f"{len(why)} of {int(workers) * int(rounds)} failed")
    print(*sorted(set(why)), sep="\n")
    return bool(why)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
