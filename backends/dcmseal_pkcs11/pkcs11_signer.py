"""A signer whose key stays on a token. It finds the token again after the token was removed and reinserted."""

# Kept apart: imports python-pkcs11, which listing plugins must not do.

from __future__ import annotations

import time
from typing import Final, NoReturn

import pkcs11
from msgspec.structs import replace

from dcmseal.errors import DeviceRemoved, DeviceReplaced, MechanismUnavailable, PinRejected, SignerError
from dcmseal.plugins.signer_backend import SignableMessage
from dcmseal.plugins.tracebacks import strip_traceback
from dcmseal_pkcs11.loaded_modules import load_module
from dcmseal_pkcs11.mechanisms import hash_to_sign, sign_message
from dcmseal_pkcs11.pin import Pin, PinProvider, format_pin_state
from dcmseal_pkcs11.pkcs11_errors import MECHANISM_REFUSED, REINSERT_HINT, to_signer_error
from dcmseal_pkcs11.token_key import OpenTokenKey, open_key
from dcmseal_pkcs11.tokens import Pkcs11Token, find_tokens

_MAX_CHECKS: Final = 8
_PAUSE: Final = 0.1


class Pkcs11Signer:
    """Signs until it is closed, from any number of threads.

    If the token is removed, the signature raises DeviceRemoved. The next one looks for the same token again, and needs
    the PIN again.
    """

    __slots__ = ("_attempt", "_opened", "_pin", "_pin_provider", "_token_id", "certificate_chain", "key_type")

    def __init__(self, opened: OpenTokenKey, pin_provider: PinProvider) -> None:
        self._opened: OpenTokenKey | None = opened
        self._pin_provider = pin_provider
        self._token_id = opened.session.token.id
        self._pin = opened.pin
        self._attempt = 1
        self.certificate_chain = opened.certificate_chain
        self.key_type = opened.kind.type

    def __repr__(self) -> str:
        return f"<{'closed' if self._opened is None else 'open'} {self.key_type.value} key on a token>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key on a token cannot be pickled: pickle the key URI, and open the key in the other process")

    @strip_traceback
    def sign(self, message: SignableMessage) -> bytes:
        """Sign a message.

        Returns:
            A PKCS #1 v1.5 signature of modulus length (RSA), or the DER of ``SEQUENCE(r, s)`` (EC).

        Raises:
            DeviceRemoved: The token was removed.
            DeviceReplaced: Another token is in its place.
            DeviceUnavailable: The token failed.
            MechanismUnavailable: The token does not support this type of signature.
            PinRejected: The PIN, needed for each signature or after reinsertion, is wrong or missing.
            PinLocked: The PIN is locked.
        """
        opened = self._opened
        if opened is None:
            raise _closed_error()
        mechanisms = opened.mechanisms.get(message.algorithm)
        if mechanisms is None:
            raise _algorithm_error(opened, message)
        # before taking the lock of the module, because the digest may read a large file
        hashed = hash_to_sign(message, opened.kind) if mechanisms[0].signs_hash else b""
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
                pin = self._per_signature_pin(opened) if opened.always_authenticate else None
                return sign_message(opened.key.handle, opened.kind, message, mechanisms, hashed, pin)
            except pkcs11.PKCS11Error as error:
                raise self._handle_error(opened, error) from None

    def close(self) -> None:
        """Release the key; the last user of the token logs out."""
        opened = self._opened
        self._opened = self._pin = None
        if opened is not None and not opened.session.token.module.inherited:
            with opened.session.token.module.lock:
                opened.session.release()

    def _per_signature_pin(self, opened: OpenTokenKey) -> Pin:
        """Return the PIN for a key that needs it for each signature; the PIN that opened the token is reused."""
        if self._pin is None:
            token = opened.session.token
            self._pin = self._pin_provider.request_pin(
                token.description, state=format_pin_state(token.flags), attempt=self._attempt
            )
        return self._pin

    def _handle_error(self, opened: OpenTokenKey, error: pkcs11.PKCS11Error) -> SignerError:
        """Build the error to raise, and end a session that may be unusable."""
        token = opened.session.token
        if isinstance(error, MECHANISM_REFUSED):
            return to_signer_error(error, token.description)
        opened.session.close()
        raised = to_signer_error(error, token.description)
        if isinstance(raised, PinRejected):
            self._pin = None
            self._attempt += 1
        elif not isinstance(raised, DeviceRemoved) and _is_removed(token):
            # if a token is removed while it signs, drivers return various errors
            return DeviceRemoved(f"{token.description} was removed while it signed", hint=REINSERT_HINT)
        return raised

    def _reopen(self, before: OpenTokenKey) -> OpenTokenKey:
        """Open the same key on the same token, after reinsertion or in a forked process."""
        old = before.session.token
        module = load_module(old.module.path)
        description = old.description

        def find_same_token() -> Pkcs11Token:
            found = find_tokens(module, self._pin_provider.uri)
            token = next((each for each in found if each.id == self._token_id), None)
            if token is None:
                # the error also names a token in the same slot that does not match the URI
                other = found[0] if found else replace(old, module=module).refresh()
                raise _not_returned_error(description, other)
            return token

        try:
            opened = open_key(module, find_same_token, self._pin_provider, attempt=self._attempt)
        except pkcs11.PKCS11Error as error:
            raise to_signer_error(error, description) from None
        except PinRejected:
            self._attempt += 1
            raise
        if opened.certificate_chain[0] != self.certificate_chain[0]:
            opened.session.release()
            raise DeviceReplaced(f"{description} has another certificate now", hint="open the key again")
        self._attempt = 1
        self._pin = opened.pin
        return opened


def _is_removed(token: Pkcs11Token) -> bool:
    """Whether the token is gone; checks several times, because readers take a moment to notice."""
    for _ in range(_MAX_CHECKS):
        try:
            now = token.refresh()
        except pkcs11.PKCS11Error:
            return False
        if now is None or now.id != token.id:
            return True
        time.sleep(_PAUSE)
    return False


def _not_returned_error(description: str, other: Pkcs11Token | None) -> SignerError:
    if other is not None:
        return DeviceReplaced(
            f"{description} was replaced by {other.description}, serial number {other.id.serial!r}",
            hint="reinsert the first card, or start again with the new one",
        )
    return DeviceRemoved(f"{description} is not connected", hint=REINSERT_HINT)


def _algorithm_error(opened: OpenTokenKey, message: SignableMessage) -> SignerError:
    token = opened.session.token.description
    return MechanismUnavailable(
        f"{token} cannot make {opened.kind.type.value} signatures with {message.algorithm}",
        hint="choose another MAC algorithm, such as SHA256",
    )


def _closed_error() -> SignerError:
    return SignerError("the key is closed", hint="sign inside the context that opened the key")
