"""URLs of http and https: which ones can be asked, and which of them may be told a login.

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
"""Characters of a host name (RFC 1035 2.3.4)."""
_HINT: Final = "write https://HOST/PATH, other characters as %XX"
_LOGIN_HINT: Final = "a login may stand in ~/.netrc"


def parse_url(url: str, login_hint: str = _LOGIN_HINT, login_code: str = "") -> SplitResult:
    """The parts of a URL.

    Raises:
        UsageError: It is not one of http or https, or has user or password in it; the URL is not repeated.
    """
    try:
        parts = urlsplit(url)
        is_readable = _VISIBLE.fullmatch(url) is not None and parts.port != 0
    except ValueError:
        raise UsageError("the URL cannot be read", hint=_HINT) from None
    if parts.scheme not in ("http", "https"):
        raise UsageError("the server has to be reached by http or https", hint=_HINT)
    if not is_readable or not parts.hostname:
        raise UsageError("the URL cannot be read", hint=_HINT)
    if "@" in parts.netloc:
        raise UsageError("user and password have no place in a URL", hint=login_hint, code=login_code)
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def is_confidential(url: str) -> bool:
    """Whether nobody on the network can read what is sent to a URL: TLS, or this machine (reached without a proxy)."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


def redirect_host(location: str) -> str:
    """The host that a server names in a redirection; empty if it cannot be shown."""
    try:
        host = urlsplit(location).hostname or ""
    except ValueError:
        host = ""
    return host[:_MAX_HOST] if _VISIBLE.fullmatch(host) else ""
