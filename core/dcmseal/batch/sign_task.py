"""Signing many files as a task: each worker plans, hashes and writes; the key is here, or in the process that signs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dcmseal.batch.items import Item
from dcmseal.batch.results import Form, Kind, Result
from dcmseal.batch.working import worked_on
from dcmseal.config.pins import PinSource
from dcmseal.errors import OutputError, SealError, SignerError
from dcmseal.exit_codes import ExitCode
from dcmseal.plugins.timestamping import Patience, QueryWish

if TYPE_CHECKING:
    from dcmseal.engine.references.folders import Folders
    from dcmseal.plugins.protocols import Secrets, Signer
    from dcmseal.plugins.registry import Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where signed files go: to a folder that mirrors the input, or in the place of the input."""

    folder: str | None = None
    """None is in place."""
    overwrite: bool = False
    """Replace files that are in the folder already."""

    def target_of(self, item: Item) -> str:
        """Where the result of an item goes."""
        return item.source if self.folder is None else os.path.join(self.folder, *item.relative.split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignTask:
    """What ``dcmseal.sign`` is asked, as values; see there."""

    run: str
    """A UUID of this run. With the item's source it makes the Digital Signature UID, so that an item that is met again,
    because a worker died or the run was taken up again, is known to be signed and never signed twice."""
    placement: Placement
    key: str
    """Key URI; the key is opened in each worker."""
    pin: PinSource | None = None
    """Where a worker finds the passphrase or PIN; the secret itself never travels."""
    location: str = "main"
    tags: tuple[int | str, ...] | None = None
    only_required: bool = False
    profile: str | None = None
    algorithm: str = "SHA256"
    transfer_syntax: str | None = None
    purpose: int | str | None = None
    allow_weak: bool = False
    allow_expired: bool = False
    padding: str = "minimal"
    references: tuple[str, ...] = ()
    timestamp: tuple[str, ...] = ()
    """URLs of timestamp authorities."""
    timestamp_query: QueryWish = QueryWish()
    timestamp_patience: Patience = Patience()
    profiles_folder: str | None = None
    form: Form = Form.ANSWER

    @contextmanager
    def open(self) -> Generator[SigningWorker]:
        """Open the key; raises SignerError or one of its kinds, UsageError, ProfileError, PluginError."""
        from dcmseal.engine.asking import folders_of
        from dcmseal.plugins.registry import installed

        registry = installed()
        if self.profiles_folder is not None:
            registry = registry.with_profiles_in(self.profiles_folder)
        with registry.open_signer(self.key, self._secrets()) as signer:
            yield SigningWorker(self, signer, folders_of(self.references or None), registry)

    def uid_of(self, item: Item) -> str:
        """The Digital Signature UID of the signature that this run makes for an item (PS3.5 B.2)."""
        return f"2.25.{uuid.uuid5(uuid.UUID(self.run), item.source).int}"

    def _secrets(self) -> Secrets:
        secret = None if self.pin is None else self.pin.read("", lambda _: None)
        return lambda request: secret if request.attempt == 1 else None


class SigningWorker:
    """Signs one file after the other, until the key fails."""

    def __init__(self, task: SignTask, signer: Signer, folders: Folders | None, registry: Registry) -> None:
        self._task = task
        self._signer = signer
        self._folders = folders
        self._registry = registry

    def run(self, item: Item) -> Result:
        """Sign a file."""
        return worked_on(item, self._task.form, self._signed, ends_run=_ends_run)

    def _signed(self, item: Item) -> Result:
        from dcmseal.engine.changing import sign
        from dcmseal.engine.stamping import TimestampWish

        task = self._task
        target = task.placement.target_of(item)
        in_place = task.placement.folder is None
        if not in_place:
            if os.path.lexists(target) and not task.placement.overwrite:
                raise OutputError(f"{target} exists", hint="name another folder; --force overwrites it")
            os.makedirs(os.path.dirname(target), exist_ok=True)
        wish = TimestampWish(urls=task.timestamp, query=task.timestamp_query, patience=task.timestamp_patience)
        result = sign(
            item.source,
            signer=self._signer,
            output=None if in_place else target,
            in_place=in_place,
            location=task.location,
            tags=task.tags,
            only_required=task.only_required,
            profile=task.profile,
            algorithm=task.algorithm,
            transfer_syntax=task.transfer_syntax,
            purpose=task.purpose,
            allow_weak=task.allow_weak,
            allow_expired=task.allow_expired,
            padding=task.padding,
            references=self._folders,
            timestamp=wish if task.timestamp else None,
            uid=task.uid_of(item),
            registry=self._registry,
        )
        return Result(
            item=item,
            kind=Kind.SIGNED,
            exit_code=ExitCode.OK,
            verdict=Kind.SIGNED.value,
            answer=result,
            output=target,
            changed=True,
        )


def _ends_run(error: SealError) -> bool:
    # the next file would have the same wrong PIN sent to the same card
    return isinstance(error, SignerError)
