"""Certificates written byte by byte (RFC 5280 4.1): those that no library writes, and authorities have issued.

Their signatures are invalid, so that they are never trusted.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

COMMON_NAME = "2.5.4.3"
UNIQUE_IDENTIFIER = "2.5.4.45"
RSA = "1.2.840.113549.1.1.1"
RSAES_OAEP = "1.2.840.113549.1.1.7"
RSASSA_PSS = "1.2.840.113549.1.1.10"
DSA = "1.2.840.10040.4.1"
EC = "1.2.840.10045.2.1"
NULL = b"\5\0"

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey


def tlv(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def seq(*contents: bytes) -> bytes:
    return tlv(0x30, *contents)


def oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *others):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return tlv(0x06, bytes(content))


def integer(number: int) -> bytes:
    return tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def name(*values: tuple[str, int, bytes]) -> bytes:
    """A Name: of each attribute its object identifier, the tag of its value, and the value."""
    return seq(*(tlv(0x31, seq(oid(kind), tlv(tag, value))) for kind, tag, value in values))


def common_name(text: str) -> bytes:
    return name((COMMON_NAME, 0x0C, text.encode()))


def extension(dotted: str, value: bytes, *, critical: bool = False) -> bytes:
    return seq(oid(dotted), *([b"\1\1\xff"] if critical else []), tlv(0x04, value))


NO_AUTHORITY = extension("2.5.29.19", seq(), critical=True)
"""Basic constraints of a certificate that is none of an authority."""


def public_key_info(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo of a key."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_info(dotted: str, parameters: bytes, key: bytes) -> bytes:
    """SubjectPublicKeyInfo of any algorithm."""
    return seq(seq(oid(dotted), parameters), tlv(0x03, b"\0", key))


def rsa_info(modulus: int, exponent: int, algorithm: str = RSA, parameters: bytes = NULL) -> bytes:
    """SubjectPublicKeyInfo of an RSA key of any numbers."""
    return key_info(algorithm, parameters, seq(integer(modulus), integer(exponent)))


def certificate(
    public_key_info: bytes,
    *,
    subject: bytes = common_name("signer"),
    issuer: bytes = common_name("authority"),
    serial: bytes = b"\x33",
    not_before: bytes = b"20240101000000Z",
    not_after: bytes = b"21240101000000Z",
    unique_ids: bytes = b"",
    extensions: tuple[bytes, ...] = (NO_AUTHORITY,),
    version: bytes = b"\xa0\3\2\1\2",
) -> bytes:
    """A certificate that names SHA-256 with RSA, with an invalid signature."""
    algorithm = seq(oid("1.2.840.113549.1.1.11"), NULL)
    tbs = seq(
        version,
        tlv(0x02, serial),
        algorithm,
        issuer,
        seq(tlv(0x18, not_before), tlv(0x18, not_after)),
        subject,
        public_key_info,
        unique_ids,
        tlv(0xA3, seq(*extensions)) if extensions else b"",
    )
    return seq(tbs, algorithm, tlv(0x03, bytes(257)))
