"""The items of MAC Parameters Sequence and Digital Signatures Sequence, written (PS3.3 Table C.12-6)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack

from dcmseal import tags
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import BytesSource
from dcmseal.dataset.syntax import Encoding
from dcmseal.dataset.writer import element, item, sequence
from dcmseal.mac.headers import swapped
from dcmseal.model import DigitalSignature, MacParameters, PurposeCode


def parameters_item(mac: MacParameters, encoding: Encoding) -> bytes:
    """A MAC Parameters item; raises UsageError if more tags are signed than an AT value can hold."""
    number = element(tags.MAC_ID_NUMBER, b"US", encoding.u16.pack(mac.mac_id), encoding)
    return item(number + _mac_elements(mac, encoding), encoding)


def _mac_elements(mac: MacParameters, encoding: Encoding) -> bytes:
    listed = pack(f">{len(mac.elements)}I", *mac.elements)
    if not encoding.is_big_endian:
        listed = swapped(listed, 2)
    return (
        element(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, b"UI", mac.transfer_syntax.encode(), encoding)
        + element(tags.MAC_ALGORITHM, b"CS", mac.algorithm.encode(), encoding)
        + element(tags.DATA_ELEMENTS_SIGNED, b"AT", listed, encoding)
    )


def mac_reference_item(mac: MacParameters, value: bytes, encoding: Encoding) -> bytes:
    """An item of Referenced SOP Instance MAC Sequence (PS3.3 Table C.17-3a); raises as ``parameters_item``."""
    return item(_mac_elements(mac, encoding) + element(tags.MAC, b"OB", value, encoding), encoding)


def signature_reference_item(uid: str, value: bytes, encoding: Encoding) -> bytes:
    """An item of Referenced Digital Signature Sequence (PS3.3 Table C.17-3a)."""
    content = element(tags.DIGITAL_SIGNATURE_UID, b"UI", uid.encode(), encoding)
    return item(content + element(tags.SIGNATURE, b"OB", value, encoding), encoding)


def signature_item(signature: DigitalSignature, encoding: Encoding) -> bytes:
    """A Digital Signatures item."""
    return item(b"".join(_elements(signature, encoding)), encoding)


def unsigned_item(signature: DigitalSignature) -> LevelScanner:
    """The elements of the item before it is signed, as the MAC needs them."""
    content = b"".join(_elements(signature, Encoding.EXPLICIT_LITTLE))
    return LevelScanner(BytesSource(content), 0, len(content), Encoding.EXPLICIT_LITTLE).finish()


def _elements(signature: DigitalSignature, encoding: Encoding) -> Iterator[bytes]:
    yield element(tags.MAC_ID_NUMBER, b"US", encoding.u16.pack(signature.mac_id), encoding)
    yield element(tags.DIGITAL_SIGNATURE_UID, b"UI", signature.uid.encode(), encoding)
    yield element(tags.DIGITAL_SIGNATURE_DATETIME, b"DT", signature.datetime.encode(), encoding)
    yield element(tags.CERTIFICATE_TYPE, b"CS", signature.certificate_type.encode(), encoding)
    yield element(tags.CERTIFICATE_OF_SIGNER, b"OB", signature.certificate, encoding)
    yield element(tags.SIGNATURE, b"OB", signature.value, encoding)
    if signature.timestamp:
        yield element(tags.CERTIFIED_TIMESTAMP_TYPE, b"CS", signature.timestamp_type.encode(), encoding)
        yield element(tags.CERTIFIED_TIMESTAMP, b"OB", signature.timestamp, encoding)
    if signature.purpose is not None:
        yield sequence(tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE, (_purpose(signature.purpose, encoding),), encoding)


def _purpose(purpose: PurposeCode, encoding: Encoding) -> bytes:
    return item(
        element(tags.CODE_VALUE, b"SH", purpose.value.encode(), encoding)
        + element(tags.CODING_SCHEME_DESIGNATOR, b"SH", purpose.scheme.encode(), encoding)
        + element(tags.CODE_MEANING, b"LO", purpose.meaning.encode(), encoding),
        encoding,
    )
