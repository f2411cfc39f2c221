"""Runs that sign with a journal sign each file once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

import dcmseal
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.sign_task import Placement
from dcmseal.errors import DeviceRemoved
from dcmseal.output.folder import Folder
from dcmseal.output.temporary_files import make_temporary
from tests.core.batch.journal_runs import Tree, entries_of, names, results_of, sign_task, status_of


class TestSigning:
    def signatures(self, archive: Path) -> list[int]:
        return [len(dcmseal.signatures(path)) for path in sorted(archive.rglob("*.dcm"))]

    def test_signed_files_are_signed_once(self, settings: JournalSettings, tree: Tree, image: bytes, key: str) -> None:
        archive = tree({f"{number}.dcm": image for number in range(4)})
        task = sign_task(key)
        results_of(settings, task, archive, first=2)
        assert self.signatures(archive) == [1, 1, 0, 0]
        assert status_of(settings).open_intents == 2
        for each in entries_of(settings):
            assert each.identity.inode == Path(each.source).stat().st_ino
        assert names(results_of(settings, task, archive)) == ["2.dcm", "3.dcm"]
        assert results_of(settings, task, archive) == []
        assert self.signatures(archive) == [1, 1, 1, 1]
        entries = entries_of(settings)
        assert [each.uid for each in entries] == [dcmseal.signatures(each.source)[0].uid for each in entries]
        assert status_of(settings).open_intents == 0

    @pytest.mark.parametrize("in_place", [True, False])
    def test_a_result_that_was_lost_is_found_again(
        self, settings: JournalSettings, tree: Tree, image: bytes, key: str, tmp_path: Path, *, in_place: bool
    ) -> None:
        """Killed after the file was in its place, and before anybody knew."""
        archive = tree({"a.dcm": image, "b.dcm": image})
        task = sign_task(key, placement=Placement(folder=None if in_place else str(tmp_path / "signed")))
        with Journal.open(settings, task) as journal:
            next(run_task(journal.filter_inputs(iter_inputs([str(archive)])), journal.task, jobs=1))
        target = archive if in_place else tmp_path / "signed"
        assert status_of(settings).open_intents == 2
        assert self.signatures(target) == ([1, 0] if in_place else [1])
        assert names(results_of(settings, task, archive)) == ["b.dcm"]
        assert self.signatures(target) == [1, 1]
        assert [each.summary.kind for each in entries_of(settings)] == [ResultKind.SIGNED, ResultKind.SIGNED]

    def test_abandoned_temporary_files_are_removed(
        self, settings: JournalSettings, tree: Tree, image: bytes, key: str
    ) -> None:
        archive = tree({"a.dcm": image})
        with Folder.open(str(archive)) as folder:
            dead, living = (make_temporary(folder, "a.dcm", 0o600) for _ in range(2))
        os.close(dead.descriptor)
        results_of(settings, sign_task(key), archive / "a.dcm")
        assert sorted(each.name for each in archive.iterdir()) == [living.name, "a.dcm"]
        os.close(living.descriptor)

    def test_a_process_that_outlived_its_run_and_the_next_run_sign_once(
        self, settings: JournalSettings, tree: Tree, image: bytes, key: str
    ) -> None:
        archive = tree({"a.dcm": image})
        task = sign_task(key)
        with Journal.open(settings, task) as died:
            orphans = list(died.filter_inputs(iter_inputs([str(archive)])))
        with Journal.open(settings, task) as journal:
            items = list(journal.filter_inputs(iter_inputs([str(archive)])))
            assert [each.kind for each in run_task(orphans, died.task, jobs=1)] == [ResultKind.SIGNED]
            assert [journal.record(each).kind for each in run_task(items, journal.task, jobs=1)] == [ResultKind.SIGNED]
        assert self.signatures(archive) == [1]
        assert results_of(settings, task, archive) == []

    def test_touched_is_not_changed_and_replaced_is(
        self, settings: JournalSettings, tree: Tree, image: bytes, key: str
    ) -> None:
        archive = tree({"a.dcm": image, "b.dcm": image})
        task = sign_task(key)
        results_of(settings, task, archive)
        (first,) = dcmseal.signatures(archive / "b.dcm")
        os.utime(archive / "a.dcm")
        (archive / "b.dcm").write_bytes(image)
        assert names(results_of(settings, task, archive)) == ["b.dcm"]
        assert self.signatures(archive) == [1, 1]
        (second,) = dcmseal.signatures(archive / "b.dcm")
        assert first.uid != second.uid
        assert results_of(settings, task, archive) == []

    @pytest.mark.parametrize("in_place", [True, False])
    def test_by_content_files_are_signed_once_too(
        self, settings: JournalSettings, tree: Tree, image: bytes, key: str, tmp_path: Path, *, in_place: bool
    ) -> None:
        archive = tree({"a.dcm": image, "b.dcm": image})
        settings = replace(settings, by_content=True)
        folder = None if in_place else str(tmp_path / "signed")
        task = sign_task(key, placement=Placement(folder=folder))
        results_of(settings, task, archive, first=1)
        assert names(results_of(settings, task, archive)) == ["b.dcm"]
        assert results_of(settings, task, archive) == []
        assert status_of(settings).open_intents == 0
        assert self.signatures(archive if in_place else tmp_path / "signed") == [1, 1]
        if in_place:
            # another signature is not a reason to sign again; changed data is
            dcmseal.sign(archive / "a.dcm", key=key, in_place=True)
            (archive / "b.dcm").write_bytes(image)
            assert names(results_of(settings, task, archive)) == ["b.dcm"]
            assert self.signatures(archive) == [2, 1]
            assert results_of(settings, task, archive) == []

    def test_uids_are_never_used_again(self, settings: JournalSettings, tree: Tree, image: bytes, key: str) -> None:
        archive = tree({"a.dcm": image})
        uids: list[str] = []
        for content in (image, image[:300], image, image):
            (archive / "a.dcm").write_bytes(content)
            (result,) = results_of(settings, sign_task(key), archive)
            if result.error is None:
                uids += [each.uid for each in dcmseal.signatures(archive / "a.dcm")]
        assert len(uids) == len(set(uids)) == 3

    def test_errors_outside_the_file_are_not_recorded(
        self, settings: JournalSettings, tree: Tree, image: bytes, key: str
    ) -> None:
        archive = tree({"a.dcm": image, "b.dcm": image})
        task = sign_task(key)
        with Journal.open(settings, task) as journal:
            for item in journal.filter_inputs(iter_inputs([str(archive)])):
                journal.record(BatchResult.from_error(item, DeviceRemoved("the card is gone"), is_fatal=True))
        assert (status_of(settings).files, status_of(settings).open_intents) == (0, 0)
        assert names(results_of(settings, task, archive)) == ["a.dcm", "b.dcm"]
