"""Tokens and the slots they are in, as a module tells of them (PKCS #11 v2.40, 5.5), chosen by a PKCS #11 URI."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeVar

import pkcs11
from pkcs11 import Mechanism, TokenFlag

from dcmseal.plugins.guard import to_single_line
from dcmseal_pkcs11.loaded_modules import Pkcs11Module
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri, build_uri

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


class TokenId(NamedTuple):
    """What tells a token from every other; labels are given twice, and serial numbers are counted by each maker."""

    manufacturer: str
    model: str
    serial: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pkcs11Token:
    """A token as it was when looked at; flags change, so look again before relying on them."""

    module: Pkcs11Module
    handle: pkcs11.Token = field(repr=False)

    @property
    def id(self) -> TokenId:
        token = self.handle
        serial = token.serial.rstrip(b"\0").decode("utf-8", "replace")
        return TokenId(token.manufacturer_id, token.model, serial, token.label)

    @property
    def uri_attributes(self) -> dict[str, str]:
        """What attributes of a URI are compared with."""
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
        """For people: which token in which slot."""
        _, model, serial, label = self.id
        slot = self.handle.slot
        name = repr(label) if label else f"{model} {serial}".rstrip()
        return to_single_line(f"token {name} in {slot.slot_description or f'slot {slot.slot_id}'}")

    @property
    def uri(self) -> str:
        """Points to this token, through this module."""
        _, model, serial, label = self.id
        return build_uri({"token": label, "serial": serial, "model": model}, module_path=self.module.path)

    def refresh(self) -> Pkcs11Token | None:
        """The token that is in the slot now, None if there is none; python-pkcs11's errors pass."""
        # By way of the list of slots: OpenSC does not ask the reader when it is asked for a token that it knows.
        number = self.handle.slot.slot_id
        slots = self.module.library.get_slots(token_present=True)
        try:
            return next(
                (Pkcs11Token(module=self.module, handle=slot.get_token()) for slot in slots if slot.slot_id == number),
                None,
            )
        except (pkcs11.TokenNotPresent, pkcs11.TokenNotRecognised, pkcs11.DeviceRemoved):
            return None

    def mechanisms(self) -> dict[Mechanism, tuple[int, int]]:
        """Mechanisms, and the least and greatest key size of each in bits; 0 for what is not told."""
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


def slot_uri_attributes(slot: pkcs11.Slot) -> dict[str, str]:
    """What attributes of a URI are compared with."""
    return {
        "slot-id": str(slot.slot_id),
        "slot-description": slot.slot_description,
        "slot-manufacturer": slot.manufacturer_id,
    }


def find_tokens(module: Pkcs11Module, uri: Pkcs11Uri) -> tuple[Pkcs11Token, ...]:
    """The tokens of a module that the URI fits, uninitialized ones left out; call with the module's lock held.

    python-pkcs11's errors pass.
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
    # Without any slot: a module that has lost the connection to where its tokens are does not look for it again, nor
    # some for readers, before it is initialized anew. That is safe while none of our sessions is open.
    module.reinitialize()
    return tuple(_iter_matching(module, uri))


def _are_complete(tokens: tuple[Pkcs11Token, ...]) -> bool:
    # SoftHSM derives the number of a slot from the token's serial number: 0 is one that it could not read.
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
