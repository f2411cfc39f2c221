"""Signs a folder in place with two processes, as a program that can be interrupted: FOLDER KEY."""

from __future__ import annotations

import sys
import uuid

from dcmseal.batch.finding import instances
from dcmseal.batch.lane import open_lane
from dcmseal.batch.running import run
from dcmseal.batch.sign_task import Placement, SignTask
from dcmseal.batch.workers import local_workers
from dcmseal.plugins.registry import installed


def main() -> None:
    folder, key = sys.argv[1:]
    with installed().open_signer(key, lambda _: None) as signer, open_lane(signer) as lane:
        task = SignTask(run_id=str(uuid.UUID(int=7)), placement=Placement(), key=lane.endpoint)
        for result in run(instances([folder]), task, executor=local_workers(2), chunk=8, on_abort=lane.close):
            print(result.verdict, flush=True)


if __name__ == "__main__":
    main()
