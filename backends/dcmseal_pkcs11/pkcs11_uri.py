r"""PKCS #11 URIs (RFC 7512): attributes that select module, token and key, and that must all match.

>>> uri = Pkcs11Uri.parse("pkcs11:token=reading%20room;object=sign;id=%01?module-name=softhsm2")
>>> uri.path["token"], uri.id, uri.module_name
('reading room', b'\x01', 'softhsm2')
>>> uri.matches({"token": "reading room", "serial": "4711"})
True
>>> uri.matches({"token": "theatre"})
False
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from msgspec import Struct

from dcmseal.errors import UsageError
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.representation import format_fields

SCHEME: Final = "pkcs11"
_PATH: Final = (
    "token",
    "manufacturer",
    "model",
    "serial",
    "object",
    "id",
    "type",
    "slot-id",
    "slot-description",
    "slot-manufacturer",
    "library-description",
    "library-manufacturer",
    "library-version",
)
_QUERY: Final = ("module-name", "module-path", "pin-source", "cert", "chain")
_TYPES: Final = ("private", "cert", "public", "secret-key", "data")
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NUMBER: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_VERSION: Final = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,3}))?", re.ASCII)


class Pkcs11Uri(Struct, frozen=True, kw_only=True):
    """A parsed PKCS #11 URI; ``cert`` and ``chain`` are vendor-specific query attributes (RFC 7512 2.3)."""

    text: str
    """The URI without its query, for messages and for SecretRequest."""
    path: Mapping[str, str]
    """The attributes before the ``?``, percent-decoded, except ``id``."""
    id: bytes | None = None
    """CKA_ID: any bytes."""
    module_path: str = ""
    module_name: str = ""
    pin_source: str = ""
    cert: str = ""
    chain: str = ""

    @classmethod
    def parse(cls, text: str) -> Pkcs11Uri:
        """Parse a PKCS #11 URI.

        Raises:
            UsageError: The URI is invalid, has an unknown or repeated attribute, or contains a PIN.
        """
        uri = KeyUri.parse(text)
        if uri.scheme != SCHEME:
            raise UsageError(f"{uri.scheme}: is not the scheme of a token", hint=f"write {SCHEME}:token=LABEL")
        if not text.isascii() and text.encode("utf-8", "ignore").decode() != text:
            raise UsageError("the key URI contains invalid Unicode", hint="remove these characters")
        uri.check_attributes(*_QUERY)
        path: dict[str, str] = {}
        identifier: bytes | None = None
        for part in uri.body.split(";") if uri.body else ():
            name, equals, written = part.partition("=")
            if not equals or name not in _PATH:
                what = f"unknown attribute {name!r}" if equals else f"{name!r} without a '='"
                raise UsageError(
                    f"the key URI has {'an ' if equals else ''}{what} before the '?'",
                    hint=f"use these attributes, separated by ';': {', '.join(_PATH)}",
                )
            if name in path or (name == "id" and identifier is not None):
                raise UsageError(f"the key URI has {name!r} twice", hint="keep one of them")
            if name == "id":
                identifier = _decode_octets(written)
            else:
                path[name] = _normalize(name, _decode_text(written))
        return cls(
            text=uri.without_query(),
            path=MappingProxyType(path),
            id=identifier,
            module_path=uri.attributes.get("module-path", ""),
            module_name=uri.attributes.get("module-name", ""),
            pin_source=uri.attributes.get("pin-source", ""),
            cert=uri.attributes.get("cert", ""),
            chain=uri.attributes.get("chain", ""),
        )

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether the attributes of a library, slot, token or object match the URI (RFC 7512 2.5)."""
        return all(self.path.get(name, value) == value for name, value in attributes.items())

    def check_private_key(self) -> None:
        """Raise UsageError if the URI selects an object that is not a private key."""
        kind = self.path.get("type", "private")
        if kind != "private":
            raise UsageError(
                f"the key URI has type={kind}, which cannot sign",
                hint="write type=private, or omit it; dcmseal finds the certificate on the token itself",
            )

    def __repr__(self) -> str:
        return format_fields(self, hidden=("pin_source",))


def build_uri(
    path: Mapping[str, str],
    *,
    identifier: bytes | None = None,
    module_path: str = "",
    cert: str = "",
    private: bool = False,
) -> str:
    r"""Build a PKCS #11 URI; empty attributes are omitted.

    >>> path = {"token": "reading room", "serial": ""}
    >>> build_uri(path, identifier=b"\x01", module_path="/usr/lib/m.so", private=True)
    'pkcs11:token=reading%20room;id=%01;type=private?module-path=/usr/lib/m.so'
    """
    parts = [f"{name}={quote(value, safe='')}" for name, value in path.items() if value]
    if identifier:
        # escape all bytes, as is usual for binary values
        parts.append("id=" + "".join(f"%{octet:02X}" for octet in identifier))
    if private:
        parts.append("type=private")
    files = (("module-path", module_path), ("cert", cert))
    query = "&".join(f"{name}={quote(value, safe='/', errors='replace')}" for name, value in files if value)
    return f"{SCHEME}:{';'.join(parts)}{'?' if query else ''}{query}"


def _decode_octets(value: str) -> bytes:
    if _STRAY_PERCENT.search(value):
        raise UsageError("the key URI has a stray '%'", hint="write %25 for a percent sign")
    return unquote_to_bytes(value)


def _decode_text(value: str) -> str:
    try:
        decoded = _decode_octets(value).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("the key URI has percent-escapes that are not UTF-8", hint="encode names in UTF-8") from None
    if _CONTROL.search(decoded):
        raise UsageError("the key URI contains escaped control characters", hint="remove them")
    return decoded


def _normalize(name: str, value: str) -> str:
    """Return a value in its normal form, for comparison."""
    if name == "slot-id":
        if not _NUMBER.fullmatch(value):
            raise UsageError("slot-id in the key URI is not a number", hint="write a decimal number, such as slot-id=0")
        return str(int(value))
    if name == "library-version":
        match = _VERSION.fullmatch(value)
        if not match:
            raise UsageError(
                "library-version in the key URI is not a version", hint="write it like library-version=2.6"
            )
        return f"{int(match[1])}.{int(match[2] or 0)}"
    if name == "type" and value not in _TYPES:
        raise UsageError("type in the key URI is unknown", hint="write type=private, or omit it")
    return value
