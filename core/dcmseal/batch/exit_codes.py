"""Exit codes: what a verification, or an error, comes to for the shell."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from dcmseal.errors import (
    CertificateMismatch,
    CertificateNotValid,
    DatasetError,
    EvidenceError,
    InternalError,
    Interrupted,
    JournalError,
    NoSuchItem,
    NoSuchSignature,
    NotIntact,
    NotSignable,
    OutputError,
    ProfileError,
    SealError,
    StorageUnavailable,
    UsageError,
    WeakAlgorithm,
)

if TYPE_CHECKING:
    from dcmseal.model.verdict import Verdict


class ExitCode(IntEnum):
    """All exit codes of ``dcmseal``; stable."""

    OK = 0
    """Done; every signature asked about is valid."""
    INVALID = 1
    """At least one signature is invalid, or broken by what differs between two files; nothing else has this code."""
    USAGE = 2
    """The request cannot be read, contradicts itself, or is refused."""
    NO_SIGNATURE = 3
    NOT_ESTABLISHED = 4
    """Nothing is invalid, but something could not be established."""
    UNREADABLE = 5
    """The input cannot be read, or the output not written."""
    UNAVAILABLE = 6
    """Key, token, plugin or network are not available."""
    INTERNAL = 7
    """An error in dcmseal itself."""
    INTERRUPTED = 130
    """By Ctrl-C, as shells have it."""


_BY_ERROR: Final = (
    (InternalError, ExitCode.INTERNAL),
    (Interrupted, ExitCode.INTERRUPTED),
    (NoSuchSignature, ExitCode.NO_SIGNATURE),
    ((UsageError, ProfileError, NotSignable, NotIntact, NoSuchItem), ExitCode.USAGE),
    ((WeakAlgorithm, CertificateMismatch, CertificateNotValid), ExitCode.USAGE),
    (StorageUnavailable, ExitCode.UNAVAILABLE),
    ((DatasetError, EvidenceError, JournalError, OutputError), ExitCode.UNREADABLE),
)
_BY_VERDICT: Final = {
    "valid": ExitCode.OK,
    "invalid": ExitCode.INVALID,
    "no-signature": ExitCode.NO_SIGNATURE,
    "not-established": ExitCode.NOT_ESTABLISHED,
}
_WORST_FIRST: Final = (
    ExitCode.INVALID,
    ExitCode.INTERNAL,
    ExitCode.UNREADABLE,
    ExitCode.UNAVAILABLE,
    ExitCode.USAGE,
    ExitCode.NOT_ESTABLISHED,
    ExitCode.NO_SIGNATURE,
    ExitCode.OK,
)


def error_exit_code(error: SealError) -> ExitCode:
    """The exit code of a command that ends with this error."""
    return next((code for kinds, code in _BY_ERROR if isinstance(error, kinds)), ExitCode.UNAVAILABLE)


def verdict_exit_code(verdict: Verdict) -> ExitCode:
    """The exit code of a verification with this verdict."""
    return _BY_VERDICT[verdict.value]


def worst_exit_code(codes: Iterable[ExitCode]) -> ExitCode:
    """The one exit code for several files."""
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.OK)


__all__ = ["ExitCode", "error_exit_code", "verdict_exit_code", "worst_exit_code"]
