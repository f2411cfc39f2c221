"""Patience with SoftHSM, which fails by chance while other processes initialize it, or log in, at the same time.

Its tokens are files. Another process that writes to them makes it read half of one: then tokens are missing, or have
no PIN yet, or the call fails with CKR_GENERAL_ERROR, before a PIN is looked at. No other module known does so, and with
none a failure is repeated: a card might count it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

import pkcs11

from dcmseal_pkcs11.library import Pkcs11Module

_SOFTHSM: Final = "SoftHSM"
_MAX_ATTEMPTS: Final = 12
_TRANSIENT_ERRORS: Final = (pkcs11.GeneralError, pkcs11.UserPinNotInitialized)

T = TypeVar("T")


def retry_softhsm(
    module: Pkcs11Module, action: Callable[[], T], *, is_complete: Callable[[T], bool] = lambda _: True
) -> T:
    """What the action returns, tried again while SoftHSM fails by chance, or returns what is not enough.

    In between SoftHSM is initialized anew, if no session is open that would end by it. Called with the lock of the
    module held; python-pkcs11's errors pass.
    """
    is_softhsm = module.library.manufacturer_id.startswith(_SOFTHSM)
    for attempt in range(1, _MAX_ATTEMPTS if is_softhsm else 1):
        try:
            result = action()
            if is_complete(result):
                return result
        except _TRANSIENT_ERRORS:
            pass
        time.sleep(random.uniform(0.002, 0.01) * attempt)  # noqa: S311 - jitter, no secret
        if not module.sessions:
            module.reinitialize()
    return action()
