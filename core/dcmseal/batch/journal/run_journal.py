"""The journal of a run: files with a result are skipped, new results are recorded, and no file is signed twice.

>>> from dcmseal.batch.inputs.discovery import iter_inputs
>>> from dcmseal.batch.pool.runner import run_task
>>> from dcmseal.batch.tasks.task import VerifyTask
>>> from dcmseal.verification.verification_options import VerifyOptions
>>> task = VerifyTask(options=VerifyOptions(integrity_only=True))
>>> for run in ("first", "second"):
...     with Journal.open(JournalSettings(path="run.journal"), task) as journal:
...         verdicts = [each.verdict for each in run_task(iter_inputs(["signed.dcm"]), task, journal=journal, jobs=1)]
...         print(run, verdicts, journal.recorded_summaries.total())
first ['valid'] 0
second [] 1
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from dcmseal.batch.inputs.input_file import BatchInput, InputFile, RecordedContent
from dcmseal.batch.intact_signature import find_intact_signature
from dcmseal.batch.journal.attention_reason import AttentionReason
from dcmseal.batch.journal.file_identity import UNREADABLE_IDENTITY, FileIdentity, make_identity, refresh_input
from dcmseal.batch.journal.journal_header import JournalHeader
from dcmseal.batch.journal.journal_schema import is_future
from dcmseal.batch.journal.journal_settings import JournalSettings
from dcmseal.batch.journal.journal_store import NO_REASON, JournalStore, RecordedResult, SigningIntent
from dcmseal.batch.journal.recovery import is_signature_intact, is_signed_in_place, with_new_uid
from dcmseal.batch.journal.result_summary import ResultSummary
from dcmseal.batch.pool.result_sync import UnsyncedFolders
from dcmseal.batch.result_kind import ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.tasks.task import SignTask, Task
from dcmseal.errors import OutputError, ProcessDied
from dcmseal.exit_codes import ExitCode
from dcmseal.model.report import Instance
from dcmseal.plugins.storage_urls import is_url
from dcmseal.version import __version__

if TYPE_CHECKING:
    from dcmseal.documents.json_types import Document


_INTENTS_AHEAD: Final = 256
"""Files whose signatures are announced together: each announcement waits for the disk."""
_COMMIT_SECONDS: Final = 1.0
_COMMIT_ROWS: Final = 2000
"""Results are brought to disk after this time, or so many."""


class Journal:
    """The journal of one run."""

    def __init__(self, store: JournalStore, task: Task, settings: JournalSettings) -> None:
        self._store = store
        self._settings = settings
        header = JournalHeader.from_rows(store.path, store.header_rows())
        header.check_task(store.path, settings.build_header(task))
        header.check_shard(store.path, settings.build_header(task))
        self.task = settings.with_detail(replace(task, run_id=header.run_id) if isinstance(task, SignTask) else task)
        """The task, with what the journal knows of it: run this one."""
        self.recorded_summaries: Counter[ResultSummary] = Counter()
        """Results of files of this run that have not changed since they were recorded."""
        self.on_recorded: Callable[[BatchResult], object] = lambda result: None
        """Called with each of them: the recorded result, without its value."""
        own = os.path.realpath(settings.path)
        self._own_paths = {os.path.basename(path): path for path in (own, f"{own}-journal")}
        self._identities: dict[str, FileIdentity] = {}
        self._unsynced = UnsyncedFolders(task.output_folder)
        self._input_count = 0
        self._result_count = 0
        self._committed = time.monotonic()
        self._uncommitted = 0
        values = (__version__, time.time())
        self._number = store.execute(
            "INSERT INTO runs (version, began, ended, result_count) VALUES (?, ?2, ?2, 0)", values
        ).lastrowid
        store.forget(UNREADABLE_IDENTITY)  # they are looked for again
        self._recover_intents()

    @classmethod
    @contextmanager
    def open(cls, settings: JournalSettings, task: Task) -> Generator[Journal]:
        """Open a journal, or create it, and recover from a run that died, as a context manager.

        Args:
            settings: The journal, and what to record.
            task: The task of the run.

        Raises:
            JournalError: The journal is damaged or in use.
            UsageError: The journal belongs to another task.
        """
        store = JournalStore.open(
            settings.path, settings.build_header(task).to_rows(), lock_timeout=settings.lock_timeout
        )
        try:
            journal = cls(store, task, settings)
            try:
                yield journal
            finally:
                journal._sync_files()
                journal._update_run()
        finally:
            store.close()

    def filter_inputs(self, inputs: Iterable[BatchInput]) -> Iterator[BatchInput]:
        """Iterate over the items of this shard that have no result yet, or were changed since.

        The intent to sign an item is recorded before the item is returned.
        """
        announced: list[InputFile] = []
        for each in inputs:
            if not isinstance(each, InputFile):
                # every shard meets it, because it has no path to assign it by; all shards together count it once
                self._input_count += self._settings.shard is None or self._settings.shard.number == 1
                yield each
                continue
            if not self._is_in_scope(each):
                continue
            self._input_count += 1
            item = self._prepare_input(each)
            if item is None:
                continue
            if not isinstance(self.task, SignTask):
                yield item
                continue
            announced.append(item)
            if len(announced) == _INTENTS_AHEAD:
                yield from self._record_intents(announced)
                announced = []
        yield from self._record_intents(announced)
        self._store.execute("UPDATE runs SET input_count = ? WHERE id = ?", (self._input_count, self._number))

    def record_results(self, results: Generator[BatchResult]) -> Generator[BatchResult]:
        """Record results and pass them on; each is recorded before it is passed on."""
        with closing(results):
            for result in results:
                self.record(result)
                if not result.is_unchanged:
                    yield result

    def record(self, result: BatchResult) -> BatchResult:
        """Record a result and return it, unless it says nothing about the file."""
        item = result.input
        if not isinstance(item, InputFile):
            summary = result.summarize()
            self._record_result(
                item.source,
                UNREADABLE_IDENTITY,
                summary,
                document=self._build_kept_document(result, summary),
                reason=AttentionReason.from_result(result),
            )
            return result
        identity = self._identities.pop(item.source, None)
        if result.is_unchanged:
            self._confirm_result(item, identity, result.digest)
            return result
        if isinstance(result.error, ProcessDied) and isinstance(self.task, SignTask):
            # whether it is signed, the next run will see
            return result
        if result.error is not None and not result.has_file_error:
            self._resolve_intent(item.source)
            return result
        # a worker that died has sent no digest
        by_content = item.recorded_content is not None and isinstance(result.error, ProcessDied)
        if identity is None or by_content or (result.is_written and result.output == item.source):
            identity = make_identity(refresh_input(item), by_content=by_content)
        if item.recorded_content is not None and not by_content:
            identity = identity._replace(digest=result.digest)
        summary = result.summarize()
        self._unsynced.add(result)
        reason = AttentionReason.from_result(result)
        self._record_result(
            item.source,
            identity,
            summary,
            uid=self._signature_uid(result),
            document=self._build_kept_document(result, summary),
            reason=reason,
        )
        return result

    def _confirm_result(self, item: InputFile, identity: FileIdentity | None, digest: bytes | None) -> None:
        """Skip a file that a worker found unchanged, by its digest or its signature."""
        row = self._store.find_result(item.source)
        if row is None:
            return
        if identity is not None and row.identity.digest != digest:
            self._record_result(
                item.source, identity._replace(digest=digest), row.summary, uid=row.uid, reason=row.reason
            )
        self._resolve_intent(item.source)
        self._report_earlier_result(item, row)

    def _is_in_scope(self, item: InputFile) -> bool:
        """Whether a file belongs to this shard, and is not the journal itself, which may be in a given folder."""
        if (
            os.path.basename(item.source) in self._own_paths
            and os.path.realpath(item.source) in self._own_paths.values()
        ):
            return False
        return self._settings.shard is None or self._settings.shard.contains(item.relative)

    def _prepare_input(self, item: InputFile) -> InputFile | None:
        """Return the item if something is left to do with it, or a worker has to check that; else None."""
        row = self._store.find_result(item.source)
        identity = make_identity(item, by_content=False)
        is_again = row is not None and self._needs_retry(item, row)
        # of an object in a storage, its version tells as much as a digest
        by_content = self._settings.by_content and not is_url(item.source)
        if by_content:
            item = item._replace(
                recorded_content=RecordedContent() if row is None or is_again else self._recorded_content(item, row)
            )
        elif row is not None and identity.is_same(row.identity):
            if not is_again:
                self._report_earlier_result(item, row)
                return None
        elif row is not None and is_signature_intact(self.task, item, row):
            self._record_result(item.source, identity, row.summary, uid=row.uid, reason=row.reason)
            self._report_earlier_result(item, row)
            return None
        if row is not None:
            item = with_new_uid(self.task, item, row)
        # a file that is read while it changes has the identity that it had before
        self._identities[item.source] = identity
        return item

    def _needs_retry(self, item: InputFile, row: RecordedResult) -> bool:
        """Whether an unchanged file is tried again: it failed, has to be DICOM, or is dated in the future."""
        if (self._settings.retry_failed and row.summary.kind == ResultKind.FAILED) or (
            item.must_be_dicom and row.summary.kind == ResultKind.IGNORED
        ):
            return True
        # no signature is made a second time for a date: clocks are set back, too
        return not isinstance(self.task, SignTask) and is_future(row.recorded_at, time.time())

    def _recorded_content(self, item: InputFile, row: RecordedResult) -> RecordedContent:
        """Return the content that a worker compares with a file."""
        return RecordedContent(
            digest=row.identity.digest, uid=row.uid if is_signed_in_place(self.task, item, row) else ""
        )

    def _report_earlier_result(self, item: InputFile, row: RecordedResult) -> None:
        summary, reason = row.summary, row.reason
        self.recorded_summaries[summary] += 1
        self.on_recorded(
            BatchResult(
                input=item,
                kind=ResultKind(summary.kind),
                exit_code=ExitCode(summary.exit_code),
                verdict=summary.verdict,
                reason=reason.text,
                summary=summary,
                instance=Instance(study=reason.study, series=reason.series),
            )
        )

    def _record_intents(self, items: list[InputFile]) -> Iterator[InputFile]:
        if items:
            assert isinstance(self.task, SignTask)
            for item in items:
                uid, target = self.task.signature_uid(item), self.task.placement.target_path(item)
                self._store.record_intent(SigningIntent(source=item.source, target=target, uid=uid))
            self.commit()
        yield from items

    def _recover_intents(self) -> None:
        """Check the signatures whose intent was recorded, but no result."""
        for intent in self._store.intents():
            signature = find_intact_signature(intent.target, intent.uid)
            if signature is not None:
                identity = make_identity(
                    refresh_input(InputFile(source=intent.source, relative="")), by_content=self._settings.by_content
                )
                self._record_result(intent.source, identity, ResultSummary.from_signature(signature), uid=intent.uid)

    def _record_result(
        self,
        source: str,
        identity: FileIdentity,
        summary: ResultSummary,
        *,
        uid: str = "",
        document: Document | None = None,
        reason: AttentionReason = NO_REASON,
    ) -> None:
        self._store.record_result(
            source, identity, summary, recorded_at=int(time.time()), uid=uid, document=document, reason=reason
        )
        self._resolve_intent(source)
        self._result_count += 1
        self._uncommitted += 1
        if self._uncommitted >= _COMMIT_ROWS or time.monotonic() - self._committed >= _COMMIT_SECONDS:
            self.commit()

    def _resolve_intent(self, source: str) -> None:
        if isinstance(self.task, SignTask):
            self._store.resolve_intent(source)

    def _build_kept_document(self, result: BatchResult, summary: ResultSummary) -> Document | None:
        """The document of a result, if it is kept and there is one."""
        if not (self._settings.keep_documents or summary.needs_attention):
            return None
        if result.value is None and result.error is None and not result.document_text:
            return None
        return result.to_document()

    def _signature_uid(self, result: BatchResult) -> str:
        """Of the signature that was made."""
        if isinstance(self.task, SignTask) and result.kind is ResultKind.SIGNED and isinstance(result.input, InputFile):
            return self.task.signature_uid(result.input)
        return ""

    def commit(self) -> None:
        """Write all results to disk, and before that the files they are about; raises OutputError."""
        self._sync_files()
        self._update_run()
        self._store.commit()
        self._committed = time.monotonic()
        self._uncommitted = 0

    def _sync_files(self) -> None:
        """Sync files before their results are recorded, or record none; raises OutputError."""
        try:
            self._unsynced.sync()
        except OutputError:
            self._store.is_usable = False
            raise

    def _update_run(self) -> None:
        if self._store.is_usable:
            self._store.execute(
                "UPDATE runs SET ended = ?, result_count = ? WHERE id = ?",
                (time.time(), self._result_count, self._number),
            )
