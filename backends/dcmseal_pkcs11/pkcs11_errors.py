"""Translates return values of PKCS #11 into errors of dcmseal."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import pkcs11

from dcmseal.errors import (
    DeviceRemoved,
    DeviceUnavailable,
    MechanismUnavailable,
    PinLocked,
    PinRejected,
    SignerError,
)

REINSERT_HINT: Final = "reinsert it and sign again; you need to enter the PIN again"

# Return values of a device that is, or was, disconnected: sessions and object handles do not survive that.
_TOKEN_REMOVED: Final = (
    pkcs11.DeviceRemoved,
    pkcs11.TokenNotPresent,
    pkcs11.TokenNotRecognised,
    pkcs11.SessionHandleInvalid,
    pkcs11.SessionClosed,
    pkcs11.ObjectHandleInvalid,
    pkcs11.KeyHandleInvalid,
    pkcs11.UserNotLoggedIn,
)
MECHANISM_REFUSED: Final = (
    pkcs11.MechanismInvalid,
    pkcs11.MechanismParamInvalid,
    pkcs11.KeySizeRange,
    pkcs11.KeyTypeInconsistent,
    pkcs11.FunctionNotSupported,
    pkcs11.DataLenRange,
    pkcs11.DataInvalid,
)
"""The token rejects a mechanism or its input: another mechanism may work, in the same session."""
PIN_REFUSED: Final = (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange)


@contextmanager
def translate_errors(what: str) -> Generator[None]:
    """Turn exceptions of python-pkcs11 into errors of dcmseal, which name the type but do not chain the exception.

    Args:
        what: The token or module, in words.
    """
    try:
        yield
    except pkcs11.PKCS11Error as error:
        raise to_signer_error(error, what) from None


def to_signer_error(error: pkcs11.PKCS11Error, what: str, *, pin_state: str = "") -> SignerError:
    """Build the error for an exception of python-pkcs11.

    Args:
        error: The exception.
        what: The token or module, in words.
        pin_state: How close the PIN is to being locked, in words.
    """
    kind = type(error).__name__
    if isinstance(error, PIN_REFUSED):
        state = f" ({pin_state})" if pin_state else ""
        return PinRejected(
            f"wrong PIN for {what}{state}",
            hint="it was tried once; check it before you try again, because the token locks after a few wrong PINs",
        )
    if isinstance(error, pkcs11.PinLocked):
        return pin_locked_error(what)
    if isinstance(error, pkcs11.PinExpired):
        return PinRejected(f"the PIN of {what} has expired", hint="change it with the software of the token")
    if isinstance(error, pkcs11.UserPinNotInitialized):
        return PinRejected(f"{what} has no PIN yet", hint="set one with the software of the token")
    if isinstance(error, pkcs11.FunctionCancelled):
        return PinRejected(f"PIN entry for {what} was cancelled", hint="sign again and enter the PIN")
    if isinstance(error, _TOKEN_REMOVED):
        return DeviceRemoved(f"{what} was removed, or its session has ended ({kind})", hint=REINSERT_HINT)
    if isinstance(error, MECHANISM_REFUSED):
        return MechanismUnavailable(
            f"{what} does not support this type of signature with this key ({kind})",
            hint="choose another MAC algorithm, such as SHA256, or another key",
        )
    return DeviceUnavailable(
        f"{what} failed with {kind}", hint="check the card, the reader and the connection, and the log of the driver"
    )


def pin_locked_error(what: str) -> PinLocked:
    """Build the error for a token with a locked PIN."""
    return PinLocked(
        f"the PIN of {what} is locked after too many wrong attempts",
        hint="unlock it with the PUK, or ask the issuer of the token to unlock it",
    )
