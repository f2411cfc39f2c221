"""The task of signing many files: workers plan, hash and write; the key is in this process or in a signing server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from dcmseal.batch.inputs.input_file import InputFile
from dcmseal.batch.result_kind import ResultDetail, ResultKind
from dcmseal.batch.results import BatchResult
from dcmseal.batch.signing_server import SigningEndpoint
from dcmseal.batch.tasks.item_runner import run_item
from dcmseal.batch.tasks.placement import Placement, target_exists_error
from dcmseal.batch.tasks.skip_rule import SkipRule, skip_result
from dcmseal.config.pin_source import PinSource, StoredSecret
from dcmseal.errors import AlreadySigned, ConcurrentModification, DatasetError, SealError, SignerError
from dcmseal.exit_codes import ExitCode
from dcmseal.output.output_file import OutputFile
from dcmseal.signing.signing_options import SignOptions
from dcmseal.urls import URL_SEPARATOR

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.signer_backend import Signer
    from dcmseal.signing.signing_context import SigningContext
    from dcmseal.signing.signing_result import SigningResult
    from dcmseal.signing.warnings import SigningWarning

__all__ = ["Placement", "SignTask", "SigningWorker"]

_MAX_CACHED_FOLDERS: Final = 4096
"""Maximum number of folders that are remembered."""


def blocking_codes(warnings: Iterable[SigningWarning]) -> tuple[str, ...]:
    """Return the codes of warnings that will keep the new signature, or an existing one, from being valid."""
    return tuple(each.code for each in warnings if each.is_obstacle)


class SignTask(Struct, frozen=True, kw_only=True):
    """Sign each file with these options."""

    run_id: str
    """A UUID of this run. With the item's source it makes the Digital Signature UID, so that an item that is met again,
    because a worker died or the run was taken up again, is known to be signed and never signed twice."""
    placement: Placement
    key: str | SigningEndpoint | Signer
    """A key URI, which each worker opens; the way to the process where the key is open; or an open key, in that
    process."""
    options: SignOptions = SignOptions()
    pin: PinSource | None = None
    """Where a worker finds the passphrase or PIN for the key URI; the secret itself never travels."""
    skip: tuple[SkipRule, ...] = ()
    """Files that have a signature by one of these rules are skipped."""
    registry: Registry | None = None
    """The plugins; None for all that are installed where the worker is."""
    detail: ResultDetail = ResultDetail.VALUE

    @property
    def preload_modules(self) -> tuple[str, ...]:
        """The modules that signing needs."""
        modules = (
            "dcmseal.api.sign",
            "dcmseal.verification.pipeline",
            "dcmseal.documents.document_builders",
            "dcmseal.batch.journal.result_summary",
        )
        return (*modules, "cryptography.x509", "importlib.metadata", "pluggy")

    @contextmanager
    def open(self) -> Generator[SigningWorker]:
        """Open the key; raises SignerError, UsageError, ProfileError or PluginError."""
        context = self.build_context()
        with self._open_signer(context) as signer:
            yield SigningWorker(self, signer, context)

    def build_context(self) -> SigningContext:
        """Load the profiles, without the key; raises ProfileError or PluginError."""
        from dcmseal.api.installed_plugins import provide_registry
        from dcmseal.signing.signing_context import SigningContext

        # a worker process loads the plugins itself: they cannot be sent to it
        registry = provide_registry(self.registry)
        for rule in self.skip:
            rule.check_profile(registry())
        return SigningContext.build(self.options, registry)

    def _open_signer(self, context: SigningContext) -> AbstractContextManager[Signer]:
        if isinstance(self.key, str):
            return context.registry().open_signer(self.key, StoredSecret(self.pin))
        return self.key.open() if isinstance(self.key, SigningEndpoint) else nullcontext(self.key)

    @property
    def output_folder(self) -> str | None:
        """The folder on this machine for results; None if they go elsewhere, or replace the inputs."""
        return None if URL_SEPARATOR in (self.placement.folder or "") else self.placement.folder

    def remove_leftovers(self, item: InputFile) -> None:
        """Remove what a dead worker may have left beside the target of an item."""
        target = self.placement.target_path(item)
        if URL_SEPARATOR not in target:
            from dcmseal.output.temporary_files import remove_leftovers

            remove_leftovers(os.path.dirname(target))

    def signature_uid(self, item: InputFile) -> str:
        """Return the Digital Signature UID that this run uses for an item (PS3.5 B.2)."""
        name = f"{item.source}\0{item.attempt}" if item.attempt else item.source
        # names of files may have bytes that are not valid Unicode
        name = name.encode("utf-8", "backslashreplace").decode()
        return f"2.25.{uuid.uuid5(uuid.UUID(self.run_id), name).int}"


class SigningWorker:
    """Signs one file after the other, until the key fails."""

    def __init__(self, task: SignTask, signer: Signer, context: SigningContext) -> None:
        self._task = task
        self._signer = signer
        self._options = task.options.replace(profile=context.profile)
        self._registry = context.registry()
        self._cleaned_folders: set[str] = set()

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
            overwrite=in_place or task.placement.overwrite,
            options=self._options,
            uid=task.signature_uid(item),
            registry=self._registry,
        )

    def _prepare_target(self, item: InputFile, target: str) -> None:
        """Create the folder of a target; raises AlreadySigned if this run wrote it, OutputError if others did."""
        placement = self._task.placement
        if not placement.is_free(target, self._registry):
            if self._has_signature(item, target):
                raise AlreadySigned(f"{target} is there already")
            raise target_exists_error(target)
        placement.prepare_target(item, target)

    def _remove_leftovers_once(self, folder: str) -> None:
        """Remove what dead processes left in a folder, before its first file is written."""
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
            return any(each.uid == self._task.signature_uid(item) for each in signatures(target, self._registry))
        return False

    def _load_earlier_result(self, item: InputFile, target: str) -> SigningResult:
        """Load the result of an item that this run signed before."""
        from dcmseal.api.inspect import find_signature
        from dcmseal.signing.signing_result import SigningResult

        signature = find_signature(target, self._task.signature_uid(item), self._registry).content
        return SigningResult(signature=signature, warnings=(), padded=(), unsignable=(), data=None)


def _is_fatal(error: SealError) -> bool:
    # the next file would have the same wrong PIN sent to the same card
    return isinstance(error, SignerError)
