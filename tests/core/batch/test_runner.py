"""Running: in order, bounded ahead, and a worker that dies takes one item with it."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from dcmseal.batch.inputs.input_file import BatchInput, InputFile
from dcmseal.batch.pool.executor_factory import ExecutorFactory, make_process_pool, usable_processors
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.tasks.task import Task
from dcmseal.errors import ProcessDied, UsageError
from tests.core.batch.crashing_task import CrashingTask


def items(count: int) -> list[InputFile]:
    return [InputFile(source=str(number), relative=str(number)) for number in range(count)]


class Immediately(Executor):
    """An executor that runs work at once in this process, and breaks on request."""

    def __init__(self, breaks_at: int = -1) -> None:
        self.submitted = 0
        self._breaks_at = breaks_at

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        self.submitted += 1
        future: Future[Any] = Future()
        if 0 < self._breaks_at <= self.submitted:
            future.set_exception(BrokenExecutor())
        else:
            future.set_result(function(*arguments))
        return future


def workers(*executors: Executor) -> ExecutorFactory:
    left = iter(executors)

    @contextmanager
    def open_next(_: Task) -> Iterator[Executor]:
        yield next(left)

    return ExecutorFactory(open=open_next, slots=lambda _: 2)


def test_results_come_in_the_order_of_the_items_from_several_processes() -> None:
    results = list(run_task(items(200), CrashingTask(), executor=make_process_pool(2), chunk=3))
    assert [each.input.source for each in results] == [str(number) for number in range(200)]
    pids = {each.reason for each in results}
    assert str(os.getpid()) not in pids
    assert 1 <= len(pids) <= 2


def test_few_items_need_no_other_process() -> None:
    assert {each.reason for each in run_task(items(20), CrashingTask())} == {str(os.getpid())}


def test_many_items_are_spread() -> None:
    assert str(os.getpid()) not in {each.reason for each in run_task(items(501), CrashingTask(), jobs=2)}
    assert {each.reason for each in run_task(items(501), CrashingTask(), jobs=1)} == {str(os.getpid())}


def test_no_more_items_are_taken_than_are_soon_worked_on() -> None:
    taken = 0

    def counted() -> Iterator[BatchInput]:
        nonlocal taken
        for item in items(10_000):
            taken += 1
            yield item

    with closing(run_task(counted(), CrashingTask(), executor=workers(Immediately()), chunk=10)) as results:
        for number, _ in enumerate(results, 1):
            assert taken <= number + 10 * 8
            if number == 500:
                break
    assert taken < 600


def test_a_worker_that_dies_takes_only_the_deadly_items_with_it(tmp_path: Path) -> None:
    deadly = {"5", "6", "41"}
    task = CrashingTask(crashing=frozenset(deadly), log=str(tmp_path / "log"))
    results = list(run_task(items(60), task, executor=make_process_pool(2), chunk=8))
    assert [each.input.source for each in results] == [str(number) for number in range(60)]
    failed = {each.input.source: each for each in results if each.verdict == "failed"}
    assert set(failed) == deadly
    assert all(isinstance(each.error, ProcessDied) and each.exit_code == 5 for each in failed.values())
    tidied = Counter((tmp_path / "log").read_text().split())
    assert all(tidied[name] == (3 if name in deadly else 2) for name in map(str, (*range(8), *range(40, 48))))
    assert set(tidied.values()) <= {1, 2, 3}, "with others, with the chunk, and by itself"


def test_an_error_of_the_program_is_a_result_that_failed() -> None:
    from dcmseal.batch.result_kind import ResultDetail
    from dcmseal.batch.tasks.item_runner import never_fatal, run_item

    result = run_item(
        InputFile(source="raise", relative=""), ResultDetail.VALUE, CrashingTask().run, is_fatal=never_fatal
    )
    assert result.verdict == "failed"
    assert "MemoryError in crashing_task.py" in result.reason


def test_an_executor_that_breaks_is_opened_again(tmp_path: Path) -> None:
    task = CrashingTask(log=str(tmp_path / "log"))
    second = Immediately()
    results = list(run_task(items(100), task, executor=workers(Immediately(breaks_at=4), second), chunk=10))
    assert [each.input.source for each in results] == [str(number) for number in range(100)]
    assert {each.verdict for each in results} == {"valid"}
    assert second.submitted


class OneIsLost(ThreadPoolExecutor):
    """A chunk is lost, and the executor goes on with those that were sent after it."""

    def __init__(self) -> None:
        super().__init__(2)
        self._submitted = 0

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        self._submitted += 1
        if self._submitted == 2:
            lost: Future[Any] = Future()
            lost.set_exception(RuntimeError("the network, or whatever"))
            return lost
        return super().submit(_slowly, function, *arguments)


def _slowly(function: Any, *arguments: Any) -> Any:
    time.sleep(0.02)
    return function(*arguments)


def test_running_work_is_awaited_when_a_chunk_is_lost(tmp_path: Path) -> None:
    task = CrashingTask(log=str(tmp_path / "log"))
    results = list(run_task(items(100), task, executor=workers(OneIsLost()), chunk=10))
    assert [each.input.source for each in results] == [str(number) for number in range(100)]
    assert (tmp_path / "log").read_text().split() == [str(number) for number in range(10, 20)]


def test_workers_that_always_die_end_the_run(tmp_path: Path) -> None:
    task = CrashingTask(log=str(tmp_path / "log"))

    @contextmanager
    def broken(_: Task) -> Iterator[Executor]:
        yield Immediately(breaks_at=1)

    with pytest.raises(ProcessDied, match="whatever they work on"):
        list(run_task(items(100), task, executor=ExecutorFactory(open=broken, slots=lambda _: 2), chunk=10))


@pytest.mark.parametrize("executor", [None, make_process_pool(2)], ids=["here", "pool"])
def test_an_error_of_the_task_is_raised(executor: ExecutorFactory | None) -> None:
    with pytest.raises(UsageError, match="cannot be done") as raised:
        list(run_task(items(3), CrashingTask(unusable=True), executor=executor))
    assert raised.value.hint == "do something else"


def test_processes_are_spawned_where_forkserver_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    results = list(run_task(items(20), CrashingTask(), executor=make_process_pool(2), chunk=3))
    assert [each.input.source for each in results] == [str(number) for number in range(20)]
    assert str(os.getpid()) not in {each.reason for each in results}


def test_a_program_from_standard_input_works_in_its_own_process() -> None:
    program = (
        "from tests.core.batch.crashing_task import CrashingTask\n"
        "from tests.core.batch.test_runner import items\n"
        "from dcmseal.batch.pool.runner import run_task\n"
        "print(len({each.reason for each in run_task(items(600), CrashingTask(), jobs=2)}))"
    )
    root = Path(__file__).parents[3]
    ran = subprocess.run([sys.executable, "-"], input=program, check=True, capture_output=True, text=True, cwd=root)
    assert (ran.stdout, ran.stderr) == ("1\n", "")


def test_closing_early_leaves_no_process() -> None:
    before = set(multiprocessing.active_children())
    with closing(run_task(items(1000), CrashingTask(), executor=make_process_pool(2), chunk=5)) as results:
        next(results)
        assert set(multiprocessing.active_children()) > before
    for _ in range(100):
        if set(multiprocessing.active_children()) <= before:
            break
        time.sleep(0.05)
    assert set(multiprocessing.active_children()) <= before


def test_the_processors_of_a_container_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quota = tmp_path / "cpu.max"
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    assert usable_processors(str(quota)) == 16
    for text, count in (("max 100000", 16), ("250000 100000", 2), ("10000 100000", 1)):
        quota.write_text(text)
        assert usable_processors(str(quota)) == count
