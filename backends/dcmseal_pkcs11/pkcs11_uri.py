r"""PKCS #11 URIs (RFC 7512): which module, token and key, as attributes that all have to agree.

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
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from dcmseal.errors import UsageError
from dcmseal.plugins.key_uri import KeyUri

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Uri:
    """A PKCS #11 URI taken apart; ``cert`` and ``chain`` are query attributes of our own (RFC 7512 2.3 allows that)."""

    text: str
    """The URI without its query, for messages and for SecretRequest."""
    path: Mapping[str, str]
    """The attributes before the ``?``, percent-decoded, except ``id``."""
    id: bytes | None = None
    """CKA_ID, which may be any octets."""
    module_path: str = ""
    module_name: str = ""
    pin_source: str = field(default="", repr=False)
    cert: str = ""
    chain: str = ""

    @classmethod
    def parse(cls, text: str) -> Pkcs11Uri:
        """Read a PKCS #11 URI.

        Raises UsageError if it cannot be read, has an attribute that is not known, or one of them twice, or a
        ``pin-value``: a PIN has no place in a URI.
        """
        uri = KeyUri.parse(text)
        if uri.scheme != SCHEME:
            raise UsageError(f"{uri.scheme}: is not the scheme of a token", hint=f"write {SCHEME}:token=LABEL")
        if not text.isascii() and text.encode("utf-8", "ignore").decode() != text:
            raise UsageError("the key URI has characters in it that are no Unicode text", hint="leave them out")
        uri.check_attributes(*_QUERY)
        path: dict[str, str] = {}
        identifier: bytes | None = None
        for part in uri.body.split(";") if uri.body else ():
            name, equals, written = part.partition("=")
            if not equals or name not in _PATH:
                what = f"no attribute {name!r}" if equals else f"no place for {name!r} without a '='"
                raise UsageError(
                    f"{SCHEME}: keys have {what}",
                    hint=f"attributes before the '?', separated by ';', are: {', '.join(_PATH)}",
                )
            if name in path or (name == "id" and identifier is not None):
                raise UsageError(f"the key URI names {name!r} twice", hint="keep one of the two")
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
        """Whether no attribute contradicts what is known of a library, slot, token or object (RFC 7512 2.5)."""
        return all(self.path.get(name, value) == value for name, value in attributes.items())

    def check_private_key(self) -> None:
        """Raise UsageError if the URI points to an object of another class than a private key."""
        kind = self.path.get("type", "private")
        if kind != "private":
            raise UsageError(
                f"the key URI has type={kind}, which is no key that can sign",
                hint="write type=private, or leave it out; a certificate on the token is found by itself",
            )


def build_uri(
    path: Mapping[str, str],
    *,
    identifier: bytes | None = None,
    module_path: str = "",
    cert: str = "",
    private: bool = False,
) -> str:
    r"""Write a PKCS #11 URI; empty attributes are left out.

    >>> path = {"token": "reading room", "serial": ""}
    >>> build_uri(path, identifier=b"\x01", module_path="/usr/lib/m.so", private=True)
    'pkcs11:token=reading%20room;id=%01;type=private?module-path=/usr/lib/m.so'
    """
    parts = [f"{name}={quote(value, safe='')}" for name, value in path.items() if value]
    if identifier:
        # all octets escaped, as it is usual for what is no text
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
        raise UsageError("the key URI has percent-escapes that are no UTF-8", hint="write names in UTF-8") from None
    if _CONTROL.search(decoded):
        raise UsageError("the key URI has escaped control characters in it", hint="leave them out")
    return decoded


def _normalize(name: str, value: str) -> str:
    """The value in the one form in which facts are compared."""
    if name == "slot-id":
        if not _NUMBER.fullmatch(value):
            raise UsageError("slot-id in the key URI is no number", hint="write slot-id=0, in decimal")
        return str(int(value))
    if name == "library-version":
        match = _VERSION.fullmatch(value)
        if not match:
            raise UsageError("library-version in the key URI is no version", hint="write library-version=2.6")
        return f"{int(match[1])}.{int(match[2] or 0)}"
    if name == "type" and value not in _TYPES:
        raise UsageError("type in the key URI is unknown", hint="write type=private, or leave it out")
    return value
