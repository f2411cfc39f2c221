"""Dry runs as a task: spread over processes, in every form of answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.pool.executor_factory import ExecutorFactory, make_process_pool
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.tasks.sign_task import Placement
from dcmseal.batch.tasks.skip_rule import SkipRule
from dcmseal.batch.tasks.task import PlanTask, SignTask

Tree = Callable[[dict[str, bytes]], Path]
ANY = (SkipRule.parse("any"),)


@pytest.mark.parametrize("executor", [None, make_process_pool(2)], ids=["here", "pool"])
@pytest.mark.parametrize("form", ResultDetail)
def test_plans_come_back_in_any_form(
    tree: Tree, image: bytes, signed: bytes, executor: ExecutorFactory | None, form: ResultDetail
) -> None:
    folder = tree({"a": image, "b": signed, "c": image[:-100], "d": image})
    signing = SignTask(
        run_id="", placement=Placement(folder=str(folder / "out")), key="no-such:key", skip=ANY, detail=form
    )
    results = list(run_task(iter_inputs([str(folder)]), PlanTask(signing), executor=executor, jobs=1, chunk=1))
    assert [each.verdict for each in results] == ["planned", "skipped", "failed", "planned"]
    assert not any(each.is_written or each.output or each.is_fatal for each in results)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "c", "d"]
    if form.has_document:
        assert [each.to_document()["document"] for each in results] == ["plan", "skipped", "error", "plan"]
    else:
        assert not results[0].document_text
    has_summary = form in (ResultDetail.SUMMARY, ResultDetail.DOCUMENT_AND_SUMMARY)
    assert all((each.summary is not None) == has_summary for each in results)
