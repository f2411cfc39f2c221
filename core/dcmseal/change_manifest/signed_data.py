"""Parse and verify the CMS SignedData (RFC 5652) of a change manifest."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Final

from msgspec import Struct

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
"""Maximum size of SignerInfo in bytes; a few hundred are typical."""


class InvalidSignedData(Exception):
    """The bytes are not SignedData of the expected form; the message does not quote them."""


class ManifestNotAuthentic(Exception):
    """The content or its signature was changed."""


class SignedManifest(Struct, frozen=True, kw_only=True):
    """A parsed manifest, whose signature is not verified yet."""

    content: bytes
    signer: bytes
    """SHA-256 of the certificate in SigningCertificateV2 (RFC 5035); empty if it uses another digest."""
    algorithm: MacAlgorithm
    message_digest: bytes
    attributes: bytes
    """The signed attributes as SET OF, over which the signature is made (RFC 5652 5.4)."""
    signature: bytes

    def is_signed_by(self, certificate: Certificate) -> bool:
        """Check the signature if the manifest names a certificate as the signer's.

        Args:
            certificate: The certificate.

        Returns:
            False if the manifest names another certificate.

        Raises:
            ManifestNotAuthentic: The manifest names the certificate, but its signature is invalid.
        """
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
    """Parse SignedData.

    Args:
        data: SignedData in DER.

    Returns:
        The content, and what is needed to verify its signature.

    Raises:
        InvalidSignedData: The bytes are not SignedData of the expected form.
    """
    try:
        return _parse(data)
    except InvalidSignedData:
        raise
    except Exception:  # noqa: BLE001 - asn1crypto raises many kinds of errors
        raise InvalidSignedData("it is not valid CMS SignedData (RFC 5652)") from None


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
        raise InvalidSignedData("its SignedData does not have the form of a manifest")
    return _parse_signer_info(signers.content, content.content)


def _expect_oid(value: bytes, place: DerReader) -> None:
    """Read an object identifier, and check its value."""
    if place.enter(OID).content != value:
        raise InvalidSignedData("its CMS content type is not SignedData over data")


def _parse_signer_info(signer_info: bytes, content: bytes) -> SignedManifest:
    _load_asn1crypto("tsp")  # defines SigningCertificateV2
    signer = _load_asn1crypto("cms").SignerInfo.load(signer_info, strict=True)
    attributes = _parse_attributes(signer["signed_attrs"])
    algorithm = _DIGESTS.get(signer["digest_algorithm"]["algorithm"].native)
    if algorithm is None:
        raise InvalidSignedData("its digest algorithm is not SHA-256, SHA-384 or SHA-512")
    if attributes["content_type"].native != "data":
        raise InvalidSignedData("the type of its content is not data")
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
            raise InvalidSignedData("a signed attribute occurs twice")
        found[name] = each["values"][0]
    return found


@cache
def _load_asn1crypto(name: str) -> Any:
    """Import a module of asn1crypto, which has no types, when the first manifest is parsed."""
    return import_module(f"asn1crypto.{name}")
