"""Signing many files as a task: each worker plans, hashes and writes; the key is here, or in the process that signs."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dcmseal.batch.exit_codes import ExitCode
from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.results import BatchResult, ResultDetail, ResultKind
from dcmseal.batch.signing_server import SigningEndpoint
from dcmseal.batch.tasks.item_runner import run_item
from dcmseal.batch.tasks.placement import Placement, target_exists_error
from dcmseal.batch.tasks.skip_rule import SkipRule, skip_result
from dcmseal.config.pin_source import PinSource
from dcmseal.errors import AlreadySigned, ConcurrentModification, DatasetError, SealError, SignerError
from dcmseal.output.atomic_file import OutputFile
from dcmseal.plugins.timestamp_backend import RetryPolicy, TimestampQuery
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from dcmseal.plugins.profile import Profile
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.signer_backend import SecretRequest, Secrets, Signer
    from dcmseal.references.reference_folders import ReferenceFolders
    from dcmseal.signing.options import SignOptions
    from dcmseal.signing.signing_result import SigningResult
    from dcmseal.signing.warnings import SigningWarning

__all__ = ["Placement", "SignTask", "SigningWorker"]

_MAX_CACHED_FOLDERS: Final = 4096
"""How many are remembered."""


def blocking_codes(warnings: Iterable[SigningWarning]) -> tuple[str, ...]:
    """Codes of what will keep a signature from being called valid, or another that is there already."""
    return tuple(each.code for each in warnings if each.is_obstacle)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignTask:
    """What ``dcmseal.sign`` is asked, as values; see there."""

    run_id: str
    """A UUID of this run. With the item's source it makes the Digital Signature UID, so that an item that is met again,
    because a worker died or the run was taken up again, is known to be signed and never signed twice."""
    placement: Placement
    key: str | SigningEndpoint
    """A key URI, which is opened in each worker; or the way to where the key is open."""
    pin: PinSource | None = None
    """Where a worker finds the passphrase or PIN for the key URI; the secret itself never travels."""
    skip: tuple[SkipRule, ...] = ()
    """Files that have a signature by one of these rules are left alone."""
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
    require_intact: bool = False
    timestamp: tuple[str, ...] = ()
    """URLs of timestamp authorities."""
    timestamp_query: TimestampQuery = TimestampQuery()
    timestamp_retry: RetryPolicy = RetryPolicy()
    timestamp_login: PinSource | None = None
    """Where a worker finds ``USER:PASSWORD`` for the authority."""
    profiles_folder: str | None = None
    detail: ResultDetail = ResultDetail.VALUE

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """What it takes to sign, and to tell of it."""
        modules = ("dcmseal.api.sign", "dcmseal.verification.pipeline", "dcmseal.batch.result_documents")
        return (*modules, "cryptography.x509", "importlib.metadata", "pluggy")

    @contextmanager
    def open(self) -> Generator[SigningWorker]:
        """Open the key; raises SignerError or one of its kinds, UsageError, ProfileError, PluginError."""
        wish, registry = self.prepare()
        with self._open_signer(registry) as signer:
            yield SigningWorker(self, signer, wish.profile, wish.references, registry)

    def prepare(self) -> tuple[SignOptions, Registry]:
        """What is asked for, and who serves it; raises UsageError, ProfileError or PluginError. No key is touched."""
        from dcmseal.plugins.registry import installed_registry
        from dcmseal.references.reference_folders import to_reference_folders
        from dcmseal.signing.options import build_options

        registry = installed_registry()
        if self.profiles_folder is not None:
            registry = registry.with_profile_folder(self.profiles_folder)
        wish = build_options(
            location=self.location,
            tags=self.tags,
            only_required=self.only_required,
            profile=None if self.profile is None else registry.profile(self.profile),
            algorithm=self.algorithm,
            transfer_syntax=self.transfer_syntax,
            purpose=self.purpose,
            allow_weak=self.allow_weak,
            padding=self.padding,
            references=to_reference_folders(self.references or None),
            timestamped=bool(self.timestamp),
            require_intact=self.require_intact,
        )
        for rule in self.skip:
            rule.check_profile(registry)
        return wish, registry

    def _open_signer(self, registry: Registry) -> AbstractContextManager[Signer]:
        if isinstance(self.key, SigningEndpoint):
            return self.key.open()
        return registry.open_signer(self.key, _make_secrets(self.pin))

    @property
    def output_folder(self) -> str | None:
        """The folder on this machine that results go to; None if it is elsewhere, or they are in place."""
        return None if URL_SEPARATOR in (self.placement.folder or "") else self.placement.folder

    def remove_leftovers(self, item: InputFile) -> None:
        """Remove what a worker that died may have left behind beside the item's target."""
        target = self.placement.target_path(item)
        if URL_SEPARATOR not in target:
            from dcmseal.output.temporary_files import remove_leftovers

            remove_leftovers(os.path.dirname(target))

    def signature_uid(self, item: InputFile) -> str:
        """The Digital Signature UID of the signature that this run makes for an item (PS3.5 B.2)."""
        name = f"{item.source}\0{item.attempt}" if item.attempt else item.source
        # names of files may have bytes that are not valid Unicode
        name = name.encode("utf-8", "backslashreplace").decode()
        return f"2.25.{uuid.uuid5(uuid.UUID(self.run_id), name).int}"


class SigningWorker:
    """Signs one file after the other, until the key fails."""

    def __init__(
        self,
        task: SignTask,
        signer: Signer,
        profile: Profile | None,
        folders: ReferenceFolders | None,
        registry: Registry,
    ) -> None:
        from dcmseal.signing.timestamp_request import TimestampRequest

        self._task = task
        self._signer = signer
        self._profile = profile
        self._folders = folders
        self._registry = registry
        self._cleaned_folders: set[str] = set()
        self._timestamp = TimestampRequest(
            urls=task.timestamp,
            query=task.timestamp_query,
            retry_policy=task.timestamp_retry,
            secrets=_make_secrets(task.timestamp_login),
        )

    def run(self, item: InputFile) -> BatchResult:
        """Sign a file."""
        return run_item(item, self._task.detail, self._process, is_fatal=_is_fatal)

    def _process(self, item: InputFile) -> BatchResult:
        if skipped := skip_result(item, self._task.skip, self._registry):
            return skipped
        target = self._task.placement.target_path(item)
        try:
            result = self._sign(item, target)
        except AlreadySigned:
            result = self._load_earlier_result(item, target)
        except ConcurrentModification:
            # a worker of this run, before that was killed and taken up again, may have come to its end after all
            if not self._has_signature(item, target):
                raise
            result = self._load_earlier_result(item, target)
        return BatchResult(
            input=item,
            kind=ResultKind.SIGNED,
            exit_code=ExitCode.OK,
            verdict=ResultKind.SIGNED.value,
            value=result,
            output=target,
            is_written=True,
            blocking_codes=blocking_codes(result.warnings),
        )

    def _sign(self, item: InputFile, target: str) -> SigningResult:
        from dcmseal.api.sign import sign

        task = self._task
        in_place = task.placement.folder is None
        output: str | OutputFile = target
        if URL_SEPARATOR not in target:
            self._remove_leftovers_once(os.path.dirname(target))
            output = OutputFile(target, is_new=not (in_place or task.placement.overwrite))
        if not in_place:
            self._prepare_target(item, target)
        return sign(
            item.source,
            signer=self._signer,
            output=output,
            location=task.location,
            tags=task.tags,
            only_required=task.only_required,
            profile=self._profile,
            algorithm=task.algorithm,
            transfer_syntax=task.transfer_syntax,
            purpose=task.purpose,
            allow_weak=task.allow_weak,
            allow_expired=task.allow_expired,
            padding=task.padding,
            references=self._folders,
            require_intact=task.require_intact,
            timestamp=self._timestamp if task.timestamp else None,
            uid=task.signature_uid(item),
            registry=self._registry,
        )

    def _prepare_target(self, item: InputFile, target: str) -> None:
        """Make the folder of a target; raises AlreadySigned if this run wrote the target, OutputError if others did."""
        placement = self._task.placement
        if not placement.is_free(target, self._registry):
            if self._has_signature(item, target):
                raise AlreadySigned(f"{target} is there already")
            raise target_exists_error(target)
        placement.prepare_target(item, target)

    def _remove_leftovers_once(self, folder: str) -> None:
        """Remove what dead processes left in a folder, before the first file in it is written."""
        if folder not in self._cleaned_folders:
            from dcmseal.output.temporary_files import remove_leftovers

            if len(self._cleaned_folders) >= _MAX_CACHED_FOLDERS:
                self._cleaned_folders.clear()
            self._cleaned_folders.add(folder)
            remove_leftovers(folder)

    def _has_signature(self, item: InputFile, target: str) -> bool:
        """Whether a file has the signature that this run makes for an item."""
        from dcmseal.api.inspect import signatures

        with suppress(DatasetError):
            return any(each.uid == self._task.signature_uid(item) for each in signatures(target))
        return False

    def _load_earlier_result(self, item: InputFile, target: str) -> SigningResult:
        """What came of an item that was signed before, in this run."""
        from dcmseal.api.inspect import find_signature
        from dcmseal.signing.signing_result import SigningResult

        signature = find_signature(target, self._task.signature_uid(item)).content
        return SigningResult(signature=signature, warnings=(), padded=(), left_out=(), data=None)


def _is_fatal(error: SealError) -> bool:
    # the next file would have the same wrong PIN sent to the same card
    return isinstance(error, SignerError)


def _make_secrets(source: PinSource | None) -> Secrets:
    """Who answers with what is in a place on this machine; it is read when it is asked for, and given once."""

    def answer(request: SecretRequest) -> str | None:
        if source is None or request.attempt > 1:
            return None
        return source.read("", _ignore_warning)

    return answer


def _ignore_warning(_: str) -> None:
    """Warnings about the place: the process that started the run has given them already."""
