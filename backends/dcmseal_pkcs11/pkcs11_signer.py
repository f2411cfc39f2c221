"""A Signer whose key never leaves its token: it signs for as long as the token is there, and again once it is back."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final, NoReturn

import pkcs11

from dcmseal.errors import DeviceRemoved, DeviceReplaced, PinRejected, SignerError
from dcmseal.plugins.signer_backend import SignableMessage
from dcmseal.plugins.tracebacks import strip_traceback
from dcmseal_pkcs11.loaded_modules import load_module
from dcmseal_pkcs11.mechanisms import sign_message
from dcmseal_pkcs11.pin import Pin, PinProvider, format_pin_state
from dcmseal_pkcs11.pkcs11_errors import MECHANISM_REFUSED, REINSERT_HINT, to_signer_error
from dcmseal_pkcs11.token_key import OpenTokenKey, open_key
from dcmseal_pkcs11.tokens import Pkcs11Token, find_tokens

_MAX_CHECKS: Final = 8
_PAUSE: Final = 0.1


class Pkcs11Signer:
    """Signs until it is closed, from any number of threads.

    A signature that fails because the token has gone raises DeviceRemoved. The next one looks for the token again:
    it works if the very same one is back, with the PIN asked for once more.
    """

    __slots__ = ("_attempt", "_entry", "_opened", "_pin", "_token_id", "certificate_chain", "key_type")

    def __init__(self, opened: OpenTokenKey, entry: PinProvider) -> None:
        self._opened: OpenTokenKey | None = opened
        self._entry = entry
        self._token_id = opened.session.token.id
        self._pin = opened.pin
        self._attempt = 1
        self.certificate_chain = opened.certificate_chain
        self.key_type = opened.kind.type

    def __repr__(self) -> str:
        return f"<{'closed' if self._opened is None else 'open'} {self.key_type.value} key on a token>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a session with a token stays in its process: send the key URI instead, and open the key there")

    @strip_traceback
    def sign(self, message: SignableMessage) -> bytes:
        """Return a PKCS #1 v1.5 signature of modulus length (RSA) or DER SEQUENCE(r, s) (EC).

        Raises DeviceRemoved, DeviceExchanged and DeviceUnavailable; MechanismUnavailable; PinRejected and PinLocked
        if the key wants the PIN for each signature, or the token is back.
        """
        opened = self._opened
        if opened is None:
            raise _closed_error()
        # before the module is locked: computing the digest may read a large file
        ways = opened.capabilities.signing_mechanisms(opened.kind, message)
        module = opened.session.token.module
        if module.inherited:
            module = load_module(module.path)
        with module.lock:
            opened = self._opened
            if opened is None:
                raise _closed_error()
            if not opened.session.usable:
                opened = self._opened = self._reopen(opened)
            try:
                return sign_message(opened.key.handle, opened.kind, message, ways, self._per_signature_pin(opened))
            except pkcs11.PKCS11Error as error:
                raise self._handle_error(opened, error) from None

    def close(self) -> None:
        """Let go of the key; the last one that uses the token logs out."""
        opened = self._opened
        self._opened = self._pin = None
        if opened is not None and not opened.session.token.module.inherited:
            with opened.session.token.module.lock:
                opened.session.release()

    def _per_signature_pin(self, opened: OpenTokenKey) -> Pin | None:
        """The PIN, if the key wants it for each signature: the one that the token was opened with is kept for that."""
        if not opened.always_authenticate:
            return None
        if self._pin is None:
            token = opened.session.token
            self._pin = self._entry.request_pin(
                token.description, state=format_pin_state(token.flags), attempt=self._attempt
            )
        return self._pin

    def _handle_error(self, opened: OpenTokenKey, error: pkcs11.PKCS11Error) -> SignerError:
        """The error to raise; a session that may be spoilt is given up."""
        token = opened.session.token
        if isinstance(error, MECHANISM_REFUSED):
            return to_signer_error(error, token.description)
        opened.session.close()
        raised = to_signer_error(error, token.description)
        if isinstance(raised, PinRejected):
            self._pin = None
            self._attempt += 1
        elif not isinstance(raised, DeviceRemoved) and _is_removed(token):
            # a token that is pulled out while it signs fails with whatever the driver thinks of
            return DeviceRemoved(f"{token.description} was taken out while it signed", hint=REINSERT_HINT)
        return raised

    def _reopen(self, before: OpenTokenKey) -> OpenTokenKey:
        """The same key on the same token, after that was away, or in a process that was forked from ours."""
        old = before.session.token
        module = load_module(old.module.path)
        what = old.description

        def same() -> Pkcs11Token:
            found = find_tokens(module, self._entry.uri)
            token = next((each for each in found if each.id == self._token_id), None)
            if token is None:
                # what the URI does not fit is worth a word, too, if it is in the place of the old one
                instead = found[0] if found else replace(old, module=module).refresh()
                raise _not_returned_error(what, instead)
            return token

        try:
            opened = open_key(module, same, self._entry, attempt=self._attempt)
        except pkcs11.PKCS11Error as error:
            raise to_signer_error(error, what) from None
        except PinRejected:
            self._attempt += 1
            raise
        if opened.certificate_chain[0] != self.certificate_chain[0]:
            opened.session.release()
            raise DeviceReplaced(f"{what} has another certificate now", hint="open the key again")
        self._attempt = 1
        self._pin = opened.pin
        return opened


def _is_removed(token: Pkcs11Token) -> bool:
    """Whether the token is no longer there: readers are asked again for a while, since they take a moment to notice."""
    for _ in range(_MAX_CHECKS):
        try:
            now = token.refresh()
        except pkcs11.PKCS11Error:
            return False
        if now is None or now.id != token.id:
            return True
        time.sleep(_PAUSE)
    return False


def _not_returned_error(what: str, instead: Pkcs11Token | None) -> SignerError:
    if instead is not None:
        return DeviceReplaced(
            f"{what} has gone, and {instead.description}, serial number {instead.id.serial!r}, is there instead",
            hint="put the card back in with which signing began, or begin again",
        )
    return DeviceRemoved(f"{what} is not there", hint=REINSERT_HINT)


def _closed_error() -> SignerError:
    return SignerError("the key is closed", hint="sign while the key is open")
