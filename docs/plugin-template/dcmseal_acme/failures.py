"""Translates errors of the HSM library into errors of dcmseal, each with a message and a hint."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from dcmseal.plugins import DeviceUnavailable, KeyNotFound, MechanismUnavailable, PinLocked, PinRejected, SignerError
from dcmseal_acme.device import AcmeError, Code

_ERRORS: Final[Mapping[Code, tuple[type[SignerError], str, str]]] = {
    Code.NO_DEVICE: (DeviceUnavailable, "no Acme HSM is connected", "check its cable and its power"),
    Code.NO_SESSION: (DeviceUnavailable, "the Acme HSM was disconnected", "open the key again"),
    Code.NO_KEY: (
        KeyNotFound,
        "the Acme HSM has no key of this label",
        "the command dcmseal keys acme: lists its keys",
    ),
    Code.WRONG_PIN: (PinRejected, "wrong PIN for the Acme HSM", "check it before you try again"),
    Code.LOCKED: (PinLocked, "the PIN of the Acme HSM is locked", "ask its administrator to set a new one"),
    Code.REFUSED: (
        MechanismUnavailable,
        "the key cannot sign a digest of this MAC algorithm",
        "choose SHA256, SHA384 or SHA512",
    ),
}


@contextmanager
def translate_errors() -> Generator[None]:
    """Turn errors of the library into errors of dcmseal, without chaining them: they may contain secrets."""
    try:
        yield
    except AcmeError as error:
        kind, message, hint = _ERRORS[error.code]
        raise kind(message, hint=hint) from None
