"""Exit codes of the command ``dcmseal``, which JSON documents and journals contain too."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

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


class ExitCode(IntEnum):
    """The exit codes of ``dcmseal``, which are stable."""

    OK = 0
    """Success; every requested signature is valid."""
    INVALID = 1
    """At least one signature is invalid, or a difference between two files breaks it; nothing else has this code."""
    USAGE = 2
    """The request cannot be parsed, contradicts itself, or is refused."""
    NO_SIGNATURE = 3
    NOT_ESTABLISHED = 4
    """Nothing is invalid, but something could not be established."""
    UNREADABLE = 5
    """The input cannot be read, or the output cannot be written."""
    UNAVAILABLE = 6
    """The key, token, plugin or network is unavailable."""
    INTERNAL = 7
    """An error in dcmseal itself."""
    INTERRUPTED = 130
    """Ctrl-C was pressed: 128 plus the signal number, as in shells."""


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
    """Return the exit code of a command that ends with this error."""
    return next((code for kinds, code in _BY_ERROR if isinstance(error, kinds)), ExitCode.UNAVAILABLE)


def verdict_exit_code(verdict: str) -> ExitCode:
    """Return the exit code of a verification with this verdict."""
    return _BY_VERDICT[verdict]


def worst_exit_code(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the exit code for several files."""
    return min(codes, key=_WORST_FIRST.index, default=ExitCode.OK)


__all__ = ["ExitCode", "error_exit_code", "verdict_exit_code", "worst_exit_code"]
