r"""Formats of certificate files: X.509, PKCS #7 and PKCS #12, each in DER, PEM or bare base64.

>>> extract_certificate_ders(b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n")
Traceback (most recent call last):
...
dcmseal.plugins.certificate_formats.NoCertificates: a CRL
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from dcmseal.plugins.pem import PemBlock, iter_pem_blocks, to_ascii
from dcmseal.warning_filter import suppress_warnings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CERTIFICATE_LABELS: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
"""Labels of PEM blocks with a certificate (RFC 7468 5.1)."""
TRUSTED_LABEL: Final = "TRUSTED CERTIFICATE"
"""Label of OpenSSL for a certificate followed by trust settings."""
_PKCS7_LABELS: Final = frozenset({"PKCS7", "CMS", "PKCS #7 SIGNED DATA"})
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\s]+={0,2}\s*")
_SIGNED_DATA: Final = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
"""The object identifier id-signedData (RFC 5652 5.1)."""
_JAVA_KEYSTORES: Final = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
_NAME_ISSUED: Final = "name a file with the certificate that was issued for it"
_LABELS: Final = {
    "X509 CRL": ("a CRL", "name a file with a certificate"),
    "CERTIFICATE REQUEST": ("a certificate request", _NAME_ISSUED),
    "NEW CERTIFICATE REQUEST": ("a certificate request", _NAME_ISSUED),
    "PUBLIC KEY": ("a public key", _NAME_ISSUED),
    "RSA PUBLIC KEY": ("a public key", _NAME_ISSUED),
}


class NoCertificates(Exception):
    """The data contains no certificate; the message says what it contains, if known."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


def extract_certificate_ders(data: bytes) -> tuple[bytes, ...]:
    """Extract the certificates of a file without parsing them; raises NoCertificates."""
    data = to_ascii(data)
    if data.startswith(b"\x30"):
        return _extract_from_der(data)
    blocks = tuple(iter_pem_blocks(data))
    found = tuple(der for block in blocks for der in _iter_from_block(block))
    if found:
        return found
    if not blocks and _BASE64.fullmatch(data):
        der = _decode_base64(data)
        if der.startswith(b"\x30"):
            return _extract_from_der(der)
    raise NoCertificates(*_describe_contents(data, blocks))


def is_pkcs12(data: bytes) -> bool:
    """Whether the data begins like a PFX: SEQUENCE { INTEGER 3, SEQUENCE (RFC 7292 section 4)."""
    start = _content_offset(data)
    return data[start : start + 4] == b"\x02\x01\x03\x30"


def is_pkcs7(data: bytes) -> bool:
    """Whether the data begins like SignedData of PKCS #7, which may contain only certificates (RFC 5652 5.1)."""
    start = _content_offset(data)
    return data[start : start + len(_SIGNED_DATA)] == _SIGNED_DATA


def diagnose_pem(data: bytes) -> tuple[str, str] | None:
    """Describe the damage of a PEM file without blocks, with a hint; None if it is not PEM."""
    if b"-----BEGIN " not in data:
        return None
    if b"\\n" in data:
        return "PEM with literal \\n instead of line breaks", "convert it: printf '%b' \"$(cat OLD)\" > NEW"
    if b"-----END " not in data:
        return "truncated PEM", "get the file again from its source"
    lines = r"sed -E 's/(-----BEGIN [A-Z0-9 ]+-----) */\1\n/; s/ *(-----END )/\n\1/' OLD > NEW"
    return "PEM with missing or damaged line breaks", f"get the file again, or restore them: {lines}"


def _extract_from_der(data: bytes) -> tuple[bytes, ...]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
    from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

    if is_pkcs7(data):
        try:
            with suppress_warnings():  # users cannot do anything about the deprecation of BER
                found = load_der_pkcs7_certificates(data)
            return _to_ders(found, "a PKCS #7 file without certificates")
        except (ValueError, UnsupportedAlgorithm):
            hint = "convert it: openssl pkcs7 -inform DER -in OLD -print_certs -out NEW"
            raise NoCertificates("a PKCS #7 file that cannot be read", hint) from None
    if is_pkcs12(data):
        try:
            with suppress_warnings():
                loaded = load_pkcs12(data, None)
        except (ValueError, UnsupportedAlgorithm):
            hint = "extract the certificates: openssl pkcs12 -in OLD -nokeys -out NEW"
            raise NoCertificates("a PKCS #12 file that needs a passphrase, or is damaged", hint) from None
        certificates = [each.certificate for each in (loaded.cert, *loaded.additional_certs) if each]
        return _to_ders(certificates, "a PKCS #12 file without certificates")
    return (data,)


def _iter_from_block(block: PemBlock) -> Iterator[bytes]:
    if block.label in CERTIFICATE_LABELS:
        yield block.der_or_empty
    elif block.label == TRUSTED_LABEL:
        yield _strip_openssl_trust(block.der_or_empty)
    elif block.label in _PKCS7_LABELS:
        yield from _extract_from_der(block.der_or_empty)


def _strip_openssl_trust(data: bytes) -> bytes:
    """Return the certificate without its trust settings; raises NoCertificates if they reject any use."""
    certificate, rest = _split_first_element(data)
    _, aux, _ = _read_element(rest)
    while aux:
        tag, _, aux = _read_element(aux)
        if tag == 0xA0:  # CertAux.reject
            raise NoCertificates(
                "a certificate that is marked to be rejected", "remove the mark: openssl x509 -in OLD -out NEW"
            )
    return certificate


def _split_first_element(data: bytes) -> tuple[bytes, bytes]:
    rest = _read_element(data)[2]
    return data[: len(data) - len(rest)], rest


def _read_element(data: bytes) -> tuple[int, bytes, bytes]:
    """Read the first element in DER: its tag, its content, and the rest; a damaged element has no rest."""
    length = data[1] if len(data) > 1 else 0
    start = 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    return data[0] if data else 0, data[start : start + length], data[start + length :]


def _content_offset(data: bytes) -> int:
    """Return the position at which the content of a SEQUENCE starts; the end if it is not a SEQUENCE."""
    if len(data) < 2 or data[0] != 0x30:
        return len(data)
    return 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)


def _to_ders(certificates: Iterable[Certificate], empty_message: str) -> tuple[bytes, ...]:
    from cryptography.hazmat.primitives.serialization import Encoding

    found = tuple(each.public_bytes(Encoding.DER) for each in certificates)
    if not found:
        raise NoCertificates(empty_message, "name a PEM or DER file of a certificate")
    return found


def _decode_base64(data: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        return b""


def _describe_contents(data: bytes, blocks: tuple[PemBlock, ...]) -> tuple[str, str]:
    for block in blocks:
        if block.label in _LABELS:
            return _LABELS[block.label]
        if block.label.endswith("PRIVATE KEY"):
            return "a private key", _NAME_ISSUED
    if not data.strip():
        return "an empty file", "get the file again from its source"
    if data.startswith(_JAVA_KEYSTORES):
        return "a Java keystore", "export the certificate: keytool -exportcert -rfc -keystore OLD -file NEW"
    damaged = None if blocks else diagnose_pem(data)
    return damaged or ("", "name a PEM or DER file of a certificate")
