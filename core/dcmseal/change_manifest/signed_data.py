"""The signed form of a manifest, read: CMS SignedData (RFC 5652) with the content inside, as ``openssl cms`` has it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

from dcmseal.mac.digest import new_digest
from dcmseal.macro.public_key import SignatureMatch, match_signature
from dcmseal.macro.signer_certificate import Certificate
from dcmseal.plugins.der import CONTEXT_0, INTEGER, OCTET_STRING, OID, SEQUENCE, SET, DerReader
from dcmseal.terms import MacAlgorithm

_DIGESTS: Final = {
    "sha256": MacAlgorithm.SHA256,
    "sha384": MacAlgorithm.SHA384,
    "sha512": MacAlgorithm.SHA512,
}
_DATA: Final = bytes.fromhex("2a864886f70d010701")
_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")
_MAX_SIGNER_BYTES: Final = 64 << 10
"""Of what is said about the signer; it takes some hundred bytes."""


class InvalidSignedData(Exception):
    """The bytes are no SignedData of the form that is written here; the message is made of our words only."""


class ManifestNotAuthentic(Exception):
    """The content, or the signature over it, is not what the signer made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedManifest:
    """A container that was read; nothing is verified."""

    content: bytes
    signer: bytes
    """SHA-256 of the certificate that the signer names as its own (RFC 5035); empty if it names none."""
    algorithm: MacAlgorithm
    message_digest: bytes
    attributes: bytes
    """The signed attributes as SET OF, which is what was signed (RFC 5652 5.4)."""
    signature: bytes

    def is_signed_by(self, certificate: Certificate) -> bool:
        """Whether the content was signed with a certificate; raises NotAuthentic if it says so, and was not."""
        if bytes.fromhex(certificate.sha256) != self.signer:
            return False
        if self._digest(self.content) != self.message_digest:
            raise ManifestNotAuthentic
        match = match_signature(certificate, self.algorithm, self._digest(self.attributes), self.signature)
        if match is not SignatureMatch.MATCHES:
            raise ManifestNotAuthentic
        return True

    def _digest(self, data: bytes) -> bytes:
        digest = new_digest(self.algorithm)
        digest.update(data)
        return digest.digest()


def parse_signed_data(data: bytes) -> SignedManifest:
    """Read what ``seal`` has written, from DER; raises UnreadableContainer."""
    try:
        return _parse(data)
    except InvalidSignedData:
        raise
    except Exception:  # noqa: BLE001 - asn1crypto raises whatever comes to hand
        raise InvalidSignedData("it is no CMS SignedData (RFC 5652), or a damaged one") from None


def _parse(data: bytes) -> SignedManifest:
    whole = DerReader(data)
    info = whole.enter(SEQUENCE)
    _expect_oid(_SIGNED_DATA, info)
    signed = info.enter(CONTEXT_0).enter(SEQUENCE)
    signed.enter(INTEGER)
    signed.enter(SET)
    inside = signed.enter(SEQUENCE)
    _expect_oid(_DATA, inside)
    content = inside.enter(CONTEXT_0).enter(OCTET_STRING)
    signed.skip(CONTEXT_0)
    signers = signed.enter(SET)
    if not whole.is_at_end or not signed.is_at_end or signers.remaining > _MAX_SIGNER_BYTES:
        raise InvalidSignedData("it is no SignedData of the form that a manifest has")
    return _parse_signer_info(signers.content, content.content)


def _expect_oid(value: bytes, place: DerReader) -> None:
    """Pass over an object identifier, which has to be this one."""
    if place.enter(OID).content != value:
        raise InvalidSignedData("it is another kind of CMS than SignedData over data")


def _parse_signer_info(signer_info: bytes, content: bytes) -> SignedManifest:
    _load_asn1crypto("tsp")  # knows the attribute that names the certificate
    signer = _load_asn1crypto("cms").SignerInfo.load(signer_info, strict=True)
    attributes = _parse_attributes(signer["signed_attrs"])
    algorithm = _DIGESTS.get(signer["digest_algorithm"]["algorithm"].native)
    if algorithm is None:
        raise InvalidSignedData("it is signed with another digest than SHA-256, SHA-384 and SHA-512")
    if attributes["content_type"].native != "data":
        raise InvalidSignedData("what it holds is of another type than data")
    (certificate_id,) = attributes["signing_certificate_v2"]["certs"]
    is_sha256 = certificate_id["hash_algorithm"]["algorithm"].native == "sha256"
    return SignedManifest(
        content=content,
        signer=bytes(certificate_id["cert_hash"].native) if is_sha256 else b"",
        algorithm=algorithm,
        message_digest=bytes(attributes["message_digest"].native),
        attributes=bytes(signer["signed_attrs"].untag().dump()),
        signature=bytes(signer["signature"].native),
    )


def _parse_attributes(attributes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in attributes:
        name = str(each["type"].native)
        if name in found or len(each["values"]) != 1:
            raise InvalidSignedData("a signed attribute is there twice")
        found[name] = each["values"][0]
    return found


@cache
def _load_asn1crypto(name: str) -> Any:
    """A module of asn1crypto, which has no types; it is imported when the first manifest is met."""
    return import_module(f"asn1crypto.{name}")
