"""Where to find a passphrase or PIN: environment variable, file, file descriptor or system keyring.

>>> PinSource.parse("env:READING_ROOM_PIN")
PinSource(kind=<PinKind.ENVIRONMENT: 'env'>, name='READING_ROOM_PIN')
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from dcmseal.errors import PinRejected, UsageError
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.text import TextProblem, load_first_line

_MAX_BYTES: Final = 1 << 16
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SERVICE: Final = "dcmseal"


def _ignore_warning(_: str) -> None:
    """Ignore a warning that the process which started the run has already given."""


class PinKind(StrEnum):
    """Kinds of places for a passphrase or PIN."""

    ENVIRONMENT = "env"
    FILE = "file"
    DESCRIPTOR = "fd"
    KEYRING = "keyring"


class PinSource(Struct, frozen=True, kw_only=True):
    """Where to find a passphrase or PIN; never the secret itself."""

    kind: PinKind
    name: str
    """The name of the variable, file or keyring service, or the number of the file descriptor."""

    @classmethod
    def parse(cls, text: str) -> PinSource:
        """Read ``env:VARIABLE``, ``file:PATH``, ``keyring:SERVICE`` or ``keyring``.

        Raises UsageError, which does not repeat the text: it might be the PIN itself.
        """
        kind, _, name = text.partition(":")
        if kind == PinKind.ENVIRONMENT and _VARIABLE.fullmatch(name):
            return cls(kind=PinKind.ENVIRONMENT, name=name)
        if kind == PinKind.FILE and name and not name.isdigit():
            return cls(kind=PinKind.FILE, name=name)
        if kind == PinKind.KEYRING and not name.isdigit():
            return cls(kind=PinKind.KEYRING, name=name or _SERVICE)
        raise UsageError(
            "unknown source of a passphrase or PIN",
            hint='use "env:VARIABLE", "file:PATH" or "keyring:SERVICE"; never write the PIN itself',
        )

    def __str__(self) -> str:
        return f"{_KIND_LABELS[self.kind]} {self.name}"

    def read(self, account: str, warn: Callable[[str], object]) -> str:
        """The passphrase or PIN.

        Args:
            account: The account of the keyring's service.
            warn: Receives a warning, such as that other users can read the file.

        Raises:
            UsageError: The passphrase or PIN cannot be read.
            PinRejected: The keyring cannot be read, or has no entry.
        """
        match self.kind:
            case PinKind.ENVIRONMENT:
                return _read_environment(self.name)
            case PinKind.FILE:
                return _read_secret_line(os.path.expanduser(self.name), self.name, warn)
            case PinKind.DESCRIPTOR:
                return _read_secret_line(int(self.name), f"file descriptor {self.name}", warn)
            case PinKind.KEYRING:
                return _read_keyring(self.name, account)


class StoredSecret:
    """Answers a request with the passphrase or PIN of a source, which is read once, when needed.

    It can be pickled, because it is pickled without the secret. It answers only the first attempt, because repeating a
    wrong PIN locks a card.
    """

    def __init__(
        self, source: PinSource | None, account: str = "", warn: Callable[[str], object] = _ignore_warning
    ) -> None:
        self._source = source
        self._account = account
        self._warn = warn
        self._secret: str | None = None

    def __call__(self, request: SecretRequest) -> str | None:
        if self._source is None or request.attempt > 1:
            return None
        return self.read()

    def read(self) -> str | None:
        """The passphrase or PIN; None without a source. Raises like PinSource.read."""
        if self._secret is None and self._source is not None:
            self._secret = self._source.read(self._account, self._warn)
        return self._secret

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredSecret) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self._source, self._account))

    def __reduce__(self) -> tuple[type[StoredSecret], tuple[PinSource | None, str]]:
        return StoredSecret, (self._source, self._account)


_KIND_LABELS: Final = {
    PinKind.ENVIRONMENT: "environment variable",
    PinKind.FILE: "file",
    PinKind.DESCRIPTOR: "file descriptor",
    PinKind.KEYRING: "keyring, service",
}


def _read_environment(variable: str) -> str:
    if variable not in os.environ:
        raise UsageError(f"environment variable {variable} is not set", hint="set and export it")
    if not _is_unicode(os.environ[variable]):
        raise UsageError(f"environment variable {variable} is not valid UTF-8", hint="use a passphrase in UTF-8")
    return os.environ[variable]


def _is_unicode(text: str) -> bool:
    """Whether all bytes of the text could be decoded (PEP 383)."""
    return not any("\ud800" <= each <= "\udfff" for each in text)


def _read_secret_line(source: str | int, name: str, warn: Callable[[str], object]) -> str:
    try:
        if isinstance(source, str) and _is_readable_by_others(os.stat(source)):
            warn(f"others can read {name}; run chmod 600 on it")
        found = load_first_line(source, _MAX_BYTES)
    except (OSError, OverflowError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "invalid name"
        raise UsageError(
            f"cannot read the passphrase from {name}: {reason}", hint="check the name and its permissions"
        ) from None
    if isinstance(found, TextProblem):
        raise UsageError(f"the passphrase in {name}: {found.message}", hint=found.hint)
    if not found:
        raise UsageError(f"{name} contains no passphrase", hint="write the passphrase in the first line")
    return found


def _is_readable_by_others(status: os.stat_result) -> bool:
    return os.name == "posix" and stat.S_ISREG(status.st_mode) and bool(status.st_mode & 0o077)


def _read_keyring(service: str, account: str) -> str:
    try:
        import keyring
    except ImportError:
        raise UsageError(
            "the system keyring requires the package keyring", hint="pip install 'dcmseal[keyring]'"
        ) from None
    failure = ""
    secret = None
    try:
        secret = keyring.get_password(service, account)
    except Exception as error:  # noqa: BLE001 - keyrings are plugins, and raise what they like
        failure = type(error).__name__
    if failure:  # raised here, not with the original error as context: that might contain the secret
        raise PinRejected(
            f"cannot read the system keyring: {failure}", hint="unlock it, or give the passphrase in another way"
        )
    if not secret:
        raise PinRejected(
            f"the system keyring has no passphrase of service {service!r} and account {account!r}",
            hint=f"store it: keyring set {service} '{account}'",
        )
    return secret
