"""The journal of a run: every result once, whatever happens in between."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

import dcmseal
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.inputs.input_file import InputFile, RecordedContent
from dcmseal.batch.journal.file_identity import make_identity
from dcmseal.batch.journal.journal_reader import JournalEntry, JournalReader, JournalStatus
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.pool.content_hash import run_on_change
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultDetail, ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.sign_task import Placement, SignTask
from dcmseal.batch.tasks.task import Task, VerifyTask
from dcmseal.errors import DeviceRemoved, JournalError, UsageError
from dcmseal.output.folder import Folder
from dcmseal.output.temporary_files import make_temporary
from dcmseal.verification.verification_options import VerifyOptions

VERIFY = VerifyTask(options=VerifyOptions(integrity_only=True))
Tree = Callable[..., Path]


def sign_task(key: str, **settings: object) -> SignTask:
    return replace(SignTask(run_id=str(uuid.uuid4()), placement=Placement(), key=key), **settings)  # type: ignore[arg-type]


@pytest.fixture
def wish(tmp_path: Path) -> JournalSettings:
    return JournalSettings(path=str(tmp_path / "run.journal"))


def results_of(wish: JournalSettings, task: Task, *words: str | Path, first: int | None = None) -> list[BatchResult]:
    """Run, and stop after the first results, as if somebody had killed it but for what is committed at the end."""
    with Journal.open(wish, task) as journal:
        return list(islice(run_task(iter_inputs(map(str, words)), task, journal=journal, jobs=1), first))


def status_of(wish: JournalSettings) -> JournalStatus:
    with JournalReader.open(wish.path) as journal:
        return journal.status()


def entries_of(wish: JournalSettings) -> list[JournalEntry]:
    with JournalReader.open(wish.path) as journal:
        return list(journal.iter_entries())


def names(results: Sequence[BatchResult | JournalEntry]) -> list[str]:
    return [Path(each.source if isinstance(each, JournalEntry) else each.input.source).name for each in results]


def test_a_second_run_has_nothing_to_do(wish: JournalSettings, tree: Tree, image: bytes, signed: bytes) -> None:
    archive = tree({"a.dcm": signed, "b/c.dcm": image, "b/notes.txt": b"no DICOM"})
    assert names(results_of(wish, VERIFY, archive)) == ["a.dcm", "c.dcm", "notes.txt"]
    with Journal.open(wish, VERIFY) as journal:
        assert list(journal.filter_inputs(iter_inputs([str(archive)]))) == []
        assert {gist.verdict: files for gist, files in journal.recorded_summaries.items()} == {
            "valid": 1,
            "no-signature": 1,
            "ignored": 1,
        }
    assert names(entries_of(wish)) == ["a.dcm", "c.dcm", "notes.txt"]
    assert status_of(wish).remaining == 0


def test_a_run_goes_on_where_it_stopped(wish: JournalSettings, tree: Tree, signed: bytes) -> None:
    archive = tree({f"{number}.dcm": signed for number in range(5)})
    assert names(results_of(wish, VERIFY, archive, first=2)) == ["0.dcm", "1.dcm"]
    assert status_of(wish).remaining is None
    assert names(results_of(wish, VERIFY, archive)) == ["2.dcm", "3.dcm", "4.dcm"]
    assert len(entries_of(wish)) == 5


@pytest.mark.parametrize("by_content", [False, True])
def test_what_changed_is_judged_anew(wish: JournalSettings, tree: Tree, signed: bytes, *, by_content: bool) -> None:
    wish = replace(wish, by_content=by_content)
    archive = tree({"a.dcm": signed, "b.dcm": signed, "c.dcm": signed})
    results_of(wish, VERIFY, archive)
    (archive / "b.dcm").write_bytes(signed.replace(b"4711", b"4712"))
    os.utime(archive / "c.dcm")
    results = results_of(wish, VERIFY, archive)
    assert [(name, each.verdict) for name, each in zip(names(results), results, strict=True)] == [
        ("b.dcm", "invalid"),
        *([] if by_content else [("c.dcm", "valid")]),
    ]
    assert [each.summary.verdict for each in entries_of(wish)] == ["valid", "invalid", "valid"]
    assert status_of(wish).files == 3
    assert results_of(wish, VERIFY, archive) == []


def forge(path: Path, data: bytes) -> None:
    """Write other data of the same size in place, and hide that as well as a program can."""
    before = path.stat()
    # the clock of the file system may be coarse
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        with path.open("r+b") as file:
            file.write(data)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


def replace_file(path: Path, data: bytes) -> None:
    """Put another file in the place of one, with the same size and time of modification."""
    before = path.stat()
    other = path.with_suffix(".new")
    other.write_bytes(data)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("by_content", [False, True])
@pytest.mark.parametrize("hide", [forge, replace_file])
def test_who_sets_the_time_back_is_found_out(
    wish: JournalSettings,
    tree: Tree,
    signed: bytes,
    hide: Callable[[Path, bytes], None],
    jobs: int,
    *,
    by_content: bool,
) -> None:
    wish = replace(wish, by_content=by_content)
    archive = tree({"a.dcm": signed, "b.dcm": signed})
    results_of(wish, VERIFY, archive)
    hide(archive / "b.dcm", signed.replace(b"4711", b"4712"))
    with Journal.open(wish, VERIFY) as journal:
        results = list(run_task(iter_inputs([str(archive)]), VERIFY, journal=journal, jobs=jobs))
        assert journal.recorded_summaries.total() == 1
    assert [(Path(each.input.source).name, each.verdict) for each in results] == [("b.dcm", "invalid")]


def test_contents_are_hashed_by_workers(
    wish: JournalSettings, tree: Tree, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that hands the files out reads none of them."""
    archive = tree({f"{number}.dcm": signed for number in range(3)})
    wish = replace(wish, by_content=True)
    monkeypatch.setattr("dcmseal.batch.journal.file_identity.hash_file", None)
    assert len(results_of(wish, VERIFY, archive)) == 3
    assert results_of(wish, VERIFY, archive) == []
    with Journal.open(wish, VERIFY) as journal:
        items = list(journal.filter_inputs(iter_inputs([str(archive)])))
    digest = hashlib.sha256(signed).digest()
    assert [
        isinstance(each, InputFile) and each.recorded_content and each.recorded_content.digest for each in items
    ] == [digest] * 3


def test_a_file_that_is_written_while_it_is_judged_is_judged_anew(tree: Tree, signed: bytes) -> None:
    """What was hashed need not be what was judged."""
    path = tree({"a.dcm": signed}) / "a.dcm"

    def work(item: InputFile) -> BatchResult:
        forge(path, signed.replace(b"4711", b"4712"))
        return BatchResult.from_foreign_file(item)

    item = InputFile(source=str(path), relative="a.dcm", recorded_content=RecordedContent())
    assert run_on_change(item, work).digest is None
    assert run_on_change(item, BatchResult.from_foreign_file).digest == hashlib.sha256(path.read_bytes()).digest()


def test_size_alone_tells_nothing() -> None:
    """Of an object whose storage knows neither versions nor times."""
    bare = make_identity(
        InputFile(source="https://archive.example/a.dcm", relative="a.dcm", size=4711), by_content=False
    )
    assert not bare.is_same(bare)
    assert bare._replace(inode=1).is_same(bare._replace(inode=1))


def test_documents_are_kept_of_what_needs_attention(wish: JournalSettings, tree: Tree, signed: bytes) -> None:
    archive = tree({"a.dcm": signed, "b.dcm": signed.replace(b"4711", b"4712"), "c.dcm": signed[:300]})
    results_of(wish, VERIFY, archive)
    kept = {Path(each.source).name: each.document and each.document["document"] for each in entries_of(wish)}
    assert kept == {"a.dcm": None, "b.dcm": "verification", "c.dcm": "error"}
    with JournalReader.open(wish.path) as journal:
        assert names(list(journal.iter_entries(attention_only=True))) == ["b.dcm", "c.dcm"]
    full = replace(wish, path=f"{wish.path}.full", keep_documents=True)
    results_of(full, replace(VERIFY, detail=ResultDetail.DOCUMENT), archive)
    assert all(each.document for each in entries_of(full))


@pytest.mark.parametrize("form", [ResultDetail.DOCUMENT, ResultDetail.VERDICT])
def test_the_form_in_which_answers_come_back_changes_nothing(
    wish: JournalSettings, tree: Tree, signed: bytes, form: ResultDetail
) -> None:
    archive = tree({"a.dcm": signed, "b.dcm": signed.replace(b"4711", b"4712"), "c.dcm": signed[:300]})
    results_of(wish, VERIFY, archive)
    other = replace(wish, path=f"{wish.path}.other")
    results_of(other, replace(VERIFY, detail=form), archive)
    assert [(each.summary, each.document) for each in entries_of(other)] == [
        (each.summary, each.document) for each in entries_of(wish)
    ]


def test_what_failed_is_tried_again_if_asked_to(wish: JournalSettings, tree: Tree, signed: bytes) -> None:
    archive = tree({"a.dcm": signed, "b.dcm": signed[:300]})
    results_of(wish, VERIFY, archive)
    assert names(results_of(replace(wish, retry_failed=True), VERIFY, archive)) == ["b.dcm"]
    assert status_of(wish).files == 2


def test_names_that_are_no_unicode(wish: JournalSettings, tree: Tree, signed: bytes) -> None:
    archive = tree({os.fsdecode(b"f\xff/a\xfe.dcm"): signed, "ü.dcm": signed})
    assert len(results_of(wish, VERIFY, archive)) == 2
    assert results_of(wish, VERIFY, archive) == []
    assert {Path(each.source) for each in entries_of(wish)} == {*archive.rglob("*.dcm")}


def test_another_task_is_refused(wish: JournalSettings, tree: Tree, signed: bytes, key: str) -> None:
    archive = tree({"a.dcm": signed})
    results_of(wish, VERIFY, archive)
    with pytest.raises(UsageError, match="other options: accept old format"):
        results_of(wish, VerifyTask(options=VerifyOptions(integrity_only=True, accept_old_format=True)), archive)
    with pytest.raises(UsageError, match="task"):
        results_of(wish, sign_task(key), archive)
    with pytest.raises(UsageError, match="identifies files by"):
        results_of(replace(wish, by_content=True), VERIFY, archive)
    assert results_of(wish, replace(VERIFY, detail=ResultDetail.VERDICT), archive) == []


def test_one_writer_at_a_time_and_readers_meanwhile(
    wish: JournalSettings, tree: Tree, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcmseal.batch.journal.journal_database.LOCK_TIMEOUT", 0.0)
    archive = tree({"a.dcm": signed, "b.dcm": signed})
    with Journal.open(wish, VERIFY) as journal:
        results = run_task(iter_inputs([str(archive)]), VERIFY, journal=journal, jobs=1)
        next(results)
        journal.commit()
        with pytest.raises(JournalError, match="in use by another process") as caught, Journal.open(wish, VERIFY):
            pass
        assert caught.value.hint
        assert status_of(wish).files == 1
        next(results)
    assert status_of(wish).files == 2


class TestSigning:
    def signatures(self, archive: Path) -> list[int]:
        return [len(dcmseal.signatures(path)) for path in sorted(archive.rglob("*.dcm"))]

    def test_what_is_signed_stays_signed_once(self, wish: JournalSettings, tree: Tree, image: bytes, key: str) -> None:
        archive = tree({f"{number}.dcm": image for number in range(4)})
        task = sign_task(key)
        results_of(wish, task, archive, first=2)
        assert self.signatures(archive) == [1, 1, 0, 0]
        assert status_of(wish).open_intents == 2
        for each in entries_of(wish):
            assert each.identity.inode == Path(each.source).stat().st_ino
        assert names(results_of(wish, task, archive)) == ["2.dcm", "3.dcm"]
        assert results_of(wish, task, archive) == []
        assert self.signatures(archive) == [1, 1, 1, 1]
        entries = entries_of(wish)
        assert [each.uid for each in entries] == [dcmseal.signatures(each.source)[0].uid for each in entries]
        assert status_of(wish).open_intents == 0

    @pytest.mark.parametrize("in_place", [True, False])
    def test_a_result_that_was_lost_is_found_again(
        self, wish: JournalSettings, tree: Tree, image: bytes, key: str, tmp_path: Path, *, in_place: bool
    ) -> None:
        """Killed after the file was in its place, and before anybody knew."""
        archive = tree({"a.dcm": image, "b.dcm": image})
        task = sign_task(key, placement=Placement(folder=None if in_place else str(tmp_path / "signed")))
        with Journal.open(wish, task) as journal:
            next(run_task(journal.filter_inputs(iter_inputs([str(archive)])), journal.task, jobs=1))
        target = archive if in_place else tmp_path / "signed"
        assert status_of(wish).open_intents == 2
        assert self.signatures(target) == ([1, 0] if in_place else [1])
        assert names(results_of(wish, task, archive)) == ["b.dcm"]
        assert self.signatures(target) == [1, 1]
        assert [each.summary.kind for each in entries_of(wish)] == [ResultKind.SIGNED, ResultKind.SIGNED]

    def test_temporary_files_are_removed_if_nobody_writes_them_any_more(
        self, wish: JournalSettings, tree: Tree, image: bytes, key: str
    ) -> None:
        archive = tree({"a.dcm": image})
        with Folder.open(str(archive)) as folder:
            dead, living = (make_temporary(folder, "a.dcm", 0o600) for _ in range(2))
        os.close(dead.descriptor)
        results_of(wish, sign_task(key), archive / "a.dcm")
        assert sorted(each.name for each in archive.iterdir()) == [living.name, "a.dcm"]
        os.close(living.descriptor)

    def test_a_process_that_outlived_its_run_and_the_next_run_sign_once(
        self, wish: JournalSettings, tree: Tree, image: bytes, key: str
    ) -> None:
        archive = tree({"a.dcm": image})
        task = sign_task(key)
        with Journal.open(wish, task) as died:
            orphans = list(died.filter_inputs(iter_inputs([str(archive)])))
        with Journal.open(wish, task) as journal:
            items = list(journal.filter_inputs(iter_inputs([str(archive)])))
            assert [each.kind for each in run_task(orphans, died.task, jobs=1)] == [ResultKind.SIGNED]
            assert [journal.record(each).kind for each in run_task(items, journal.task, jobs=1)] == [ResultKind.SIGNED]
        assert self.signatures(archive) == [1]
        assert results_of(wish, task, archive) == []

    def test_touched_is_not_changed_and_replaced_is(
        self, wish: JournalSettings, tree: Tree, image: bytes, key: str
    ) -> None:
        archive = tree({"a.dcm": image, "b.dcm": image})
        task = sign_task(key)
        results_of(wish, task, archive)
        (first,) = dcmseal.signatures(archive / "b.dcm")
        os.utime(archive / "a.dcm")
        (archive / "b.dcm").write_bytes(image)
        assert names(results_of(wish, task, archive)) == ["b.dcm"]
        assert self.signatures(archive) == [1, 1]
        (second,) = dcmseal.signatures(archive / "b.dcm")
        assert first.uid != second.uid
        assert results_of(wish, task, archive) == []

    @pytest.mark.parametrize("in_place", [True, False])
    def test_by_content_files_are_signed_once_too(
        self, wish: JournalSettings, tree: Tree, image: bytes, key: str, tmp_path: Path, *, in_place: bool
    ) -> None:
        archive = tree({"a.dcm": image, "b.dcm": image})
        wish = replace(wish, by_content=True)
        folder = None if in_place else str(tmp_path / "signed")
        task = sign_task(key, placement=Placement(folder=folder))
        results_of(wish, task, archive, first=1)
        assert names(results_of(wish, task, archive)) == ["b.dcm"]
        assert results_of(wish, task, archive) == []
        assert status_of(wish).open_intents == 0
        assert self.signatures(archive if in_place else tmp_path / "signed") == [1, 1]
        if in_place:
            # another signature beside ours is no reason to sign again; other data is
            dcmseal.sign(archive / "a.dcm", key=key, in_place=True)
            (archive / "b.dcm").write_bytes(image)
            assert names(results_of(wish, task, archive)) == ["b.dcm"]
            assert self.signatures(archive) == [2, 1]
            assert results_of(wish, task, archive) == []

    def test_uids_are_never_used_again(self, wish: JournalSettings, tree: Tree, image: bytes, key: str) -> None:
        archive = tree({"a.dcm": image})
        uids: list[str] = []
        for content in (image, image[:300], image, image):
            (archive / "a.dcm").write_bytes(content)
            (result,) = results_of(wish, sign_task(key), archive)
            if result.error is None:
                uids += [each.uid for each in dcmseal.signatures(archive / "a.dcm")]
        assert len(uids) == len(set(uids)) == 3

    def test_what_is_no_fault_of_the_file_is_not_recorded(
        self, wish: JournalSettings, tree: Tree, image: bytes, key: str
    ) -> None:
        archive = tree({"a.dcm": image, "b.dcm": image})
        task = sign_task(key)
        with Journal.open(wish, task) as journal:
            for item in journal.filter_inputs(iter_inputs([str(archive)])):
                journal.record(BatchResult.from_error(item, DeviceRemoved("the card is gone"), is_fatal=True))
        assert (status_of(wish).files, status_of(wish).open_intents) == (0, 0)
        assert names(results_of(wish, task, archive)) == ["a.dcm", "b.dcm"]
