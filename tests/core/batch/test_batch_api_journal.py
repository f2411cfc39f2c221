"""Many files with a journal, as applications ask for it: a run goes on where it stopped, and opens no key in vain."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Generator, Iterable
from itertools import islice
from pathlib import Path

import pytest

import dcmseal
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.journal.journal_reader import JournalReader
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.local_key import LocalKey
from dcmseal.batch.pool.executor_factory import ExecutorFactory, make_process_pool
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.sign_task import Placement, SignTask
from dcmseal.errors import JournalError, SignerError, UsageError
from dcmseal.plugins.registry import installed_registry
from dcmseal.plugins.signer_backend import SecretRequest
from tests.support.pki import Pki
from tests.support.softhsm_token import PIN, SoftHsm

Tree = Callable[..., Path]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


@pytest.fixture
def loose_key(pki: Pki, tmp_path: Path) -> Path:
    """A file with a key that can be taken away."""
    return Path(shutil.copy(pki["p256"].key_pem, tmp_path / "loose.pem"))


def uri_of(key: Path, pki: Pki) -> str:
    return f"pem:{key}?cert={pki['p256'].certificate_pem}"


def first_of(results: Generator[BatchResult], count: int) -> list[BatchResult]:
    """The first results, of a run that is then ended."""
    first = list(islice(results, count))
    results.close()
    return first


def names(results: Iterable[BatchResult]) -> list[tuple[str, str]]:
    return [(Path(each.input.source).name, each.verdict) for each in results]


def signatures(folder: Path) -> list[int]:
    return [len(dcmseal.signatures(path)) for path in sorted(folder.iterdir())]


def recorded(journal: Path) -> dict[str, int]:
    with JournalReader.open(str(journal)) as opened:
        return opened.status().verdicts


def test_verifying_goes_on_where_it_stopped(tree: Tree, signed: bytes, journal: Path) -> None:
    folder = tree({"a": signed, "b": signed, "c": signed[:-100], "d": signed, "notes.txt": b"no DICOM"})
    assert names(first_of(dcmseal.verify_many([folder], integrity_only=True, journal=journal), 2)) == [
        ("a", "valid"),
        ("b", "valid"),
    ]
    assert recorded(journal) == {"valid": 2}
    (folder / "a").write_bytes(signed.replace(b"4711", b"4712", 1))
    rest = list(dcmseal.verify_many([folder], integrity_only=True, journal=str(journal)))
    assert names(rest) == [("a", "invalid"), ("c", "failed"), ("d", "valid")]
    assert rest[0].to_document()["document"] == "verdict"
    assert list(dcmseal.verify_many([folder], integrity_only=True, journal=journal)) == []
    assert recorded(journal) == {"valid": 2, "invalid": 1, "failed": 1, "ignored": 1}


@pytest.mark.parametrize("executor", [None, make_process_pool(2)], ids=["lane", "executor"])
def test_nothing_is_signed_twice_in_place(
    tree: Tree, image: bytes, key: str, journal: Path, executor: ExecutorFactory | None
) -> None:
    # so many that there is a pool
    folder = tree({f"{number:03}": image for number in range(500)})

    def sign() -> Generator[BatchResult]:
        return dcmseal.sign_many([folder], key=key, in_place=True, journal=journal, jobs=2, executor=executor)

    assert {verdict for _, verdict in names(first_of(sign(), 70))} == {"signed"}
    # workers finish their current files, and the results are dropped
    assert sum(signatures(folder)) >= 70
    (folder / "000").write_bytes(image)
    again = names(sign())
    assert again[0] == ("000", "signed")
    assert len(again) <= 431
    assert signatures(folder) == [1] * 500
    assert list(sign()) == []
    assert recorded(journal) == {"signed": 500}
    assert {each.verdict for each in dcmseal.verify_many([folder], integrity_only=True)} == {"valid"}


@pytest.mark.parametrize("in_place", [True, False])
def test_a_key_is_not_opened_if_nothing_is_left(
    tree: Tree, image: bytes, loose_key: Path, pki: Pki, tmp_path: Path, journal: Path, *, in_place: bool
) -> None:
    folder = tree({"a": image, "b": image})
    output = None if in_place else tmp_path / "signed"

    def sign() -> list[tuple[str, str]]:
        key = uri_of(loose_key, pki)
        return names(dcmseal.sign_many([folder], key=key, in_place=in_place, output_dir=output, journal=journal))

    assert sign() == [("a", "signed"), ("b", "signed")]
    content = loose_key.read_bytes()
    loose_key.unlink()
    assert sign() == []
    (folder / "c").write_bytes(image)
    before = recorded(journal)
    for _ in range(2):
        with pytest.raises(SignerError, match=r"loose\.pem"):
            sign()
    assert dcmseal.signatures(folder / "c") == ()
    assert recorded(journal) == before == {"signed": 2}
    loose_key.write_bytes(content)
    assert sign() == [("c", "signed")]
    assert signatures(output or folder) == [1, 1, 1]


def test_the_pin_of_an_unused_token_is_not_requested(
    tree: Tree, image: bytes, softhsm: SoftHsm, pki: Pki, journal: Path
) -> None:
    token = softhsm.token("journal")
    token.add("p256", pki["p256"])
    folder = tree({"a": image, "b": image})
    asked: list[str] = []

    def secrets(request: SecretRequest) -> str:
        asked.append(request.purpose)
        return PIN

    def sign() -> Generator[BatchResult]:
        return dcmseal.sign_many([folder], key=token.uri("p256"), secrets=secrets, in_place=True, journal=journal)

    assert names(first_of(sign(), 1)) == [("a", "signed")]
    assert names(sign()) == [("b", "signed")]
    assert len(asked) == 2
    token.remove()
    assert list(sign()) == []
    (folder / "c").write_bytes(image)
    with pytest.raises(SignerError):
        next(sign())
    token.put_back()
    assert names(sign()) == [("c", "signed")]
    assert len(asked) == 3


def test_no_journal_is_begun_for_a_key_that_cannot_be_opened(tree: Tree, image: bytes, journal: Path) -> None:
    folder = tree({"a": image})
    with pytest.raises(SignerError):
        next(dcmseal.sign_many([folder], key="pem:none.pem?cert=none.pem", in_place=True, journal=journal))
    assert not journal.exists()


def test_a_key_is_opened_before_results_are_waited_for(
    tree: Tree, signed: bytes, image: bytes, loose_key: Path, pki: Pki, journal: Path
) -> None:
    """A PIN is requested before progress is shown."""
    folder, uri = tree({"a": image}), uri_of(loose_key, pki)
    assert len(list(dcmseal.sign_many([folder], key=uri, in_place=True, journal=journal))) == 1
    loose_key.unlink()
    (folder / "b").write_bytes(signed)
    task = SignTask(run_id=str(uuid.uuid4()), placement=Placement(), key=uri)
    with (
        LocalKey(installed_registry().open_signer(uri, lambda _: None)) as key,
        Journal.open(JournalSettings(path=str(journal)), task) as opened,
        pytest.raises(SignerError),
    ):
        run_task(iter_inputs([str(folder)]), task, journal=opened, key=key)


def test_an_open_signer_is_known_by_its_certificate(tree: Tree, image: bytes, pki: Pki, journal: Path) -> None:
    folder = tree({"a": image, "b": image})

    def sign(name: str) -> list[BatchResult]:
        uri = f"pem:{pki[name].key_pem}?cert={pki[name].certificate_pem}"
        with installed_registry().open_signer(uri, lambda _: None) as signer:
            return list(dcmseal.sign_many([folder], signer=signer, in_place=True, journal=journal))

    assert len(sign("p256")) == 2
    assert sign("p256") == []
    with pytest.raises(UsageError, match="other options: key"):
        sign("rsa2048")
    assert signatures(folder) == [1, 1]


def test_shards_together_are_the_whole(tree: Tree, signed: bytes, tmp_path: Path) -> None:
    folder = tree({f"{number}": signed for number in range(9)})
    found: list[str] = []
    for number in (1, 2, 3):
        shard = dcmseal.verify_many(
            [folder], integrity_only=True, journal=tmp_path / f"{number}.journal", shard=f"{number}/3"
        )
        found += (name for name, _ in names(shard))
    assert sorted(found) == [str(number) for number in range(9)]


def test_journals_that_do_not_fit_are_refused(tree: Tree, signed: bytes, key: str, journal: Path) -> None:
    folder = tree({"a": signed})
    list(dcmseal.verify_many([folder], integrity_only=True, journal=journal))
    with pytest.raises(UsageError, match="other options: accept old format"):
        next(dcmseal.verify_many([folder], integrity_only=True, accept_old_format=True, journal=journal))
    with pytest.raises(UsageError, match="belongs to a run of verify"):
        next(dcmseal.sign_many([folder], key=key, in_place=True, journal=journal))
    with pytest.raises(UsageError, match="whole archive"):
        next(dcmseal.verify_many([folder], integrity_only=True, journal=journal, shard="1/2"))
    with pytest.raises(JournalError, match="is not a journal"):
        next(dcmseal.verify_many([folder], integrity_only=True, journal=folder / "a"))
    for shard, said in (("1/2", "journal=FILE"), ("3", "2/4")):
        with pytest.raises(UsageError) as caught:
            dcmseal.verify_many([folder], shard=shard, journal=None if shard == "1/2" else journal)
        assert said in caught.value.hint
    assert len(dcmseal.signatures(folder / "a")) == 1
