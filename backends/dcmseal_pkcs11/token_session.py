"""One session with a token for all who use it in this process (PKCS #11 v2.40, 5.6).

Login is a matter of process and token, not of a session, and to log out of one logs out all. So whoever opens a key
of a token that is in use joins the session that is there, without being asked for a PIN again, and the last to leave
logs out. All functions here are called with the lock of the module held.
"""

from __future__ import annotations

from contextlib import suppress

import pkcs11
from pkcs11 import PROTECTED_AUTH, TokenFlag

from dcmseal_pkcs11.pin import Pin, PinRequest, format_pin_state
from dcmseal_pkcs11.pkcs11_errors import PIN_REFUSED, pin_locked_error, to_signer_error
from dcmseal_pkcs11.tokens import Pkcs11Token


class TokenSession:
    """A session with a token, and how many use it."""

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
        """False once it has ended, or if it is the session of the process that this one was forked from."""
        return self._usable and not self.token.module.inherited

    @property
    def raw(self) -> pkcs11.Session:
        return self._raw

    def log_in(self, pin_request: PinRequest) -> Pin | None:
        """Log in, if nobody has yet; returns the PIN if one was asked for.

        A token with a PIN pad of its own (protected authentication path) asks for itself. Raises PinRejected,
        PinLocked and DeviceUnavailable; python-pkcs11's errors pass where they do not speak of a PIN.
        """
        token = self.token
        what = token.description
        if self.logged_in:
            return None
        if token.flags & TokenFlag.USER_PIN_LOCKED:
            raise pin_locked_error(what)
        own_pad = token.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH
        pin = None if own_pad else pin_request.get_pin(what, format_pin_state(token.flags))
        # python-pkcs11 logs in only while it opens a session. The one that was there is closed after that: the last
        # one to be closed would log out.
        try:
            session = token.handle.open(user_pin=PROTECTED_AUTH if pin is None else pin.value)
        except pkcs11.UserAlreadyLoggedIn:
            pass  # by other code in this process, which then also logs out
        except PIN_REFUSED as error:
            raise to_signer_error(error, what, pin_state=_current_pin_state(token)) from None
        else:
            self._raw, public = session, self._raw
            with suppress(pkcs11.PKCS11Error):
                public.close()
        self.logged_in = True
        return pin

    def acquire(self) -> None:
        """Count one user more."""
        self._users += 1

    def release(self) -> None:
        """Count one user less; the last one logs out."""
        self._users -= 1
        if not self._users:
            self.close()

    def close(self) -> None:
        """Log out and close, for all users."""
        if self.usable:
            # A device that has gone, or failed, need not answer: then its session has ended by itself.
            with suppress(pkcs11.PKCS11Error):
                self._raw.close()
        self._usable = False
        sessions = self.token.module.sessions
        if sessions.get(self.token.id) is self:
            del sessions[self.token.id]


def shared_session(token: Pkcs11Token) -> TokenSession:
    """The session that is open with a token, or a new one, not logged in; python-pkcs11's errors pass."""
    sessions = token.module.sessions
    session = sessions.get(token.id)
    if session is None:
        session = sessions[token.id] = TokenSession(token)
    return session


def _current_pin_state(token: Pkcs11Token) -> str:
    try:
        again = token.refresh()
    except pkcs11.PKCS11Error:
        return ""
    return format_pin_state(again.flags) if again else ""
