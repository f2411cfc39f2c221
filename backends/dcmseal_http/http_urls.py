"""Validates http and https URLs, and determines which may receive a login.

>>> parse_url("https://tsa.example/tsr").hostname
'tsa.example'
>>> [is_confidential(url) for url in ("https://tsa.example/", "http://localhost:8080/", "http://tsa.example/")]
[True, True, False]
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from dcmseal.errors import UsageError

_VISIBLE: Final = re.compile(r"[!-~]+")
_MAX_HOST: Final = 253
"""Maximum length of a host name (RFC 1035 2.3.4)."""
_HINT: Final = "use https://HOST/PATH, with other characters as %XX"
_LOGIN_HINT: Final = "store the login in ~/.netrc"


def parse_url(url: str, login_hint: str = _LOGIN_HINT, login_code: str = "") -> SplitResult:
    """Parse a URL.

    Args:
        url: The URL.
        login_hint: The hint of the error for a URL that contains a login.
        login_code: The code of that error.

    Raises:
        UsageError: The URL is invalid, not http or https, or contains a user or password. The message does not repeat
            the URL.
    """
    try:
        parts = urlsplit(url)
        is_valid = _VISIBLE.fullmatch(url) is not None and parts.port != 0
    except ValueError:
        raise UsageError("the URL is invalid", hint=_HINT) from None
    if parts.scheme not in ("http", "https"):
        raise UsageError("the URL must begin with http:// or https://", hint=_HINT)
    if not is_valid or not parts.hostname:
        raise UsageError("the URL is invalid", hint=_HINT)
    if "@" in parts.netloc:
        raise UsageError("a URL must not contain a user and password", hint=login_hint, code=login_code)
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_confidential(url: str) -> bool:
    """Whether requests to a URL are protected from eavesdropping, by TLS or because it is on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def redirect_host(location: str) -> str:
    """Return the host of a redirect; empty if it is missing or not printable."""
    try:
        host = urlsplit(location).hostname or ""
    except ValueError:
        host = ""
    return host[:_MAX_HOST] if _VISIBLE.fullmatch(host) else ""
