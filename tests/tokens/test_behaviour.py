"""The behaviour of every kind of token: wrong, locked and repeated PINs; children and workers; listing."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from dcmseal.errors import PinLocked, PinRejected
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.terms import MacAlgorithm
from dcmseal.testing import assert_verifies
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.tokens.token_device import WRONG_PIN, TokenDevice, TokenKind
from tests.tokens.token_kinds import KINDS
from tests.tokens.token_results import Results

BACKEND = Pkcs11Backend()
MESSAGE = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"content")

every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


def of_kinds(*kinds: TokenKind) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("kind", kinds, ids=str)


class Answers:
    """Answers with one PIN, and records the requests."""

    def __init__(self, pin: str) -> None:
        self._pin = pin
        self.requests: list[SecretRequest] = []

    def __call__(self, request: SecretRequest) -> str:
        self.requests.append(request)
        return self._pin


def signs(uri: str, answers: Answers, times: int = 1) -> None:
    with BACKEND.open(uri, answers) as signer:
        for _ in range(times):
            assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))


def sign_in_worker(uri: str, pin: str) -> bytes:
    with BACKEND.open(uri, lambda _: pin) as signer:
        return signer.sign(MESSAGE)


def error_after_fork(uri: str, pin: str) -> str:
    with BACKEND.open(uri, lambda _: pin) as signer:
        signer.sign(MESSAGE)
        with ProcessPoolExecutor(1, get_context("fork")) as pool:
            return type(pool.submit(sign_in_worker, uri, pin).exception()).__name__


@of_kinds(*(kind for kind in KINDS if kind.locks_after))
def test_a_user_is_warned_before_a_pin_locks(kind: TokenKind, device: TokenDevice, results: Results) -> None:
    uri = device.present(kind.keys[0])
    told: list[str] = []
    for _ in range(kind.locks_after):
        wrong = Answers(WRONG_PIN)
        with pytest.raises((PinRejected, PinLocked)):
            signs(uri, wrong)
        told += [request.purpose.partition(" (")[2].removesuffix(")") for request in wrong.requests]
    right = Answers(device.pin)
    with pytest.raises(PinLocked) as locked:
        signs(uri, right)
    assert locked.value.hint
    assert len(told) == kind.locks_after
    warned = [f"`{text}`" for text in dict.fromkeys(told) if text]
    results.behaviour["PIN wrong"] = "PinRejected; " + (
        "asks: " + ", then: ".join(warned) if warned else "remaining attempts unknown"
    )
    results.behaviour["PIN locked"] = f"PinLocked after {kind.locks_after} wrong PINs" + (
        ", without asking" if not right.requests else ""
    )
    device.present(kind.keys[0])
    signs(uri, Answers(device.pin))


@of_kinds(*(kind for kind in KINDS if not kind.locks_after))
def test_a_pin_that_never_locks(kind: TokenKind, device: TokenDevice, results: Results) -> None:
    uri = device.present(kind.keys[0])
    for _ in range(12):
        with pytest.raises(PinRejected):
            signs(uri, Answers(WRONG_PIN))
    signs(uri, Answers(device.pin))
    results.behaviour["PIN wrong"] = "PinRejected"
    results.behaviour["PIN locked"] = "never"


@of_kinds(*(kind for kind in KINDS if kind.pin_each_time))
def test_a_key_that_wants_the_pin_each_time(kind: TokenKind, device: TokenDevice, results: Results) -> None:
    for key in sorted(kind.pin_each_time):
        answers = Answers(device.pin)
        signs(device.present(key), answers, times=5)
        assert len(answers.requests) == 1
    results.behaviour["CKA_ALWAYS_AUTHENTICATE"] = "asked once, passed to the token for each signature"


@every_kind
def test_one_login_for_many_signatures(kind: TokenKind, device: TokenDevice, results: Results) -> None:
    answers = Answers(device.pin)
    signs(device.present(kind.keys[0]), answers, times=20)
    assert len(answers.requests) == 1
    results.behaviour["PIN asked"] = "once for any number of signatures"


@every_kind
def test_two_workers_sign_beside_their_parent(kind: TokenKind, device: TokenDevice, results: Results) -> None:
    uri = device.present(kind.keys[0])
    with BACKEND.open(uri, lambda _: device.pin) as signer:
        assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            for signature in pool.map(sign_in_worker, [uri] * 4, [device.pin] * 4):
                assert_verifies(signer, MESSAGE, signature)
        assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))
    results.behaviour["Worker processes"] = "two workers and their parent, each logged in"


@of_kinds(*(kind for kind in KINDS if kind.forks))
def test_a_child_of_fork_signs(kind: TokenKind, device: TokenDevice, results: Results) -> None:
    uri = device.present(kind.keys[0])
    with BACKEND.open(uri, lambda _: device.pin) as signer:
        assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))
        with ProcessPoolExecutor(1, get_context("fork")) as pool:
            assert_verifies(signer, MESSAGE, pool.submit(sign_in_worker, uri, device.pin).result())
        assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))
    results.behaviour["Child of fork"] = "signs; its parent stays logged in"


@of_kinds(*(kind for kind in KINDS if not kind.forks))
def test_a_child_of_fork_fails_with_our_error(kind: TokenKind, device: TokenDevice, results: Results) -> None:
    # in a process of its own: the child affects the connection that it inherited from its parent
    uri = device.present(kind.keys[0])
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        error = pool.submit(error_after_fork, uri, device.pin).result()
    assert error == "ModuleUnusable"
    results.behaviour["Child of fork"] = f"{error}: start workers with spawn"


@every_kind
def test_listed_keys_can_be_opened(kind: TokenKind, device: TokenDevice, results: Results) -> None:
    uri = device.present(kind.keys[0])
    listed = [each for each in BACKEND.list_keys(uri) if not each.problem]
    assert listed
    for listing in listed:
        signs(f"{listing.uri}", Answers(device.pin))
    results.behaviour["Listing without PIN"] = "URIs that open the keys"
