"""Sessions with tokens, one for each token and process (PKCS #11 v2.40, 5.6).

A login belongs to process and token, not to a session: logging out of one session logs out of all. So a second key on
the same token shares the open session, without a second request for the PIN, and the last key to close logs out. Call
everything here with the lock of the module held.
"""

from __future__ import annotations

from contextlib import suppress

import pkcs11
from pkcs11 import PROTECTED_AUTH, TokenFlag

from dcmseal_pkcs11.pin import Pin, PinRequest, format_pin_state
from dcmseal_pkcs11.pkcs11_errors import PIN_REFUSED, pin_locked_error, to_signer_error
from dcmseal_pkcs11.tokens import Pkcs11Token


class TokenSession:
    """A session with a token, and the number of its users."""

    __slots__ = ("_raw", "_usable", "_users", "logged_in", "token")

    def __init__(self, token: Pkcs11Token) -> None:
        self.token = token
        self._raw: pkcs11.Session = token.handle.open()
        self._usable = True
        self._users = 0
        self.logged_in = False

    def __repr__(self) -> str:
        return f"<{'open' if self.usable else 'ended'} session with {self.token.description}>"

    @property
    def usable(self) -> bool:
        """False after it has ended, and in a forked child, because the session belongs to the parent."""
        return self._usable and not self.token.module.inherited

    @property
    def raw(self) -> pkcs11.Session:
        return self._raw

    def log_in(self, pin_request: PinRequest) -> Pin | None:
        """Log in, unless it is logged in already.

        A token with a PIN pad (protected authentication path) asks for the PIN itself.

        Returns:
            The PIN, if it was requested.

        Raises:
            PinRejected: The PIN is wrong or missing.
            PinLocked: The PIN is locked.
        """
        token = self.token
        description = token.description
        if self.logged_in:
            return None
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise pin_locked_error(description)
        has_pin_pad = token.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH
        pin = None if has_pin_pad else pin_request.get_pin(description, format_pin_state(token.flags))
        # python-pkcs11 logs in only when it opens a session. Close the old session after that, because closing the
        # only session would log out.
        try:
            session = token.handle.open(user_pin=PROTECTED_AUTH if pin is None else pin.value)
        except pkcs11.UserAlreadyLoggedIn:
            pass  # by other code in this process, which also logs out
        except PIN_REFUSED as error:
            raise to_signer_error(error, description, pin_state=_current_pin_state(token)) from None
        else:
            self._raw, public = session, self._raw
            with suppress(pkcs11.PKCS11Error):
                public.close()
        self.logged_in = True
        return pin

    def acquire(self) -> None:
        """Add a user."""
        self._users += 1

    def release(self) -> None:
        """Remove a user; after the last one, log out."""
        self._users -= 1
        if not self._users:
            self.close()

    def close(self) -> None:
        """Log out and close, for all users."""
        if self.usable:
            # A disconnected device may not respond; then the session has already ended.
            with suppress(pkcs11.PKCS11Error):
                self._raw.close()
        self._usable = False
        sessions = self.token.module.sessions
        if sessions.get(self.token.id) is self:
            del sessions[self.token.id]


def shared_session(token: Pkcs11Token) -> TokenSession:
    """Return the open session with a token, or a new one without a login; raises the errors of python-pkcs11."""
    sessions = token.module.sessions
    session = sessions.get(token.id)
    if isinstance(session, TokenSession):
        return session
    created = sessions[token.id] = TokenSession(token)
    return created


def _current_pin_state(token: Pkcs11Token) -> str:
    try:
        current = token.refresh()
    except pkcs11.PKCS11Error:
        return ""
    return format_pin_state(current.flags) if current else ""
