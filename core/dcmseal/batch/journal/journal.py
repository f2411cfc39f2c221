"""The journal of a run: what was judged is passed over, what is judged is recorded, and no file is signed twice.

>>> from dcmseal.batch.finding import instances
>>> from dcmseal.batch.tasks import VerifyTask
>>> task = VerifyTask(integrity_only=True)
>>> for time in ("first", "second"):
...     with Journal.open(JournalWish(path="run.journal"), task) as journal:
...         verdicts = [each.verdict for each in journal.run(instances(["signed.dcm"]), jobs=1)]
...         print(time, verdicts, journal.passed_over.total())
first ['valid'] 0
second [] 1
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dcmseal import __version__
from dcmseal.batch.chunks import CHUNK
from dcmseal.batch.items import Found, Item, Known
from dcmseal.batch.journal.about import About
from dcmseal.batch.journal.gists import Gist
from dcmseal.batch.journal.identity import UNFOUND, Identity, identity_of, looked_at_again
from dcmseal.batch.journal.reasons import Reason
from dcmseal.batch.journal.settings import JournalWish
from dcmseal.batch.journal.store import NO_REASON, Intent, Row, Store
from dcmseal.batch.journal.tables import is_future
from dcmseal.batch.journal.taking_up import signature_in
from dcmseal.batch.results import Form, Kind, Result
from dcmseal.batch.running import run
from dcmseal.batch.settling import Unsynced
from dcmseal.batch.tasks import SignTask, VerifyTask
from dcmseal.errors import DatasetError, OutputError, ProcessDied, ProfileError, UsageError
from dcmseal.exit_codes import ExitCode
from dcmseal.plugins.urls import is_url
from dcmseal.report import Instance

if TYPE_CHECKING:
    from dcmseal.batch.tasks import Task
    from dcmseal.batch.workers import Workers
    from dcmseal.engine.json_values import Document

_AHEAD: Final = 256
"""Files whose signatures are announced together: each announcement waits for the disk."""
_SECONDS: Final = 1.0
_ROWS: Final = 2000
"""Results are brought to disk after this time, or so many."""


class Journal:
    """The journal of one run."""

    def __init__(self, store: Store, task: Task, wish: JournalWish) -> None:
        self._store = store
        self._wish = wish
        about = About.read(store.path, store.about())
        about.check_serves(store.path, wish.about(task))
        about.check_shard(store.path, wish.about(task))
        self.task = _with_form(replace(task, run=about.run) if isinstance(task, SignTask) else task, wish)
        """The task, with what the journal knows of it: run this one."""
        self.passed_over: Counter[Gist] = Counter()
        """What came of the files that were met again in this run, and are as they were."""
        self.notice: Callable[[Result], object] = lambda result: None
        """Is told of each of them: the result as it was, but for the answer."""
        own = os.path.realpath(wish.path)
        self._own = {os.path.basename(path): path for path in (own, f"{own}-journal")}
        self._identities: dict[str, Identity] = {}
        self._unsynced = Unsynced(task.folder)
        self._found = 0
        self._judged = 0
        self._committed = time.monotonic()
        self._uncommitted = 0
        values = (__version__, time.time())
        self._number = store.execute(
            "INSERT INTO runs (version, began, ended, judged) VALUES (?, ?2, ?2, 0)", values
        ).lastrowid
        store.forget(UNFOUND)  # it is looked for anew
        self._take_up()

    @classmethod
    @contextmanager
    def open(cls, wish: JournalWish, task: Task) -> Generator[Journal]:
        """Open a journal, or begin one, and take up what a run that died left behind.

        Raises JournalError if it is damaged or in use, and UsageError if it belongs to another task.
        """
        store = Store.open(wish.path, wish.about(task).rows())
        try:
            journal = cls(store, task, wish)
            try:
                yield journal
            finally:
                journal._bring_files_to_disk()
                journal._note_run()
        finally:
            store.close()

    def run(
        self,
        found: Iterable[Found],
        *,
        executor: Workers | None = None,
        jobs: int | None = None,
        chunk: int = CHUNK,
        before_end: Callable[[], object] = lambda: None,
    ) -> Generator[Result]:
        """Work on what has no result yet, and record what comes of it; for the rest see ``run`` of batch.running."""
        yield from self.recorded(
            run(self.to_do(found), self.task, executor=executor, jobs=jobs, chunk=chunk, before_end=before_end)
        )

    def to_do(self, found: Iterable[Found]) -> Iterator[Found]:
        """The items that are of this shard and have no result yet, or were changed since; the rest is passed over.

        A signature is announced in the journal before its item is handed out.
        """
        announced: list[Item] = []
        for each in found:
            if not isinstance(each, Item):
                # each shard tells of it, for nobody knows which would have had it; of all together, it is one
                self._found += self._wish.shard is None or self._wish.shard.number == 1
                yield each
                continue
            if not self._is_concerned(each):
                continue
            self._found += 1
            item = self._left(each)
            if item is None:
                continue
            if not isinstance(self.task, SignTask):
                yield item
                continue
            announced.append(item)
            if len(announced) == _AHEAD:
                yield from self._announced(announced)
                announced = []
        yield from self._announced(announced)
        self._store.execute("UPDATE runs SET found = ? WHERE id = ?", (self._found, self._number))

    def recorded(self, results: Generator[Result]) -> Generator[Result]:
        """Record what comes of ``to_do``; each result is recorded before it is handed on."""
        with closing(results):
            for result in results:
                self.record(result)
                if not result.is_unchanged:
                    yield result

    def record(self, result: Result) -> Result:
        """Record a result, unless it says nothing about the file; returns it."""
        item = result.item
        if not isinstance(item, Item):
            gist = Gist.of(result)
            self._put(item.source, UNFOUND, gist, document=self._kept(result, gist), reason=Reason.of(result))
            return result
        identity = self._identities.pop(item.source, None)
        if result.is_unchanged:
            self._record_unchanged(item, identity, result.digest)
            return result
        if isinstance(result.error, ProcessDied) and isinstance(self.task, SignTask):
            # whether it is signed, the next run will see
            return result
        if result.error is not None and not _is_of_the_file(result):
            self._settle(item.source)
            return result
        # a worker that died has told no digest
        by_content = item.known is not None and isinstance(result.error, ProcessDied)
        if identity is None or by_content or (result.changed and result.output == item.source):
            identity = identity_of(looked_at_again(item), by_content=by_content)
        if item.known is not None and not by_content:
            identity = identity._replace(digest=result.digest)
        gist = Gist.of(result)
        self._unsynced.add(result)
        reason = Reason.of(result)
        self._put(
            item.source, identity, gist, uid=self._uid_of(result), document=self._kept(result, gist), reason=reason
        )
        return result

    def _record_unchanged(self, item: Item, identity: Identity | None, digest: bytes | None) -> None:
        """Pass over a file that a worker found as it was, by its digest or its signature."""
        row = self._store.row(item.source)
        if row is None:
            return
        if identity is not None and row.identity.digest != digest:
            self._put(item.source, identity._replace(digest=digest), row.gist, uid=row.uid, reason=row.reason)
        self._settle(item.source)
        self._pass_over(item, row)

    def _is_concerned(self, item: Item) -> bool:
        """Whether a file is of this shard, and not the journal itself, which may lie in a folder that is named."""
        if os.path.basename(item.source) in self._own and os.path.realpath(item.source) in self._own.values():
            return False
        return self._wish.shard is None or self._wish.shard.holds(item.relative)

    def _left(self, item: Item) -> Item | None:
        """The item, if there is something left to do with it, or a worker has to see whether there is."""
        row = self._store.row(item.source)
        identity = identity_of(item, by_content=False)
        is_again = row is not None and self._is_judged_again(item, row)
        # of an object in a storage, its version tells as much as a digest
        by_content = self._wish.by_content and not is_url(item.source)
        if by_content:
            item = item._replace(known=Known() if row is None or is_again else self._known(item, row))
        elif row is not None and identity.is_same(row.identity):
            if not is_again:
                self._pass_over(item, row)
                return None
        elif row is not None and self._is_touched_only(item, row):
            self._put(item.source, identity, row.gist, uid=row.uid, reason=row.reason)
            self._pass_over(item, row)
            return None
        if row is not None:
            item = self._with_another_uid(item, row)
        # a file that is read while it changes has the identity that it had before
        self._identities[item.source] = identity
        return item

    def _is_judged_again(self, item: Item, row: Row) -> bool:
        """Whether a result of a file that is what it was does not count any more.

        What failed is tried again on request, what was no DICOM file now has to be one, or the result is dated in the
        future.
        """
        if row.gist.kind == Kind.PASSED_OVER:
            return item.is_named
        if self._wish.retry and row.gist.kind == Kind.FAILED:
            return True
        # no signature is made a second time for a date: clocks are set back, too
        return not isinstance(self.task, SignTask) and is_future(row.judged, time.time())

    def _known(self, item: Item, row: Row) -> Known:
        """What a worker is to hold the content of a file against."""
        return Known(digest=row.identity.digest, uid=row.uid if self._is_signed_in_place(item, row) else "")

    def _pass_over(self, item: Item, row: Row) -> None:
        gist, reason = row.gist, row.reason
        self.passed_over[gist] += 1
        self.notice(
            Result(
                item=item,
                kind=Kind(gist.kind),
                exit_code=ExitCode(gist.exit_code),
                verdict=gist.verdict,
                reason=reason.text,
                gist=gist,
                instance=Instance(study=reason.study, series=reason.series),
            )
        )

    def _is_touched_only(self, item: Item, row: Row) -> bool:
        """Whether a file that was signed in place has its signature still, and the data that was signed."""
        return self._is_signed_in_place(item, row) and signature_in(item.source, row.uid) is not None

    def _is_signed_in_place(self, item: Item, row: Row) -> bool:
        return bool(row.uid) and isinstance(self.task, SignTask) and self.task.placement.target_of(item) == item.source

    def _with_another_uid(self, item: Item, row: Row) -> Item:
        """The item, so numbered that its signature gets a UID that none had before."""
        if isinstance(self.task, SignTask) and row.uid:
            for number in range(1 << 16):
                again = item._replace(again=number)
                if self.task.uid_of(again) == row.uid:
                    return item._replace(again=number + 1)
        return item

    def _announced(self, items: list[Item]) -> Iterator[Item]:
        if items:
            assert isinstance(self.task, SignTask)
            for item in items:
                uid, target = self.task.uid_of(item), self.task.placement.target_of(item)
                self._store.promise(Intent(source=item.source, target=target, uid=uid))
            self.commit()
        yield from items

    def _take_up(self) -> None:
        """See what became of the signatures that were announced, and have no result."""
        for intent in self._store.intents():
            signature = signature_in(intent.target, intent.uid)
            if signature is not None:
                identity = identity_of(
                    looked_at_again(Item(source=intent.source, relative="")), by_content=self._wish.by_content
                )
                self._put(intent.source, identity, Gist.signed(signature), uid=intent.uid)

    def _put(
        self,
        source: str,
        identity: Identity,
        gist: Gist,
        *,
        uid: str = "",
        document: Document | None = None,
        reason: Reason = NO_REASON,
    ) -> None:
        self._store.put(source, identity, gist, judged=int(time.time()), uid=uid, document=document, reason=reason)
        self._settle(source)
        self._judged += 1
        self._uncommitted += 1
        if self._uncommitted >= _ROWS or time.monotonic() - self._committed >= _SECONDS:
            self.commit()

    def _settle(self, source: str) -> None:
        if isinstance(self.task, SignTask):
            self._store.settle(source)

    def _kept(self, result: Result, gist: Gist) -> Document | None:
        """The document of a result, if it is kept and there is one."""
        if not (self._wish.full or gist.is_alarming):
            return None
        if result.answer is None and result.error is None and not result.text:
            return None
        return result.document()

    def _uid_of(self, result: Result) -> str:
        """Of the signature that was made."""
        if isinstance(self.task, SignTask) and result.kind is Kind.SIGNED and isinstance(result.item, Item):
            return self.task.uid_of(result.item)
        return ""

    def commit(self) -> None:
        """Bring all results to disk, and first the files that they tell of; raises OutputError."""
        self._bring_files_to_disk()
        self._note_run()
        self._store.commit()
        self._committed = time.monotonic()
        self._uncommitted = 0

    def _bring_files_to_disk(self) -> None:
        """What is recorded comes after what it tells of; if that cannot be, it is not recorded. Raises OutputError."""
        try:
            self._unsynced.sync()
        except OutputError:
            self._store.is_usable = False
            raise

    def _note_run(self) -> None:
        if self._store.is_usable:
            self._store.execute(
                "UPDATE runs SET ended = ?, judged = ? WHERE id = ?", (time.time(), self._judged, self._number)
            )


def _with_form(task: Task, wish: JournalWish) -> Task:
    """The task with answers in a form that a journal can make something of."""
    if not isinstance(task, (SignTask, VerifyTask)):
        return task
    if wish.full and task.form is not Form.ANSWER:
        return replace(task, form=Form.DOCUMENT)
    return replace(task, form=Form.GIST) if task.form is Form.VERDICT else task


def _is_of_the_file(result: Result) -> bool:
    """Whether an error is one of the file, and not of key, network or disk: those may be better next time."""
    return isinstance(result.error, (DatasetError, ProfileError, UsageError))
