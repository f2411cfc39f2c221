"""Tasks declare all modules that their workers import, so that a pool of processes starts quickly."""

from __future__ import annotations

import pickle
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.tasks.sign_task import Placement
from dcmseal.batch.tasks.task import ListTask, PlanTask, SignTask, Task, VerifyTask
from dcmseal.verification.verification_options import VerifyOptions

PROGRAM = """
import pickle, sys
from importlib import import_module
import dcmseal.batch.pool.chunks

with open(sys.argv[1], "rb") as file:
    needs, task, item = pickle.load(file)
for name in needs:
    import_module(name)
before = set(sys.modules)
[result] = dcmseal.batch.pool.chunks.run_chunk(task, (item,))
print(result.kind, *sorted(set(sys.modules) - before))
"""


@pytest.mark.parametrize(
    "task",
    [
        VerifyTask(options=VerifyOptions(integrity_only=True), detail=ResultDetail.VERDICT),
        VerifyTask(options=VerifyOptions(integrity_only=True, name_profiles=True), detail=ResultDetail.VERDICT),
        VerifyTask(options=VerifyOptions(integrity_only=True, name_profiles=True), detail=ResultDetail.SUMMARY),
        VerifyTask(options=VerifyOptions(integrity_only=True, name_profiles=True), detail=ResultDetail.VALUE),
        VerifyTask(options=VerifyOptions(integrity_only=True, name_profiles=True), detail=ResultDetail.DOCUMENT),
        ListTask(detail=ResultDetail.DOCUMENT),
        SignTask(run_id=str(uuid.uuid4()), placement=Placement(), key="", detail=ResultDetail.SUMMARY),
        PlanTask(SignTask(run_id="", placement=Placement(), key="", detail=ResultDetail.DOCUMENT)),
        PlanTask(SignTask(run_id="", placement=Placement(), key="", detail=ResultDetail.VERDICT)),
    ],
    ids=["verdict", "profiles", "gist", "answer", "document", "list", "sign", "plan", "plan-verdict"],
)
def test_workers_import_nothing_else(task: Task, signed: bytes, key: str, tmp_path: Path) -> None:
    if isinstance(task, SignTask):
        task = SignTask(run_id=task.run_id, placement=task.placement, key=key, detail=task.detail)
    (tmp_path / "signed.dcm").write_bytes(signed)
    item = InputFile(source=str(tmp_path / "signed.dcm"), relative="signed.dcm")
    (tmp_path / "work").write_bytes(
        pickle.dumps(((type(task).__module__, *task.preload_modules), pickle.dumps(task), item))
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-c", PROGRAM, str(tmp_path / "work")], check=True, capture_output=True, text=True
    )
    kind, *modules = ran.stdout.split()
    assert kind in ("verified", "listed", "signed", "planned")
    # the imports of plugins are unknown before discovery
    late = {name for name in modules if name.startswith("dcmseal.") and not name.startswith("dcmseal.plugins.")}
    assert not late


def test_verdicts_alone_need_no_plugins() -> None:
    task = VerifyTask(options=VerifyOptions(), detail=ResultDetail.VERDICT)
    assert "dcmseal.plugins.registry" not in task.preload_modules
    assert (
        "dcmseal.plugins.registry"
        in VerifyTask(options=VerifyOptions(name_profiles=True), detail=ResultDetail.VERDICT).preload_modules
    )
