"""The journal of a run: every result is recorded once, even if the run is interrupted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.inputs.input_file import InputFile, RecordedContent
from dcmseal.batch.journal.file_identity import make_identity
from dcmseal.batch.journal.journal_reader import JournalReader
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.pool.content_hash import run_on_change
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.task import VerifyTask
from dcmseal.errors import JournalError, UsageError
from dcmseal.verification.verification_options import VerifyOptions
from tests.core.batch.journal_runs import Tree, entries_of, names, results_of, sign_task, status_of

VERIFY = VerifyTask(options=VerifyOptions(integrity_only=True))


def test_a_second_run_has_nothing_to_do(settings: JournalSettings, tree: Tree, image: bytes, signed: bytes) -> None:
    archive = tree({"a.dcm": signed, "b/c.dcm": image, "b/notes.txt": b"no DICOM"})
    assert names(results_of(settings, VERIFY, archive)) == ["a.dcm", "c.dcm", "notes.txt"]
    with Journal.open(settings, VERIFY) as journal:
        assert list(journal.filter_inputs(iter_inputs([str(archive)]))) == []
        assert {gist.verdict: files for gist, files in journal.recorded_summaries.items()} == {
            "valid": 1,
            "no-signature": 1,
            "ignored": 1,
        }
    assert names(entries_of(settings)) == ["a.dcm", "c.dcm", "notes.txt"]
    assert status_of(settings).remaining == 0


def test_a_run_goes_on_where_it_stopped(settings: JournalSettings, tree: Tree, signed: bytes) -> None:
    archive = tree({f"{number}.dcm": signed for number in range(5)})
    assert names(results_of(settings, VERIFY, archive, first=2)) == ["0.dcm", "1.dcm"]
    assert status_of(settings).remaining is None
    assert names(results_of(settings, VERIFY, archive)) == ["2.dcm", "3.dcm", "4.dcm"]
    assert len(entries_of(settings)) == 5


@pytest.mark.parametrize("by_content", [False, True])
def test_a_changed_file_is_verified_again(
    settings: JournalSettings, tree: Tree, signed: bytes, *, by_content: bool
) -> None:
    settings = replace(settings, by_content=by_content)
    archive = tree({"a.dcm": signed, "b.dcm": signed, "c.dcm": signed})
    results_of(settings, VERIFY, archive)
    (archive / "b.dcm").write_bytes(signed.replace(b"4711", b"4712", 1))
    os.utime(archive / "c.dcm")
    results = results_of(settings, VERIFY, archive)
    assert [(name, each.verdict) for name, each in zip(names(results), results, strict=True)] == [
        ("b.dcm", "invalid"),
        *([] if by_content else [("c.dcm", "valid")]),
    ]
    assert [each.summary.verdict for each in entries_of(settings)] == ["valid", "invalid", "valid"]
    assert status_of(settings).files == 3
    assert results_of(settings, VERIFY, archive) == []


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
def test_a_modification_time_set_back_is_noticed(
    settings: JournalSettings,
    tree: Tree,
    signed: bytes,
    hide: Callable[[Path, bytes], None],
    jobs: int,
    *,
    by_content: bool,
) -> None:
    settings = replace(settings, by_content=by_content)
    archive = tree({"a.dcm": signed, "b.dcm": signed})
    results_of(settings, VERIFY, archive)
    hide(archive / "b.dcm", signed.replace(b"4711", b"4712", 1))
    with Journal.open(settings, VERIFY) as journal:
        results = list(run_task(iter_inputs([str(archive)]), VERIFY, journal=journal, jobs=jobs))
        assert journal.recorded_summaries.total() == 1
    assert [(Path(each.input.source).name, each.verdict) for each in results] == [("b.dcm", "invalid")]


def test_contents_are_hashed_by_workers(
    settings: JournalSettings, tree: Tree, signed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that hands the files out reads none of them."""
    archive = tree({f"{number}.dcm": signed for number in range(3)})
    settings = replace(settings, by_content=True)
    monkeypatch.setattr("dcmseal.batch.journal.file_identity.hash_file", None)
    assert len(results_of(settings, VERIFY, archive)) == 3
    assert results_of(settings, VERIFY, archive) == []
    with Journal.open(settings, VERIFY) as journal:
        items = list(journal.filter_inputs(iter_inputs([str(archive)])))
    digest = hashlib.sha256(signed).digest()
    assert [
        isinstance(each, InputFile) and each.recorded_content and each.recorded_content.digest for each in items
    ] == [digest] * 3


def test_a_file_written_during_its_verification_is_verified_again(tree: Tree, signed: bytes) -> None:
    """A file may change between hashing and verification."""
    path = tree({"a.dcm": signed}) / "a.dcm"

    def work(item: InputFile) -> BatchResult:
        forge(path, signed.replace(b"4711", b"4712", 1))
        return BatchResult.from_foreign_file(item)

    item = InputFile(source=str(path), relative="a.dcm", recorded_content=RecordedContent())
    assert run_on_change(item, work).digest is None
    assert run_on_change(item, BatchResult.from_foreign_file).digest == hashlib.sha256(path.read_bytes()).digest()


def test_size_alone_is_not_trusted() -> None:
    """Of an object whose storage knows neither versions nor times."""
    bare = make_identity(
        InputFile(source="https://archive.example/a.dcm", relative="a.dcm", size=4711), by_content=False
    )
    assert not bare.is_same(bare)
    assert bare._replace(inode=1).is_same(bare._replace(inode=1))


def test_documents_are_stored_for_files_that_need_attention(
    settings: JournalSettings, tree: Tree, signed: bytes
) -> None:
    archive = tree({"a.dcm": signed, "b.dcm": signed.replace(b"4711", b"4712", 1), "c.dcm": signed[:300]})
    results_of(settings, VERIFY, archive)
    kept = {Path(each.source).name: each.document and each.document["document"] for each in entries_of(settings)}
    assert kept == {"a.dcm": None, "b.dcm": "verdict", "c.dcm": "error"}
    with JournalReader.open(settings.path) as journal:
        assert names(list(journal.iter_entries(attention_only=True))) == ["b.dcm", "c.dcm"]
    full = replace(settings, path=f"{settings.path}.full", keep_documents=True)
    results_of(full, replace(VERIFY, detail=ResultDetail.DOCUMENT), archive)
    assert all(each.document for each in entries_of(full))


@pytest.mark.parametrize("form", [ResultDetail.DOCUMENT, ResultDetail.VERDICT])
def test_the_form_in_which_answers_come_back_changes_nothing(
    settings: JournalSettings, tree: Tree, signed: bytes, form: ResultDetail
) -> None:
    archive = tree({"a.dcm": signed, "b.dcm": signed.replace(b"4711", b"4712", 1), "c.dcm": signed[:300]})
    results_of(settings, VERIFY, archive)
    other = replace(settings, path=f"{settings.path}.other")
    results_of(other, replace(VERIFY, detail=form), archive)
    assert [(each.summary, each.document) for each in entries_of(other)] == [
        (each.summary, each.document) for each in entries_of(settings)
    ]


def test_failed_files_are_retried_on_request(settings: JournalSettings, tree: Tree, signed: bytes) -> None:
    archive = tree({"a.dcm": signed, "b.dcm": signed[:300]})
    results_of(settings, VERIFY, archive)
    assert names(results_of(replace(settings, retry_failed=True), VERIFY, archive)) == ["b.dcm"]
    assert status_of(settings).files == 2


def test_names_that_are_not_unicode(settings: JournalSettings, tree: Tree, signed: bytes) -> None:
    archive = tree({os.fsdecode(b"f\xff/a\xfe.dcm"): signed, "ü.dcm": signed})
    assert len(results_of(settings, VERIFY, archive)) == 2
    assert results_of(settings, VERIFY, archive) == []
    assert {Path(each.source) for each in entries_of(settings)} == {*archive.rglob("*.dcm")}


def test_another_task_is_refused(settings: JournalSettings, tree: Tree, signed: bytes, key: str) -> None:
    archive = tree({"a.dcm": signed})
    results_of(settings, VERIFY, archive)
    with pytest.raises(UsageError, match="other options: accept old format"):
        results_of(settings, VerifyTask(options=VerifyOptions(integrity_only=True, accept_old_format=True)), archive)
    with pytest.raises(UsageError, match="task"):
        results_of(settings, sign_task(key), archive)
    with pytest.raises(UsageError, match="identifies files by"):
        results_of(replace(settings, by_content=True), VERIFY, archive)
    assert results_of(settings, replace(VERIFY, detail=ResultDetail.VERDICT), archive) == []


def test_one_writer_at_a_time_and_readers_meanwhile(settings: JournalSettings, tree: Tree, signed: bytes) -> None:
    settings = replace(settings, lock_timeout=0.0)
    archive = tree({"a.dcm": signed, "b.dcm": signed})
    with Journal.open(settings, VERIFY) as journal:
        results = run_task(iter_inputs([str(archive)]), VERIFY, journal=journal, jobs=1)
        next(results)
        journal.commit()
        with pytest.raises(JournalError, match="in use by another process") as caught, Journal.open(settings, VERIFY):
            pass
        assert caught.value.hint
        assert status_of(settings).files == 1
        next(results)
    assert status_of(settings).files == 2
