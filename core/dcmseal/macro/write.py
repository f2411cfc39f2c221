"""Encode items of MAC Parameters Sequence and Digital Signatures Sequence (PS3.3 Table C.12-6)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack

from dcmseal import tags
from dcmseal.dataset.element_writer import encode_element, encode_item, encode_sequence
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import BytesSource
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.mac.explicit_headers import swap_bytes
from dcmseal.model.signature import DigitalSignature, MacParameters, PurposeCode


def build_parameters_item(mac: MacParameters, encoding: Encoding) -> bytes:
    """Build an item of MAC Parameters Sequence; raises UsageError if an AT value cannot hold all signed tags."""
    number = encode_element(tags.MAC_ID_NUMBER, b"US", encoding.u16.pack(mac.mac_id), encoding)
    return encode_item(number + _build_mac_elements(mac, encoding), encoding)


def _build_mac_elements(mac: MacParameters, encoding: Encoding) -> bytes:
    listed = pack(f">{len(mac.elements)}I", *mac.elements)
    if not encoding.is_big_endian:
        listed = swap_bytes(listed, 2)
    return (
        encode_element(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, b"UI", mac.transfer_syntax.encode(), encoding)
        + encode_element(tags.MAC_ALGORITHM, b"CS", mac.algorithm.encode(), encoding)
        + encode_element(tags.DATA_ELEMENTS_SIGNED, b"AT", listed, encoding)
    )


def build_mac_reference_item(mac: MacParameters, value: bytes, encoding: Encoding) -> bytes:
    """Build an item of Referenced SOP Instance MAC Sequence (PS3.3 Table C.17-3a).

    Raises:
        UsageError: An AT value cannot hold all signed tags.
    """
    return encode_item(_build_mac_elements(mac, encoding) + encode_element(tags.MAC, b"OB", value, encoding), encoding)


def build_signature_reference_item(uid: str, value: bytes, encoding: Encoding) -> bytes:
    """Build an item of Referenced Digital Signature Sequence (PS3.3 Table C.17-3a)."""
    content = encode_element(tags.DIGITAL_SIGNATURE_UID, b"UI", uid.encode(), encoding)
    return encode_item(content + encode_element(tags.SIGNATURE, b"OB", value, encoding), encoding)


def build_signature_item(signature: DigitalSignature, encoding: Encoding) -> bytes:
    """Build an item of Digital Signatures Sequence."""
    return encode_item(b"".join(_iter_signature_elements(signature, encoding)), encoding)


def build_unsigned_item(signature: DigitalSignature) -> LevelScanner:
    """Build a scan of an item before it is signed, for the MAC."""
    content = b"".join(_iter_signature_elements(signature, Encoding.EXPLICIT_LITTLE))
    return LevelScanner(BytesSource(content), 0, len(content), Encoding.EXPLICIT_LITTLE).finish()


def _iter_signature_elements(signature: DigitalSignature, encoding: Encoding) -> Iterator[bytes]:
    yield encode_element(tags.MAC_ID_NUMBER, b"US", encoding.u16.pack(signature.mac_id), encoding)
    yield encode_element(tags.DIGITAL_SIGNATURE_UID, b"UI", signature.uid.encode(), encoding)
    yield encode_element(tags.DIGITAL_SIGNATURE_DATETIME, b"DT", signature.datetime.encode(), encoding)
    yield encode_element(tags.CERTIFICATE_TYPE, b"CS", signature.certificate_type.encode(), encoding)
    yield encode_element(tags.CERTIFICATE_OF_SIGNER, b"OB", signature.certificate, encoding)
    yield encode_element(tags.SIGNATURE, b"OB", signature.value, encoding)
    if signature.timestamp:
        yield encode_element(tags.CERTIFIED_TIMESTAMP_TYPE, b"CS", signature.timestamp_type.encode(), encoding)
        yield encode_element(tags.CERTIFIED_TIMESTAMP, b"OB", signature.timestamp, encoding)
    if signature.purpose is not None:
        yield encode_sequence(
            tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE, (_build_purpose_item(signature.purpose, encoding),), encoding
        )


def _build_purpose_item(purpose: PurposeCode, encoding: Encoding) -> bytes:
    return encode_item(
        encode_element(tags.CODE_VALUE, b"SH", purpose.value.encode(), encoding)
        + encode_element(tags.CODING_SCHEME_DESIGNATOR, b"SH", purpose.scheme.encode(), encoding)
        + encode_element(tags.CODE_MEANING, b"LO", purpose.meaning.encode(), encoding),
        encoding,
    )
