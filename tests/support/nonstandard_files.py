"""Files that look signed but are not by PS3.15: the styles of kcenon/pacs_system and of c2pa-health-imaging.

Both are made in full, with real keys, so that a verifier can name them instead of calling them corrupt.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from dcmseal import tags
from tests.support import builder as b
from tests.support.pki import Identity

SHA256_OID = "2.16.840.1.101.3.4.2.1"
DATE = "20240601120000"


def pacs_system_file(signer: Identity, nodes: Iterable[b.Node] = (), *, with_sequence: bool = False) -> bytes:
    """The style of kcenon/pacs_system: the elements of a signature stand at the top level of the data set.

    There is no sequence of the macro; MAC Algorithm holds an OID; the digest goes over tags and values alone, without
    VR and length, and is hashed once more when signed. ``with_sequence`` puts the same elements into (0400,0561), which
    that program takes for the sequence of signatures.
    """
    if not isinstance(signer.key, rsa.RSAPrivateKey):
        raise TypeError("this style is made with RSA here")
    dataset = [node for node in nodes or b.image() if isinstance(node, b.Value)]
    stream = b"".join(struct.pack("<HH", node.tag >> 16, node.tag & 0xFFFF) + node.value for node in dataset)
    signature = signer.key.sign(hashlib.sha256(stream).digest(), padding.PKCS1v15(), hashes.SHA256())
    elements = (
        b.text(tags.MAC_ALGORITHM, "CS", SHA256_OID),
        b.at(tags.DATA_ELEMENTS_SIGNED, *(node.tag for node in dataset)),
        b.uid(tags.DIGITAL_SIGNATURE_UID, "1.2.840.10008.5.1.4.1.1.66.1717243200000.1234"),
        b.text(tags.DIGITAL_SIGNATURE_DATETIME, "DT", f"{DATE}.000+0000"),
        b.text(tags.CERTIFICATE_TYPE, "CS", "X509_1993_SIG"),
        b.Value(tags.CERTIFICATE_OF_SIGNER, "OB", _even(signer.der)),
        b.Value(tags.SIGNATURE, "OB", signature),
    )
    if with_sequence:
        return b.file(b.in_order(*dataset, b.Sequence(tags.ORIGINAL_ATTRIBUTES_SEQUENCE, (b.Item(elements),))))
    return b.file(b.in_order(*dataset, *elements))


def c2pa_health_file(signer: Identity, nodes: Iterable[b.Node] = ()) -> bytes:
    """The style of c2pa-health-imaging: a JSON claim in a private block, and a Digital Signatures Sequence beside it.

    The item says Certificate Type "X509", has its PEM certificate in (0400,0305), keeps MAC Parameters Sequence inside
    itself and no MAC ID Number outside; the ECDSA signature goes over the claim.
    """
    if not isinstance(signer.key, ec.EllipticCurvePrivateKey):
        raise TypeError("this style is made with EC keys")
    dataset = tuple(nodes) or b.image()
    binding = hashlib.sha256(b"".join(node.value for node in dataset if isinstance(node, b.Value))).digest()
    claim = json.dumps({"binding_hash": binding.hex(), "format": "dicom"}, sort_keys=True, separators=(",", ":"))
    signature = signer.key.sign(claim.encode(), ec.ECDSA(hashes.SHA256()))
    certificate = signer.certificate.public_bytes(Encoding.PEM)
    parameters = b.Item(
        (
            b.us(tags.MAC_ID_NUMBER, 1),
            b.uid(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, b.EXPLICIT_LE.uid),
            b.text(tags.MAC_ALGORITHM, "CS", "SHA256"),
            b.at(tags.DATA_ELEMENTS_SIGNED, 0x00110010),
            b.Value(tags.MAC, "OB", binding),
        )
    )
    item = b.Item(
        (
            b.uid(tags.DIGITAL_SIGNATURE_UID, "2.25.1234567890"),
            b.text(tags.DIGITAL_SIGNATURE_DATETIME, "DT", DATE),
            b.text(tags.CERTIFICATE_TYPE, "CS", "X509"),
            b.Value(tags.SIGNATURE, "OB", _even(signature)),
            b.Value(tags.CERTIFIED_TIMESTAMP_TYPE, "OB", _even(certificate)),
            b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (parameters,)),
        )
    )
    block = (
        b.text(0x00110010, "LO", "C2PA Health Imaging"),
        b.text(0x00111010, "UT", claim),
        b.text(0x00111011, "UT", signature.hex()),
        b.text(0x00111012, "UT", certificate.decode()),
    )
    return b.file(b.in_order(*dataset, *block, b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (item,))))


def _even(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)
