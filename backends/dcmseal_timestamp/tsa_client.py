"""Sends requests to timestamp authorities over HTTP (RFC 3161 3.4)."""

# Kept apart: the only module of the package with network access.

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import SplitResult

from dcmseal.errors import TimestampError
from dcmseal.plugins.signer_backend import SecretRequest, Secrets
from dcmseal.plugins.timestamp_backend import RetryPolicy
from dcmseal.plugins.tracebacks import strip_traceback
from dcmseal_http.deadline import Deadline
from dcmseal_http.http_client import BodyTooLarge, HttpRequest, HttpStatus, TemporaryFailure, open_request, retry
from dcmseal_http.http_urls import is_confidential, parse_url
from dcmseal_timestamp.timestamp_token import MAX_TOKEN_BYTES

_HEADERS: Final = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
_UNAUTHORIZED: Final = 401
_MAX_LOGINS: Final = 3
_HINT: Final = "check the URL and the network, or name several authorities, which are tried in turn"
_LOGIN_HINT: Final = "pass secrets= to TimestampRequest, a function that returns USER:PASSWORD"


@strip_traceback
def send_query(url: str, query: bytes, retry_policy: RetryPolicy, secrets: Secrets) -> bytes:
    """Send a request and return the body of the response.

    Args:
        url: The address of the authority.
        query: The request.
        retry_policy: Timeout and retries.
        secrets: Returns ``USER:PASSWORD`` if the authority requires a login.

    Raises:
        UsageError: The URL is invalid.
        TimestampError: The authority did not respond, refused, or requires a login.
    """
    parts = parse_url(url, _LOGIN_HINT, "login-missing")
    name = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"
    login = ""
    attempt = 0
    while True:
        request = HttpRequest(url=url, headers=_HEADERS, body=query, login=login)
        try:
            return retry(partial(_post_query, request, retry_policy.seconds), retry_policy.attempts)
        except TemporaryFailure as error:
            raise TimestampError(f"{name} did not respond: {error}", hint=_HINT) from None
        except BodyTooLarge:
            raise TimestampError(
                f"the response is larger than {MAX_TOKEN_BYTES} bytes",
                hint="check that the URL is that of a timestamp authority",
            ) from None
        except HttpStatus as error:
            if error.code != _UNAUTHORIZED:
                raise TimestampError(f"{name} returned HTTP status {error.code}", hint=_HINT) from None
            attempt += 1
            login = _request_login(url, parts, name, attempt, secrets)


def _post_query(request: HttpRequest, seconds: float) -> bytes:
    with open_request(request, Deadline(seconds)) as response:
        return response.read_body(MAX_TOKEN_BYTES)


def _request_login(url: str, parts: SplitResult, name: str, attempt: int, secrets: Secrets) -> str:
    if not is_confidential(url):
        raise TimestampError(f"{name} requires a password, which would be sent without encryption", hint="use https")
    purpose = f"timestamp authority {parts.hostname}, as USER:PASSWORD"
    login = secrets(SecretRequest(purpose=purpose, uri=name, attempt=attempt)) if attempt <= _MAX_LOGINS else None
    if not login:
        raise TimestampError(
            f"{name} {'rejected the login' if attempt > 1 else 'requires a login'}",
            hint=_LOGIN_HINT,
            code="login-missing",
        )
    return login
