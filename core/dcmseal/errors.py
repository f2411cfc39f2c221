"""Every error dcmseal raises: what went wrong, where, and what to do next."""

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
    """Base of all errors.

    ``hint`` says what a Python program can do next; it may be empty. ``code`` is a stable name of the problem, if it
    has one, and ``facts`` are the values that the message is about, so that other front ends can word hints of their
    own.
    """

    hint: str
    code: str = ""
    facts: Mapping[str, str] = _NO_FACTS
    file: str = ""
    """Name of the file that the error is about; empty if nobody has set it."""

    def __init__(self, message: str, *, hint: str = "", code: str = "", facts: Mapping[str, str] = _NO_FACTS) -> None:
        super().__init__(message)
        self.hint = hint
        if code:
            self.code = code
        if facts:
            self.facts = dict(facts)

    def __reduce__(self) -> tuple[Any, ...]:
        # the arguments of a kind's own __init__ are not those of Exception
        return _restore_error, (type(self), self.args), self.__dict__


def build_internal_error(error: BaseException) -> SealError:
    """What is said of an error that nobody foresaw; its text might hold a secret, so that only those who ask see it."""
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return OutputError(f"the disk is full: {error.strerror}", hint="make space, there and for temporary files")
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    where = ""
    if traceback is not None:
        where = f" in {os.path.basename(traceback.tb_frame.f_code.co_filename)}, line {traceback.tb_lineno}"
    return InternalError(
        f"internal error: {type(error).__name__}{where}; please report it",
        hint="with DCMSEAL_DEBUG=1 in the environment, the report can have the details",
    )


def _restore_error(kind: type[SealError], args: tuple[Any, ...]) -> SealError:
    """An error that comes from another process."""
    return kind.__new__(kind, *args)


class InternalError(SealError):
    """An error in dcmseal itself, which nobody foresaw."""


class UsageError(SealError):
    """A request that contradicts itself or cannot be read, whatever the data set."""


class DatasetError(SealError):
    """The data set cannot be read, or not as asked."""


class NotDicom(DatasetError):
    """The input is no DICOM data set."""


class Malformed(DatasetError):
    """The encoding breaks PS3.5; ``offset`` is the byte position in the data set's file."""

    offset: int

    def __init__(self, message: str, offset: int, *, hint: str = "") -> None:
        super().__init__(
            f"{message} (at byte {offset})",
            hint=hint or "the file is damaged or cut short: fetch it again from its source",
        )
        self.offset = offset


class AmbiguousStructure(DatasetError):
    """Readers differ in what the file says, so that no signature over it could be valid."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint or "write the file anew with software that keeps to PS3.5, then sign it")


class NotSignable(DatasetError):
    """A Data Element that was to be signed may not be (PS3.3 C.12.1.1.3.1.1); ``why`` is the reason."""

    tag: int
    why: str

    def __init__(self, tag: int, why: str, *, hint: str = "") -> None:
        super().__init__(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) cannot be signed: {why}", hint=hint)
        self.tag = tag
        self.why = why


class NoSuchItem(DatasetError):
    """The item asked for does not exist in the data set."""


class NoSuchSignature(DatasetError):
    """No signature of that UID, or none at that place."""


class AlreadySigned(DatasetError):
    """A signature with the Digital Signature UID that the new one was to have is there already."""


class NotIntact(DatasetError):
    """A signature that is there already does not hold, or is not known to, and all were to before another is made."""


class ProcessDied(DatasetError):
    """The process that worked on a file came to a sudden end."""


class InstanceNotFound(DatasetError):
    """An instance that a document cites is not in the folders that were named."""


class InstanceAmbiguous(DatasetError):
    """An instance that a document cites is there more than once, with different content."""


class StorageUnavailable(DatasetError):
    """The storage where a data set is, or is to go, cannot be reached."""


class OutputError(SealError):
    """The result could not be written; the old file, if any, is as it was."""


class ConcurrentModification(OutputError):
    """Another program has written the file since it was read; nothing was replaced."""


class Interrupted(SealError):
    """The user stopped a run with Ctrl-C."""


class JournalError(SealError):
    """The journal of a run cannot be read or written; what it says so far stays, and the run can go on."""


class ProfileError(SealError):
    """A Digital Signature Profile is not met or not known."""


class ProfileViolation(ProfileError):
    """The request breaks the profile it names; ``findings`` say where."""

    findings: tuple[Finding, ...]

    def __init__(self, message: str, findings: tuple[Finding, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = findings


class ProfileFileError(ProfileError):
    """A file that should define a profile cannot be read, or says what cannot be."""


class UnknownProfile(ProfileError):
    """No plugin offers a profile of that name."""


class SignerError(SealError):
    """The key, or the device that holds it, cannot be used."""


class KeyNotFound(SignerError):
    """No key where the key URI points, or none that can be read."""


class PinRejected(SignerError):
    """The PIN or passphrase is wrong, or was not given."""


class PinLocked(SignerError):
    """The device refuses further PINs."""


class DeviceUnavailable(SignerError):
    """The device, or the module that drives it, is not there."""


class ModuleUnusable(DeviceUnavailable):
    """The module that drives the device is missing, or is no such module."""


class DeviceRemoved(DeviceUnavailable):
    """The device was taken away while it was in use; signing goes on once it is back, if asked to."""


class DeviceReplaced(DeviceUnavailable):
    """Another device is where the one with the key was."""


class MechanismUnavailable(SignerError):
    """The key or device cannot make this kind of signature."""


class CertificateMismatch(SignerError):
    """The certificate does not belong to the key."""


class CertificateNotValid(SignerError):
    """The certificate is unusable, expired, or not valid yet."""


class CertificateUnreadable(CertificateNotValid):
    """The certificate may be in order, but it cannot be read here."""


class WeakAlgorithm(SignerError):
    """An algorithm or key too weak for a new signature, asked for without leave."""


class TrustError(SealError):
    """Trust could not be evaluated."""


class TimestampError(SealError):
    """A certified timestamp could not be had or read."""


class TimestampRejected(TimestampError):
    """An authority refused, or its answer proves nothing; ``findings`` say why."""

    findings: tuple[Finding, ...]

    def __init__(self, message: str, findings: tuple[Finding, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.findings = findings


class EvidenceError(SealError):
    """An evidence file cannot be read, is none, or does not hold what it says."""


class PluginError(SealError):
    """A plugin is missing, broken, or in conflict with another."""


class PluginNotFound(PluginError):
    """No plugin contributes what was asked for."""


class PluginConflict(PluginError):
    """Two distributions contribute the same name."""


class PluginBroken(PluginError):
    """The plugin that contributes it failed to load."""
