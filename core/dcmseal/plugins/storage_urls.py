"""URLs of objects, ``SCHEME://...``, which must not contain secrets.

>>> is_url("s3://archive/image.dcm"), is_url("archive/image.dcm")
(True, False)
>>> redact_secrets("sftp://reader:hunter2@archive/image.dcm")
'sftp://***@archive/image.dcm'
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from dcmseal.errors import UsageError
from dcmseal.plugins.key_uri import is_secret_name

# At least two characters: in C://, C is a drive.
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,31})://", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SECRETS: Final = (
    *("access_token", "api_key", "apikey", "auth", "authorization", "awsaccesskeyid", "key", "sas", "sig"),
    *("signature", "token", "x-amz-credential", "x-amz-security-token", "x-amz-signature"),
    *("x-goog-credential", "x-goog-signature"),
)
_LOGIN: Final = re.compile(r"(?<=://)[^\s/@]*:\S*@|(?<=https://)[^\s/@]*@|(?<=http://)[^\s/@]*@")
_VALUE: Final = re.compile(
    rf"([?&](?:{'|'.join(map(re.escape, _SECRETS))}|pass\w*|pin|pwd|secret)=)[^\s&#]+", re.IGNORECASE
)
_HINT: Final = (
    "remove it: credentials come from the environment or the configuration files of the storage; otherwise, download "
    "the object and pass its bytes"
)


def is_url(text: str) -> bool:
    """Whether a string is a URL; prefix a path with ``./`` if it looks like one."""
    return _URL.match(text) is not None


def parse_url_scheme(url: str) -> str:
    """Return the scheme of a URL in lower case.

    Raises:
        UsageError: The URL is invalid, or contains a secret, such as presigned URLs do. The message does not repeat
            the URL.
    """
    match = _URL.match(url)
    if match is None or _CONTROL.search(url):
        raise UsageError("the URL is invalid", hint="write SCHEME://..., such as s3://bucket/image.dcm")
    scheme = match[1].lower()
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError("the host or port of the URL is invalid", hint="write SCHEME://HOST:PORT/PATH") from None
    user, at, _ = parts.netloc.rpartition("@")
    if at and (":" in user or scheme in ("http", "https")):
        raise UsageError("a URL must not contain a user and password", hint=_HINT)
    if any(_is_secret(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise UsageError("a URL must not contain a token, or be presigned", hint=_HINT)
    return scheme


def redact_secrets(text: str) -> str:
    """Replace passwords and tokens in the URLs of a text."""
    return _VALUE.sub(r"\1***", _LOGIN.sub("***@", text)) if "://" in text else text


def _is_secret(name: str) -> bool:
    return name.lower() in _SECRETS or is_secret_name(name)
