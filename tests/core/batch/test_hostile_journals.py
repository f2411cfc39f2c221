"""Journals that others can write, and files that are not journals."""

from __future__ import annotations

import os
import random
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.journal.journal_merge import merge_journals
from dcmseal.batch.journal.journal_schema import TABLES
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.errors import JournalError, UsageError
from tests.core.batch.journal_files import VERIFY, journal_of, status_of, verdicts_in

pytestmark = pytest.mark.usefixtures("no_lock_timeout")


class TestJournalsOfOthers:
    """An edited journal would make a tampered file valid."""

    @pytest.fixture
    def tampered(self, archive: Path, signed: bytes) -> Path:
        (archive / "0" / "3.dcm").write_bytes(signed.replace(b"4711", b"4712", 1))
        return archive

    @pytest.fixture
    def forged(self, tampered: Path, tmp_path: Path) -> Path:
        """A journal that says that all is valid, and that it was found in the year 9999."""
        path = tmp_path / "folder" / "forged"
        path.parent.mkdir()
        journal_of(path, tampered)
        with sqlite3.connect(path) as connection:
            valid = "SELECT id FROM summaries WHERE summary LIKE '%valid%' AND summary NOT LIKE '%invalid%'"
            connection.execute(f"UPDATE results SET summary = ({valid})")
            connection.execute("UPDATE results SET recorded_at = ?", (253402300799,))
        connection.close()
        assert set(verdicts_in(str(path)).values()) == {"valid"}
        return path

    @pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
    def test_one_that_others_can_write_is_refused(self, tampered: Path, forged: Path, mode: int) -> None:
        forged.chmod(mode)
        with pytest.raises(JournalError, match="others can write") as caught:
            journal_of(forged, tampered)
        assert "chmod go-w" in caught.value.hint
        with pytest.raises(JournalError, match="others can write"):
            merge_journals([str(forged)], str(forged.with_name("merged")))

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_one_of_another_user_is_refused(self, tampered: Path, forged: Path) -> None:
        os.chown(forged, 12_345, -1)
        with pytest.raises(JournalError, match="belongs to another user"):
            journal_of(forged, tampered)

    @pytest.mark.parametrize("name", ["forged", "new"])
    def test_one_in_a_folder_that_others_can_write_is_refused(self, tampered: Path, forged: Path, name: str) -> None:
        forged.parent.chmod(0o777)
        with pytest.raises(JournalError, match="others can write the folder"):
            journal_of(forged.with_name(name), tampered)
        assert not forged.with_name("new").exists()

    @pytest.mark.parametrize("suffix", ["-journal", "-wal", "-shm"])
    def test_files_of_sqlite_beside_the_journal_are_checked_too(
        self, tampered: Path, forged: Path, suffix: str
    ) -> None:
        beside = forged.with_name(f"forged{suffix}")
        beside.write_bytes(b"")
        beside.chmod(0o666)
        with pytest.raises(JournalError, match=f"others can write .*forged{suffix}"):
            journal_of(forged, tampered)

    def test_results_with_a_future_date_are_computed_again(self, tampered: Path, forged: Path) -> None:
        journal_of(forged, tampered)
        assert verdicts_in(str(forged))["3.dcm"] == "invalid"

    @pytest.mark.parametrize("forged_first", [True, False])
    def test_results_with_a_future_date_lose_a_merge(
        self, tampered: Path, forged: Path, tmp_path: Path, *, forged_first: bool
    ) -> None:
        honest = journal_of(tmp_path / "honest", tampered)
        paths = [str(forged), honest] if forged_first else [honest, str(forged)]
        merge_journals(paths, str(tmp_path / "merged"))
        assert verdicts_in(str(tmp_path / "merged")) == verdicts_in(honest)

    def test_results_with_a_future_date_are_merged_and_computed_again(
        self, tampered: Path, forged: Path, tmp_path: Path
    ) -> None:
        merge_journals([str(forged)], str(tmp_path / "merged"))
        journal_of(tmp_path / "merged", tampered)
        assert verdicts_in(str(tmp_path / "merged"))["3.dcm"] == "invalid"

    def test_clocks_of_machines_may_differ(self, archive: Path, tmp_path: Path) -> None:
        path = journal_of(tmp_path / "journal", archive)
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE results SET recorded_at = recorded_at + 60")
        connection.close()
        with Journal.open(JournalSettings(path=path), VERIFY) as journal:
            assert list(journal.filter_inputs(iter_inputs([str(archive)]))) == []


def everything(path: Path) -> None:
    """Use a journal in every way; only errors with a hint may be raised."""
    actions: tuple[Callable[[], object], ...] = (
        lambda: status_of(str(path)),
        lambda: verdicts_in(str(path)),
        lambda: merge_journals([str(path)], f"{path}.merged"),
        lambda: journal_of(path, path.parent / "archive"),
    )
    for action in actions:
        with suppress(JournalError, UsageError):
            action()
        Path(f"{path}.merged").unlink(missing_ok=True)


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


class TestHostile:
    @pytest.mark.parametrize("data", [b"no database", b"SQLite format 3\0" + bytes(4096), bytes(10_000)])
    def test_a_file_that_is_not_a_journal_is_refused_and_unchanged(self, tmp_path: Path, data: bytes) -> None:
        path = tmp_path / "file"
        path.write_bytes(data)
        for action in (lambda: status_of(str(path)), lambda: journal_of(path, tmp_path)):
            with pytest.raises(JournalError) as caught:
                action()
            assert caught.value.hint
        assert path.read_bytes() == data

    def test_the_database_of_something_else(self, tmp_path: Path) -> None:
        path = tmp_path / "other.sqlite"
        change(path, "PRAGMA journal_mode = WAL", "CREATE TABLE results (id INTEGER PRIMARY KEY)")
        data = path.read_bytes()
        with pytest.raises(JournalError, match="is not a journal"):
            journal_of(path, tmp_path)
        assert path.read_bytes() == data

    def test_missing_paths_and_paths_that_are_not_files(self, tmp_path: Path) -> None:
        with pytest.raises(JournalError, match="does not exist"):
            status_of(str(tmp_path / "none"))
        with pytest.raises(JournalError, match="not a regular file"):
            journal_of(tmp_path, tmp_path)
        with pytest.raises(JournalError, match="cannot be made"):
            journal_of(tmp_path / "no" / "folder", tmp_path)

    def test_an_empty_file_is_a_journal_that_was_not_begun(self, archive: Path, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        path.touch()
        assert status_of(journal_of(path, archive)).files == 12

    @pytest.mark.parametrize("version", [1, 2, 3, 5])
    def test_another_version(self, journal: Path, archive: Path, version: int) -> None:
        """Journals of another version are refused with any contents."""
        change(journal, f"PRAGMA user_version = {version}")
        for action in (lambda: status_of(str(journal)), lambda: journal_of(journal, archive)):
            with pytest.raises(JournalError, match=f"tables of version {version}") as caught:
                action()
            assert "name another file" in caught.value.hint

    def test_triggers_and_other_tables_are_refused(self, journal: Path, archive: Path) -> None:
        change(journal, "CREATE TRIGGER t AFTER INSERT ON results BEGIN DELETE FROM results; END")
        for action in (lambda: status_of(str(journal)), lambda: journal_of(journal, archive)):
            with pytest.raises(JournalError, match="damaged"):
                action()

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE summaries SET summary = '[' || id",
            f"UPDATE summaries SET summary = id || '{'[' * 100_000}'",
            "UPDATE summaries SET summary = '[1,2,3,4,5,6,7]' WHERE id = 1",
            "UPDATE summaries SET summary = CAST(x'ff' || id AS BLOB)",
            "UPDATE summaries SET summary = replace(summary, '\"valid\"', '\"splendid\"')",
            "UPDATE summaries SET files = 'many'",
            "DELETE FROM summaries",
            "DELETE FROM folders",
            "UPDATE folders SET path = id + 0.5",
            "UPDATE results SET size = 'x', mtime_ns = x'00', inode = 1.5",
            "UPDATE results SET ctime_ns = 'then'",
            "UPDATE results SET recorded_at = 9223372036854775807",
            "UPDATE results SET uid = 7, digest = 7",
            "UPDATE results SET uid = x'00'",
            "UPDATE results SET summary = 'none'",
            "UPDATE results SET document = 4711",
            "UPDATE documents SET content = x'00'",
            "UPDATE documents SET content = 'text'",
            f"UPDATE documents SET content = x'{zlib.compress(b'[]').hex()}'",
            "UPDATE header SET value = '[]' WHERE name = 'task'",
            f"UPDATE header SET value = '{'[' * 100_000}' WHERE name = 'task'",
            "UPDATE header SET value = 'none' WHERE name = 'run'",
            "UPDATE header SET value = 'none' WHERE name = 'identity'",
            "UPDATE header SET value = 'x/y' WHERE name = 'shard'",
            "DELETE FROM header",
            "UPDATE runs SET began = 1e300",
            "UPDATE runs SET began = 'then', result_count = 'x'",
            "INSERT INTO intents VALUES (1, 2.5, 3, '2.25.1')",
            "INSERT INTO intents VALUES (1, '../../none', '/dev/null', '2.25.1')",
            "INSERT INTO intents VALUES (1, 'x', x'00ff', '2.25.1')",
        ],
        ids=lambda statement: statement[:60],
    )
    def test_rows_are_not_believed(self, journal: Path, statement: str) -> None:
        change(journal, statement)
        everything(journal)

    def test_a_document_that_inflates_without_end(self, journal: Path) -> None:
        change(journal, f"UPDATE documents SET content = x'{zlib.compress(bytes(17 << 20)).hex()}'")
        with pytest.raises(JournalError, match="damaged"):
            verdicts_in(str(journal))

    def test_damaged_bytes(self, journal: Path) -> None:
        whole = journal.read_bytes()
        chance = random.Random(4711)
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(chance.choice((1, 10, 100))):
                data[chance.randrange(len(data))] = chance.randrange(256)
            journal.write_bytes(data)
            everything(journal)
        for length in (1, 100, 4096, 5000, len(whole) - 4096, len(whole) - 1):
            journal.write_bytes(whole[:length])
            everything(journal)


def test_the_tables_are_those_of_the_schema(journal: Path) -> None:
    connection = sqlite3.connect(journal)
    assert dict(connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")) == TABLES
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert journal.stat().st_mode & 0o077 == 0
