"""Whether other users could have written a file: by owner, mode, access control list, folder and link."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

import pytest

from dcmseal.plugins import ownership
from dcmseal.plugins.ownership import find_foreign_writer, find_replacer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes are those of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o755)
    return folder


@pytest.fixture
def file(folder: Path) -> Path:
    file = folder / "file"
    file.write_bytes(b"x")
    file.chmod(0o644)
    return file


def message(path: Path) -> str:
    found = find_foreign_writer(path)
    assert found is not None
    assert found.hint
    return found.message


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o644, 0o755, 0o4755])
def test_the_users_own_files(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert find_foreign_writer(file) is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664, 0o777])
def test_files_that_others_can_write(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert message(file) == f"others can write {file}"


def test_files_of_another_user(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another(monkeypatch, file)
    assert "another user" in message(file)


def another(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Make a path be that of another user."""
    if os.geteuid() == 0:
        os.chown(path, 12_345, -1)
    else:
        uid = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: uid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_files_in_a_folder_of_another_user(file: Path) -> None:
    os.chown(file.parent, 12_345, -1)
    assert "folder of another user" in message(file)
    # the owner of a folder can replace its files despite the sticky bit
    file.parent.chmod(0o1755)
    assert "folder of another user" in message(file)


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o775])
def test_files_that_others_can_replace(file: Path, mode: int) -> None:
    file.parent.chmod(mode)
    if mode != 0o775 or os.geteuid() == 0:  # the group may be a user's own
        assert "replace file" in message(file)
        assert find_replacer(file.parent / "new") is not None


def test_files_in_a_sticky_folder_are_their_owners(file: Path) -> None:
    file.parent.chmod(0o1777)
    assert find_foreign_writer(file) is None
    # though others add some
    assert find_foreign_writer(file.parent) is not None


def test_a_link_is_as_good_as_both_its_ends(file: Path, tmp_path: Path) -> None:
    links = tmp_path / "links"
    links.mkdir(mode=0o755)
    link = links / "link"
    link.symlink_to(file)
    assert find_foreign_writer(link) is None
    links.chmod(0o777)
    assert "replace link" in message(link)
    links.chmod(0o755)
    file.parent.chmod(0o777)
    assert "replace file" in message(link)


def test_a_folder_is_as_good_as_the_files_in_it(file: Path) -> None:
    assert find_foreign_writer(file.parent) is None
    file.chmod(0o666)
    assert message(file.parent) == f"others can write {file}"


def test_missing_paths_and_paths_that_are_not_files() -> None:
    assert find_foreign_writer("/no/such/file") is None
    assert find_foreign_writer("no\0path") is None
    assert find_replacer("/no/such/folder/file") is None
    reading, writing = os.pipe()
    assert find_foreign_writer(f"/dev/fd/{reading}") is None
    os.close(reading)
    os.close(writing)


@pytest.mark.skipif(sys.platform != "linux", reason="access control lists are those of Linux")
class TestAccessControlLists:
    def test_access_control_lists_that_allow_writing(self, file: Path) -> None:
        allow(file, rights=6, mask=6)
        assert message(file) == f"others can write {file}"

    def test_access_control_lists_that_do_not_allow_writing(self, file: Path) -> None:
        allow(file, rights=4, mask=4)
        assert find_foreign_writer(file) is None
        # the mask counts
        allow(file, rights=6, mask=4)
        assert find_foreign_writer(file) is None

    def test_a_private_group_with_a_list_is_private_no_more(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ownership, "_is_private_group", lambda _: True)
        file.parent.chmod(0o775)
        assert find_foreign_writer(file) is None
        allow(file.parent, rights=7, mask=7)
        assert "replace file" in message(file)


def allow(path: Path, *, rights: int, mask: int) -> None:
    """Give user 12345 rights, in the form of system.posix_acl_access."""
    entries = ((0x01, 7, -1), (0x02, rights, 12_345), (0x04, 5, -1), (0x10, mask, -1), (0x20, 5, -1))
    data = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", data)
    except OSError:
        pytest.skip("the file system has no access control lists")


@pytest.mark.parametrize(
    ("uid", "group", "members", "private"),
    [
        (1000, "ann", [], True),
        (1000, "ann", ["ann"], True),
        (1000, "ann", ["bob"], False),
        (1000, "staff", [], False),
        (0, "root", [], False),
    ],
)
def test_groups_that_are_a_users_own(
    monkeypatch: pytest.MonkeyPatch, uid: int, group: str, members: list[str], private: bool
) -> None:
    import grp
    import pwd

    user = pwd.struct_passwd(("root" if uid == 0 else "ann", "x", uid, uid, "", "", ""))
    monkeypatch.setattr(pwd, "getpwuid", lambda _: user)
    monkeypatch.setattr(grp, "getgrgid", lambda _: grp.struct_group((group, "x", uid, members)))
    status = os.stat_result((0o40775, 0, 0, 0, uid, uid, 0, 0, 0, 0))
    assert ownership._is_private_group(status) is private


def test_files_in_a_folder_may_be_written_by_a_private_group(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all files are made so; a file that is named itself may not."""
    monkeypatch.setattr(ownership, "_is_private_group", lambda _: True)
    file.chmod(0o664)
    assert find_foreign_writer(file.parent) is None
    assert message(file) == f"others can write {file}"
