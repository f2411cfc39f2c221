"""How a run uses its journal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.batch.journal.journal_database import LOCK_TIMEOUT
from dcmseal.batch.journal.journal_header import JournalHeader
from dcmseal.batch.result_kind import ResultDetail
from dcmseal.batch.tasks.task import SignTask, VerifyTask

if TYPE_CHECKING:
    from dcmseal.batch.inputs.shard import Shard
    from dcmseal.batch.tasks.task import Task


class JournalSettings(Struct, frozen=True, kw_only=True):
    """Which journal to write, and what to record in it."""

    path: str
    shard: Shard | None = None
    """Process only the files of this shard."""
    by_content: bool = False
    """Identify files by the SHA-256 of their content, which workers compute, instead of size, times and inode."""
    keep_documents: bool = False
    """Store the JSON documents of all results, not only of those that are invalid or failed."""
    retry_failed: bool = False
    """Retry files that failed."""
    key: str = ""
    """A name for the key, for tasks with an open signer."""
    lock_timeout: float = LOCK_TIMEOUT
    """Seconds to wait for another process that has locked the journal."""

    @property
    def is_new(self) -> bool:
        """Whether the journal does not exist yet."""
        return not os.path.exists(self.path)

    def build_header(self, task: Task) -> JournalHeader:
        """Build the header of a journal for a task."""
        return JournalHeader.for_task(task, shard=str(self.shard or ""), by_content=self.by_content, key=self.key)

    def with_detail(self, task: Task) -> Task:
        """Return the task with results that are detailed enough for the journal."""
        if not isinstance(task, (SignTask, VerifyTask)):
            return task
        detail = task.detail.with_summary()
        if self.keep_documents and not detail.has_document:
            detail = ResultDetail.DOCUMENT_AND_SUMMARY
        return replace(task, detail=detail)
