"""Outputs: no two have the same path, and files are on disk before their results are reported."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import dcmseal
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.inputs.input_file import InputFile, UnreadableInput
from dcmseal.batch.inputs.output_layout import OutputLayout
from dcmseal.batch.pool.result_sync import iter_with_sync, sync_results
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.output_collisions import iter_without_collisions
from dcmseal.errors import NotDicom, OutputError, UsageError
from dcmseal.exit_codes import ExitCode

Tree = Callable[..., Path]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("here")
def test_prefixes_of_output_paths(tree: Tree) -> None:
    tree({"1/a": b"", "1/DICOMDIR": b"", "b": b"", "c[1]": b""})
    for word in ("archive", "archive/1", "archive/b", "archive/1/a", "archive/*/a", "archive/c[1]"):
        found = [each.relative for each in iter_inputs([word, "nowhere"]) if isinstance(each, InputFile)]
        layout = OutputLayout.from_sources([word, "nowhere"])
        assert found
        assert all(each.startswith(layout.source_prefix(word)) for each in found)
        assert all(Path(each).exists() for each in found), "the common root is this folder"
    streamed = OutputLayout(None)
    assert streamed.source_prefix("archive/1/DICOMDIR") == "1/"
    urls = [f"s3://bucket/{each}" for each in ("a/b/", "a/b/*.dcm", "a/b")]
    assert [streamed.source_prefix(url) for url in urls] == ["b/", "b/", "b"]


@pytest.mark.parametrize(
    ("words", "outputs"),
    [
        (["archive"], ["1/a", "2/a", "2/deep/b"]),
        (["archive/2"], ["a", "deep/b"]),
        (["archive/2/a"], ["a"]),
        (["archive/1/a", "archive/2/a"], ["1/a", "2/a"]),
        (["archive/2/a", "archive/2/deep/b"], ["a", "deep/b"]),
        (["archive/1", "archive/2/a"], ["1/a", "2/a"]),
        (["archive/*/a"], ["1/a", "2/a"]),
        (["archive/1/*", "archive/2/deep"], ["1/a", "2/deep/b"]),
    ],
)
@pytest.mark.usefixtures("here")
def test_results_mirror_the_inputs_below_their_common_root(tree: Tree, words: list[str], outputs: list[str]) -> None:
    tree({"1/a": b"", "2/a": b"", "2/deep/b": b""})
    assert [each.relative for each in iter_inputs(words) if isinstance(each, InputFile)] == outputs


@pytest.mark.usefixtures("here")
def test_words_are_distinguished(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree({"1/a": b"", "2/a": b"", "3/A": b""})
    words = ["archive/1/a", "archive/2", "archive/3/A"]
    assert list(iter_without_collisions(words, "out")) == words
    for other in ("archive/2", "./archive/1/a", f"file://{Path('archive/1/a').absolute()}"):
        with pytest.raises(UsageError, match="would go to"):
            list(iter_without_collisions([*words, other], "out"))
    monkeypatch.setattr("dcmseal.batch.tasks.output_collisions.folds_case", lambda _: True)
    with pytest.raises(UsageError, match="would go to"):
        list(iter_without_collisions(["archive/1/a", "archive/1/A"], "out"))
    with pytest.raises(UsageError, match="lies in archive"):
        list(iter_without_collisions(words, "archive"))


def test_sources_of_an_iterator_are_distinguished_one_by_one(here: Path, tree: Tree, image: bytes, key: str) -> None:
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
        found = list(iter_inputs([word]))
        unfound = [each for each in found if isinstance(each, UnreadableInput) and not isinstance(each.error, NotDicom)]
        assert [os.path.basename(each.source) for each in unfound] == ([] if word == "." else ["out"])
    assert "outside of archive" in str(
        next(each.error for each in iter_inputs(["archive"]) if isinstance(each, UnreadableInput))
    )
    assert len(list(iter_inputs(["archive"], follow_links=True))) == 4
    assert [each.source for each in iter_inputs(["archive"], follow_links=True, skip_duplicate_links=True)] == [
        *("archive/a", "archive/deep/b", "archive/out")
    ]
    assert [type(each) for each in iter_inputs(["archive/o*"])] == [UnreadableInput]
    assert [type(each) for each in iter_inputs(["archive/out"])] == [InputFile]


def written(path: str) -> BatchResult:
    item = InputFile(source=path, relative=path)
    return BatchResult(
        input=item, kind=ResultKind.SIGNED, exit_code=ExitCode.OK, verdict="signed", output=path, is_written=True
    )


class TestSettling:
    @pytest.fixture
    def synced(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        synced: list[str] = []
        monkeypatch.setattr("dcmseal.batch.pool.result_sync.sync_folder", synced.append)
        return synced

    def test_each_folder_once(self, synced: list[str]) -> None:
        results = [written("a/1"), written("a/2"), written("b/1"), written("s3://b/1"), written("3")]
        assert sync_results(results, None) == results
        assert sorted(synced) == [".", "a", "b"]

    def test_folders_that_may_be_new(self, synced: list[str]) -> None:
        sync_results([written("out/a/b/1"), written("out/2")], "out")
        # those below before those above
        assert synced == ["out/a/b", "out/a", "out", "."]

    def test_a_result_that_is_not_on_disk_has_failed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: str) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr("dcmseal.batch.pool.result_sync.sync_folder", fail)
        (result,) = sync_results([written("a/1")], None)
        assert (result.kind, result.exit_code) == (ResultKind.FAILED, ExitCode.UNREADABLE)
        assert "may be lost" in result.reason
        with pytest.raises(OutputError, match="may be lost"):
            list(iter_with_sync(iter([written("a/1")]), None))

    def test_finished_files_are_on_disk_however_the_run_ends(self, synced: list[str]) -> None:
        results = iter_with_sync(iter([written("a/1"), written("b/1")]), None)
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
            patch.setattr("dcmseal.batch.pool.result_sync.sync_folder", fail)
            with pytest.raises(OutputError, match="may be lost"):
                list(dcmseal.sign_many(["archive"], key=key, in_place=True, journal="run.journal"))
        results = list(dcmseal.sign_many(["archive"], key=key, in_place=True, journal="run.journal"))
        assert all(each.kind is ResultKind.SIGNED for each in results)
        assert [len(dcmseal.signatures(each)) for each in ("archive/1/a", "archive/2/b")] == [1, 1]
