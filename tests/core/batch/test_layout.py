"""Where results go: no two to the same place, and on disk before anybody is told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import dcmseal
from dcmseal.batch.finding import instances, root_of
from dcmseal.batch.items import Item, Unfound
from dcmseal.batch.layout import apart
from dcmseal.batch.results import Kind, Result
from dcmseal.batch.settling import settle, settled
from dcmseal.errors import NotDicom, OutputError, UsageError
from dcmseal.exit_codes import ExitCode

Tree = Callable[..., Path]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_what_paths_for_output_begin_with(tree: Tree) -> None:
    tree({"1/a": b"", "1/DICOMDIR": b"", "b": b"", "c[1]": b""})
    for word in ("archive", "archive/1", "archive/b", "archive/1/a", "archive/*/a", "archive/c[1]"):
        found = [each.relative for each in instances([word, "nowhere"]) if isinstance(each, Item)]
        assert found
        assert all(each.startswith(root_of(word)) for each in found)
    assert root_of("archive/1/DICOMDIR") == "1/"
    assert [root_of(f"s3://bucket/{each}") for each in ("a/b/", "a/b/*.dcm", "a/b")] == ["b/", "b/", "b"]


@pytest.mark.usefixtures("here")
def test_words_are_told_apart(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree({"1/a": b"", "2/a": b"", "3/A": b""})
    words = ["archive/1/a", "archive/2", "archive/3/A"]
    assert list(apart(words, "out")) == words
    for other in ("archive/2/a", "./archive/1/a", "file:///nowhere/a", "s3://bucket/a"):
        with pytest.raises(UsageError, match="would go to"):
            list(apart([*words, other], "out"))
    monkeypatch.setattr("dcmseal.batch.layout.folds_case", lambda _: True)
    with pytest.raises(UsageError, match="would go to"):
        list(apart(words, "out"))
    with pytest.raises(UsageError, match="lies in archive"):
        list(apart(words, "archive"))


def test_sources_that_come_one_by_one_are_told_apart_as_they_come(
    here: Path, tree: Tree, image: bytes, key: str
) -> None:
    tree({"1/a": image, "2/a": image})
    results = dcmseal.sign_many(iter(["archive/1/a", "archive/2/a"]), output_dir="out", key=key, overwrite=True)
    with pytest.raises(UsageError, match="would go to"):
        list(results)
    assert len(list(here.glob("out/*"))) <= 1


def test_a_link_out_of_a_folder_is_found_and_not_followed(here: Path, tree: Tree) -> None:
    folder = tree({"a": b"1", "deep/b": b"2"})
    (here / "outside").write_bytes(b"3")
    (folder / "deep" / "inside").symlink_to(folder / "a")
    (folder / "out").symlink_to(here / "outside")
    (here / "by").symlink_to(folder)
    for word in ("archive", "by", "archive/", "."):
        found = list(instances([word]))
        unfound = [each for each in found if isinstance(each, Unfound) and not isinstance(each.error, NotDicom)]
        assert [os.path.basename(each.source) for each in unfound] == ([] if word == "." else ["out"])
    assert "outside of archive" in str(next(each.error for each in instances(["archive"]) if isinstance(each, Unfound)))
    assert len(list(instances(["archive"], follow_links=True))) == 4
    assert [each.source for each in instances(["archive"], follow_links=True, skip_duplicate_links=True)] == [
        *("archive/a", "archive/deep/b", "archive/out")
    ]
    assert [type(each) for each in instances(["archive/o*"])] == [Unfound]
    assert [type(each) for each in instances(["archive/out"])] == [Item]


def written(path: str) -> Result:
    item = Item(source=path, relative=path)
    return Result(input=item, kind=Kind.SIGNED, exit_code=ExitCode.OK, verdict="signed", output=path, is_written=True)


class TestSettling:
    @pytest.fixture
    def synced(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        synced: list[str] = []
        monkeypatch.setattr("dcmseal.batch.settling.sync_folder", synced.append)
        return synced

    def test_each_folder_once(self, synced: list[str]) -> None:
        results = [written("a/1"), written("a/2"), written("b/1"), written("s3://b/1"), written("3")]
        assert settle(results, None) == results
        assert sorted(synced) == [".", "a", "b"]

    def test_folders_that_may_be_new(self, synced: list[str]) -> None:
        settle([written("out/a/b/1"), written("out/2")], "out")
        # those below before those above
        assert synced == ["out/a/b", "out/a", "out", "."]

    def test_what_is_not_on_disk_has_failed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: str) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("dcmseal.batch.settling.sync_folder", fail)
        (result,) = settle([written("a/1")], None)
        assert (result.kind, result.exit_code) == (Kind.FAILED, ExitCode.UNREADABLE)
        assert "may be lost" in result.reason
        with pytest.raises(OutputError, match="may be lost"):
            list(settled(iter([written("a/1")]), None))

    def test_what_was_done_is_on_disk_however_the_run_ends(self, synced: list[str]) -> None:
        results = settled(iter([written("a/1"), written("b/1")]), None)
        next(results)
        results.close()
        assert synced == ["a"]

    def test_a_journal_says_nothing_before(
        self, here: Path, tree: Tree, image: bytes, key: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tree({"1/a": image, "2/b": image})

        def fail(_: str) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr("dcmseal.batch.settling.sync_folder", fail)
            with pytest.raises(OutputError, match="may be lost"):
                list(dcmseal.sign_many(["archive"], key=key, in_place=True, journal="run.journal"))
        results = list(dcmseal.sign_many(["archive"], key=key, in_place=True, journal="run.journal"))
        assert all(each.kind is Kind.SIGNED for each in results)
        assert [len(dcmseal.signatures(each)) for each in ("archive/1/a", "archive/2/b")] == [1, 1]
