"""Read MAC Parameters Sequence and Digital Signatures Sequence of a level (PS3.3 Table C.12-6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import unpack
from typing import Final

from msgspec import Struct

from dcmseal import tags
from dcmseal.dataset.header import read_header
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.transfer_syntax import UNDEFINED_LENGTH
from dcmseal.dataset.walk import UNTIL_DELIMITER
from dcmseal.errors import Malformed
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import Location
from dcmseal.mac.explicit_headers import swap_bytes
from dcmseal.mac.stream_common import ITEM_OVERRUN
from dcmseal.model.signature import DigitalSignature, MacParameters, PurposeCode
from dcmseal.tags import format_tag, format_tags, is_ascending

MAX_SIGNATURES: Final = 4096
"""Maximum number of items in one sequence."""
MAX_LISTED_TAGS: Final = 1_000_000
"""Maximum total number of tags that the signatures of a level list, because reports may mention each of them."""
_MAX_TEXT: Final = 1024
_MAX_BYTES: Final = 1 << 20
_CLAUSE: Final = "PS3.3 Table C.12-6"


class SignatureItem(Struct, frozen=True, kw_only=True):
    """An item of Digital Signatures Sequence, and problems of its structure."""

    signature: DigitalSignature
    item: LevelScanner
    """A complete scan of the item."""
    start: int
    """Where the item starts, with its tag."""
    end: int
    problems: tuple[Finding, ...]


class MacParametersItem(Struct, frozen=True, kw_only=True):
    """An item of MAC Parameters Sequence, and its position."""

    parameters: MacParameters
    start: int
    end: int


class LevelSignatures(Struct, frozen=True, kw_only=True):
    """The two sequences of a level, and ``problems`` of the sequences themselves."""

    parameters: tuple[MacParametersItem, ...] = ()
    signatures: tuple[SignatureItem, ...] = ()
    problems: tuple[Finding, ...] = ()


def form_finding(code: str, message: str, where: str = "") -> Finding:
    """Build a failed finding of aspect FORM."""
    return Finding(aspect=Aspect.FORM, outcome=Outcome.FAILED, code=code, message=message, where=where, clause=_CLAUSE)


def iter_items(
    scan: LevelScanner, index: int, max_items: int = MAX_SIGNATURES
) -> Iterator[tuple[int, int, LevelScanner]]:
    """Iterate over the items of a sequence.

    Args:
        scan: A complete scan of the level with the sequence.
        index: The index of the sequence.
        max_items: Maximum number of items.

    Yields:
        The start of an item, with its tag; its end, with its delimiter; and a complete scan of its elements.

    Raises:
        Malformed: The items are not encoded as in PS3.5 7.5, or there are too many.
    """
    header = scan.header(index)
    start, end = scan.element_range(index)
    source, encoding = scan.source, scan.encoding
    undefined = header.length == UNDEFINED_LENGTH
    position = start + header.size
    count = 0
    while position < end:
        item = read_header(source.read(position, min(source.size, position + 12)), 0, encoding)
        if item is not None and item.tag == tags.SEQUENCE_DELIMITATION_ITEM and undefined:
            break
        if item is None or item.tag != tags.ITEM:
            raise Malformed(f"{format_tag(header.tag)} contains something other than an item", position)
        count += 1
        if count > max_items:
            raise Malformed(f"{format_tag(header.tag)} has more than {max_items} items", position)
        content = position + item.size
        item_end = UNTIL_DELIMITER if item.length == UNDEFINED_LENGTH else content + item.length
        if item_end > end:
            raise Malformed(ITEM_OVERRUN, position)
        elements = LevelScanner(source, content, item_end, encoding).finish()
        yield position, elements.position, elements
        position = elements.position
    if position > end or (undefined and position == end):
        raise Malformed("a sequence does not end with its last item", start)


def read_parameters(scan: LevelScanner) -> tuple[MacParametersItem, ...]:
    """Read the items of MAC Parameters Sequence, which precedes Pixel Data; empty if the level has none."""
    index = scan.special_index(tags.MAC_PARAMETERS_SEQUENCE)
    if index is None or not _is_sequence(scan, index):
        return ()
    return tuple(
        MacParametersItem(parameters=read_mac_parameters(item), start=start, end=end)
        for start, end, item in iter_items(scan, index)
    )


def read_signatures(
    scan: LevelScanner, location: Location, parameters: tuple[MacParametersItem, ...] | None = None
) -> LevelSignatures:
    """Read both sequences of a level; problems other than encoding errors are in the result.

    Args:
        scan: A complete scan of the level.
        location: The location of the level.
        parameters: The MAC parameters of the level, if they were read before.

    Raises:
        Malformed: The items are not encoded as in PS3.5 7.5, or there are too many.
    """
    indexes = {tag: index for tag in tags.MACRO if (index := scan.special_index(tag)) is not None}
    sequences = {tag: index for tag, index in indexes.items() if _is_sequence(scan, index)}
    problems = [
        form_finding("no-sequence", f"{format_tag(tag)} does not have VR SQ", format_tag(tag))
        for tag in indexes
        if tag not in sequences
    ]
    if parameters is None:
        parameters = read_parameters(scan)
    index = sequences.get(tags.DIGITAL_SIGNATURES_SEQUENCE)
    if index is None:
        return LevelSignatures(parameters=parameters, problems=tuple(problems))
    signatures = tuple(
        _read_signature(item, location, number, start, end, parameters)
        for number, (start, end, item) in enumerate(iter_items(scan, index))
    )
    if count_listed_tags(signatures) > MAX_LISTED_TAGS:
        raise Malformed(f"the signatures of a level list more than {MAX_LISTED_TAGS} tags", scan.starts[index])
    if not signatures:
        problems.append(form_finding("empty-sequence", "Digital Signatures Sequence has no items"))
    return LevelSignatures(parameters=parameters, signatures=signatures, problems=tuple(problems))


def count_listed_tags(signatures: Sequence[SignatureItem]) -> int:
    """Count the tags in Data Elements Signed of all signatures."""
    return sum(len(each.signature.mac.elements) for each in signatures if each.signature.mac)


def _is_sequence(scan: LevelScanner, index: int) -> bool:
    return scan.header(index).vr == b"SQ"


def read_mac_parameters(item: LevelScanner) -> MacParameters:
    """Read the MAC parameters in an item of MAC Parameters Sequence or Referenced SOP Instance MAC Sequence."""
    values = ItemValues(item)
    return MacParameters(
        mac_id=values.number(tags.MAC_ID_NUMBER),
        transfer_syntax=values.text(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID),
        algorithm=values.text(tags.MAC_ALGORITHM),
        elements=values.tags(tags.DATA_ELEMENTS_SIGNED),
    )


def _read_signature(
    item: LevelScanner, location: Location, index: int, start: int, end: int, parameters: tuple[MacParametersItem, ...]
) -> SignatureItem:
    problems: list[Finding] = []
    values = ItemValues(item)
    mac_id = values.number(tags.MAC_ID_NUMBER)
    matching = [found.parameters for found in parameters if found.parameters.mac_id == mac_id]
    if mac_id is None:
        problems.append(form_finding("mac-id-missing", "the signature has no MAC ID Number"))
        matching = []
    elif not matching:
        problems.append(
            form_finding("mac-id-dangling", f"no item of MAC Parameters Sequence has MAC ID Number {mac_id}")
        )
    elif len(matching) > 1:
        message = f"{len(matching)} items of MAC Parameters Sequence have MAC ID Number {mac_id}"
        problems.append(form_finding("mac-id-duplicate", message))
    signature = DigitalSignature(
        location=location,
        index=index,
        mac_id=mac_id,
        uid=values.text(tags.DIGITAL_SIGNATURE_UID),
        datetime=values.text(tags.DIGITAL_SIGNATURE_DATETIME),
        certificate_type=values.text(tags.CERTIFICATE_TYPE),
        certificate=values[tags.CERTIFICATE_OF_SIGNER],
        value=values[tags.SIGNATURE],
        timestamp_type=values.text(tags.CERTIFIED_TIMESTAMP_TYPE),
        timestamp=values[tags.CERTIFIED_TIMESTAMP],
        purpose=_read_purpose(item),
        mac=matching[0] if matching else None,
    )
    problems.extend(_missing_attribute_findings(signature))
    foreign = [tag for tag in item.tags if tag < tags.MAC_ID_NUMBER and not exclusion_reason(tag)]
    if foreign:
        # the MAC does not separate elements of the level from those of the item
        message = "the signature's item contains elements of the data set: signed elements may have been moved there"
        problems.append(form_finding("foreign-element-in-item", message, format_tags(foreign)))
    if not is_ascending(item.tags):
        message = "the elements of the signature's item are not in ascending order, or not unique"
        problems.append(form_finding("item-disordered", message))
    return SignatureItem(signature=signature, item=item, start=start, end=end, problems=tuple(problems))


def _missing_attribute_findings(signature: DigitalSignature) -> Iterator[Finding]:
    """Report missing attributes of a signature, except MAC ID Number."""
    if not signature.uid:
        yield _missing_finding("uid-missing", "Digital Signature UID")
    if not signature.datetime:
        yield _missing_finding("datetime-missing", "Digital Signature DateTime")
    if not signature.certificate_type:
        yield _missing_finding("certificate-type-missing", "Certificate Type")
    if not signature.certificate:
        yield _missing_finding("certificate-missing", "Certificate of Signer")
    if not signature.value:
        yield _missing_finding("signature-missing", "Signature")


def _missing_finding(code: str, name: str) -> Finding:
    return form_finding(code, f"{name} is missing or too long")


class ItemValues(dict[int, bytes]):
    """The values of an item's elements by tag; empty if an element is absent or its value is too long."""

    def __init__(self, item: LevelScanner) -> None:
        super().__init__()
        self.item = item
        source, encoding = item.source, item.encoding
        buffer, base, stop = b"", 0, 0
        for tag, start, end in zip(item.tags, item.starts, (*item.starts, item.end)[1:], strict=True):
            if end > stop or start < base:
                if end - start > _MAX_BYTES:
                    continue
                buffer, base = source.window(start)
                if end > base + len(buffer):
                    buffer, base = source.read(start, end), start
                stop = base + len(buffer)
            header = read_header(buffer, start - base, encoding)
            if header is not None:
                self[tag] = buffer[start + header.size - base : end - base]

    def __missing__(self, tag: int) -> bytes:
        return b""

    def text(self, tag: int) -> str:
        return self[tag][:_MAX_TEXT].decode("ascii", "replace").strip(" \0")

    def number(self, tag: int) -> int | None:
        value = self[tag]
        return int(self.item.encoding.u16.unpack(value)[0]) if len(value) == 2 else None

    def tags(self, tag: int) -> tuple[int, ...]:
        value = self[tag]
        count = len(value) // 4
        # in big endian, group and element number form one number
        halves = value[: 4 * count] if self.item.encoding.is_big_endian else swap_bytes(value[: 4 * count], 2)
        return unpack(f">{count}I", halves)


def _read_purpose(item: LevelScanner) -> PurposeCode | None:
    index = item.special_index(tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE)
    if index is None or not _is_sequence(item, index):
        return None
    for _, _, code in iter_items(item, index):
        values = ItemValues(code)
        return PurposeCode(
            value=values.text(tags.CODE_VALUE),
            scheme=values.text(tags.CODING_SCHEME_DESIGNATOR),
            meaning=values.text(tags.CODE_MEANING),
        )
    return None
