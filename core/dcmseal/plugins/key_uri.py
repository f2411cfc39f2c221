"""Key URIs: where a signing key is, written ``scheme:path?name=value&name=value`` (RFC 3986, opaque form)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote

from dcmseal.errors import UsageError

# Two characters at least: in C:\keys\signer.pem the C is a drive.
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{1,31}):", re.ASCII)
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SECRET_NAMES: Final = frozenset(
    {"pass", "passphrase", "passwd", "password", "pin", "pin-value", "pwd", "secret", "so-pin", "so-pin-value"}
)
_SECRETS_HINT: Final = "leave it out, and answer with secrets=; the URI of a token may name a pin-source="


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUri:
    r"""A key URI taken apart.

    >>> uri = KeyUri.parse(r"pem:C:\keys\my%20key.pem?cert=C:\keys\cert.pem")
    >>> uri.scheme, uri.path
    ('pem', 'C:\\keys\\my key.pem')
    >>> uri.attributes["cert"]
    'C:\\keys\\cert.pem'
    """

    scheme: str
    """In lower case."""
    body: str
    """What stands between the scheme and the query, as written: schemes may have a syntax of their own here."""
    attributes: Mapping[str, str] = field(repr=False)
    """The query, percent-decoded."""

    @classmethod
    def parse(cls, text: str) -> KeyUri:
        """Read a key URI.

        Raises UsageError, which never repeats the query, if the text has no scheme, or a query that cannot be
        read, names an attribute twice or gives a secret.
        """
        if _CONTROL.search(text):
            raise UsageError(
                "the key URI has control characters or line breaks in it",
                hint="write where the key is, not the key: pem:key.pem?cert=cert.pem",
            )
        scheme = find_key_scheme(text)
        if scheme is None:
            raise UsageError("the key URI names no scheme", hint="write SCHEME:PATH, as in pem:key.pem?cert=cert.pem")
        _check_no_secrets(text)
        body, _, query = text[len(scheme) + 1 :].partition("?")
        attributes: dict[str, str] = {}
        for part in query.split("&") if query else ():
            name, _, value = (_decode_percent(piece) for piece in part.partition("="))
            if not name or not value:
                raise UsageError(
                    "the query of the key URI is not of the form name=value&name=value",
                    hint="write %26 for '&' and %3F for '?' inside a name or path",
                )
            if name in attributes:
                raise UsageError(f"the key URI names {name!r} twice", hint="keep one of the two")
            attributes[name] = value
        return cls(scheme=scheme, body=body, attributes=MappingProxyType(attributes))

    @property
    def path(self) -> str:
        """The body, percent-decoded; raises UsageError if it cannot be decoded, or is empty."""
        path = _decode_percent(self.body)
        if not path:
            raise UsageError(f"the key URI names no file after {self.scheme}:", hint=f"write {self.scheme}:PATH")
        return path

    def check_attributes(self, *names: str) -> None:
        """Raise UsageError if there is an attribute of another name."""
        for name in self.attributes:
            if name not in names:
                known = ", ".join(f"{known}=" for known in names) or "none"
                raise UsageError(
                    f"{self.scheme}: keys have no attribute {name!r}", hint=f"attributes of {self.scheme}: are: {known}"
                )

    def without_query(self) -> str:
        """The URI without its query, for messages and for SecretRequest."""
        return f"{self.scheme}:{self.body}"


def find_key_scheme(text: str) -> str | None:
    """The scheme in lower case, or None: a drive letter is no scheme."""
    match = _SCHEME.match(text)
    return match[1].lower() if match else None


def escape_path(path: str) -> str:
    """A path as it is written in a key URI.

    >>> escape_path("50% of?.pem")
    '50%25 of%3F.pem'
    """
    return path.replace("%", "%25").replace("?", "%3F").replace("&", "%26")


def is_secret_name(name: str) -> bool:
    """Whether an attribute of that name would be a passphrase or PIN.

    >>> is_secret_name("PIN_value"), is_secret_name("pin-source")
    (True, False)
    """
    return name.strip().lower().replace("_", "-") in _SECRET_NAMES


def _check_no_secrets(text: str) -> None:
    # Semicolons too: they separate the attributes in the path of a PKCS #11 URI (RFC 7512).
    for part in re.split("[:;?&]", text):
        name, equals, _ = part.partition("=")
        if equals and is_secret_name(unquote(name)):
            raise UsageError("a passphrase or PIN has no place in a key URI", hint=_SECRETS_HINT, code="secret-in-uri")


def _decode_percent(text: str) -> str:
    if _STRAY_PERCENT.search(text):
        raise UsageError("the key URI has a stray '%'", hint="write %25 for a percent sign")
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise UsageError("the key URI has percent-escapes that are no UTF-8", hint="write names in UTF-8") from None
    if _CONTROL.search(decoded):
        raise UsageError("the key URI has escaped control characters in it", hint="leave them out")
    return decoded
