"""Outputs that belong together appear together, and in order."""

from __future__ import annotations

import io
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal.errors import ConcurrentModification, OutputError
from dcmseal.output.output_file import OutputFile
from dcmseal.output.staged_outputs import StagedOutputs, stage_outputs
from dcmseal.plugins.storage import Write
from tests.support.builder import file, image
from tests.support.pki import Pki
from tests.support.signed_files import build_signer


def add_file(outputs: StagedOutputs, path: Path, content: bytes, *, is_new: bool = False) -> None:
    with outputs.open_file(OutputFile(str(path), is_new=is_new)) as stream:
        stream.write(content)


@contextmanager
def upload(log: list[str]) -> Generator[Write]:
    try:
        yield lambda _: log.append("written")
    except BaseException:
        log.append("discarded")
        raise
    log.append("visible")


def test_nothing_is_visible_before_the_commit(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.write_bytes(b"old")
    log: list[str] = []
    with stage_outputs() as outputs:
        add_file(outputs, tmp_path / "new", b"1")
        add_file(outputs, old, b"2")
        outputs.add_upload(upload(log))(b"3")
        outputs.add_action(lambda: log.append("action"))
        assert old.read_bytes() == b"old"
        assert not (tmp_path / "new").exists()
        assert log == ["written"]
        outputs.commit()
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == {"new": b"1", "old": b"2"}
    assert log == ["written", "visible", "action"]


@pytest.mark.parametrize("error", [True, False])
def test_what_is_not_committed_is_discarded(tmp_path: Path, *, error: bool) -> None:
    log: list[str] = []

    def stage() -> None:
        with stage_outputs() as outputs:
            add_file(outputs, tmp_path / "new", b"1")
            outputs.add_upload(upload(log))(b"3")
            outputs.add_action(lambda: log.append("action"))
            if error:
                raise ValueError("no")

    if error:
        with pytest.raises(ValueError, match="no"):
            stage()
    else:
        stage()
    assert os.listdir(tmp_path) == []
    assert log == ["written", "discarded"]


def test_all_files_are_checked_before_the_first_is_renamed(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    second.write_bytes(b"old")
    with stage_outputs() as outputs:
        add_file(outputs, first, b"1")
        add_file(outputs, second, b"2")
        second.write_bytes(b"theirs")
        with pytest.raises(ConcurrentModification, match="changed in the meantime"):
            outputs.commit()
    assert os.listdir(tmp_path) == ["second"]
    assert second.read_bytes() == b"theirs"


def test_outputs_before_one_that_fails_stay_and_those_after_it_do_not(tmp_path: Path) -> None:
    def fail() -> None:
        raise OutputError("the pipe is closed")

    with stage_outputs() as outputs:
        add_file(outputs, tmp_path / "before", b"1", is_new=True)
        outputs.add_action(fail)
        add_file(outputs, tmp_path / "after", b"2")
        with pytest.raises(OutputError, match="pipe"):
            outputs.commit()
    assert os.listdir(tmp_path) == ["before"]


class Meddling:
    """A signer during whose work another program changes a file."""

    def __init__(self, signer: Any, path: Path) -> None:
        self.certificate_chain, self.key_type = signer.certificate_chain, signer.key_type
        self._signer, self._path = signer, path

    def sign(self, message: Any) -> Any:
        self._path.write_bytes(b"theirs")
        return self._signer.sign(message)


def test_no_manifest_is_left_of_a_file_that_could_not_be_signed(pki: Pki, tmp_path: Path) -> None:
    path, manifest = tmp_path / "image.dcm", tmp_path / "image.manifest"
    path.write_bytes(file(image()))
    signer = Meddling(build_signer(pki["p256"]), path)
    with pytest.raises(ConcurrentModification):
        dcmseal.sign(path, signer=signer, in_place=True, manifest=manifest)
    assert os.listdir(tmp_path) == ["image.dcm"]
    assert path.read_bytes() == b"theirs"


def test_no_file_is_signed_without_the_manifest_that_was_asked_for(pki: Pki, tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def write(self, *_: object) -> int:
            raise OSError(28, "no space left")

    with pytest.raises(OutputError, match="manifest cannot be written"):
        dcmseal.sign(file(image()), signer=build_signer(pki["p256"]), output=tmp_path / "signed.dcm", manifest=Full())
    assert os.listdir(tmp_path) == []
