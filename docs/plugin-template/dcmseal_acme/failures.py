"""What the library of the HSM reports, in words of dcmseal: a kind of error, what happened, and what to do next."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from dcmseal.plugins import DeviceUnavailable, KeyNotFound, MechanismUnavailable, PinLocked, PinRejected, SignerError
from dcmseal_acme.device import AcmeError, Code

_WORDS: Final[Mapping[Code, tuple[type[SignerError], str, str]]] = {
    Code.NO_DEVICE: (DeviceUnavailable, "no Acme HSM is connected", "check its cable, and that it is switched on"),
    Code.NO_SESSION: (DeviceUnavailable, "the Acme HSM was disconnected since", "open the key again"),
    Code.NO_KEY: (KeyNotFound, "the Acme HSM has no key of this label", "run dcmseal keys acme: to see which it has"),
    Code.WRONG_PIN: (PinRejected, "the PIN is wrong", "try again with the right one; it was tried once"),
    Code.LOCKED: (PinLocked, "the PIN is locked", "have the administrator of the HSM set a new one"),
    Code.REFUSED: (
        MechanismUnavailable,
        "the key cannot sign a digest of this MAC algorithm",
        "choose SHA256, SHA384 or SHA512",
    ),
}


@contextmanager
def in_words_of_dcmseal() -> Generator[None]:
    """Turn errors of the library into those of dcmseal; tracebacks do not show them, for they may hold secrets."""
    try:
        yield
    except AcmeError as error:
        kind, message, hint = _WORDS[error.code]
        raise kind(message, hint=hint) from None
