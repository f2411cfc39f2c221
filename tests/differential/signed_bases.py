"""Signed files of every kind, to be changed."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydicom.data import get_testdata_file

import dcmseal
from dcmseal import tags
from dcmseal.location import Location
from dcmseal.model.signature import DigitalSignature
from dcmseal.signing.plan import plan_signature
from dcmseal.signing.signing_context import SigningContext
from dcmseal.signing.signing_options import SignOptions
from dcmseal_software.software_signer import SoftwareSigner
from tests.differential.file_layout import Layout, parse_layout
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Identity

_MOMENT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
PIXELS: Final = bytes(range(1, 17))
_REFERENCED = b.Item(
    (b.uid(t.REFERENCED_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.7"), b.uid(tags.REFERENCED_SOP_INSTANCE_UID, "1.2.3.9"))
)
_NESTED = b.Sequence(
    t.REFERENCED_IMAGE_SEQUENCE,
    (_REFERENCED, b.Item((b.uid(tags.REFERENCED_SOP_INSTANCE_UID, "1.2.3.8"),), undefined=True)),
)
_DEEP = b.Sequence(
    t.REQUEST_ATTRIBUTES_SEQUENCE,
    (
        b.Item(
            (
                b.text(0x00400007, "LO", "step"),
                b.Sequence(
                    0x00400008, (b.Item((b.text(tags.CODE_VALUE, "SH", "CODE"),), undefined=True),), undefined=True
                ),
            ),
            undefined=True,
        ),
    ),
    undefined=True,
)
_PRIVATE = (
    b.text(0x00090010, "LO", "ACME"),
    b.text(0x00091001, "LO", "private"),
    b.Value(0x00091002, "OB", b"\1\2\3\4"),
)
_PRIVATE_SEQUENCE = b.Sequence(0x00091003, (b.Item((b.text(tags.CODE_VALUE, "SH", "CODE"),)),))
_OVERLAY = (
    b.us(t.OVERLAY_ROWS, 4),
    b.us(0x60000011, 4),
    b.text(0x60000040, "CS", "G"),
    b.Value(t.OVERLAY_DATA, "OW", b"\1\2"),
)
_ICON = b.Sequence(
    tags.ICON_IMAGE_SEQUENCE,
    (b.Item((b.us(tags.ROWS, 1), b.us(tags.COLUMNS, 2), b.Value(tags.PIXEL_DATA, "OW", b"\7\1"))),),
)
_UNKNOWN = (b.Value(0x00110010, "LO", b"OTHER "), b.Value(0x00111001, "UN", b"\1\2\3\4"))
_UNKNOWN_SEQUENCE = b.Sequence(0x00111002, (b.Item((b.text(tags.CODE_VALUE, "SH", "CODE"),)),), undefined=True, vr="UN")

_PLAIN: Final = (_NESTED, _DEEP, b.text(t.ACCESSION_NUMBER, "SH", "4711"), b.text(t.PATIENT_COMMENTS, "LT", "comment"))
_RICH: Final = (*_PLAIN, *_PRIVATE, *_OVERLAY, _ICON)
_FRAGMENTS: Final = b.Fragments(fragments=(b"", b"\xff\xd8abcdef", b"gh\xff\xd9"))
_RLE: Final = b.Fragments(fragments=(bytes(4), struct.pack("<16I", 1, 64, *[0] * 14) + b"\x0f" + PIXELS + b"\0"))
"""One segment, and all of it literal (PS3.5 G)."""

_FILES: Final[Mapping[str, tuple[tuple[b.Node, ...], b.Syntax]]] = {
    "explicit": (b.image(*_PLAIN, pixels=PIXELS), b.EXPLICIT_LE),
    "rich": (b.image(*_RICH, _PRIVATE_SEQUENCE, b.trailing_padding(10), pixels=PIXELS), b.EXPLICIT_LE),
    "unknown": (b.image(*_PLAIN, *_UNKNOWN, _UNKNOWN_SEQUENCE, pixels=PIXELS), b.EXPLICIT_LE),
    "implicit": (b.image(*_RICH, pixels=PIXELS), b.IMPLICIT_LE),
    "big endian": (b.image(*_RICH, _PRIVATE_SEQUENCE, pixels=PIXELS), b.EXPLICIT_BE),
    "deflated": (b.image(*_RICH, pixels=PIXELS), b.DEFLATED_LE),
    "encapsulated": (b.image(*_RICH, _FRAGMENTS), b.JPEG_BASELINE),
    "RLE": (b.image(*_PLAIN, _RLE), b.RLE_LOSSLESS),
    "group lengths": (b.with_group_lengths(b.image(*_PLAIN, pixels=PIXELS)), b.EXPLICIT_LE),
    "undefined": (
        b.image(_DEEP, b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (_REFERENCED,), undefined=True), pixels=PIXELS),
        b.EXPLICIT_LE,
    ),
}
_REAL: Final = ("rtplan", "test-SR", "SC_rgb_small_odd_jpeg", "image_dfl", "priv_SQ")
"""Test files of pydicom, without what they are called by: small ones, that real software wrote."""
NAMES: Final = (*_FILES, "two signatures", "item signature", "part", *_REAL)


@dataclass(frozen=True, slots=True, repr=False)
class Base:
    """A signed file, and where everything in it stands."""

    name: str
    data: bytes
    layout: Layout


def make_bases(identity: Identity) -> dict[str, Base]:
    """The signed files, by name; all but the key's numbers are the same each time if the key is RSA."""
    made = {name: _sign(b.file(nodes, syntax), identity) for name, (nodes, syntax) in _FILES.items()}
    made["two signatures"] = _sign(made["explicit"], identity)
    item = Location.parse("ReferencedImageSequence[0]")
    made["item signature"] = _sign(
        _sign(b.file(b.image(_NESTED, _DEEP, pixels=PIXELS)), identity, SignOptions(location=item)), identity
    )
    part = SignOptions(tags=(t.REFERENCED_IMAGE_SEQUENCE, t.PATIENT_NAME, t.PATIENT_ID, tags.PIXEL_DATA))
    made["part"] = _sign(b.file(b.image(*_RICH, pixels=PIXELS)), identity, part)
    for name in _REAL:
        path = get_testdata_file(f"{name}.dcm")
        assert isinstance(path, str)
        made[name] = _sign(Path(path).read_bytes(), identity)
    return {name: Base(name, data, parse_layout(data)) for name, data in made.items()}


def _sign(data: bytes, identity: Identity, options: SignOptions | None = None) -> bytes:
    number = len(dcmseal.signatures(data))
    context = SigningContext(options=options or SignOptions(), moment=_MOMENT, uid=f"2.25.{4711 + number}")
    with plan_signature(data, context) as plan:
        signature = dcmseal.make_signature(plan, SoftwareSigner(identity.key, (identity.der,)))
        result = dcmseal.attach_signature(plan, signature)
    assert result is not None
    return result


def protected_paths(signatures: tuple[DigitalSignature, ...]) -> frozenset[str]:
    """Where the paths of what the signatures cover begin."""
    result = set()
    for signature in signatures:
        before = "".join(f"{tag:08X}[{number}]." for tag, number in signature.location.steps)
        result |= {f"{before}{tag:08X}" for tag in (signature.mac.elements if signature.mac else ())}
    return frozenset(result)
