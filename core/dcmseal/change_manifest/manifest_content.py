"""The content of a manifest: what it is about, and the fingerprint of every element, as canonical JSON (RFC 8785)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from typing import Any, Final

from dcmseal.comparison.fingerprints import KEYED_SIZE, PlainFingerprinter
from dcmseal.comparison.inventory import MAX_ENTRIES, Element, InventoryItem, build_item, fingerprint_items
from dcmseal.documents.json_types import Json
from dcmseal.errors import UsageError

FORMAT: Final = "dcmseal-manifest/1"
SALT_SIZE: Final = 32
MAX_DEPTH: Final = 100
"""Nesting beyond this is refused; real objects stay below 20."""
_PLAIN: Final = PlainFingerprinter()
_UID: Final = re.compile(r"[0-9.]{1,64}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+")
_TAG: Final = re.compile(r"[0-9A-F]{8}")
_VR: Final = re.compile(r"[A-Z]{2}")


class InvalidManifestContent(Exception):
    """The bytes are no content of a manifest; the message is made of our words only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSubject:
    """The signature that a manifest is about."""

    uid: str
    """Digital Signature UID (0400,0100)."""
    location: str
    """Where it was made, for people: an item may have moved since."""
    value: bytes
    """SHA-256 of Signature (0400,0120), which stands for the MAC: it is the signature of no other."""
    certificate: bytes
    """SHA-256 of Certificate of Signer (0400,0115), less its padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestContent:
    """What a manifest says."""

    subject: ManifestSubject
    salt: bytes
    frame: int
    """Bytes of a frame of native pixel data; 0 if that was not taken apart."""
    signed: tuple[Element, ...]
    """The elements that the signature covers."""
    unsigned: tuple[Element, ...]
    """All others at its level that may be signed, or could but for their VR."""


def derive_key(salt: bytes, signature_value: bytes) -> bytes:
    """The key of the fingerprints: HKDF-Extract (RFC 5869 2.2) over the value of Signature (0400,0120).

    The value stands in the signed file and nowhere in the manifest: who has the manifest only cannot try values.
    """
    return hmac.digest(salt, signature_value, "sha256")


def value_fingerprint(signature_value: bytes) -> bytes:
    """By what a manifest knows the signature it is about, as stored: of even length."""
    return hashlib.sha256(signature_value).digest()


def serialize_content(content: ManifestContent) -> bytes:
    """The canonical JSON; raises UsageError if the elements are nested too deep."""
    about = content.subject
    document = {
        "format": FORMAT,
        "signature": {
            "uid": about.uid,
            "location": about.location,
            "value": about.value.hex(),
            "certificate": about.certificate.hex(),
        },
        "salt": content.salt.hex(),
        "frame_bytes": content.frame,
        "signed": _serialize_elements(content.signed, MAX_DEPTH),
        "unsigned": _serialize_elements(content.unsigned, MAX_DEPTH),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")


def _serialize_elements(elements: tuple[Element, ...], depth: int) -> list[Any]:
    if not depth:
        raise UsageError(
            f"sequences are nested more than {MAX_DEPTH} deep: there can be no manifest", hint="sign without a manifest"
        )
    written: list[Any] = []
    for each in elements:
        told: Any
        if each.items is not None:
            told = [_serialize_elements(item.elements, depth - 1) for item in each.items]
        elif each.parts or each.fragmented:
            told = {"fragments" if each.fragmented else "frames": [part.hex() for part in each.parts]}
        else:
            told = each.exact.hex()
        written.append([f"{each.tag:08X}", each.vr.decode("latin-1"), told])
    return written


def parse_content(data: bytes) -> ManifestContent:
    """Read what ``write_content`` has written; raises UnreadableContent."""
    try:
        return _parse_document(json.loads(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidManifestContent("it is no manifest, or a damaged one") from None


def _parse_document(document: Any) -> ManifestContent:
    if document["format"] != FORMAT:
        raise InvalidManifestContent(f"it is of another version than {FORMAT}")
    about = document["signature"]
    if not _UID.fullmatch(about["uid"]) or not isinstance(about["location"], str):
        raise ValueError
    reader = _ElementReader()
    content = ManifestContent(
        subject=ManifestSubject(
            uid=about["uid"],
            location=about["location"],
            value=_parse_bytes(about["value"], 32),
            certificate=_parse_bytes(about["certificate"], 32),
        ),
        salt=_parse_bytes(document["salt"], SALT_SIZE),
        frame=document["frame_bytes"],
        signed=reader.elements(document["signed"], MAX_DEPTH),
        unsigned=reader.elements(document["unsigned"], MAX_DEPTH),
    )
    if type(content.frame) is not int or content.frame < 0:
        raise ValueError
    return content


def _parse_list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _parse_bytes(text: Any, size: int) -> bytes:
    if len(text) != 2 * size or not _HEX.fullmatch(text):
        raise ValueError
    return bytes.fromhex(text)


class _ElementReader:
    """Reads elements, and counts them."""

    def __init__(self) -> None:
        self._left = MAX_ENTRIES

    def elements(self, written: Any, depth: int) -> tuple[Element, ...]:
        """Read the elements of a level."""
        if not depth:
            raise ValueError
        level = _parse_list(written)
        self._count(len(level))
        return tuple(self._element(each, depth) for each in level)

    def _count(self, entries: int) -> None:
        self._left -= entries
        if self._left < 0:
            raise ValueError

    def _element(self, written: Any, depth: int) -> Element:
        tag, vr, told = written
        if not _TAG.fullmatch(tag) or not _VR.fullmatch(vr):
            raise ValueError
        number, name = int(tag, 16), vr.encode()
        if isinstance(told, str):
            exact = _parse_bytes(told, KEYED_SIZE)
            return Element(number, name, exact, exact)
        if not isinstance(told, dict):
            items = tuple(self._item(each, depth) for each in _parse_list(told))
            return Element(number, name, b"", fingerprint_items(items), items)
        return self._parse_parts(number, name, told)

    def _parse_parts(self, tag: int, vr: bytes, told: Any) -> Element:
        ((kind, fingerprints),) = told.items()
        if kind not in ("frames", "fragments"):
            raise ValueError
        self._count(len(fingerprints))
        parts = tuple(_parse_bytes(each, KEYED_SIZE) for each in _parse_list(fingerprints))
        together = _PLAIN.fingerprint(b"".join(parts))
        return Element(tag, vr, together, together, None, parts, kind == "fragments")

    def _item(self, written: Any, depth: int) -> InventoryItem:
        self._count(1)
        return build_item(self.elements(written, depth - 1))
