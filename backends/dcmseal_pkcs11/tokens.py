"""Tokens in the slots of a module (PKCS #11 v2.40, 5.5), selected by a PKCS #11 URI."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeVar

import pkcs11
from msgspec import Struct
from pkcs11 import Mechanism, SlotFlag, TokenFlag

from dcmseal.plugins.guard import to_single_line
from dcmseal.representation import format_fields
from dcmseal_pkcs11.loaded_modules import Pkcs11Module
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri, build_uri

_SOFTHSM: Final = "SoftHSM"
_MAX_ATTEMPTS: Final = 12
_TRANSIENT_ERRORS: Final = (pkcs11.GeneralError, pkcs11.UserPinNotInitialized)

T = TypeVar("T")


def retry_softhsm(
    module: Pkcs11Module, action: Callable[[], T], *, is_complete: Callable[[T], bool] = lambda _: True
) -> T:
    """Retry an action while SoftHSM fails transiently, or the result is incomplete.

    SoftHSM is reinitialized between attempts, unless that would end an open session. Call this with the lock of the
    module held. With other modules, there is only one attempt.

    Args:
        module: The module that the action uses.
        action: What to do; it may raise the errors of python-pkcs11.
        is_complete: Whether a result is complete.
    """
    is_softhsm = module.library.manufacturer_id.startswith(_SOFTHSM)
    for attempt in range(1, _MAX_ATTEMPTS if is_softhsm else 1):
        try:
            result = action()
            if is_complete(result):
                return result
        except _TRANSIENT_ERRORS:
            pass
        time.sleep(random.uniform(0.002, 0.01) * attempt)  # noqa: S311 - jitter, not a secret
        if not module.sessions:
            module.reinitialize()
    return action()


class TokenId(NamedTuple):
    """Identifies a token. Labels are not unique, and serial numbers are unique for one manufacturer only."""

    manufacturer: str
    model: str
    serial: str
    label: str


class Pkcs11Token(Struct, frozen=True, kw_only=True, eq=False):
    """A token at one moment; its flags may change, so refresh it before you rely on them."""

    module: Pkcs11Module
    handle: pkcs11.Token

    @property
    def id(self) -> TokenId:
        token = self.handle
        serial = token.serial.rstrip(b"\0").decode("utf-8", "replace")
        return TokenId(token.manufacturer_id, token.model, serial, token.label)

    @property
    def uri_attributes(self) -> dict[str, str]:
        """The values that attributes of a URI must match."""
        manufacturer, model, serial, label = self.id
        return {"token": label, "manufacturer": manufacturer, "model": model, "serial": serial}

    @property
    def flags(self) -> TokenFlag:
        return self.handle.flags

    @property
    def is_initialized(self) -> bool:
        return bool(self.flags & TokenFlag.TOKEN_INITIALIZED)

    @property
    def description(self) -> str:
        """The token, or card, and its slot, in words."""
        _, model, serial, label = self.id
        slot = self.handle.slot
        name = repr(label) if label else f"{model} {serial}".rstrip()
        kind = "card" if slot.flags & SlotFlag.REMOVABLE_DEVICE else "token"
        return to_single_line(f"{kind} {name} in {slot.slot_description or f'slot {slot.slot_id}'}")

    @property
    def uri(self) -> str:
        """The URI of this token in this module."""
        _, model, serial, label = self.id
        return build_uri({"token": label, "serial": serial, "model": model}, module_path=self.module.path)

    def refresh(self) -> Pkcs11Token | None:
        """Return the token that is in the slot now, or None; raises the errors of python-pkcs11."""
        # Query the list of slots: for a known token, OpenSC does not ask the reader again.
        slot_id = self.handle.slot.slot_id
        slots = self.module.library.get_slots(token_present=True)
        try:
            return next(
                (Pkcs11Token(module=self.module, handle=slot.get_token()) for slot in slots if slot.slot_id == slot_id),
                None,
            )
        except (pkcs11.TokenNotPresent, pkcs11.TokenNotRecognised, pkcs11.DeviceRemoved):
            return None

    def mechanisms(self) -> dict[Mechanism, tuple[int, int]]:
        """Return the mechanisms, with the minimum and maximum key size of each in bits; 0 if unknown."""
        slot = self.handle.slot
        found: dict[Mechanism, tuple[int, int]] = {}
        for mechanism in slot.get_mechanisms():
            if isinstance(mechanism, Mechanism):
                try:
                    info = slot.get_mechanism_info(mechanism)
                except pkcs11.PKCS11Error:
                    found[mechanism] = (0, 0)
                else:
                    found[mechanism] = (info.min_key_length or 0, info.max_key_length or 0)
        return found

    def __repr__(self) -> str:
        return format_fields(self, hidden=("handle",))


def slot_uri_attributes(slot: pkcs11.Slot) -> dict[str, str]:
    """Return the values that the slot attributes of a URI must match."""
    return {
        "slot-id": str(slot.slot_id),
        "slot-description": slot.slot_description,
        "slot-manufacturer": slot.manufacturer_id,
    }


def find_tokens(module: Pkcs11Module, uri: Pkcs11Uri) -> tuple[Pkcs11Token, ...]:
    """Find the initialized tokens of a module that match a URI; raises the errors of python-pkcs11.

    Call this with the lock of the module held.
    """
    if not uri.matches(module.uri_attributes):
        return ()
    try:
        found = retry_softhsm(module, lambda: tuple(_iter_matching(module, uri)), is_complete=_are_complete)
        if found or module.sessions or module.library.get_slots():
            return found
    except pkcs11.PKCS11Error:
        if module.sessions:
            raise
    # No slot was found. A module that lost its connection reconnects only when it is reinitialized, and some modules
    # detect readers only then. That is safe because no session is open.
    module.reinitialize()
    return tuple(_iter_matching(module, uri))


def _are_complete(tokens: tuple[Pkcs11Token, ...]) -> bool:
    # SoftHSM derives the slot ID from the serial number of the token: 0 if it could not read that.
    return bool(tokens) and all(
        each.handle.slot.slot_id and each.id.serial and each.flags & TokenFlag.USER_PIN_INITIALIZED for each in tokens
    )


def _iter_matching(module: Pkcs11Module, uri: Pkcs11Uri) -> Iterator[Pkcs11Token]:
    for slot in module.library.get_slots(token_present=True):
        if uri.matches(slot_uri_attributes(slot)):
            try:
                token = Pkcs11Token(module=module, handle=slot.get_token())
            except (pkcs11.TokenNotPresent, pkcs11.TokenNotRecognised):
                continue
            if token.is_initialized and uri.matches(token.uri_attributes):
                yield token
