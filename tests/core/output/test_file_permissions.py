"""Owner, mode and access control lists of files that are replaced or written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal.errors import OutputError
from dcmseal.model.verdict import Verdict
from dcmseal.output.file_permissions import ACL, FilePermissions
from dcmseal.output.folder import Folder
from tests.core.output.output_checks import SMALL, Sign, failing, mode_of
from tests.support.signed_files import integrity_verdict
from tests.support.users import NOBODY, access_list, as_user, needs_root


class TestEditing:
    def test_extended_attributes_stay(self, path: Path, sign: Sign) -> None:
        try:
            os.setxattr(path, "user.note", b"42")
        except OSError:
            pytest.skip("this file system has no extended attributes")
        sign(path, in_place=True)
        assert os.getxattr(path, "user.note") == b"42"

    def test_an_access_control_list_stays_and_its_mask_is_not_the_groups_right(self, path: Path, sign: Sign) -> None:
        acl = access_list(6, 4, 0, mask=6, users=[(1234, 6)])
        try:
            os.setxattr(path, ACL, acl)
        except OSError:
            pytest.skip("this file system has no access control lists")
        sign(path, in_place=True)
        assert os.getxattr(path, ACL) == acl
        assert mode_of(path) == 0o660
        sign(path, output=path.with_name("copy.dcm"))
        assert mode_of(path.with_name("copy.dcm")) == 0o640

    def test_default_access_of_the_folder_is_not_inherited(self, path: Path, sign: Sign) -> None:
        path.chmod(0o640)
        try:
            os.setxattr(path.parent, "system.posix_acl_default", access_list(7, 7, 7, mask=7, users=[(1234, 7)]))
        except OSError:
            pytest.skip("this file system has no access control lists")
        sign(path, in_place=True)
        assert ACL not in os.listxattr(path)
        assert mode_of(path) == 0o640
        sign(path, output=path.with_name("copy.dcm"))
        assert mode_of(path.with_name("copy.dcm")) == 0o600

    @needs_root
    @pytest.mark.parametrize("mode", [0o640, 0o400, 0o604, 0o2755])
    def test_owner_group_and_mode_stay(self, path: Path, sign: Sign, mode: int) -> None:
        os.chown(path, 1234, 2345)
        path.chmod(mode)
        sign(path, in_place=True)
        assert (path.stat().st_uid, path.stat().st_gid, mode_of(path)) == (1234, 2345, mode)
        dcmseal.remove(path, output=path, overwrite=True)
        assert (path.stat().st_uid, path.stat().st_gid, mode_of(path)) == (1234, 2345, mode)

    @needs_root
    def test_an_owner_that_cannot_be_preserved_is_reported(self, path: Path, sign: Sign) -> None:
        path.parent.chmod(0o777)
        told = as_user(path.parent, lambda: sign("image.dcm", in_place=True))
        assert told.startswith(
            "OutputError: image.dcm cannot be written: the owner of the old file cannot be preserved"
        )
        assert path.read_bytes() == SMALL
        assert as_user(path.parent, lambda: sign("image.dcm", output="mine.dcm").data) == "None"
        assert (path.parent / "mine.dcm").stat().st_uid == NOBODY

    @needs_root
    @pytest.mark.parametrize(
        ("folder_mode", "says"),
        [(0o555, "a temporary file cannot be created"), (0o1777, "cannot be renamed")],
    )
    def test_folders_where_only_the_owner_may_replace_a_file(
        self, path: Path, sign: Sign, folder_mode: int, says: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # the sticky bit is what is left if an owner could be given
        monkeypatch.setattr(os, "fchown", lambda *_: None)
        path.parent.chmod(folder_mode)
        told = as_user(path.parent, lambda: sign("image.dcm", in_place=True))
        assert says in told
        assert path.read_bytes() == SMALL
        assert os.listdir(path.parent) == ["image.dcm"]

    @needs_root
    def test_the_group_of_a_folder_is_not_the_files(self, path: Path, sign: Sign) -> None:
        os.chown(path.parent, 0, 4711)
        path.parent.chmod(0o2775)
        path.chmod(0o640)
        sign(path, in_place=True)
        assert (path.stat().st_gid, mode_of(path)) == (0, 0o640)
        copy = path.with_name("copy.dcm")
        sign(path, output=copy)
        # members of the folder's group could not read the original
        assert (copy.stat().st_gid, mode_of(copy)) == (4711, 0o600)

    def test_a_file_with_several_names_is_not_edited(self, path: Path, sign: Sign) -> None:
        other = path.with_name("other.dcm")
        other.hardlink_to(path)
        options: list[dict[str, Any]] = [{"in_place": True}, {"output": other, "overwrite": True}]
        for each in options:
            with pytest.raises(OutputError, match="has 2 hard links") as caught:
                sign(path, **each)
            assert caught.value.hint
        assert path.read_bytes() == other.read_bytes() == SMALL
        sign(SMALL, output=other, overwrite=True)
        assert path.read_bytes() == SMALL
        assert integrity_verdict(other) is Verdict.VALID

    def test_an_attribute_that_cannot_be_preserved_is_reported(
        self, path: Path, sign: Sign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        try:
            os.setxattr(path, "user.note", b"42")
        except OSError:
            pytest.skip("this file system has no extended attributes")
        monkeypatch.setattr(os, "setxattr", failing(errno.ENOSPC))
        with pytest.raises(OutputError, match=r"attribute user\.note of the old file cannot be preserved: No space"):
            sign(path, in_place=True)
        assert path.read_bytes() == SMALL


class TestRights:
    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o660, 0o444, 0o400])
    def test_a_copy_is_readable_by_no_more_than_the_original(self, path: Path, sign: Sign, mode: int) -> None:
        path.chmod(mode)
        copy = path.with_name("copy.dcm")
        sign(path, output=copy, overwrite=True)
        assert mode_of(copy) & 0o066 == mode & 0o066 & ~0o022
        with path.open("rb") as stream:
            sign(stream, output=copy, overwrite=True)
        assert mode_of(copy) & 0o066 == mode & 0o066 & ~0o022

    def test_a_temporary_file_is_at_no_moment_readable_by_more(
        self, path: Path, sign: Sign, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path.chmod(0o600)
        modes: list[int] = []
        create = Folder.create

        def noted(folder: Folder, name: str, mode: int) -> int:
            modes.append(mode)
            return create(folder, name, mode)

        monkeypatch.setattr(Folder, "create", noted)
        sign(path, in_place=True)
        sign(path, output=path.with_name("copy.dcm"))
        assert modes == [0o600, 0o600]

    def test_overwriting_does_not_widen_permissions(self, path: Path, sign: Sign) -> None:
        copy = path.with_name("copy.dcm")
        copy.touch(mode=0o600)
        sign(path, output=copy, overwrite=True)
        assert mode_of(copy) == 0o600

    def test_of_several_all_count(self, path: Path) -> None:
        other = path.with_name("other")
        other.touch()
        path.chmod(0o644)
        other.chmod(0o604)
        assert FilePermissions.from_files([path, other]).mode == 0o604
        assert FilePermissions.from_files([path, "/no/such/file"]).mode == 0o644
        assert FilePermissions.from_files(["/dev/null"]).mode == 0o666
        assert FilePermissions(1, 4, 0).intersection(FilePermissions(2, 4, 4)).mode == 0o600

    def test_manifests_and_evidence(self, path: Path, sign: Sign) -> None:
        path.chmod(0o600)
        manifest = path.with_name("manifest")
        sign(path, output=path.with_name("copy.dcm"), manifest=manifest)
        assert mode_of(manifest) == 0o600
