"""Make a change manifest for a new signature, and sign it with the same key."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Final

from dcmseal.change_manifest.manifest_content import (
    SALT_SIZE,
    ManifestContent,
    ManifestSubject,
    derive_key,
    serialize_content,
    value_fingerprint,
)
from dcmseal.comparison.fingerprints import KeyedFingerprinter
from dcmseal.comparison.inventory import build_inventory
from dcmseal.errors import CertificateMismatch
from dcmseal.mac.digest import MacStream
from dcmseal.macro.public_key import SignatureMatch, match_signature
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.model.signature import DigitalSignature
from dcmseal.plugins.signer_backend import Signer
from dcmseal.signing.plan import Plan
from dcmseal.terms import KeyType, MacAlgorithm

_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE, _SET, _UTC_TIME, _TIME = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31, 0x17, 0x18
_CONTEXT_0: Final = 0xA0
"""The context-specific tag [0], constructed."""

_DATA: Final = "1.2.840.113549.1.7.1"
_SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.47"
_RSA: Final = "1.2.840.113549.1.1.1"
_DIGESTS: Final = {
    MacAlgorithm.SHA256: "2.16.840.1.101.3.4.2.1",
    MacAlgorithm.SHA384: "2.16.840.1.101.3.4.2.2",
    MacAlgorithm.SHA512: "2.16.840.1.101.3.4.2.3",
}
_ECDSA: Final = {
    MacAlgorithm.SHA256: "1.2.840.10045.4.3.2",
    MacAlgorithm.SHA384: "1.2.840.10045.4.3.3",
    MacAlgorithm.SHA512: "1.2.840.10045.4.3.4",
}
_DSA: Final = {
    MacAlgorithm.SHA256: "2.16.840.1.101.3.4.3.2",
    MacAlgorithm.SHA384: "2.16.840.1.101.3.4.3.3",
    MacAlgorithm.SHA512: "2.16.840.1.101.3.4.3.4",
}


def sign_content(content: bytes, signer: Signer, algorithm: MacAlgorithm, moment: dt.datetime) -> bytes:
    """Sign content as CMS SignedData (RFC 5652), and verify the signature.

    Args:
        content: The content to encapsulate.
        signer: The open key.
        algorithm: The digest algorithm.
        moment: The signing time.

    Returns:
        SignedData in DER.

    Raises:
        SignerError: The key or its certificate cannot be used, or the subclass that says why.
    """
    chain = [read_certificate(each) for each in signer.certificate_chain]
    certificate = chain[0]
    attributes = _sort_set(_build_signed_attributes(content, certificate, algorithm, moment))
    signed = _encode_der(_SET, attributes)
    message = MacStream(algorithm=algorithm, digest=_compute_digest(algorithm, signed), read=lambda: iter((signed,)))
    value = signer.sign(message)
    if match_signature(certificate, algorithm, message.digest, value) is not SignatureMatch.MATCHES:
        raise CertificateMismatch(
            "the key made a signature that its own certificate does not verify",
            hint="nothing was written: the certificate belongs to another key, or the device is faulty",
        )
    digest_algorithm = _encode_der(_SEQUENCE, _encode_oid(_DIGESTS[algorithm]))
    version = _encode_integer(1)
    info = _encode_der(
        _SEQUENCE,
        version,
        _encode_der(_SEQUENCE, certificate.fields.issuer, _encode_integer(certificate.serial_number)),
        digest_algorithm,
        _encode_der(_CONTEXT_0, attributes),
        _build_signature_algorithm(certificate, algorithm),
        _encode_der(_OCTETS, value),
    )
    data = _encode_der(
        _SEQUENCE,
        version,
        _encode_der(_SET, digest_algorithm),
        _encode_der(_SEQUENCE, _encode_oid(_DATA), _encode_der(_CONTEXT_0, _encode_der(_OCTETS, content))),
        _encode_der(_CONTEXT_0, _sort_set([each.der for each in chain])),
        _encode_der(_SET, info),
    )
    return _encode_der(_SEQUENCE, _encode_oid(_SIGNED_DATA), _encode_der(_CONTEXT_0, data))


def _build_signed_attributes(
    content: bytes, certificate: Certificate, algorithm: MacAlgorithm, moment: dt.datetime
) -> list[bytes]:
    """Build the signed attributes: message digest, signing time, and certificate (RFC 5652 11, RFC 5035)."""
    certificate_id = _encode_der(_SEQUENCE, _encode_der(_OCTETS, bytes.fromhex(certificate.sha256)))
    values = (
        (_CONTENT_TYPE, _encode_oid(_DATA)),
        (_SIGNING_TIME, _encode_time(moment)),
        (_MESSAGE_DIGEST, _encode_der(_OCTETS, _compute_digest(algorithm, content))),
        (_SIGNING_CERTIFICATE, _encode_der(_SEQUENCE, _encode_der(_SEQUENCE, certificate_id))),
    )
    return [_encode_der(_SEQUENCE, _encode_oid(kind), _encode_der(_SET, value)) for kind, value in values]


def _build_signature_algorithm(certificate: Certificate, algorithm: MacAlgorithm) -> bytes:
    if certificate.key_type is KeyType.RSA:
        return _encode_der(_SEQUENCE, _encode_oid(_RSA), _encode_der(_NULL))
    return _encode_der(_SEQUENCE, _encode_oid((_ECDSA if certificate.key_type is KeyType.EC else _DSA)[algorithm]))


def _compute_digest(algorithm: MacAlgorithm, data: bytes) -> bytes:
    return hashlib.new(algorithm.value.lower(), data).digest()


def _encode_time(moment: dt.datetime) -> bytes:
    """Encode UTCTime from 1950 to 2049, and GeneralizedTime otherwise (RFC 5652 11.3)."""
    when = moment.astimezone(dt.UTC)
    if 1950 <= when.year < 2050:
        return _encode_der(_UTC_TIME, when.strftime("%y%m%d%H%M%SZ").encode())
    return _encode_der(_TIME, f"{when.year:04}{when:%m%d%H%M%S}Z".encode())


def _sort_set(elements: list[bytes]) -> bytes:
    """Sort the elements of a SET OF as DER requires (X.690 11.6)."""
    return b"".join(sorted(elements))


def _encode_integer(number: int) -> bytes:
    return _encode_der(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def _encode_oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *others):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(arc & 0x7F | 0x80)
        content += bytes(reversed(groups))
    return _encode_der(_OID, bytes(content))


def _encode_der(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def make_manifest(plan: Plan, signature: DigitalSignature, signer: Signer) -> bytes:
    """Make a change manifest for a signature.

    Args:
        plan: The plan of the signature.
        signature: The signature that was made.
        signer: The open key.

    Returns:
        The manifest in DER.

    Raises:
        UsageError: Sequences are nested too deep for a manifest.
        DatasetError: The Data Set has too many elements.
        SignerError: The key cannot be used, or the subclass that says why.
    """
    # as stored: values of VR OB have even length
    value = signature.value + bytes(len(signature.value) & 1)
    salt = secrets.token_bytes(SALT_SIZE)
    level = plan.level
    inventory = build_inventory(
        level.source,
        level.start,
        level.end,
        level.encoding,
        KeyedFingerprinter(derive_key(salt, value)),
        only_signable=True,
    )
    covered = frozenset(plan.elements)
    content = ManifestContent(
        subject=ManifestSubject(
            uid=signature.uid,
            location=str(signature.location),
            value=value_fingerprint(value),
            certificate=bytes.fromhex(read_certificate(signature.certificate).sha256),
        ),
        salt=salt,
        frame=inventory.frame,
        signed=tuple(each for each in inventory.elements if each.tag in covered),
        unsigned=tuple(each for each in inventory.elements if each.tag not in covered),
    )
    algorithm = MacAlgorithm(plan.mac.algorithm)
    moment = signature.moment
    assert moment is not None
    return sign_content(
        serialize_content(content), signer, MacAlgorithm.SHA256 if algorithm.is_weak else algorithm, moment
    )
