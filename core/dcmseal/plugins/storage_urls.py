"""URLs of objects, ``SCHEME://...``: told from paths, and without secrets.

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

# Two characters at least: in C:// the C is a drive.
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
    "everybody on this machine can read arguments: credentials come from the environment or the configuration "
    "files of the storage; of what is fetched by other means, pipe the bytes in: FILE may be -"
)


def is_url(text: str) -> bool:
    """Whether a word names an object by URL; ``./`` before it makes it a path."""
    return _URL.match(text) is not None


def parse_url_scheme(url: str) -> str:
    """The scheme of a URL, in lower case.

    Raises UsageError, which does not repeat the URL, if it holds a password, or what stands for one as in presigned
    URLs, or cannot be read.
    """
    match = _URL.match(url)
    if match is None or _CONTROL.search(url):
        raise UsageError("the URL cannot be read", hint="write SCHEME://..., as in s3://bucket/image.dcm")
    scheme = match[1].lower()
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError("host or port of the URL cannot be read", hint="write SCHEME://HOST:PORT/PATH") from None
    user, at, _ = parts.netloc.rpartition("@")
    if at and (":" in user or scheme in ("http", "https")):
        raise UsageError("user and password have no place in a URL", hint=_HINT)
    if any(_is_secret(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        raise UsageError("a presigned URL, or one with a token, is as good as a password", hint=_HINT)
    return scheme


def redact_secrets(text: str) -> str:
    """A text without the passwords and tokens of URLs in it."""
    return _VALUE.sub(r"\1***", _LOGIN.sub("***@", text)) if "://" in text else text


def _is_secret(name: str) -> bool:
    return name.lower() in _SECRETS or is_secret_name(name)
