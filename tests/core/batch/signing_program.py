"""Signs a folder in place with two processes, as a program that can be interrupted: FOLDER KEY."""

from __future__ import annotations

import sys
import uuid

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.local_key import LocalKey
from dcmseal.batch.pool.executor_factory import make_process_pool
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.tasks.sign_task import Placement, SignTask
from dcmseal.plugins.registry import installed_registry


def main() -> None:
    folder, key = sys.argv[1:]
    task = SignTask(run_id=str(uuid.UUID(int=7)), placement=Placement(), key="")
    with LocalKey(installed_registry().open_signer(key, lambda _: None)) as signer:
        for result in run_task(iter_inputs([folder]), task, key=signer, executor=make_process_pool(2), chunk=8):
            print(result.verdict, flush=True)


if __name__ == "__main__":
    main()
