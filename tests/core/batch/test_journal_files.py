"""Journals as files: shards and their merging, and files that are damaged, hostile, or no journals at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.inputs.shard import Shard
from dcmseal.batch.journal.journal_merge import merge_journals
from dcmseal.batch.journal.journal_reader import JournalReader
from dcmseal.batch.journal.journal_schema import decode_text, encode_text, pack_uid, split_path, unpack_uid
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.result_summary import ResultSummary
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.tasks.task import VerifyTask
from dcmseal.errors import JournalError, UsageError
from dcmseal.exit_codes import ExitCode
from dcmseal.model.verdict import Verdict
from dcmseal.verification.verification_options import VerifyOptions
from tests.core.batch.journal_files import VERIFY, journal_of, status_of, verdicts_in

pytestmark = pytest.mark.usefixtures("no_lock_timeout")

Text = st.text(st.characters(codec=None), max_size=40).filter(lambda text: "\0" not in text)


@given(st.text(min_size=1), st.integers(1, 1000))
def test_a_file_belongs_to_one_shard_on_every_machine(path: str, of: int) -> None:
    assert sum(Shard(number=number, count=of).contains(path) for number in range(1, of + 1)) == 1


def test_shards_are_of_a_size() -> None:
    names = [f"{study}/{image}.dcm" for study in range(20) for image in range(100)]
    sizes = [sum(map(Shard(number=number, count=8).contains, names)) for number in range(1, 9)]
    assert sum(sizes) == len(names)
    assert all(200 < size < 300 for size in sizes)


@pytest.mark.parametrize("text", ["", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/9999999"])
def test_invalid_shards(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Shard.parse(text)
    assert caught.value.hint


@given(Text, Text)
def test_values_are_stored_as_they_are(path: str, uid: str) -> None:
    folder, name = split_path(path)
    assert folder + name == path
    assert "/" not in name
    assert unpack_uid(pack_uid(uid)) == uid


@pytest.mark.parametrize("uid", ["2.25.0", "2.25.007", f"2.25.{1 << 128}", f"2.25.{(1 << 128) - 1}", "2.25.", "1.2.3"])
def test_uids_are_stored_as_they_are(uid: str) -> None:
    assert unpack_uid(pack_uid(uid)) == uid


@given(st.binary(min_size=1).filter(lambda name: 0 not in name))
def test_names_are_stored_as_they_are(name: bytes) -> None:
    text = name.decode("utf-8", "surrogateescape")
    assert decode_text(encode_text(text)) == text


class TestMerging:
    def test_shards_become_one_journal_of_all(self, archive: Path, tmp_path: Path) -> None:
        shards = [Shard(number=number, count=3) for number in (1, 2, 3)]
        paths = [journal_of(tmp_path / f"{each.number}.journal", archive, each) for each in shards]
        assert sum(status_of(path).files for path in paths) == 12
        whole = tmp_path / "whole.journal"
        assert merge_journals(paths, str(whole)) == ()
        status = status_of(str(whole))
        assert (status.files, status.remaining, status.verdicts) == (12, 0, {"valid": 12})
        assert set(verdicts_in(str(whole))) == {f"{number}.dcm" for number in range(12)}
        # a run of the whole archive has nothing left to do
        with Journal.open(JournalSettings(path=str(whole)), VERIFY) as journal:
            assert list(journal.filter_inputs(iter_inputs([str(archive)]))) == []

    def test_missing_shards_are_reported(self, archive: Path, tmp_path: Path) -> None:
        paths = [journal_of(tmp_path / f"{number}", archive, Shard(number=number, count=4)) for number in (1, 3)]
        assert merge_journals(paths, str(tmp_path / "merged")) == ("2/4", "4/4")

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_of_several_results_the_latest_counts(
        self, archive: Path, tmp_path: Path, signed: bytes, *, newest_first: bool
    ) -> None:
        first = journal_of(tmp_path / "first", archive)
        (archive / "0" / "3.dcm").write_bytes(signed.replace(b"4711", b"4712", 1))
        second = journal_of(tmp_path / "second", archive)
        with sqlite3.connect(second) as connection:
            connection.execute("UPDATE results SET recorded_at = recorded_at + 60")
        connection.close()
        merge_journals([second, first] if newest_first else [first, second], str(tmp_path / "merged"))
        assert verdicts_in(str(tmp_path / "merged")) == verdicts_in(second)
        assert status_of(str(tmp_path / "merged")).verdicts == {"valid": 11, "invalid": 1}
        with JournalReader.open(str(tmp_path / "merged")) as journal:
            assert [each.document is not None for each in journal.iter_entries(attention_only=True)] == [True]

    def test_only_matching_journals_are_merged(self, archive: Path, tmp_path: Path) -> None:
        one = journal_of(tmp_path / "one", archive)
        other = journal_of(
            tmp_path / "other",
            archive,
            task=VerifyTask(options=VerifyOptions(integrity_only=True, accept_old_format=True)),
        )
        with pytest.raises(UsageError, match="accept old format"):
            merge_journals([one, other], str(tmp_path / "merged"))
        with pytest.raises(UsageError, match="exists"):
            merge_journals([one], other)
        with Journal.open(JournalSettings(path=one), VERIFY), pytest.raises(JournalError, match="in use"):
            merge_journals([one], str(tmp_path / "merged"), lock_timeout=0.0)
        assert not (tmp_path / "merged").exists()

    def test_a_shard_is_not_taken_for_another(self, archive: Path, tmp_path: Path) -> None:
        path = tmp_path / "journal"
        journal_of(path, archive, Shard(number=1, count=2))
        with pytest.raises(UsageError, match="shard 1/2"):
            journal_of(path, archive, Shard(number=2, count=2))
        with pytest.raises(UsageError, match="shard 1/2"):
            journal_of(path, archive)


@given(
    st.builds(
        ResultSummary,
        kind=st.just(ResultKind.VERIFIED),
        verdict=st.sampled_from(Verdict),
        exit_code=st.sampled_from([each for each in ExitCode if each is not ExitCode.INTERRUPTED]),
        codes=st.tuples(st.text()),
    )
)
@example(ResultSummary(kind=ResultKind.LISTED, verdict=Verdict.NO_SIGNATURE, exit_code=3))
@example(ResultSummary(kind=ResultKind.FAILED, verdict=ResultKind.FAILED, exit_code=5))
def test_a_gist_is_read_as_it_was_written(gist: ResultSummary) -> None:
    assert ResultSummary.parse(str(gist)) == gist
