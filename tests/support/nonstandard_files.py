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

from tests.support.builder import EXPLICIT_LE, Item, Node, Sequence, Value, at, file, image, in_order, text, uid, us
from tests.support.pki import Identity

SHA256_OID = "2.16.840.1.101.3.4.2.1"
DATE = "20240601120000"


def pacs_system_file(signer: Identity, nodes: Iterable[Node] = (), *, with_sequence: bool = False) -> bytes:
    """The style of kcenon/pacs_system: the elements of a signature stand at the top level of the data set.

    There is no sequence of the macro; MAC Algorithm holds an OID; the digest goes over tags and values alone, without
    VR and length, and is hashed once more when signed. ``with_sequence`` puts the same elements into (0400,0561), which
    that program takes for the sequence of signatures.
    """
    if not isinstance(signer.key, rsa.RSAPrivateKey):
        raise TypeError("this style is made with RSA here")
    dataset = [node for node in nodes or image() if isinstance(node, Value)]
    stream = b"".join(struct.pack("<HH", node.tag >> 16, node.tag & 0xFFFF) + node.value for node in dataset)
    signature = signer.key.sign(hashlib.sha256(stream).digest(), padding.PKCS1v15(), hashes.SHA256())
    elements = (
        text(0x04000015, "CS", SHA256_OID),
        at(0x04000020, *(node.tag for node in dataset)),
        uid(0x04000100, "1.2.840.10008.5.1.4.1.1.66.1717243200000.1234"),
        text(0x04000105, "DT", f"{DATE}.000+0000"),
        text(0x04000110, "CS", "X509_1993_SIG"),
        Value(0x04000115, "OB", _even(signer.der)),
        Value(0x04000120, "OB", signature),
    )
    if with_sequence:
        return file(in_order(*dataset, Sequence(0x04000561, (Item(elements),))))
    return file(in_order(*dataset, *elements))


def c2pa_health_file(signer: Identity, nodes: Iterable[Node] = ()) -> bytes:
    """The style of c2pa-health-imaging: a JSON claim in a private block, and a Digital Signatures Sequence beside it.

    The item says Certificate Type "X509", has its PEM certificate in (0400,0305), keeps MAC Parameters Sequence inside
    itself and no MAC ID Number outside; the ECDSA signature goes over the claim.
    """
    if not isinstance(signer.key, ec.EllipticCurvePrivateKey):
        raise TypeError("this style is made with EC keys")
    dataset = tuple(nodes) or image()
    binding = hashlib.sha256(b"".join(node.value for node in dataset if isinstance(node, Value))).digest()
    claim = json.dumps({"binding_hash": binding.hex(), "format": "dicom"}, sort_keys=True, separators=(",", ":"))
    signature = signer.key.sign(claim.encode(), ec.ECDSA(hashes.SHA256()))
    certificate = signer.certificate.public_bytes(Encoding.PEM)
    parameters = Item(
        (
            us(0x04000005, 1),
            uid(0x04000010, EXPLICIT_LE.uid),
            text(0x04000015, "CS", "SHA256"),
            at(0x04000020, 0x00110010),
            Value(0x04000404, "OB", binding),
        )
    )
    item = Item(
        (
            uid(0x04000100, "2.25.1234567890"),
            text(0x04000105, "DT", DATE),
            text(0x04000110, "CS", "X509"),
            Value(0x04000120, "OB", _even(signature)),
            Value(0x04000305, "OB", _even(certificate)),
            Sequence(0x4FFE0001, (parameters,)),
        )
    )
    block = (
        text(0x00110010, "LO", "C2PA Health Imaging"),
        text(0x00111010, "UT", claim),
        text(0x00111011, "UT", signature.hex()),
        text(0x00111012, "UT", certificate.decode()),
    )
    return file(in_order(*dataset, *block, Sequence(0xFFFAFFFA, (item,))))


def _even(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)
