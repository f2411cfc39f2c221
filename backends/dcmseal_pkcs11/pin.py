"""The PIN of a token, from the ``pin-source`` of the URI or from the application.

``pin-source=file:/run/secrets/pin``, or a path, means the first line of the file; ``pin-source=env:TOKEN_PIN`` means
the environment variable. RFC 7512 also defines ``|command``, which is refused because a URI must not start programs.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import unquote

from msgspec import Struct
from pkcs11 import TokenFlag

from dcmseal.errors import PinRejected, UsageError
from dcmseal.plugins.signer_backend import SecretRequest, Secrets
from dcmseal.representation import format_fields
from dcmseal.text import TextProblem, format_os_error, load_first_line
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri

_MAX_BYTES: Final = 1 << 12
_HINT: Final = "pass secrets=, a function that returns the PIN, or name a pin-source= in the key URI"
_STATES: Final = (
    (TokenFlag.USER_PIN_FINAL_TRY, "last attempt before the PIN is locked"),
    (TokenFlag.USER_PIN_COUNT_LOW, "a wrong PIN was entered before; few attempts are left"),
)


class Pin(Struct, frozen=True):
    """A PIN that repr does not show, so that tracebacks with local variables do not contain it."""

    value: str

    def __repr__(self) -> str:
        return format_fields(self, hidden=("value",))


class PinProvider(Struct, frozen=True, kw_only=True):
    """Gets the PIN of a key URI."""

    uri: Pkcs11Uri
    secrets: Secrets

    def request_pin(self, token: str, *, state: str = "", attempt: int = 1) -> Pin:
        """Return the PIN; a PIN from ``pin-source`` is tried only once.

        Args:
            token: The token, in words.
            state: How close the PIN is to being locked, in words.
            attempt: 1 for the first attempt.

        Raises:
            PinRejected: The PIN is missing or invalid.
        """
        source = self.uri.pin_source
        if source and attempt > 1:
            raise PinRejected(
                f"the PIN from pin-source was wrong for {token}; it is not tried again",
                hint="correct the PIN there and start again",
            )
        if source:
            return _check_pin(_load_from_source(source), token)
        purpose = f"{token} ({state})" if state else token
        pin = _to_pin(self.secrets(SecretRequest(purpose=purpose, uri=self.uri.text, attempt=attempt)))
        if pin is None:
            raise PinRejected(f"{token} needs a PIN, but none was given", hint=_HINT, code="pin-missing")
        return _check_pin(pin, token)

    def __repr__(self) -> str:
        return format_fields(self, hidden=("secrets",))


class PinRequest:
    """A PIN that is requested once, however often opening the key is retried in the background."""

    __slots__ = ("_attempt", "_pin", "_provider")

    def __init__(self, provider: PinProvider, attempt: int) -> None:
        self._provider = provider
        self._attempt = attempt
        self._pin: Pin | None = None

    @property
    def uri(self) -> Pkcs11Uri:
        return self._provider.uri

    def get_pin(self, token: str, state: str) -> Pin:
        """Return the PIN for a token, in words; raises PinRejected."""
        if self._pin is None:
            self._pin = self._provider.request_pin(token, state=state, attempt=self._attempt)
        return self._pin


def format_pin_state(flags: TokenFlag) -> str:
    """Describe how close the PIN is to being locked; empty if the token does not report it."""
    return next((text for flag, text in _STATES if flags & flag), "")


def _to_pin(value: str | None) -> Pin | None:
    return None if value is None else Pin(value)


def _check_pin(pin: Pin, token: str) -> Pin:
    # An empty PIN would count as a wrong one; NUL and lone surrogates cannot be sent.
    if pin.value and "\0" not in pin.value and pin.value.encode("utf-8", "ignore").decode() == pin.value:
        return pin
    raise PinRejected(
        f"the PIN for {token} is empty or has invalid characters; it was not tried", hint=_HINT, code="pin-missing"
    )


def _load_from_source(source: str) -> Pin:
    scheme, colon, rest = source.partition(":")
    if source.startswith("|"):
        raise UsageError(
            "pin-source names a command, which is not supported", hint="write pin-source=file:PATH or env:NAME"
        )
    if scheme.lower() == "env" and colon:
        return _load_from_environment(rest)
    if scheme.lower() == "file" and colon:
        # file:/path and file:///path (RFC 8089), percent-encoded within the URI, which is encoded itself
        return _load_from_file(unquote(rest.removeprefix("//") if rest.startswith("///") else rest))
    if colon and len(scheme) > 1 and "/" not in scheme and "\\" not in scheme:
        raise UsageError(f"pin-source {scheme}: is not supported", hint="write pin-source=file:PATH or env:NAME")
    return _load_from_file(source)


def _load_from_environment(name: str) -> Pin:
    pin = _to_pin(os.environ.get(name))
    if pin is None:
        raise PinRejected(f"the environment variable {name!r} in pin-source is not set", hint="set it")
    return pin


def _load_from_file(path: str) -> Pin:
    try:
        found = load_first_line(os.path.expanduser(path), _MAX_BYTES)
    except (OSError, ValueError) as error:
        cause = format_os_error(error)
        raise PinRejected(f"the file {path!r} in pin-source cannot be read: {cause}", hint="check the path") from None
    if isinstance(found, TextProblem):
        raise PinRejected(
            f"the file {path!r} in pin-source cannot be used: its {found.message}; no PIN was tried", hint=found.hint
        )
    return Pin(found)
