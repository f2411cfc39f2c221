"""Signs a folder in place with two processes, as a program that can be interrupted: FOLDER KEY."""

from __future__ import annotations

import sys
import uuid

from dcmseal.batch.finding import iter_inputs
from dcmseal.batch.lane import open_signing_server
from dcmseal.batch.running import run_task
from dcmseal.batch.sign_task import Placement, SignTask
from dcmseal.batch.workers import make_process_pool
from dcmseal.plugins.registry import installed_registry


def main() -> None:
    folder, key = sys.argv[1:]
    with installed_registry().open_signer(key, lambda _: None) as signer, open_signing_server(signer) as lane:
        task = SignTask(run_id=str(uuid.UUID(int=7)), placement=Placement(), key=lane.endpoint)
        for result in run_task(
            iter_inputs([folder]), task, executor=make_process_pool(2), chunk=8, on_abort=lane.close
        ):
            print(result.verdict, flush=True)


if __name__ == "__main__":
    main()
