"""Key URIs, which name signing keys as ``scheme:path?name=value&name=value`` (RFC 3986, opaque form)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from dcmseal.errors import UsageError
from dcmseal.representation import format_fields

# At least two characters: in C:\keys\signer.pem, C is a drive.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,31}):", re.ASCII)
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SECRET_NAMES: Final = frozenset(
    {"pass", "passphrase", "passwd", "password", "pin", "pin-value", "pwd", "secret", "so-pin", "so-pin-value"}
)
_SECRETS_HINT: Final = (
    "remove it, and pass secrets=, a function that is asked for it when it is needed, and may take it from an "
    "environment variable, a file or a keyring; the URI of a token may name a pin-source= instead"
)


class KeyUri(Struct, frozen=True, kw_only=True):
    r"""A parsed key URI.

    >>> uri = KeyUri.parse(r"pem:C:\keys\my%20key.pem?cert=C:\keys\cert.pem")
    >>> uri.scheme, uri.path
    ('pem', 'C:\\keys\\my key.pem')
    >>> uri.attributes["cert"]
    'C:\\keys\\cert.pem'
    """

    scheme: str
    """In lower case."""
    body: str
    """The part between scheme and query, not decoded, because its syntax depends on the scheme."""
    attributes: Mapping[str, str]
    """The query, percent-decoded."""

    @classmethod
    def parse(cls, text: str) -> KeyUri:
        """Parse a key URI.

        Raises:
            UsageError: The URI is invalid, repeats an attribute, or contains a secret. The message never repeats the
                query.
        """
        if _CONTROL.search(text):
            raise UsageError(
                "the key URI contains control characters or line breaks",
                hint="name the location of the key, not the key itself: pem:key.pem?cert=cert.pem",
            )
        scheme = find_key_scheme(text)
        if scheme is None:
            raise UsageError("the key URI has no scheme", hint="write SCHEME:PATH, such as pem:key.pem?cert=cert.pem")
        _check_no_secrets(text)
        body, _, query = text[len(scheme) + 1 :].partition("?")
        attributes: dict[str, str] = {}
        for part in query.split("&") if query else ():
            name, _, value = (_decode_percent(piece) for piece in part.partition("="))
            if not name or not value:
                raise UsageError(
                    "the query of the key URI does not have the form name=value&name=value",
                    hint="write %26 for '&' and %3F for '?' inside a name or path",
                )
            if name in attributes:
                raise UsageError(f"the key URI has {name!r} twice", hint="keep one of them")
            attributes[name] = value
        return cls(scheme=scheme, body=body, attributes=MappingProxyType(attributes))

    @property
    def path(self) -> str:
        """The body, percent-decoded; raises UsageError if it is empty or cannot be decoded."""
        path = _decode_percent(self.body)
        if not path:
            raise UsageError(f"the key URI has no path after {self.scheme}:", hint=f"write {self.scheme}:PATH")
        return path

    def check_attributes(self, *names: str) -> None:
        """Raise UsageError if the query has an attribute other than these."""
        for name in self.attributes:
            if name not in names:
                known = ", ".join(f"{known}=" for known in names) or "none"
                raise UsageError(
                    f"unknown attribute {name!r} in the {self.scheme}: key URI", hint=f"use these attributes: {known}"
                )

    def without_query(self) -> str:
        """The URI without its query, for messages and for SecretRequest."""
        return f"{self.scheme}:{self.body}"

    def __repr__(self) -> str:
        return format_fields(self, hidden=("attributes",))


def find_key_scheme(text: str) -> str | None:
    """Return the scheme in lower case, or None; a drive letter is not a scheme."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def parse_key_scheme(uri: str) -> str:
    """Return the scheme of a key URI; raises UsageError, with a better hint if the text is the path of a file."""
    if find_key_scheme(uri) is None and os.path.isfile(uri):
        raise UsageError("the key is given as a path, without a scheme", hint=f"write {_suggest_key_uri(uri)}")
    return KeyUri.parse(uri).scheme


def _suggest_key_uri(path: str) -> str:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in (".p12", ".pfx"):
        return f"p12:{escape_path(path)}"
    return f"{'der' if suffix == '.der' else 'pem'}:{escape_path(path)}?cert=CERTIFICATE"


def escape_path(path: str) -> str:
    """Escape a path for use in a key URI.

    >>> escape_path("50% of?.pem")
    '50%25 of%3F.pem'
    """
    return path.replace("%", "%25").replace("?", "%3F").replace("&", "%26")


def is_secret_name(name: str) -> bool:
    """Whether an attribute of this name contains a passphrase or PIN.

    >>> is_secret_name("PIN_value"), is_secret_name("pin-source")
    (True, False)
    """
    return name.strip().lower().replace("_", "-") in _SECRET_NAMES


def _check_no_secrets(text: str) -> None:
    # Also split at semicolons, which separate the path attributes of a PKCS #11 URI (RFC 7512).
    for part in re.split("[:;?&]", text):
        name, equals, _ = part.partition("=")
        if equals and is_secret_name(unquote(name)):
            raise UsageError("a key URI must not contain a passphrase or PIN", hint=_SECRETS_HINT, code="secret-in-uri")


def _decode_percent(text: str) -> str:
    if _STRAY_PERCENT.search(text):
        raise UsageError("the key URI has a stray '%'", hint="write %25 for a percent sign")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UsageError("the key URI has percent-escapes that are not UTF-8", hint="encode names in UTF-8") from None
    if _CONTROL.search(decoded):
        raise UsageError("the key URI contains escaped control characters", hint="remove them")
    return decoded
