"""The content of a change manifest: fingerprints of all elements, as canonical JSON (RFC 8785)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Final, cast

from msgspec import Struct

from dcmseal.comparison.fingerprints import KEYED_SIZE, PlainFingerprinter
from dcmseal.comparison.inventory import MAX_ENTRIES, Element, InventoryItem, build_item, fingerprint_items
from dcmseal.documents.json_reader import (
    InvalidJson,
    JsonObjectReader,
    load_json,
    parse_hex,
    parse_integer,
    parse_list,
    parse_row,
    parse_text,
)
from dcmseal.documents.json_types import Json
from dcmseal.errors import UsageError

FORMAT: Final = "dcmseal-manifest/2"
MAX_SIZE: Final = 128 << 20
"""Maximum size of a manifest in bytes."""
SALT_SIZE: Final = 32
MAX_DEPTH: Final = 100
"""Maximum nesting of sequences; typical objects stay below 20."""
_DIGEST_SIZE: Final = 32
_PLAIN: Final = PlainFingerprinter()
_UID: Final = re.compile(r"[0-9.]{1,64}")
_FORMAT: Final = re.compile(r"dcmseal-manifest/[0-9]{1,4}", re.ASCII)
_TAG: Final = re.compile(r"[0-9A-F]{8}")
_VR: Final = re.compile(r"[A-Z]{2}")


class InvalidManifestContent(Exception):
    """The content of a manifest is invalid; the message does not quote it."""


class ManifestSubject(Struct, frozen=True, kw_only=True):
    """The signature that a manifest belongs to."""

    uid: str
    """Digital Signature UID (0400,0100)."""
    location: str
    """Location of the signature when it was made; for information only, because items can be moved."""
    value: bytes
    """SHA-256 of Signature (0400,0120), which also identifies the MAC."""
    certificate: bytes
    """SHA-256 of Certificate of Signer (0400,0115), without padding."""


class ManifestContent(Struct, frozen=True, kw_only=True):
    """The content of a manifest."""

    subject: ManifestSubject
    salt: bytes
    frame: int
    """Size of a frame of native pixel data in bytes; 0 if the pixel data was not divided into frames."""
    signed: tuple[Element, ...]
    """The elements that the signature covers."""
    unsigned: tuple[Element, ...]
    """All other elements of the level that could be signed, including those of VR UN."""


def derive_key(salt: bytes, signature_value: bytes) -> bytes:
    """Derive the key of the fingerprints with HKDF-Extract (RFC 5869 2.2).

    The signature value is in the signed file but not in the manifest, so values cannot be guessed from the manifest
    alone.

    Args:
        salt: The salt of the manifest.
        signature_value: The value of Signature (0400,0120), as stored.

    Returns:
        The key.
    """
    return hmac.digest(salt, signature_value, "sha256")


def value_fingerprint(signature_value: bytes) -> bytes:
    """Compute the digest that identifies a signature in a manifest, from its value as stored, with even length."""
    return hashlib.sha256(signature_value).digest()


def serialize_content(content: ManifestContent) -> bytes:
    """Serialize the content as canonical JSON.

    Args:
        content: The content.

    Returns:
        The JSON document.

    Raises:
        UsageError: Sequences are nested too deep.
    """
    subject = content.subject
    document = {
        "format": FORMAT,
        "signature": {
            "uid": subject.uid,
            "location": subject.location,
            "value_sha256": subject.value.hex(),
            "certificate_sha256": subject.certificate.hex(),
        },
        "salt": content.salt.hex(),
        "frame_size": content.frame,
        "signed": _serialize_elements(content.signed, MAX_DEPTH),
        "unsigned": _serialize_elements(content.unsigned, MAX_DEPTH),
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode("ascii")


def _serialize_elements(elements: tuple[Element, ...], depth: int) -> list[Json]:
    if not depth:
        raise UsageError(
            f"a manifest cannot describe sequences nested more than {MAX_DEPTH} deep", hint="sign without a manifest"
        )
    rows: list[Json] = []
    for each in elements:
        content: Json
        if each.items is not None:
            content = [_serialize_elements(item.elements, depth - 1) for item in each.items]
        elif each.parts or each.fragmented:
            content = {"fragments" if each.fragmented else "frames": [part.hex() for part in each.parts]}
        else:
            content = each.exact.hex()
        rows.append([f"{each.tag:08X}", each.vr.decode("latin-1"), content])
    return rows


def parse_content(data: bytes) -> ManifestContent:
    """Parse the content of a manifest.

    Args:
        data: The canonical JSON.

    Returns:
        The content.

    Raises:
        InvalidManifestContent: The content is invalid, or of another version.
    """
    try:
        return _parse_document(JsonObjectReader(load_json(data, "the manifest", MAX_SIZE), "the manifest"))
    except InvalidJson as error:
        raise InvalidManifestContent(f"it is not a valid manifest: {error}") from None


def _parse_document(document: JsonObjectReader) -> ManifestContent:
    if (version := document.take("format", parse_text)) != FORMAT:
        raise InvalidManifestContent(_version_message(version))
    elements = _ElementReader()
    content = ManifestContent(
        subject=_parse_subject(document.take_object("signature")),
        salt=document.take("salt", lambda value: parse_hex(value, SALT_SIZE)),
        frame=document.take("frame_size", parse_integer),
        signed=document.take("signed", lambda value: elements.read_level(value, MAX_DEPTH)),
        unsigned=document.take("unsigned", lambda value: elements.read_level(value, MAX_DEPTH)),
    )
    document.reject_unknown_members()
    return content


def _version_message(version: str) -> str:
    if not _FORMAT.fullmatch(version):
        return f"its format is not {FORMAT}"
    return f"its format is {version}, and this version of dcmseal reads {FORMAT}"


def _parse_subject(signature: JsonObjectReader) -> ManifestSubject:
    uid = signature.take("uid", parse_text)
    if not _UID.fullmatch(uid):
        raise InvalidJson("a UID is expected")
    subject = ManifestSubject(
        uid=uid,
        location=signature.take("location", parse_text),
        value=signature.take("value_sha256", lambda value: parse_hex(value, _DIGEST_SIZE)),
        certificate=signature.take("certificate_sha256", lambda value: parse_hex(value, _DIGEST_SIZE)),
    )
    signature.reject_unknown_members()
    return subject


class _ElementReader:
    """Reads elements, and counts them."""

    def __init__(self) -> None:
        self._remaining = MAX_ENTRIES

    def read_level(self, value: object, depth: int) -> tuple[Element, ...]:
        """Read the elements of a level; ``depth`` more levels are allowed."""
        if not depth:
            raise InvalidJson("sequences are nested too deep")
        return parse_list(lambda each: self._read_element(each, depth), self._remaining)(value)

    def _count_entry(self) -> None:
        self._remaining -= 1
        if self._remaining < 0:
            raise InvalidJson("there are too many elements")

    def _read_element(self, value: object, depth: int) -> Element:
        self._count_entry()
        tag_text, vr_text, content = parse_row(value, 3)
        tag, vr = parse_text(tag_text), parse_text(vr_text)
        if not _TAG.fullmatch(tag) or not _VR.fullmatch(vr):
            raise InvalidJson("a tag and a VR are expected")
        number, name = int(tag, 16), vr.encode()
        if isinstance(content, str):
            exact = parse_hex(content, KEYED_SIZE)
            return Element(number, name, exact, exact)
        if isinstance(content, dict):
            return self._read_parts(number, name, cast("dict[str, object]", content))
        items = parse_list(lambda each: self._read_item(each, depth), self._remaining)(content)
        return Element(number, name, b"", fingerprint_items(items), items)

    def _read_parts(self, tag: int, vr: bytes, content: object) -> Element:
        reader = JsonObjectReader(content, "pixel data")
        kind = "fragments" if "fragments" in reader.remaining() else "frames"
        parts = reader.take(kind, parse_list(self._read_part, self._remaining))
        reader.reject_unknown_members()
        together = _PLAIN.fingerprint(b"".join(parts))
        return Element(tag, vr, together, together, None, parts, kind == "fragments")

    def _read_part(self, value: object) -> bytes:
        self._count_entry()
        return parse_hex(value, KEYED_SIZE)

    def _read_item(self, value: object, depth: int) -> InventoryItem:
        self._count_entry()
        return build_item(self.read_level(value, depth - 1))
