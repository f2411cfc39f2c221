"""Files are replaced as a whole: concurrent changes, locks, leftovers, and limited file systems."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

import dcmseal
from dcmseal.errors import ConcurrentModification, OutputError
from dcmseal.model.verdict import Verdict
from dcmseal.output import file_locks, temporary_files
from dcmseal.output.atomic_file import create_file, replace_file
from dcmseal.output.file_permissions import FilePermissions
from dcmseal.output.folder import Folder
from dcmseal.output.output_file import OutputFile
from dcmseal.output.temporary_files import is_temporary, make_temporary, remove_leftovers
from tests.core.output.output_checks import SMALL, Sign, failing, mode_of
from tests.support.pki import Pki
from tests.support.signed_files import build_signer, integrity_verdict
from tests.support.users import NOBODY, as_user, needs_root


class TestMeanwhile:
    @pytest.mark.parametrize("how", ["replaced", "written", "touched", "removed"])
    def test_a_file_that_changed_is_not_replaced(self, path: Path, pki: Pki, how: str) -> None:
        with dcmseal.plan_signing(path) as plan:
            signature = dcmseal.make_signature(plan, build_signer(pki["p256"]))
            other = SMALL[:-1] + b"\x07"
            if how == "replaced":
                path.with_name("new").write_bytes(other)
                os.replace(path.with_name("new"), path)
            elif how == "written":
                path.write_bytes(other)
            elif how == "touched":
                os.utime(path, ns=(0, 0))
            else:
                path.unlink()
            left = path.read_bytes() if how != "removed" else None
            with pytest.raises(ConcurrentModification, match="changed in the meantime") as caught:
                dcmseal.attach_signature(plan, signature, path)
            assert caught.value.hint
        assert (path.read_bytes() if path.exists() else None) == left
        assert [each.name for each in path.parent.iterdir()] == ([path.name] if left else [])

    def test_a_copy_contains_the_bytes_that_were_signed(self, path: Path, pki: Pki) -> None:
        with dcmseal.plan_signing(path) as plan:
            signature = dcmseal.make_signature(plan, build_signer(pki["p256"]))
            path.write_bytes(SMALL[:-1] + b"\x07")
            with pytest.raises(ConcurrentModification, match="the input changed while it was read"):
                dcmseal.attach_signature(plan, signature, path.with_name("copy.dcm"))
        assert os.listdir(path.parent) == ["image.dcm"]

    def test_the_second_of_two_signatures_is_refused(self, path: Path, pki: Pki) -> None:
        signer = build_signer(pki["p256"])
        with dcmseal.plan_signing(path) as one, dcmseal.plan_signing(path) as other:
            signatures = [dcmseal.make_signature(each, signer) for each in (one, other)]
            dcmseal.attach_signature(one, signatures[0], path)
            with pytest.raises(ConcurrentModification):
                dcmseal.attach_signature(other, signatures[1], path)
        assert [each.uid for each in dcmseal.signatures(path)] == [signatures[0].uid]

    def test_threads_that_sign_one_file(self, path: Path, sign: Sign) -> None:
        done: list[str] = []

        def work() -> None:
            with suppress(ConcurrentModification):
                done.append(sign(path, in_place=True).uid)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert done
        assert {each.uid for each in dcmseal.signatures(path)} == set(done)

    @pytest.mark.parametrize("links", [True, False])
    def test_a_new_file_replaces_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, links: bool) -> None:
        if not links:
            monkeypatch.setattr(os, "link", failing(errno.EPERM))
        for target in ("new", "again"):
            output = OutputFile(str(tmp_path / target), is_new=True)
            with replace_file(output, FilePermissions.everyone()) as stream:
                stream.write(b"mine")
            with (
                pytest.raises(ConcurrentModification, match="exists"),
                replace_file(output, FilePermissions.everyone()) as stream,
            ):
                pass
        output = OutputFile(str(tmp_path / "late"), is_new=True)
        with pytest.raises(ConcurrentModification), replace_file(output, FilePermissions.everyone()) as stream:
            (tmp_path / "late").write_bytes(b"theirs")
        assert (tmp_path / "late").read_bytes() == b"theirs"
        assert sorted(os.listdir(tmp_path)) == ["again", "late", "new"]

    def test_a_file_that_others_write_by_path(self, tmp_path: Path) -> None:
        with create_file(str(tmp_path / "new")) as temporary_path:
            Path(temporary_path).write_bytes(b"whole")
            assert not (tmp_path / "new").exists()
        assert (tmp_path / "new").read_bytes() == b"whole"
        with pytest.raises(ConcurrentModification), create_file(str(tmp_path / "new")):
            pass
        with pytest.raises(ValueError, match="no"), create_file(str(tmp_path / "other")):
            raise ValueError("no")
        assert os.listdir(tmp_path) == ["new"]


class TestLocks:
    def test_a_locked_file_is_reported(self, path: Path, sign: Sign) -> None:
        with path.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            with pytest.raises(OutputError, match="locked by another program"):
                sign(path, output=OutputFile(str(path), lock_timeout=0.01), in_place=True)
        assert path.read_bytes() == SMALL
        sign(path, in_place=True)

    @pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EBADF])
    def test_file_systems_without_locks(
        self, path: Path, sign: Sign, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        monkeypatch.setattr(fcntl, "flock", failing(number))
        sign(path, in_place=True)
        assert os.listdir(path.parent) == [path.name]
        with Folder.open(str(path.parent)) as folder, file_locks.lock_file(folder, path.name):
            (lock,) = set(os.listdir(path.parent)) - {path.name}
            assert is_temporary(lock)
            with pytest.raises(OutputError, match="locked by another program") as caught:
                sign(path, output=OutputFile(str(path), lock_timeout=0.01), in_place=True)
            assert lock in caught.value.hint
        sign(path, in_place=True)


class TestLeftovers:
    def test_temporary_files_of_a_killed_process_are_removed(self, tmp_path: Path) -> None:
        script = f"""
import os, signal
from dcmseal.output.folder import Folder
from dcmseal.output.temporary_files import make_temporary
with Folder.open({str(tmp_path)!r}) as folder:
    make_temporary(folder, "image.dcm", 0o600)
    os.kill(os.getpid(), signal.SIGKILL)
"""
        subprocess.run([sys.executable, "-c", script], check=False)
        (left,) = os.listdir(tmp_path)
        assert is_temporary(left)
        (tmp_path / "kept.tmp").touch()
        (tmp_path / ".kept.0123456789abcdef.tmp").touch()
        (tmp_path / ".link.00000000-1-00000000.tmp").symlink_to("kept.tmp")
        remove_leftovers(str(tmp_path))
        assert sorted(os.listdir(tmp_path)) == [
            *(".kept.0123456789abcdef.tmp", ".link.00000000-1-00000000.tmp", "kept.tmp")
        ]

    def test_without_locks_the_name_identifies_the_process(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
        with Folder.open(str(tmp_path)) as folder:
            mine = make_temporary(folder, "image.dcm", 0o600)
        os.close(mine.descriptor)
        # no process has the largest number that there is
        dead = mine.name.replace(f"-{os.getpid()}-", "-4194305-")
        elsewhere = dead.replace(f".{temporary_files._host_id()}-", ".00000000-")
        for name in (dead, elsewhere):
            (tmp_path / name).touch()
        remove_leftovers(str(tmp_path))
        assert sorted(os.listdir(tmp_path)) == sorted([mine.name, elsewhere])
        remove_leftovers(str(tmp_path / "no" / "folder"))


class TestFileSystemsThatCannot:
    @pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
    def test_modes(self, path: Path, sign: Sign, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        path.chmod(0o640)
        monkeypatch.setattr(os, "fchmod", failing(number))
        sign(path, in_place=True)
        assert integrity_verdict(path) is Verdict.VALID
        assert mode_of(path) == 0o600

    @pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
    def test_bringing_to_disk(self, path: Path, sign: Sign, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        monkeypatch.setattr(os, "fsync", failing(number))
        sign(path, in_place=True)
        assert integrity_verdict(path) is Verdict.VALID

    def test_extended_attributes(self, path: Path, sign: Sign, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "listxattr", failing(errno.ENOTSUP))
        sign(path, in_place=True)
        monkeypatch.delattr(os, "listxattr")
        monkeypatch.delattr(os, "getxattr")
        sign(path, in_place=True)
        assert len(dcmseal.signatures(path)) == 2

    @pytest.mark.parametrize("number", [errno.EPERM, errno.EEXIST, errno.ENOTSUP])
    def test_taking_the_place_of_another(
        self, path: Path, sign: Sign, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        monkeypatch.setattr(os, "replace", failing(number))
        with pytest.raises(OutputError, match="the temporary file cannot be renamed") as caught:
            sign(path, in_place=True)
        assert "unchanged" in caught.value.hint
        assert path.read_bytes() == SMALL
        assert os.listdir(path.parent) == [path.name]

    @pytest.mark.parametrize("letter", ["a", "é", "語", "𝄞", "e\u0301"])
    def test_names_of_255_bytes(self, tmp_path: Path, sign: Sign, letter: str) -> None:
        length = len(letter.encode())
        name = letter * (255 // length) + "x" * (255 % length)
        sign(SMALL, output=tmp_path / name)
        sign(tmp_path / name, in_place=True)
        assert len(dcmseal.signatures(tmp_path / name)) == 2
        assert os.listdir(tmp_path) == [name]

    def test_a_name_that_is_not_unicode(self, tmp_path: Path, sign: Sign) -> None:
        name = os.fsdecode(b"\xff\xfe" * 120)
        sign(SMALL, output=os.path.join(tmp_path, name))
        sign(os.path.join(tmp_path, name), in_place=True)
        assert os.listdir(tmp_path) == [name]

    def test_paths_of_the_greatest_length(self, tmp_path: Path, sign: Sign, monkeypatch: pytest.MonkeyPatch) -> None:
        longest = os.pathconf("/", "PC_PATH_MAX") - 1
        folder = str(tmp_path)
        while longest - len(folder) > 210:
            folder = os.path.join(folder, "d" * 200)
        path = os.path.join(folder, "x" * (longest - len(folder) - 1))
        os.makedirs(folder)
        sign(SMALL, output=path)
        sign(path, in_place=True)
        assert len(dcmseal.signatures(path)) == 2
        with pytest.raises(OutputError, match="File name too long") as caught:
            sign(SMALL, output=tmp_path / ("x" * 256))
        assert "shorter name" in caught.value.hint
        # from near by, it does not count how deep it is
        monkeypatch.chdir(folder)
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
        sign(SMALL, output="image.dcm")
        sign("image.dcm", in_place=True)
        assert len(dcmseal.signatures("image.dcm")) == 2
        os.chdir(tmp_path)
        subprocess.run(["rm", "-r", *os.listdir(tmp_path)], check=True)

    @needs_root
    def test_a_folder_that_may_not_be_listed(self, tmp_path: Path, sign: Sign) -> None:
        os.chown(tmp_path, NOBODY, NOBODY)
        tmp_path.chmod(0o300)
        assert as_user(tmp_path, lambda: sign(SMALL, output="new.dcm").data) == "None"
        assert integrity_verdict(tmp_path / "new.dcm") is Verdict.VALID
