"""Outputs and inputs: which paths lead to the same file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dcmseal.errors import UsageError
from dcmseal.output.collisions import (
    FileLocation,
    ProtectedPath,
    check_outputs,
    check_replaceable,
    fold_name,
    is_inside,
    iter_key_files,
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"1")
    return tmp_path


@pytest.mark.parametrize("how", ["file", "./file", "folder/../file", "link", "hard", "chain", "by/file"])
def test_every_path_to_a_file_collides_with_it(here: Path, how: str) -> None:
    os.symlink("file", "link")
    os.symlink("link", "chain")
    os.link("file", "hard")
    os.symlink(here, "by")
    with pytest.raises(UsageError, match="is the key") as caught:
        check_outputs([how], [ProtectedPath("file", "the key")])
    assert caught.value.hint
    with pytest.raises(UsageError, match="is the key"):
        check_outputs(["file"], [ProtectedPath(how, "the key")])


@pytest.mark.parametrize("how", ["new", "./new", "folder/../new", "dangling", "by/new"])
def test_every_path_to_a_new_file_collides_with_it(here: Path, how: str) -> None:
    os.symlink("new", "dangling")
    os.symlink(here, "by")
    with pytest.raises(UsageError, match="is another output"):
        check_outputs(["new", how], [])
    check_outputs(["new", "other", "folder/new", "nowhere/new"], [ProtectedPath("file", "an input")])


def test_invalid_paths_do_not_collide() -> None:
    check_outputs(["a\0b", "", "s3://bucket/a"], [ProtectedPath("s3://bucket/b", "an input")])
    with pytest.raises(UsageError):
        check_outputs(["s3://bucket/a"], [ProtectedPath("s3://bucket/a", "an input")])


@pytest.mark.usefixtures("here")
def test_where_case_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert FileLocation.from_path("NEW") != FileLocation.from_path("new")
    monkeypatch.setattr("dcmseal.output.collisions.folds_case", lambda _: True)
    assert FileLocation.from_path("NEW") == FileLocation.from_path("new")
    assert fold_name("\u00c9.DCM") == fold_name("e\u0301.dcm")


def test_files_in_a_folder(here: Path) -> None:
    os.symlink("../file", "folder/out")
    os.symlink("folder", "by")
    (here / "folder" / "a").mkdir()
    assert is_inside("folder/a/b", "by")
    assert is_inside("by/b", "folder")
    assert not is_inside("folder/out", "folder")
    assert not is_inside("folder", "folder")
    assert not is_inside("x", "nowhere")


@pytest.mark.parametrize(
    ("uri", "files"),
    [
        ("pem:my%20key.pem?cert=c.pem&chain=d.pem", {"my key.pem", "c.pem", "d.pem"}),
        ("p12:signer.p12", {"signer.p12"}),
        ("pkcs11:token=x?pin-source=file:/run/pin&module-path=/lib/m.so", {"token=x", "/run/pin", "/lib/m.so"}),
        ("key.pem", {"key.pem"}),
        ("", set()),
        ("pem:key.pem?nonsense", set()),
    ],
)
def test_files_of_keys(uri: str, files: set[str]) -> None:
    assert set(iter_key_files(uri)) == files


def test_files_that_are_never_overwritten(here: Path) -> None:
    for content, what in (
        (b"Bag Attributes\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "a private key"),
        (b"-----BEGIN EC PRIVATE KEY-----\n", "a private key"),
        (b"SQLite format 3\0" + bytes(52) + b"dcsj" + bytes(100), "a journal"),
    ):
        (here / "file").write_bytes(content)
        with pytest.raises(UsageError, match=what):
            check_replaceable("file")
    for content in (b"-----BEGIN CERTIFICATE-----\n", b"SQLite format 3\0" + bytes(200), b""):
        (here / "file").write_bytes(content)
        check_replaceable("file")
    check_replaceable("nowhere")
