"""The header of a journal: a journal belongs to one task and one shard, and refuses others.

>>> from dcmseal.batch.tasks.task import VerifyTask
>>> from dcmseal.verification.verification_options import VerifyOptions
>>> task = VerifyTask(options=VerifyOptions(integrity_only=True))
>>> header = JournalHeader.for_task(task, shard="2/4")
>>> header.task["integrity_only"], header.shard
(True, '2/4')
>>> JournalHeader.from_rows("run.journal", header.to_rows()) == header
True
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Self, cast

from msgspec import Struct

from dcmseal.batch.journal.journal_database import damage_error
from dcmseal.batch.tasks.task import ListTask, SignTask, VerifyTask
from dcmseal.documents.json_reader import JsonObjectReader, load_json
from dcmseal.errors import UsageError
from dcmseal.signing.signing_options import SignOptions
from dcmseal.sources.reference_folders import ReferenceFolders

if TYPE_CHECKING:
    from dcmseal.batch.tasks.task import Task
    from dcmseal.documents.json_types import Document, Json

_TASK_NAMES: Final = ((VerifyTask, "verify"), (SignTask, "sign"), (ListTask, "list"))
_IGNORED_FIELDS: Final = frozenset(
    {
        "run_id",
        "require",
        "detail",
        "options",
        "registry",
        "pin",
        "secrets",
        "retry_policy",
        "backoff",
        "name_profiles",
        "overwrite",
        "count_coverage",
        "file_digest",
        "full_documents",
    }
)
"""Says how the task is done, and not what it comes to."""


class JournalHeader(Struct, frozen=True, kw_only=True):
    """The properties of a journal."""

    run_id: str
    """A UUID; the UIDs of the signatures that the run makes are made of it."""
    task: Document
    """The options of the task. Files count by name, not by content."""
    shard: str
    """Empty for the whole archive."""
    by_content: bool

    @classmethod
    def for_task(cls, task: Task, *, shard: str = "", by_content: bool = False, key: str = "") -> Self:
        """Build the header of a new journal; ``key`` names the key if the task does not."""
        name = next((name for kind, name in _TASK_NAMES if isinstance(task, kind)), type(task).__name__)
        settings: Document = {"task": name, **_task_to_json(task)}
        if isinstance(task, SignTask):
            settings["key"] = key or (task.key if isinstance(task.key, str) else "")
        return cls(run_id=str(uuid.uuid4()), task=settings, shard=shard, by_content=by_content)

    @classmethod
    def from_rows(cls, path: str, rows: Mapping[str, str]) -> Self:
        """Parse the rows of ``to_rows``; raises JournalError."""
        try:
            task = JsonObjectReader(load_json(rows["task"], "the task"), "the task").remaining()
            run = str(uuid.UUID(rows["run"]))
            shard, by_content = rows["shard"], {"stat": False, "digest": True}[rows["identity"]]
        except (LookupError, ValueError):
            raise damage_error(path) from None
        return cls(run_id=run, task=cast("Document", task), shard=shard, by_content=by_content)

    def to_rows(self) -> dict[str, str]:
        """Return the rows of the table."""
        identity = "digest" if self.by_content else "stat"
        return {"run": self.run_id, "task": json.dumps(self.task), "shard": self.shard, "identity": identity}

    def check_task(self, path: str, other: JournalHeader) -> None:
        """Refuse a task other than that of the journal at ``path``; raises UsageError."""
        names = {name for name in self.task.keys() | other.task.keys() if self.task.get(name) != other.task.get(name)}
        if names:
            if "task" in names:
                why = f"a run of {self.task.get('task')}"
            else:
                why = f"a run with other options: {', '.join(sorted(name.replace('_', ' ') for name in names))}"
            raise UsageError(
                f"the journal {path} belongs to {why}",
                hint="repeat the options of the first run, or name another file for the journal",
            )
        if self.by_content is not other.by_content:
            raise UsageError(
                f"the journal {path} identifies files by {'content' if self.by_content else 'size and times'}",
                hint="use by_content in every run with this journal, or in none",
                code="journal-identity",
            )

    def check_shard(self, path: str, other: JournalHeader) -> None:
        """Refuse a shard other than that of the journal; raises UsageError."""
        if self.shard != other.shard:
            owner = f"shard {self.shard}" if self.shard else "the whole archive"
            raise UsageError(f"the journal {path} belongs to {owner}", hint="give each shard a journal of its own")


def _to_json(value: Any) -> Json:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, Enum):
        return _to_json(value.value)
    if isinstance(value, ReferenceFolders):
        return [*value.paths]
    if isinstance(value, bytes):
        return sha256(value).hexdigest()
    if isinstance(value, (set, frozenset)):
        return [*sorted(map(str, cast("frozenset[object]", value)))]
    if isinstance(value, (list, tuple)):
        return [_to_json(each) for each in cast("Sequence[object]", value)]
    if isinstance(value, Mapping):
        return {str(name): _to_json(each) for name, each in cast("Mapping[object, object]", value).items()}
    if isinstance(value, Struct):
        return _fields_to_json(value)
    return str(value)


def _task_to_json(task: Task) -> Document:
    """Convert a task: its options are at the same level, and folders of profile files replace the plugins."""
    values = _fields_to_json(task)
    options, registry = getattr(task, "options", None), getattr(task, "registry", None)
    if options is not None:
        values.update(_fields_to_json(options))
        if isinstance(options, SignOptions):
            profile = options.profile
            values["profile"] = profile if profile is None or isinstance(profile, str) else profile.name
    if registry is not None:
        values["profile_folders"] = [*registry.profile_folders]
    return values


def _fields_to_json(value: Any) -> Document:
    names = value.__struct_fields__
    return {name: _to_json(getattr(value, name)) for name in names if name not in _IGNORED_FIELDS}
