"""Timestamp authorities reached by HTTP (RFC 3161 3.4): the only place of this package that touches a network."""

from __future__ import annotations

import base64
import re
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from dcmseal.errors import TimestampError, UsageError
from dcmseal.plugins.protocols import SecretRequest, Secrets
from dcmseal.plugins.secrecy import forgets_its_frames
from dcmseal.plugins.timestamping import Patience
from dcmseal_http.punctual import opener
from dcmseal_timestamp.token import MOST_BYTES

_VISIBLE: Final = re.compile(r"[!-~]+")
_HEADERS: Final = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_UNAUTHORIZED: Final = 401
_MOST_LOGINS: Final = 3
_PIECE: Final = 1 << 14
_PAUSE: Final = 0.2
_HINT: Final = "check the URL and the network; several authorities may be named, and are asked in turn"


class _NotNow(Exception):
    """The authority may be reached later; the message is made of our words only."""


@forgets_its_frames
def ask(url: str, query: bytes, patience: Patience, secrets: Secrets) -> bytes:
    """Post a query and return the body of the answer.

    ``secrets`` is asked for ``USER:PASSWORD`` if the authority wants to know who asks. Raises UsageError for an URL
    that cannot be used, and TimestampError if there is no answer.
    """
    parts = _checked(url)
    name = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    login = ""
    asked = 0
    attempt = 0
    while True:
        try:
            return _post(url, query, patience.seconds, login)
        except _NotNow as error:
            attempt += 1
            if attempt >= patience.attempts:
                raise TimestampError(f"{name} gives no answer: {error}", hint=_HINT) from None
            time.sleep(_PAUSE * 2 ** min(attempt, 5))
        except urllib.error.HTTPError as error:
            if error.code != _UNAUTHORIZED:
                raise TimestampError(f"{name} answers with HTTP status {error.code}", hint=_HINT) from None
            asked += 1
            login = _login(parts, name, asked, secrets)


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError("the URL of the timestamp authority cannot be read", hint="write https://HOST/PATH") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not _VISIBLE.fullmatch(url):
        raise UsageError("a timestamp authority is reached by http or https", hint="write https://HOST/PATH")
    if "@" in parts.netloc:
        raise UsageError(
            "user and password have no place in the URL of a timestamp authority",
            hint="an environment variable or a file may hold them: --timestamp-login-env, --timestamp-login-file",
        )
    return parts


def _login(parts: SplitResult, name: str, asked: int, secrets: Secrets) -> str:
    if parts.scheme != "https" and not _is_here(parts.hostname or ""):
        raise TimestampError(
            f"{name} wants a password, which would go over the network for all to read", hint="use https"
        )
    purpose = f"timestamp authority {parts.hostname}, as USER:PASSWORD"
    login = secrets(SecretRequest(purpose=purpose, uri=name, attempt=asked)) if asked <= _MOST_LOGINS else None
    if not login:
        raise TimestampError(
            f"{name} wants to know who asks{', and does not take what was given' if asked > 1 else ''}",
            hint="give USER:PASSWORD in an environment variable or file: --timestamp-login-env, --timestamp-login-file",
        )
    return login


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _post(url: str, query: bytes, seconds: float, login: str) -> bytes:
    headers = dict(_HEADERS)
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode('ascii')}"
    request = urllib.request.Request(url, query, headers, method="POST")  # noqa: S310 - checked to be http or https
    try:
        # which follows no redirection: a query, and least of all a password, goes to nobody but the one who was named
        with opener().open(request, timeout=seconds) as answer:
            return _body(answer)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _BUSY:
            raise _NotNow(f"HTTP status {error.code}") from None
        raise
    except TimeoutError:
        raise _NotNow(f"not within {seconds:g} s") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _NotNow(f"not within {seconds:g} s") from None
        reason = getattr(error.reason, "strerror", None) or type(error.reason).__name__
        raise _NotNow(f"it cannot be reached: {reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        raise _NotNow(f"it does not answer as a web server should: {type(error).__name__}") from None


def _body(answer: HTTPResponse) -> bytes:
    body = b""
    while piece := answer.read1(_PIECE):
        body += piece
        if len(body) > MOST_BYTES:
            raise TimestampError(f"the answer has more than {MOST_BYTES} bytes", hint="is it a timestamp authority?")
    return body
