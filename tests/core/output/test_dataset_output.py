"""Writing: a failure leaves the old file, never a part of the new one."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO, RawIOBase
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal import tags
from dcmseal.errors import OutputError
from dcmseal.model.verdict import Verdict
from dcmseal.output import dataset_output as output_module
from tests.support import builder as b
from tests.support.pki import Identity, Pki
from tests.support.signed_files import build_signer, integrity_verdict, sign_dataset

SMALL = b.file(b.image())
LARGE = b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", os.urandom(3 << 20))))

PRELUDE = """
import os, sys
from pathlib import Path
import dcmseal
from dcmseal.errors import OutputError
path, key, certificate = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
uri = f"pem:{key}?cert={certificate}"
before = path.read_bytes()
"""


def run(script: str, path: Path, identity: Identity) -> str:
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", PRELUDE + script, str(path), str(identity.key_pem), str(identity.certificate_pem)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


FULL_DISK = """
import resource
steps = {
    "sign": lambda: dcmseal.sign(path, key=uri, in_place=True),
    "remove": lambda: dcmseal.remove(path, in_place=True),
}
refused = 0
for name in ("sign", "remove"):
    # at every write call, and within: the buffer of the output has eight kilobytes
    for limit in (0, 1, 100, 1000, 8191, 8192, 8193, 20000, len(before) - 1):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        content = path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            steps[name]()
        except OutputError as error:
            refused += bool(error.hint)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert path.read_bytes() == content
        assert os.listdir(path.parent) == [path.name], os.listdir(path.parent)
    steps[name]()
assert path.read_bytes() == before
print(refused)
"""


@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.DEFLATED_LE], ids=["file", "deflated"])
def test_a_disk_that_fills_up(syntax: b.Syntax, pki: Pki, tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", os.urandom(50_000))), syntax))
    assert run(FULL_DISK, path, pki["p256"]) == "18\n"


def test_a_disk_that_fills_up_while_the_kernel_copies(pki: Pki, tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(LARGE)
    assert run(FULL_DISK.replace("20000", "2 << 20"), path, pki["p256"]) == "18\n"


KILLED = """
import random, signal, time
from dcmseal.model.report import Verdict
def work():
    while True:
        dcmseal.sign(path, key=uri, in_place=True)
        dcmseal.remove(path, in_place=True)
states = set()
chance = random.Random(4711)
for _ in range(20):
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(1)
    time.sleep(chance.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    found = dcmseal.verify(path, integrity_only=True).verdict
    assert found in (Verdict.VALID, Verdict.NO_SIGNATURE)
    assert dcmseal.remove(path).data == before
    states.add(found)
print(len(states))
"""


def test_a_process_that_is_killed(pki: Pki, tmp_path: Path) -> None:
    """Whenever it is: what is in place is whole, and either state of the file."""
    path = tmp_path / "image.dcm"
    path.write_bytes(b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", os.urandom(200_000)))))
    assert run(KILLED, path, pki["p256"]) in ("1\n", "2\n")


@pytest.mark.parametrize("function", ["fsync", "replace", "fchmod"])
def test_the_last_steps_may_fail_too(function: str, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(SMALL)
    path.chmod(0o640)

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, function, fail)
    with pytest.raises(OutputError, match="cannot be written") as caught:
        sign_dataset(path, pki["p256"], in_place=True)
    assert caught.value.hint
    monkeypatch.undo()
    assert path.read_bytes() == SMALL
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_leaves_nothing_behind(pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(SMALL)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sign_dataset(path, pki["p256"], in_place=True)
    monkeypatch.undo()
    assert path.read_bytes() == SMALL
    assert list(tmp_path.iterdir()) == [path]


def sign_to(source: Any, pki: Pki, **options: Any) -> dcmseal.SigningResult:
    result = dcmseal.sign(source, signer=build_signer(pki["p256"]), **options)
    assert result.data is None
    return result


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o444])
def test_permissions_stay(mode: int, pki: Pki, tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    path.write_bytes(SMALL)
    path.chmod(mode)
    sign_to(path, pki, in_place=True)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert integrity_verdict(path) is Verdict.VALID


def test_a_new_file_has_the_permissions_of_new_files(pki: Pki, tmp_path: Path) -> None:
    new, other = tmp_path / "new.dcm", tmp_path / "other"
    sign_to(SMALL, pki, output=new)
    other.touch()
    assert stat.S_IMODE(new.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_the_target_of_a_link_is_changed(pki: Pki, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    real, link, dangling = folder / "image.dcm", tmp_path / "link.dcm", tmp_path / "dangling.dcm"
    real.write_bytes(SMALL)
    link.symlink_to(real)
    dangling.symlink_to(folder / "new.dcm")
    sign_to(link, pki, in_place=True)
    assert link.is_symlink()
    assert integrity_verdict(real) is Verdict.VALID
    sign_to(SMALL, pki, output=dangling)
    assert integrity_verdict(folder / "new.dcm") is Verdict.VALID
    assert sorted(path.name for path in folder.iterdir()) == ["image.dcm", "new.dcm"]


def test_over_the_input_and_over_another_file(pki: Pki, tmp_path: Path) -> None:
    path, other = tmp_path / "image.dcm", tmp_path / "other.dcm"
    path.write_bytes(SMALL)
    other.write_bytes(b"x" * 100_000)
    for target in (path, other, str(other)):
        result = sign_to(path, pki, output=target, overwrite=True)
        assert result.uid in [signature.uid for signature in dcmseal.signatures(target)]
    assert integrity_verdict(other) is Verdict.VALID


def test_targets_that_cannot_be_written(pki: Pki, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    for target in (
        tmp_path / "absent" / "x.dcm",
        plain / "x.dcm",
        tmp_path,
        Path("/proc/x.dcm"),
        tmp_path / ("x" * 300),
    ):
        for call in (lambda to: sign_to(SMALL, pki, output=to), lambda to: dcmseal.remove(SMALL, output=to)):
            with pytest.raises(OutputError) as caught:
                call(target)
            assert caught.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plain"]


def test_only_regular_files_are_replaced(pki: Pki, tmp_path: Path) -> None:
    """A pipe or a device in the way would be gone: /dev/null, for instance."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="not a regular file"):
        sign_to(SMALL, pki, output=pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


class Stubborn(RawIOBase):
    """Takes a few bytes at once, and so many in all."""

    def __init__(self, room: int) -> None:
        self.taken = b""
        self.room = room

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if len(self.taken) >= self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        few = bytes(data[:100])
        self.taken += few
        return len(few)


@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.DEFLATED_LE], ids=["file", "deflated"])
def test_streams(syntax: b.Syntax, pki: Pki) -> None:
    data = b.file(b.image(), syntax)
    stream = BytesIO()
    sign_to(data, pki, output=stream)
    assert integrity_verdict(stream.getvalue()) is Verdict.VALID
    slow = Stubborn(1 << 20)
    sign_to(data, pki, output=slow)
    assert integrity_verdict(slow.taken) is Verdict.VALID
    removed = BytesIO()
    assert dcmseal.remove(slow.taken, output=removed).data is None
    assert integrity_verdict(removed.getvalue()) is Verdict.NO_SIGNATURE
    with pytest.raises(OutputError, match="No space"):
        sign_to(data, pki, output=Stubborn(300))


def fail_at_once(*_: object, **__: object) -> int:
    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))


def halves() -> Callable[..., int]:
    """Copies half of what it is asked for, and then no more."""
    copy, calls = os.copy_file_range, iter((True, False))

    def copy_half(source: int, target: int, count: int, **options: Any) -> int:
        if not next(calls, False):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return copy(source, target, count // 2, **options)

    return copy_half


@pytest.mark.parametrize("kernel", ["as it is", "refuses", "stops", "has none"])
def test_however_the_bytes_are_copied(kernel: str, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "in.dcm", tmp_path / "out.dcm"
    source.write_bytes(LARGE)
    if kernel == "has none":
        monkeypatch.delattr(os, "copy_file_range")
    elif kernel != "as it is":
        monkeypatch.setattr(os, "copy_file_range", fail_at_once if kernel == "refuses" else halves())
    with dcmseal.plan_signing(source) as plan:
        signature = dcmseal.make_signature(plan, build_signer(pki["p256"]))
        expected = dcmseal.attach_signature(plan, signature)
        dcmseal.attach_signature(plan, signature, target)
    assert target.read_bytes() == expected
    assert len(LARGE) > output_module._KERNEL_COPY
