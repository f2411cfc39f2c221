"""The fields of a certificate in their original encoding (RFC 5280 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from dcmseal.plugins.der import BIT_STRING, CONTEXT_0, INTEGER, OID, SEQUENCE, DerError, DerReader, decode_oid

_ISSUER_UNIQUE_ID: Final = 0x81
_SUBJECT_UNIQUE_ID: Final = 0x82
_EXTENSIONS: Final = 0xA3


class CertificateFields(Struct, frozen=True, kw_only=True):
    """Fields that are compared by their bytes, independently of how a library decodes them."""

    serial_number: int
    """The serial number, which should be positive, but is not always (RFC 5280 4.1.2.2)."""
    issuer: bytes
    """Name, in DER."""
    subject: bytes
    """Name, in DER."""
    public_key_info: bytes
    """SubjectPublicKeyInfo, in DER."""
    extensions: tuple[str, ...]
    """Object identifiers of the extensions, in dotted notation."""

    @property
    def repeated_extension(self) -> str:
        """The first repeated extension, which RFC 5280 4.2 forbids; empty if there is none."""
        seen: set[str] = set()
        for each in self.extensions:
            if each in seen:
                return each
            seen.add(each)
        return ""


def parse_certificate_fields(der: bytes) -> CertificateFields:
    """Parse the fields of a certificate; raises DerError."""
    whole = DerReader(der)
    certificate = whole.enter(SEQUENCE)
    tbs = certificate.enter(SEQUENCE)
    certificate.enter(SEQUENCE)
    certificate.enter(BIT_STRING)
    tbs.skip(CONTEXT_0)
    serial_number = int.from_bytes(tbs.enter(INTEGER).content, signed=True)
    tbs.enter(SEQUENCE)  # signature
    issuer = tbs.take(SEQUENCE)
    tbs.enter(SEQUENCE)  # validity
    subject, public_key_info = tbs.take(SEQUENCE), tbs.take(SEQUENCE)
    tbs.skip(_ISSUER_UNIQUE_ID)
    tbs.skip(_SUBJECT_UNIQUE_ID)
    extensions = () if tbs.is_at_end else tuple(_iter_extension_oids(tbs.enter(_EXTENSIONS).enter(SEQUENCE)))
    if not (whole.is_at_end and certificate.is_at_end and tbs.is_at_end):
        raise DerError("trailing data")
    return CertificateFields(
        serial_number=serial_number,
        issuer=issuer,
        subject=subject,
        public_key_info=public_key_info,
        extensions=extensions,
    )


def _iter_extension_oids(extensions: DerReader) -> Iterator[str]:
    while not extensions.is_at_end:
        yield decode_oid(extensions.enter(SEQUENCE).enter(OID).content)
