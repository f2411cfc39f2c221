"""The PIN of a token: from the place that ``pin-source`` names, or from the application; asked for once a try.

``pin-source=file:/run/secrets/pin`` or a path: the first line of that file; ``pin-source=env:TOKEN_PIN``: that
environment variable. RFC 7512 also has ``|command``: a URI that starts programs is refused.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from pkcs11 import TokenFlag

from dcmseal.errors import PinRejected, UsageError
from dcmseal.plugins.signer_backend import SecretRequest, Secrets
from dcmseal.text import TextProblem, format_os_error, load_first_line
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri

_MAX_BYTES: Final = 1 << 12
_HINT: Final = "answer with secrets=, or name a pin-source= in the key URI"
_STATES: Final = (
    (TokenFlag.USER_PIN_FINAL_TRY, "one try left before the PIN is locked"),
    (TokenFlag.USER_PIN_COUNT_LOW, "a wrong PIN was entered before, few tries are left"),
)


@dataclass(frozen=True, slots=True)
class Pin:
    """A PIN that no repr shows, so that none is in a traceback that shows local variables."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinProvider:
    """Who is asked for the PIN of a key URI."""

    uri: Pkcs11Uri
    secrets: Secrets = field(repr=False)

    def request_pin(self, token: str, *, state: str = "", attempt: int = 1) -> Pin:
        """The PIN for the token so described; raises PinRejected if there is none, or none that can be one.

        What ``pin-source`` names is tried once: it does not change by being tried again.
        """
        source = self.uri.pin_source
        if source and attempt > 1:
            raise PinRejected(
                f"the PIN that pin-source names was refused by {token}, and is not tried again",
                hint="put the right PIN there, and start again",
            )
        if source:
            return _check_pin(_load_from_source(source), token)
        purpose = f"{token} ({state})" if state else token
        pin = _to_pin(self.secrets(SecretRequest(purpose=purpose, uri=self.uri.text, attempt=attempt)))
        if pin is None:
            raise PinRejected(f"{token} needs a PIN, and none was given", hint=_HINT, code="pin-missing")
        return _check_pin(pin, token)


class PinRequest:
    """The answer to one request, for all attempts to open a key that the user does not see."""

    __slots__ = ("_attempt", "_entry", "_pin")

    def __init__(self, entry: PinProvider, attempt: int) -> None:
        self._entry = entry
        self._attempt = attempt
        self._pin: Pin | None = None

    @property
    def uri(self) -> Pkcs11Uri:
        return self._entry.uri

    def get_pin(self, token: str, state: str) -> Pin:
        """The PIN for the token so described; raises PinRejected."""
        if self._pin is None:
            self._pin = self._entry.request_pin(token, state=state, attempt=self._attempt)
        return self._pin


def format_pin_state(flags: TokenFlag) -> str:
    """How near the PIN is to being locked, in words; empty if the token does not tell."""
    return next((words for flag, words in _STATES if flags & flag), "")


def _to_pin(answer: str | None) -> Pin | None:
    return None if answer is None else Pin(answer)


def _check_pin(pin: Pin, token: str) -> Pin:
    # An empty PIN would count as a wrong one, and these cannot be sent at all.
    if pin.value and "\0" not in pin.value and pin.value.encode("utf-8", "ignore").decode() == pin.value:
        return pin
    raise PinRejected(f"what was given for {token} is no PIN: it was not tried", hint=_HINT, code="pin-missing")


def _load_from_source(source: str) -> Pin:
    scheme, colon, rest = source.partition(":")
    if source.startswith("|"):
        raise UsageError("pin-source names a command, which is not run", hint="write pin-source=file:PATH or env:NAME")
    if scheme.lower() == "env" and colon:
        return _load_from_environment(rest)
    if scheme.lower() == "file" and colon:
        # file:/path and file:///path (RFC 8089); what was percent-encoded twice is decoded twice
        return _load_from_file(unquote(rest.removeprefix("//") if rest.startswith("///") else rest))
    if colon and len(scheme) > 1 and "/" not in scheme and "\\" not in scheme:
        raise UsageError(f"pin-source is {scheme}:, which is not read", hint="write pin-source=file:PATH or env:NAME")
    return _load_from_file(source)


def _load_from_environment(name: str) -> Pin:
    pin = _to_pin(os.environ.get(name))
    if pin is None:
        raise PinRejected(f"pin-source names the environment variable {name!r}, which is not set", hint="set it")
    return pin


def _load_from_file(path: str) -> Pin:
    try:
        found = load_first_line(os.path.expanduser(path), _MAX_BYTES)
    except (OSError, ValueError) as error:
        cause = format_os_error(error)
        raise PinRejected(f"pin-source names {path!r}, which cannot be read: {cause}", hint="check the path") from None
    if isinstance(found, TextProblem):
        raise PinRejected(f"pin-source names {path!r}, whose {found.message}: it was not tried", hint=found.hint)
    return Pin(found)
