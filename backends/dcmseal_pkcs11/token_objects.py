"""Keys and certificates on a token (PKCS #11 v2.40, 4), found by the attributes of a key URI."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any, Final

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import Certificate
from msgspec import Struct
from pkcs11 import Attribute, ObjectClass

from dcmseal.errors import KeyNotFound, MechanismUnavailable
from dcmseal.representation import format_fields
from dcmseal.terms import KeyType
from dcmseal_pkcs11.mechanisms import CURVES, KeyKind
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri, build_uri
from dcmseal_pkcs11.token_certificates import certificate_key_kind, parse_certificate
from dcmseal_pkcs11.tokens import Pkcs11Token

_MAX_CANDIDATES: Final = 8
_MAX_OBJECTS: Final = 10_000
_UNREADABLE: Final = (
    pkcs11.AttributeTypeInvalid,
    pkcs11.AttributeSensitive,
    pkcs11.FunctionFailed,
    IndexError,
    KeyError,
    ValueError,
)
"""Exceptions for attributes that an object lacks, or whose value is invalid."""


class TokenObject(Struct, frozen=True, kw_only=True, eq=False):
    """A private key, public key or certificate."""

    handle: Any
    """The object of python-pkcs11, whose class depends on its capabilities."""
    id: bytes
    label: str

    def attribute(self, name: Attribute, default: Any = None) -> Any:
        """Return the value of an attribute, or the default if there is none."""
        return _read_attribute(self.handle, name, default)

    def private_key_uri(self, token: Pkcs11Token, *, cert: str = "") -> str:
        """Build the URI of the private key that belongs to this object."""
        _, model, serial, label = token.id
        # A private key, its public key and its certificate share the CKA_ID; their labels may differ, as on PIV cards.
        named = not self.id or self.attribute(Attribute.CLASS) is ObjectClass.PRIVATE_KEY
        path = {"token": label, "serial": serial, "model": model, "object": self.label if named else ""}
        return build_uri(path, identifier=self.id, module_path=token.module.path, cert=cert, private=True)

    @property
    def kind(self) -> KeyKind | None:
        """Type and size of a key; None if it is neither RSA nor EC on a supported curve."""
        match self.attribute(Attribute.KEY_TYPE):
            case pkcs11.KeyType.RSA:
                return KeyKind(type=KeyType.RSA, bits=int.from_bytes(self._modulus).bit_length())
            case pkcs11.KeyType.EC:
                bits = CURVES.get(bytes(self.attribute(Attribute.EC_PARAMS, b"")))
                return KeyKind(type=KeyType.EC, bits=bits) if bits else None
        return None

    @property
    def always_authenticate(self) -> bool:
        """Whether each signature needs the PIN (CKA_ALWAYS_AUTHENTICATE)."""
        return bool(self.attribute(Attribute.ALWAYS_AUTHENTICATE, default=False))

    def has_modulus(self, key: rsa.RSAPublicKey) -> bool:
        return int.from_bytes(self._modulus) == key.public_numbers().n

    @property
    def _modulus(self) -> bytes:
        return bytes(self.attribute(Attribute.MODULUS, b""))

    def __repr__(self) -> str:
        return format_fields(self, hidden=("handle",))


def find_objects(session: pkcs11.Session, kind: ObjectClass, **wanted: object) -> tuple[TokenObject, ...]:
    """Find objects of a class, optionally by ``id`` and ``label``; raises the errors of python-pkcs11."""
    template: dict[Attribute, object] = {Attribute.CLASS: kind}
    template |= {Attribute[name.upper()]: value for name, value in wanted.items() if value is not None}
    # Read all at once, which ends the search: only one can be active at a time.
    found = list(islice(session.get_objects(template), _MAX_OBJECTS))
    read = (
        TokenObject(
            handle=each,
            id=bytes(_read_attribute(each, Attribute.ID, b"")),
            label=str(_read_attribute(each, Attribute.LABEL, "")),
        )
        for each in found
    )
    # Tokens return objects in any order, which may differ each time.
    return tuple(sorted(read, key=lambda each: (each.label, each.id)))


def find_certificates(session: pkcs11.Session, **wanted: object) -> tuple[tuple[TokenObject, Certificate], ...]:
    """Find the X.509 certificates on a token that can be parsed."""
    found = (
        (each, bytes(each.attribute(Attribute.VALUE, b""))) for each in find_certificate_objects(session, **wanted)
    )
    return tuple((each, certificate) for each, der in found if (certificate := parse_certificate(der)))


def find_certificate_objects(session: pkcs11.Session, **wanted: object) -> tuple[TokenObject, ...]:
    """Find certificates on a token, without parsing them."""
    return find_objects(session, ObjectClass.CERTIFICATE, **wanted)


def find_private_key(session: pkcs11.Session, token: Pkcs11Token, uri: Pkcs11Uri) -> TokenObject:
    """Find the only private key that can sign and matches the URI; raises KeyNotFound and MechanismUnavailable."""
    found = find_objects(session, ObjectClass.PRIVATE_KEY, id=uri.id, label=uri.path.get("object"))
    signing_keys = [each for each in found if each.attribute(Attribute.SIGN, default=False)]
    if not found:
        hint = _other_keys_hint(session, token)
        raise KeyNotFound(
            f"no private key on {token.description} matches the key URI",
            hint=hint or "no private key is visible on it; check the key URI",
            code="" if hint else "key-not-on-token",
        )
    if not signing_keys:
        raise MechanismUnavailable(
            f"the key on {token.description} is not for signing (CKA_SIGN is false)", hint="choose another key"
        )
    if len(signing_keys) > 1:
        raise ambiguous_uri_error(
            f"{len(signing_keys)} private keys on {token.description}",
            [each.private_key_uri(token) for each in signing_keys],
        )
    return signing_keys[0]


def ambiguous_uri_error(matches: str, uris: list[str]) -> KeyNotFound:
    """Build the error for a URI that matches several keys or tokens.

    Args:
        matches: What matches, in words.
        uris: The URIs of the matches.
    """
    more = f" and {len(uris) - _MAX_CANDIDATES} more" if len(uris) > _MAX_CANDIDATES else ""
    return KeyNotFound(f"the key URI matches {matches}", hint=f"use one of: {' '.join(uris[:_MAX_CANDIDATES])}{more}")


def build_certificate_matcher(
    session: pkcs11.Session, key: TokenObject, kind: KeyKind
) -> Callable[[Certificate], bool | None]:
    """Build a function that checks whether a certificate belongs to a key; None means that the token does not show it.

    A private EC key does not contain its public point; a public key with the same CKA_ID does.
    """
    point = b""
    if kind.type is KeyType.EC and key.id:
        for public in find_objects(session, ObjectClass.PUBLIC_KEY, id=key.id):
            point = bytes(public.attribute(Attribute.EC_POINT, b""))

    def belongs(certificate: Certificate) -> bool | None:
        if certificate_key_kind(certificate) != kind:
            return False
        public = certificate.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            return key.has_modulus(public)
        if not point:
            return None
        assert isinstance(public, ec.EllipticCurvePublicKey)
        # CKA_EC_POINT is a DER OCTET STRING that contains the point; some tokens return the bare point.
        return point.endswith(public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

    return belongs


def _other_keys_hint(session: pkcs11.Session, token: Pkcs11Token) -> str:
    with suppress(pkcs11.PKCS11Error):
        uris = [each.private_key_uri(token) for each in find_objects(session, ObjectClass.PRIVATE_KEY)]
        if uris:
            return f"the keys on it are: {' '.join(uris[:_MAX_CANDIDATES])}"
    return ""


def _read_attribute(handle: Any, name: Attribute, default: Any = None) -> Any:
    try:
        value = handle[name]
    except _UNREADABLE:
        return default
    return default if value is None else value
