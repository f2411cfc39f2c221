"""A run that signs an archive in place with a journal, in its own process, and prints a line for each file."""

from __future__ import annotations

import resource
import sys
import uuid
from typing import Final

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.run_journal import Journal
from dcmseal.batch.pool.executor_factory import make_process_pool
from dcmseal.batch.pool.runner import run_task
from dcmseal.batch.tasks.sign_task import Placement, SignTask
from dcmseal.errors import SealError

_CHUNK: Final = 2


def main(archive: str, journal: str, key: str, jobs: str, largest: str) -> int:
    """Sign; a pool of processes is used however few the files are, and no file gets larger than the largest."""
    if int(largest):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), int(largest)))
    task = SignTask(run_id=str(uuid.uuid4()), placement=Placement(), key=key)
    workers = make_process_pool(int(jobs)) if jobs != "1" else None
    code = 0
    try:
        with Journal.open(JournalSettings(path=journal), task) as opened:
            for result in run_task(
                iter_inputs([archive]), task, journal=opened, executor=workers, jobs=1, chunk=_CHUNK
            ):
                print(result.verdict, flush=True)
                if result.error is not None:
                    print(result.error, result.error.hint, file=sys.stderr)
                    code = 1
    except SealError as error:
        print(error, f"hint: {error.hint}", sep="\n", file=sys.stderr)
        return 5
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
