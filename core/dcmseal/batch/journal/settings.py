"""What a run wants of its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcmseal.batch.journal.about import About

if TYPE_CHECKING:
    from dcmseal.batch.shards import Shard
    from dcmseal.batch.tasks import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalWish:
    """Which journal, and what it is to hold."""

    path: str
    shard: Shard | None = None
    """Only the files of this shard are worked on."""
    by_content: bool = False
    """Know files by the SHA-256 digest of their content, and not by size, times and inode; workers compute it."""
    full: bool = False
    """Keep the JSON document of every result, and not only of those that are invalid or failed."""
    retry: bool = False
    """Try again what failed."""
    key: str = ""
    """What the key is called, for tasks that do not name it themselves."""

    @property
    def is_new(self) -> bool:
        """Whether there is no such journal yet."""
        return not os.path.exists(self.path)

    def about(self, task: Task) -> About:
        """What a journal for the task says about itself."""
        return About.of(task, shard=str(self.shard or ""), by_content=self.by_content, key=self.key)
