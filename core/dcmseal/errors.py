"""The errors that dcmseal raises: what went wrong, where, and what to do next."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from dcmseal.findings import Finding

_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


_NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


class SealError(Exception):
    """The base class of all errors.

    Args:
        message: What went wrong.
        hint: What a Python program can do next; may be empty.
        code: A stable name of the problem, if it has one, so that other front ends can word their own hints.
        facts: The values that the message is about.
    """

    hint: str
    code: str = ""
    facts: Mapping[str, str] = _NO_FACTS
    file: str = ""
    """Name of the file that the error is about; empty if it was not set."""

    def __init__(self, message: str, *, hint: str = "", code: str = "", facts: Mapping[str, str] = _NO_FACTS) -> None:
        super().__init__(message)
        self.hint = hint
        if code:
            self.code = code
        if facts:
            self.facts = dict(facts)

    def __reduce__(self) -> tuple[Any, ...]:
        # subclasses have an __init__ with other parameters, which the default would call
        return _restore_error, (type(self), self.args), self.__dict__


def build_internal_error(error: BaseException) -> SealError:
    """Build the error that reports an unexpected exception.

    The text of the exception is left out, because it might contain a secret.
    """
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return OutputError(f"the disk is full: {error.strerror}", hint="free space there and for temporary files")
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = ""
    if traceback is not None:
        where = f" in {os.path.basename(traceback.tb_frame.f_code.co_filename)}, line {traceback.tb_lineno}"
    return InternalError(
        f"internal error: {type(error).__name__}{where}; please report it",
        hint="set DCMSEAL_DEBUG=1 in the environment to see the details for your report",
    )


def _restore_error(kind: type[SealError], args: tuple[Any, ...]) -> SealError:
    """Restore an error that was pickled, such as one from another process."""
    return kind.__new__(kind, *args)


class InternalError(SealError):
    """An unexpected error: a bug in dcmseal."""


class UsageError(SealError):
    """The arguments are invalid or contradict each other, regardless of the data set."""


class DatasetError(SealError):
    """The data set cannot be read, or not in the requested way."""


class NotDicom(DatasetError):
    """The input is not a DICOM data set."""


class Malformed(DatasetError):
    """The encoding violates PS3.5; ``offset`` is the byte position in the file."""

    offset: int

    def __init__(self, message: str, offset: int, *, hint: str = "") -> None:
        super().__init__(
            f"{message} (at byte {offset})",
            hint=hint or "the file is damaged or truncated: fetch it again from its source",
        )
        self.offset = offset


class AmbiguousStructure(DatasetError):
    """DICOM readers disagree about the content of the file, so a signature over it could not be valid."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint or "rewrite the file with software that conforms to PS3.5, then sign it")


class NotSignable(DatasetError):
    """A requested Data Element must not be signed (PS3.3 C.12.1.1.3.1.1); ``why`` is the reason."""

    tag: int
    why: str

    def __init__(self, tag: int, why: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) cannot be signed: {why}", hint=hint, code=code)
        self.tag = tag
        self.why = why


class NoSuchItem(DatasetError):
    """The data set does not have the requested item."""


class NoSuchSignature(DatasetError):
    """The data set does not have the requested signature."""


class AlreadySigned(DatasetError):
    """The data set already has a signature with the Digital Signature UID of the new one."""


class NotIntact(DatasetError):
    """An existing signature is not known to be intact, but signing requires that."""


class ProcessDied(DatasetError):
    """The worker process of a file died."""


class InstanceNotFound(DatasetError):
    """A referenced instance is not in the given folders."""


class InstanceAmbiguous(DatasetError):
    """The given folders have several versions of a referenced instance."""


class StorageUnavailable(DatasetError):
    """The storage of an input or output cannot be reached."""


class OutputError(SealError):
    """The result could not be written; an existing file is unchanged."""


class ConcurrentModification(OutputError):
    """Another program changed the file after it was read; nothing was replaced."""


class Interrupted(SealError):
    """The user stopped a run with Ctrl-C."""


class JournalError(SealError):
    """The journal of a run cannot be read or written; its entries are kept, and the run can be resumed."""


class ProfileError(SealError):
    """A Digital Signature Profile is violated, invalid or unknown."""


class ProfileViolation(ProfileError):
    """The request violates its profile; ``findings`` list the violations."""

    findings: tuple[Finding, ...]

    def __init__(self, message: str, findings: tuple[Finding, ...] = (), *, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint, code=code)
        self.findings = findings


class ProfileFileError(ProfileError):
    """A profile file cannot be read, or its content is invalid."""


class UnknownProfile(ProfileError):
    """No plugin provides a profile with this name."""


class SignerError(SealError):
    """The key or its device cannot be used."""


class KeyNotFound(SignerError):
    """The key URI does not lead to a readable key."""


class PinRejected(SignerError):
    """The PIN or passphrase is wrong or missing."""


class PinLocked(SignerError):
    """The PIN is locked: the device accepts no further attempts."""


class DeviceUnavailable(SignerError):
    """The device or its driver module is not available."""


class ModuleUnusable(DeviceUnavailable):
    """The driver module of the device is missing or invalid."""


class DeviceRemoved(DeviceUnavailable):
    """The device was removed while it was in use; signing can wait for it to return."""


class DeviceReplaced(DeviceUnavailable):
    """The device was replaced by another one, which does not have the key."""


class MechanismUnavailable(SignerError):
    """The key or device cannot make this kind of signature."""


class CertificateMismatch(SignerError):
    """The certificate does not belong to the key."""


class CertificateNotValid(SignerError):
    """The certificate is malformed, expired or not valid yet."""


class CertificateUnreadable(CertificateNotValid):
    """The certificate may be valid, but it cannot be parsed here."""


class WeakAlgorithm(SignerError):
    """An algorithm or key is too weak for a new signature and was not explicitly allowed."""


class TrustError(SealError):
    """Trust could not be evaluated."""


class TimestampError(SealError):
    """The timestamp could not be obtained or parsed."""


class TimestampRejected(TimestampError):
    """The time stamping authority refused, or its response is invalid; ``findings`` say why."""

    findings: tuple[Finding, ...]

    def __init__(self, message: str, findings: tuple[Finding, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = findings


class EvidenceError(SealError):
    """An evidence file cannot be read or is invalid."""


class PluginError(SealError):
    """A plugin is missing, broken or in conflict with another."""


class PluginNotFound(PluginError):
    """No plugin provides the requested name."""


class PluginConflict(PluginError):
    """Two distributions provide the same name."""


class PluginBroken(PluginError):
    """The plugin that provides the requested name failed to load."""
