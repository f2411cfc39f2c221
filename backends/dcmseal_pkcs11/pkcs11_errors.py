"""What PKCS #11 return values mean to the one who signs: each an error of dcmseal, with what to do next."""

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

REINSERT_HINT: Final = "put it back in, and sign again: the PIN will be asked for"

# What a device says that has gone, or was gone in between: its sessions and the handles of objects went with it.
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
"""Said of a mechanism or its input: another mechanism may do, and the session is as it was."""
PIN_REFUSED: Final = (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange)


@contextmanager
def translate_errors(what: str) -> Generator[None]:
    """Turn what python-pkcs11 raises into errors of dcmseal; ``what`` names the token or module.

    The foreign error is named by its type, and not chained.
    """
    try:
        yield
    except pkcs11.PKCS11Error as error:
        raise to_signer_error(error, what) from None


def to_signer_error(error: pkcs11.PKCS11Error, what: str, *, pin_state: str = "") -> SignerError:
    """The error to raise; ``pin_state`` says how near the PIN is to being locked."""
    kind = type(error).__name__
    if isinstance(error, PIN_REFUSED):
        return PinRejected(
            f"{what} does not take this PIN ({kind}{f'; {pin_state}' if pin_state else ''})",
            hint="it was tried once; every wrong try counts, and after a few the token locks: be sure before the next",
        )
    if isinstance(error, pkcs11.PinLocked):
        return pin_locked_error(what)
    if isinstance(error, pkcs11.PinExpired):
        return PinRejected(f"the PIN of {what} has to be changed first", hint="change it with the token's own software")
    if isinstance(error, pkcs11.UserPinNotInitialized):
        return PinRejected(f"{what} has no PIN yet", hint="set one with the token's own software")
    if isinstance(error, pkcs11.FunctionCancelled):
        return PinRejected(f"entering the PIN of {what} was cancelled", hint="sign again, and enter the PIN")
    if isinstance(error, _TOKEN_REMOVED):
        return DeviceRemoved(f"{what} was taken out, or its session has ended ({kind})", hint=REINSERT_HINT)
    if isinstance(error, MECHANISM_REFUSED):
        return MechanismUnavailable(
            f"{what} refuses to make this kind of signature with this key ({kind})",
            hint="choose another MAC algorithm, for instance SHA256, or another key",
        )
    return DeviceUnavailable(
        f"{what} failed with {kind}", hint="check card, reader and connection, and look into the log of the driver"
    )


def pin_locked_error(what: str) -> PinLocked:
    """The error for a token that takes no more PINs."""
    return PinLocked(
        f"the PIN of {what} is locked after too many wrong ones",
        hint="unlock it with the PUK, or let those who issued it do so",
    )
