"""Many files, as applications ask for them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

import dcmseal
from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.tasks.sign_task import Placement
from dcmseal.batch.tasks.task import SignTask

Tree = Callable[[dict[str, bytes]], Path]


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_file_gets_its_result_in_order(tree: Tree, image: bytes, signed: bytes, jobs: int) -> None:
    tampered = signed.replace(b"4711", b"4712", 1)
    folder = tree({"b/1": signed, "a/2": tampered, "a/10": signed[:-100], "c": image, "d.txt": b"no DICOM file"})
    results = list(dcmseal.verify_many([folder, folder / "none"], integrity_only=True, jobs=jobs))
    found = [(Path(each.input.source).relative_to(folder).as_posix(), each.verdict) for each in results]
    assert found == [
        ("a/10", "failed"),
        ("a/2", "invalid"),
        ("b/1", "valid"),
        ("c", "no-signature"),
        ("none", "failed"),
    ]
    assert [each.exit_code for each in results] == [5, 1, 0, 3, 5]
    assert results[1].to_document()["verdict"] == "invalid"


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_is_met_again_is_not_signed_again(tree: Tree, image: bytes, key: str, jobs: int) -> None:
    folder = tree({"a": image, "b": image})
    task = SignTask(run_id=str(uuid.uuid4()), placement=Placement(), key=key)
    words = [str(folder), str(folder)]
    verdicts = [each.verdict for each in run_task(iter_inputs(words), task, jobs=jobs)]
    assert verdicts[:2] == ["signed", "signed"]
    assert [len(dcmseal.signatures(file)) for file in sorted(folder.iterdir())] == [1, 1]
