"""The MAC byte stream, written down as PS3.3 C.12.1.1.3.1.1 and C.12.1.1.3.1.2 say it: the second oracle beside DCMTK.

Nothing here comes from the package under test, and nothing is clever: a file becomes a tree
(`tests.support.dicom_tree`), the tree becomes bytes. Use it for data sets that fit into memory many times over.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tests.support.dicom_tree import (
    ITEM,
    LONG_VRS,
    SEQUENCE_END,
    Dataset,
    File,
    TreeElement,
    find,
    parse_dataset,
    parse_file,
    text,
)

__all__ = [
    "Dataset", "File", "Padding", "SignatureAt", "TreeElement", "allowed", "data_stream", "encode", "find",
    "item_stream", "level", "mac_stream", "minimal", "parse_dataset", "parse_file", "signable", "signable_tags",
    "signatures", "text",
]  # fmt: skip

Padding: TypeAlias = Literal["raw", "minimal"]
"""``raw``: values as the file has them. ``minimal``: as DCMTK hashes and rewrites them."""
Step: TypeAlias = tuple[int, int]

MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE = 0x4FFE0001, 0xFFFAFFFA
MAC_ID_NUMBER, DATA_ELEMENTS_SIGNED, DIGITAL_SIGNATURE_UID = 0x04000005, 0x04000020, 0x04000100
LENGTH_TO_END, TRAILING_PADDING, ITEM_DELIMITER = 0x00080001, 0xFFFCFFFC, 0xFFFEE00D
CERTIFICATE, SIGNATURE, TIMESTAMP_TYPE, TIMESTAMP = 0x04000115, 0x04000120, 0x04000305, 0x04000310

TEXT_VRS = frozenset("AE AS CS DA DS DT IS LO LT PN SH ST TM UC UR UT".split())


def allowed(tag: int) -> bool:
    """Whether an element of that tag may be in the stream, at whatever level."""
    group, element = tag >> 16, tag & 0xFFFF
    return (
        element != 0x0000
        and group >= 0x0008
        and group != 0xFFFA
        and tag not in (LENGTH_TO_END, MAC_PARAMETERS_SEQUENCE, TRAILING_PADDING, ITEM_DELIMITER, SEQUENCE_END)
    )


def signable(element: TreeElement) -> bool:
    """Whether the element may be signed: its tag is allowed, and there is no UN in it at any depth."""
    return allowed(element.tag) and not _contains_un(element)


def signable_tags(dataset: Dataset) -> tuple[int, ...]:
    """The tags that a signature over the whole data set lists."""
    return tuple(element.tag for element in dataset if signable(element))


def encode(element: TreeElement, *, old_format: bool = False) -> bytes:
    """One element as it stands in the stream; ``old_format`` as DCMTK before 3.5.4: with the lengths of fragments."""
    if element.items is not None:
        stream = _tag(element.tag) + b"SQ\0\0"
        for item in element.items:
            stream += _tag(ITEM)
            for inner in item:
                if allowed(inner.tag):
                    stream += encode(inner, old_format=old_format)
        return stream + _tag(SEQUENCE_END)
    if element.fragments is not None:
        stream = _tag(element.tag) + b"OB\0\0"
        for fragment in element.fragments:
            stream += _tag(ITEM)
            if old_format:
                stream += struct.pack("<I", len(fragment))
            stream += fragment
        return stream + _tag(SEQUENCE_END)
    vr, length = element.vr.encode("ascii"), len(element.value)
    if element.vr in LONG_VRS:
        return _tag(element.tag) + vr + b"\0\0" + struct.pack("<I", length) + element.value
    return _tag(element.tag) + vr + struct.pack("<H", length) + element.value


def data_stream(
    dataset: Dataset, tags: Collection[int] | None = None, *, padding: Padding = "raw", old_format: bool = False
) -> bytes:
    """What the elements of a data set contribute: those listed in ``tags`` (None: all), in data set order."""
    chosen = [element for element in dataset if signable(element) and (tags is None or element.tag in tags)]
    return b"".join(encode(element, old_format=old_format) for element in _padded(chosen, padding))


def item_stream(signature: Dataset, *, padding: Padding = "raw") -> bytes:
    """What the item of Digital Signatures Sequence contributes: all of it but certificate, signature and timestamp.

    What no stream may hold is left out here as well: converters add group lengths and padding to every item.
    """
    left_out = (CERTIFICATE, SIGNATURE, TIMESTAMP_TYPE, TIMESTAMP)
    chosen = [element for element in signature if allowed(element.tag) and element.tag not in left_out]
    return b"".join(encode(element) for element in _padded(chosen, padding))


def level(dataset: Dataset, steps: Sequence[Step]) -> Dataset:
    """The data set at a location: the main one, or the item that steps of (sequence tag, index) lead to."""
    for tag, index in steps:
        sequence = find(dataset, tag)
        if sequence is None or sequence.items is None:
            raise LookupError(f"no sequence ({tag:08X})")
        dataset = sequence.items[index]
    return dataset


@dataclass(frozen=True, slots=True)
class SignatureAt:
    """A signature, where it was found, and the MAC Parameters item of the same level that it points to."""

    location: tuple[Step, ...]
    item: Dataset
    mac_parameters: Dataset | None

    @property
    def uid(self) -> str:
        element = find(self.item, DIGITAL_SIGNATURE_UID)
        return text(element) if element else ""

    @property
    def tags(self) -> tuple[int, ...]:
        """Data Elements Signed, as listed."""
        listed = find(self.mac_parameters or (), DATA_ELEMENTS_SIGNED)
        words = struct.unpack(f"<{len(listed.value) // 2}H", listed.value) if listed else ()
        return tuple(group << 16 | element for group, element in zip(words[::2], words[1::2], strict=True))


def signatures(dataset: Dataset, location: tuple[Step, ...] = ()) -> list[SignatureAt]:
    """All signatures of a data set, its own before those of its items."""
    parameters, own = find(dataset, MAC_PARAMETERS_SEQUENCE), find(dataset, DIGITAL_SIGNATURES_SEQUENCE)
    found = []
    for item in (own.items if own else None) or ():
        wanted = find(item, MAC_ID_NUMBER)
        candidates = (parameters.items if parameters else None) or ()
        matching = [mac for mac in candidates if wanted and _value(mac, MAC_ID_NUMBER) == wanted.value]
        found.append(SignatureAt(location, item, matching[0] if matching else None))
    for element in dataset:
        if element.tag not in (MAC_PARAMETERS_SEQUENCE, DIGITAL_SIGNATURES_SEQUENCE):
            for index, item in enumerate(element.items or ()):
                found += signatures(item, (*location, (element.tag, index)))
    return found


def mac_stream(
    data: bytes, uid: str, *, padding: Padding = "raw", transfer_syntax: str = "", old_format: bool = False
) -> bytes:
    """The complete stream of one signature in a file."""
    dataset = parse_file(data, transfer_syntax=transfer_syntax).dataset
    for found in signatures(dataset):
        if found.uid == uid:
            signed = level(dataset, found.location)
            elements = data_stream(signed, found.tags, padding=padding, old_format=old_format)
            return elements + item_stream(found.item, padding=padding)
    raise LookupError(f"no signature {uid}")


def minimal(element: TreeElement) -> TreeElement:
    """The element with DCMTK's padding: no trailing spaces, no white space in UIDs, and an even length."""
    if element.items is not None:
        items = tuple(tuple(minimal(inner) for inner in item) for item in element.items)
        return TreeElement(element.tag, element.vr, items=items)
    if element.fragments is not None:
        fragments = tuple(_even(fragment, b"\0") for fragment in element.fragments)
        return TreeElement(element.tag, element.vr, fragments=fragments)
    if element.vr == "UI":
        uid = b"".join(element.value.split()).rstrip(b"\0")
        return TreeElement(element.tag, element.vr, _even(uid, b"\0"))
    if element.vr in TEXT_VRS:
        return TreeElement(element.tag, element.vr, _even(element.value.rstrip(b" "), b" "))
    return TreeElement(element.tag, element.vr, _even(element.value, b"\0"))


def _padded(elements: Iterable[TreeElement], padding: Padding) -> list[TreeElement]:
    return [minimal(element) if padding == "minimal" else element for element in elements]


def _contains_un(element: TreeElement) -> bool:
    return element.vr == "UN" or any(_contains_un(inner) for item in element.items or () for inner in item)


def _even(value: bytes, pad: bytes) -> bytes:
    return value + pad if len(value) % 2 else value


def _tag(tag: int) -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF)


def _value(dataset: Dataset, tag: int) -> bytes | None:
    element = find(dataset, tag)
    return element.value if element else None
