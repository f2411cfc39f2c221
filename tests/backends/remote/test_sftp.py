"""SFTP: whom it talks to, and files that are there as a whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import paramiko
import pytest

import dcmseal
from dcmseal import Verdict
from dcmseal.errors import DatasetError, OutputError, SealError, StorageUnavailable
from dcmseal.plugins.registry import installed_registry
from dcmseal.sources.remote_objects import list_objects, open_url, open_url_for_writing
from dcmseal_remote.sftp_storage import SftpStorage
from tests.support.sftp_server import SftpFolder, sftp_server
from tests.support.signed_files import integrity_verdict


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpFolder]:
    with sftp_server(tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("home")) as server:
        yield server


@pytest.fixture
def folder(_server: SftpFolder) -> SftpFolder:
    for path in sorted(_server.path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    return _server


def names(folder: SftpFolder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())


def test_read_signed_and_written(folder: SftpFolder, image: bytes, medium: bytes, key: str) -> None:
    (folder.path / "image.dcm").write_bytes(image)
    dcmseal.sign(f"{folder.url}/image.dcm", key=key, in_place=True)
    assert integrity_verdict((folder.path / "image.dcm").read_bytes()) is Verdict.VALID
    (folder.path / "medium.dcm").write_bytes(medium)
    assert integrity_verdict(f"{folder.url}/medium.dcm") is Verdict.VALID
    dcmseal.sign(f"{folder.url}/image.dcm", key=key, output=f"{folder.url}/twice.dcm")
    assert len(dcmseal.signatures(f"{folder.url}/twice.dcm")) == 2
    assert names(folder) == ["image.dcm", "medium.dcm", "twice.dcm"]


def test_a_failure_leaves_no_file(folder: SftpFolder) -> None:

    def fail() -> None:
        with open_url_for_writing(f"{folder.url}/new.dcm", None, installed_registry) as write:
            write(b"half")
            assert len(names(folder)) == 1
            assert "new.dcm" not in names(folder)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(folder) == []


def test_a_concurrent_change_is_preserved(folder: SftpFolder, image: bytes) -> None:
    url = f"{folder.url}/image.dcm"
    (folder.path / "image.dcm").write_bytes(image)
    with open_url(url, installed_registry) as file:
        version = file.entry.version

    def too_late() -> None:
        with open_url_for_writing(url, version, installed_registry) as write:
            write(b"new")
            os.utime(folder.path / "image.dcm", (1, 1))

    with pytest.raises(OutputError, match="changed in the meantime"):
        too_late()
    with pytest.raises(OutputError, match="exists already"), open_url_for_writing(url, "", installed_registry):
        pass
    assert (folder.path / "image.dcm").read_bytes() == image
    assert names(folder) == ["image.dcm"]


def test_a_file_that_changes_while_it_is_read_has_no_verdict(folder: SftpFolder, image: bytes) -> None:
    path = folder.path / "image.dcm"
    path.write_bytes(image)
    with open_url(f"{folder.url}/image.dcm", installed_registry) as file:
        os.utime(path, (1, 1))
        with pytest.raises(DatasetError, match="changed while it was read"):
            file.read(10)


def test_files_below_a_folder(folder: SftpFolder) -> None:
    for name in ("b/2.dcm", "b/1.dcm", "a.dcm", "b/c/3.dcm"):
        path = folder.path / "study" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"123")
    found = list(list_objects(f"{folder.url}/study/", installed_registry))
    assert [each.url.removeprefix(f"{folder.url}/study/") for each in found] == [
        "a.dcm",
        "b/1.dcm",
        "b/2.dcm",
        "b/c/3.dcm",
    ]
    assert {each.size for each in found} == {3}
    assert all(each.version for each in found)
    with pytest.raises(DatasetError, match="does not exist"):
        list(list_objects(f"{folder.url}/none/", installed_registry))


def test_a_connection_that_was_lost_is_made_again(folder: SftpFolder, small: bytes) -> None:
    (folder.path / "image.dcm").write_bytes(small)
    url = f"{folder.url}/image.dcm"
    assert integrity_verdict(url) is Verdict.VALID
    count = len(folder.transports)
    assert integrity_verdict(url) is Verdict.VALID
    assert len(folder.transports) == count
    SftpStorage("sftp").resolve(url)[0].client.close()
    assert integrity_verdict(url) is Verdict.VALID
    assert len(folder.transports) == count + 1


@pytest.mark.parametrize("line", ["", "{host} {name} {other}"])
def test_an_unknown_host_is_refused(folder: SftpFolder, line: str) -> None:
    """Neither to one that is not named, nor to one that shows another key."""
    known_hosts = folder.home / ".ssh" / "known_hosts"
    before = known_hosts.read_text()
    host, name, _ = before.split()
    other = paramiko.ECDSAKey.generate().get_base64()
    known_hosts.write_text(line.format(host=host, name=name, other=other))
    try:
        with pytest.raises(StorageUnavailable) as caught:
            integrity_verdict(f"{folder.url.replace('reader', 'writer')}/image.dcm")
        assert "BadHostKeyException" in str(caught.value)
    finally:
        known_hosts.write_text(before)


def test_a_login_that_fails(folder: SftpFolder) -> None:
    with pytest.raises(SealError) as caught:
        integrity_verdict(f"{folder.url.replace('reader', 'stranger')}/image.dcm")
    assert "credentials" in caught.value.hint


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for scheme, package in (("gs", "gcsfs"), ("abfs", "adlfs")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(StorageUnavailable, match=package) as caught:
            integrity_verdict(f"{scheme}://bucket/image.dcm")
        assert caught.value.hint == f"pip install 'dcmseal[remote]' {package}"
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(StorageUnavailable, match="s3fs") as caught:
        integrity_verdict("s3://bucket/image.dcm")
    assert caught.value.hint == "pip install 'dcmseal[remote]'"
