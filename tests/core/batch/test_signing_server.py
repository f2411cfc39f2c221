"""The signing server: one key, one login, one signature at a time for any number of workers."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import dcmseal
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.local_key import LocalKey
from dcmseal.batch.pool.executor_factory import ExecutorFactory, make_process_pool
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.results import BatchResult, SignerClosed
from dcmseal.batch.signing_server import SigningEndpoint, open_signing_server
from dcmseal.batch.tasks.sign_task import Placement, SignTask
from dcmseal.errors import DeviceRemoved, NotSignable, PinLocked, SignerError
from dcmseal.mac.digest import MacStream
from dcmseal.plugins.registry import installed_registry
from dcmseal.plugins.signer_backend import SecretRequest, SignableMessage, Signer
from dcmseal.terms import MacAlgorithm
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.softhsm_token import PIN, SoftHsm

Tree = Callable[..., Path]


class CountingSigner:
    """Signs with a real key, and asserts that signatures do not overlap."""

    def __init__(self, signer: Signer, *, fails_at: int = 0, error: SignerError | None = None) -> None:
        self.certificate_chain = signer.certificate_chain
        self.key_type = signer.key_type
        self.count = 0
        self._signer = signer
        self._fails_at = fails_at
        self._error = error
        self._alone = threading.Lock()

    def sign(self, message: SignableMessage) -> bytes:
        assert self._alone.acquire(blocking=False), "two at a time"
        try:
            self.count += 1
            if self._error is not None and self.count >= self._fails_at:
                raise self._error
            return self._signer.sign(message)
        finally:
            self._alone.release()


class HashingSigner:
    """A device that insists on hashing itself."""

    def __init__(self, signer: Signer) -> None:
        self.certificate_chain = signer.certificate_chain
        self.key_type = signer.key_type
        self._signer = signer

    def sign(self, message: SignableMessage) -> bytes:
        digest = hashlib.sha256(b"".join(message.chunks())).digest()
        return self._signer.sign(MacStream(algorithm=message.algorithm, digest=digest, read=lambda: iter(())))


@contextmanager
def opened(key: str) -> Iterator[Signer]:
    with installed_registry().open_signer(key, lambda _: None) as signer:
        yield signer


def signed_by(signer: Signer, folder: Path, executor: ExecutorFactory | None) -> list[BatchResult]:
    task = SignTask(run_id=str(uuid.uuid4()), placement=Placement(), key="")
    with LocalKey(nullcontext(signer)) as key:
        return list(run_task(iter_inputs([str(folder)]), task, key=key, executor=executor, jobs=1, chunk=4))


def counts(folder: Path) -> list[int]:
    return [len(dcmseal.signatures(path)) for path in sorted(folder.iterdir())]


def test_workers_send_digests_and_one_is_signed_at_a_time(tree: Tree, image: bytes, key: str) -> None:
    folder = tree({f"{number:02}": image for number in range(30)})
    with opened(key) as signer:
        counting = CountingSigner(signer)
        results = signed_by(counting, folder, make_process_pool(3))
    assert [each.verdict for each in results] == ["signed"] * 30
    assert counting.count == 30
    verified = list(dcmseal.verify_many([folder], integrity_only=True))
    assert [each.verdict for each in verified] == ["valid"] * 30
    documents: list[Any] = [each.to_document() for each in results]
    assert len({each["signature"]["uid"] for each in documents}) == 30


@pytest.mark.parametrize("executor", [None, make_process_pool(2)], ids=["here", "pool"])
def test_a_device_may_hash_the_message_itself(
    tree: Tree, image: bytes, key: str, executor: ExecutorFactory | None
) -> None:
    folder = tree({"a": image, "b": image})
    with opened(key) as signer:
        results = signed_by(HashingSigner(signer), folder, executor)
    assert [each.verdict for each in results] == ["signed"] * 2
    assert [each.verdict for each in dcmseal.verify_many([folder], integrity_only=True)] == ["valid"] * 2


@pytest.mark.parametrize("executor", [None, make_process_pool(2)], ids=["here", "pool"])
@pytest.mark.parametrize("error", [DeviceRemoved("pulled"), PinLocked("locked", hint="unlock it")])
def test_a_key_that_fails_stops_the_run_and_is_not_asked_again(
    tree: Tree, image: bytes, key: str, executor: ExecutorFactory | None, error: SignerError
) -> None:
    folder = tree({f"{number:02}": image for number in range(40)})
    with opened(key) as signer:
        counting = CountingSigner(signer, fails_at=6, error=error)
        *done, last = signed_by(counting, folder, executor)
    assert counting.count == 6
    assert (type(last.error), str(last.error)) == (type(error), str(error))
    assert last.error is not None
    assert last.error.hint == error.hint
    assert last.is_fatal
    assert last.exit_code == 6
    assert [each.verdict for each in done] == ["signed"] * 5
    # signed files are reported, and no other file is touched
    signed = {each.input.source for each in done}
    assert {str(path) for path, count in zip(sorted(folder.iterdir()), counts(folder), strict=True) if count} == signed


def test_connections_need_the_authkey(key: str) -> None:
    with opened(key) as signer, open_signing_server(signer) as lane:
        folder = Path(lane.endpoint.address).parent
        assert folder.stat().st_mode & 0o777 == 0o700
        with pytest.raises(SignerClosed), replace(lane.endpoint, authkey=b"guessed").open():
            pass
        with lane.endpoint.open() as distant:
            assert distant.sign(message(b"\0" * 32))
    assert not folder.exists()
    with pytest.raises(SignerClosed), lane.endpoint.open():
        pass
    assert lane.endpoint.authkey.hex() not in repr(lane.endpoint)
    assert repr(lane.endpoint.authkey) not in repr(lane.endpoint)


def message(digest: bytes) -> MacStream:
    return MacStream(algorithm=MacAlgorithm.SHA256, digest=digest, read=lambda: iter(()))


@pytest.mark.parametrize("request_", [b"", b"SHA256\0short", b"SHA7\0" + bytes(32), b"\xff" * 700, b"SHA256"])
def test_an_invalid_digest_is_not_signed(key: str, request_: bytes) -> None:
    with opened(key) as signer:
        counting = CountingSigner(signer)
        with open_signing_server(counting) as lane:
            with Client(lane.endpoint.address, "AF_UNIX", authkey=lane.endpoint.authkey) as connection:
                connection.send_bytes(request_)
                with pytest.raises((EOFError, OSError)):
                    connection.recv_bytes()
            with lane.endpoint.open() as distant:
                assert distant.sign(message(bytes(32)))
    assert counting.count == 1


def test_content_that_cannot_be_read_concerns_its_file_only(key: str) -> None:
    def broken() -> Iterator[bytes]:
        yield b"some"
        raise NotSignable(t.PATIENT_NAME, "it is gone")

    content = MacStream(algorithm=MacAlgorithm.SHA256, digest=bytes(32), read=lambda: iter([b"all", b" of it"]))
    with opened(key) as signer, open_signing_server(HashingSigner(signer)) as lane:
        with pytest.raises(NotSignable), lane.endpoint.open() as distant:
            distant.sign(MacStream(algorithm=MacAlgorithm.SHA256, digest=bytes(32), read=broken))
        with lane.endpoint.open() as distant:
            assert distant.sign(content)


def test_a_way_survives_pickling(key: str) -> None:
    import pickle

    with opened(key) as signer, open_signing_server(signer) as lane:
        way: SigningEndpoint = pickle.loads(pickle.dumps(lane.endpoint))
        with way.open() as distant:
            assert distant.certificate_chain == signer.certificate_chain


def test_a_token_signs_the_digests_of_all_workers_after_one_login(
    tree: Tree, image: bytes, softhsm: SoftHsm, pki: Pki
) -> None:
    token = softhsm.token("batch")
    token.add("p256", pki["p256"])
    folder = tree({f"{number:03}": image for number in range(300)})
    asked: list[str] = []

    def secrets(request: SecretRequest) -> str:
        asked.append(request.purpose)
        return PIN

    with installed_registry().open_signer(token.uri("p256"), secrets) as signer:
        results = signed_by(signer, folder, make_process_pool(2))
    assert [each.verdict for each in results] == ["signed"] * 300
    assert len(asked) == 1
    assert {each.verdict for each in dcmseal.verify_many([folder], integrity_only=True)} == {"valid"}


def test_no_temporary_folder_stays(key: str) -> None:
    with opened(key) as signer, open_signing_server(signer) as lane:
        place = os.path.dirname(lane.endpoint.address)
    assert not os.path.exists(place)


def test_a_token_that_disappears_stops_the_run_which_goes_on_when_it_is_back(
    tree: Tree, image: bytes, softhsm: SoftHsm, pki: Pki
) -> None:
    token = softhsm.token("vanishing")
    token.add("p256", pki["p256"])
    folder = tree({f"{number:03}": image for number in range(60)})
    run_uuid = str(uuid.uuid4())

    def sign_all(after: Callable[[int], None]) -> list[BatchResult]:
        with LocalKey(installed_registry().open_signer(token.uri("p256"), lambda _: PIN)) as key:
            task = SignTask(run_id=run_uuid, placement=Placement(), key="")
            results: list[BatchResult] = []
            found = iter_inputs([str(folder)])
            for each in run_task(found, task, key=key, executor=make_process_pool(2), chunk=4):
                results.append(each)
                after(len(results))
            return results

    *done, last = sign_all(lambda count: token.remove() if count == 10 else None)
    assert isinstance(last.error, DeviceRemoved | SignerError)
    assert last.is_fatal
    assert 10 <= len(done) < 60
    assert {each.verdict for each in done} == {"signed"}
    assert sum(counts(folder)) == len(done)
    token.put_back()
    assert [each.verdict for each in sign_all(lambda _: None)] == ["signed"] * 60
    assert counts(folder) == [1] * 60
