"""Parses a TimeStampToken (RFC 3161 2.4.2), a CMS SignedData over TSTInfo, without verifying it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from asn1crypto import cms, core, parser, tsp
from msgspec import Struct

from dcmseal.plugins.asn1 import original_der
from dcmseal_timestamp.tst_info import (
    DIRECTORY_NAME,
    GeneralName,
    TstInfo,
    UnreadableToken,
    check_no_extra_fields,
    check_size,
    digest_name,
    parse_tst_info,
)

MAX_TOKEN_BYTES: Final = 256 << 10
"""Maximum size of a token; most have a few thousand bytes."""
_MAX_CERTIFICATES: Final = 64
_MAX_IDENTIFIERS: Final = 64
_SEQUENCE: Final = 0x30
_GRANTED: Final = frozenset({"granted", "granted_with_mods"})
_MAX_TEXT_LENGTH: Final = 200
_SINGLE_VALUED: Final = frozenset(
    {"content_type", "message_digest", "signing_time", "signing_certificate", "signing_certificate_v2"}
)
"""Signed attributes that have exactly one value (RFC 5652 11, RFC 5035 5.4)."""


class TimeStampResp(core.Sequence):  # type: ignore[misc] # asn1crypto has no types
    """TimeStampResp; unlike that of asn1crypto, the token is optional, as in a refusal."""

    _fields: ClassVar[list[Any]] = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


class RefusedToken(Exception):
    """The authority refused to issue a token; the message gives its reasons."""


class CertificateId(Struct, frozen=True, kw_only=True):
    """ESSCertID or ESSCertIDv2 (RFC 5035 5.4.1, RFC 5816): a digest of a certificate, and optionally its name."""

    algorithm: str
    digest: bytes
    issuer: bytes | None = None
    """DER name of the issuer; None if not stated, empty if it is not a single directory name."""
    serial_number: int = 0


class SignatureScheme(Struct, frozen=True, kw_only=True):
    """The signature algorithm of the authority; fields are empty if unknown."""

    kind: str
    digest: str
    mask_digest: str = ""
    salt_length: int = 0


class TimestampToken(Struct, frozen=True, kw_only=True):
    """A parsed token, with the parts that are signed."""

    der: bytes
    """The token, without padding and enclosing response."""
    content: bytes
    """TSTInfo, in its signed encoding."""
    info: TstInfo
    certificates: tuple[bytes, ...]
    issuer: bytes
    """DER name of the issuer of the authority's certificate; empty if a key identifier is used."""
    certificate_serial: int
    key_identifier: bytes
    digest_algorithm: str
    scheme: SignatureScheme
    signed_attributes: bytes
    """The signed encoding, as SET OF (RFC 5652 5.4)."""
    content_type: str
    message_digest: bytes
    certificate_ids: tuple[tuple[CertificateId, ...], ...]
    """The certificates named by each signed attribute, the authority's first."""
    signature: bytes


def parse_token(data: bytes) -> TimestampToken:
    """Parse a token, or a response with a token (RFC 3161 2.4.2), optionally followed by a padding byte (PS3.5 6.2).

    Raises:
        UnreadableToken: The data is not a valid token.
        RefusedToken: The data is a response without a token.
    """
    if len(data) > MAX_TOKEN_BYTES:
        raise UnreadableToken(f"it is larger than {MAX_TOKEN_BYTES} bytes")
    try:
        return _parse_signed_data(_unwrap_response(_strip_padding(data)))
    except (UnreadableToken, RefusedToken):
        raise
    except Exception:  # noqa: BLE001 - asn1crypto raises many exceptions
        raise UnreadableToken("it is not an RFC 3161 timestamp token, or is damaged") from None


def is_response(data: bytes) -> bool:
    """Whether data begins like a TimeStampResp, rather than a token."""
    return _inner_tag(data) == _SEQUENCE


def _inner_tag(data: bytes) -> int:
    first = data[1] if len(data) > 2 and data[0] == _SEQUENCE else 0
    at = 2 + (first & 0x7F if first & 0x80 else 0)
    return data[at] if at < len(data) else 0


def _strip_padding(data: bytes) -> bytes:
    end = parser.peek(data)
    if data[end:] not in (b"", b"\0"):
        raise UnreadableToken("there is trailing data after the token")
    return data[:end]


def _unwrap_response(data: bytes) -> bytes:
    """Extract the token of a response, or return a bare token (RFC 3161 2.4.2)."""
    if not is_response(data):
        return data
    response = check_no_extra_fields(TimeStampResp.load(data))
    refusal = _refusal_reason(check_no_extra_fields(response["status"]))
    if refusal:
        raise RefusedToken(refusal)
    token = response["time_stamp_token"]
    if isinstance(token, core.Void):
        raise UnreadableToken("the response contains no token")
    return original_der(token)


def _refusal_reason(status: Any) -> str:
    """Explain why the authority refused; empty if it granted a token."""
    pki_status = str(status["status"].native)
    if pki_status in _GRANTED:
        return ""
    reasons = sorted(map(str, status["fail_info"].native or ()))
    texts = [str(each) for each in status["status_string"].native or ()]
    text = "".join(each if each.isprintable() else " " for each in "; ".join((*reasons, *texts)))[:_MAX_TEXT_LENGTH]
    return f"the authority refused the request ({pki_status[:_MAX_TEXT_LENGTH]}){f': {text}' if text else ''}"


def _parse_signed_data(der: bytes) -> TimestampToken:
    content_info = check_no_extra_fields(cms.ContentInfo.load(der, strict=True))
    if content_info["content_type"].native != "signed_data":
        raise UnreadableToken("it is not a CMS SignedData")
    signed_data = check_no_extra_fields(content_info["content"])
    encapsulated = check_no_extra_fields(signed_data["encap_content_info"])
    if encapsulated["content_type"].native != "tst_info":
        raise UnreadableToken("its content is not a TSTInfo")
    if len(signed_data["signer_infos"]) != 1:
        raise UnreadableToken("it does not have exactly one signer")  # RFC 3161 2.4.2
    content = bytes(encapsulated["content"].contents)
    signer = check_no_extra_fields(signed_data["signer_infos"][0])
    attributes = _parse_attributes(signer)
    issuer, serial, key = _parse_signer_id(signer["sid"])
    return TimestampToken(
        der=der,
        content=content,
        info=parse_tst_info(content),
        certificates=_extract_certificates(signed_data["certificates"]),
        issuer=issuer,
        certificate_serial=serial,
        key_identifier=key,
        digest_algorithm=digest_name(signer["digest_algorithm"]),
        scheme=_parse_scheme(signer["signature_algorithm"]),
        signed_attributes=b"\x31" + original_der(signer["signed_attrs"])[1:],
        content_type=str(attributes["content_type"].native),
        message_digest=bytes(attributes["message_digest"].native),
        certificate_ids=tuple(_iter_certificate_ids(attributes)),
        signature=bytes(signer["signature"].native),
    )


def _parse_attributes(signer: Any) -> dict[str, Any]:
    """Parse the signed attributes, none of which may be repeated (RFC 5652 5.3)."""
    attributes: dict[str, Any] = {}
    for each in map(check_no_extra_fields, signer["signed_attrs"]):
        name = str(each["type"].native)
        if name in attributes:
            raise UnreadableToken("a signed attribute is repeated")
        if name in _SINGLE_VALUED and len(each["values"]) != 1:
            raise UnreadableToken("a signed attribute does not have exactly one value")
        attributes[name] = each["values"][0] if name in _SINGLE_VALUED else None
    if not {"content_type", "message_digest"} <= attributes.keys():
        raise UnreadableToken("a signed attribute that CMS requires is missing")
    return attributes


def _parse_signer_id(sid: Any) -> tuple[bytes, int, bytes]:
    if sid.name == "issuer_and_serial_number":
        return original_der(sid.chosen["issuer"]), check_size(sid.chosen["serial_number"].native), b""
    return b"", 0, bytes(sid.chosen.native)


def _iter_certificate_ids(attributes: dict[str, Any]) -> Iterator[tuple[CertificateId, ...]]:
    """Iterate over the identifiers of the authority's certificate, and possibly of its chain."""
    for name, digest in (("signing_certificate", "sha1"), ("signing_certificate_v2", "")):
        if name in attributes:
            identifiers = check_no_extra_fields(attributes[name])["certs"]
            if len(identifiers) > _MAX_IDENTIFIERS:
                raise UnreadableToken(f"it names more than {_MAX_IDENTIFIERS} certificates")
            yield tuple(_parse_certificate_id(each, digest) for each in identifiers)


def _parse_certificate_id(identifier: Any, digest: str) -> CertificateId:
    issuer_serial = check_no_extra_fields(identifier)["issuer_serial"]
    issuer, serial = None, 0
    if not isinstance(issuer_serial, core.Void):
        names = [GeneralName.parse(each) for each in check_no_extra_fields(issuer_serial)["issuer"]]
        issuer = names[0].der if len(names) == 1 and names[0].kind == DIRECTORY_NAME else b""
        serial = check_size(issuer_serial["serial_number"].native)
    return CertificateId(
        algorithm=digest or digest_name(identifier["hash_algorithm"]),
        digest=bytes(identifier["cert_hash"].native),
        issuer=issuer,
        serial_number=serial,
    )


def _extract_certificates(certificates: Any) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for number, each in enumerate(() if isinstance(certificates, core.Void) else certificates):
        if number == _MAX_CERTIFICATES:
            raise UnreadableToken(f"it has more than {_MAX_CERTIFICATES} certificates")
        if each.name == "certificate":
            found.append(original_der(each.chosen))
    return tuple(found)


def _parse_scheme(algorithm: Any) -> SignatureScheme:
    try:
        kind = str(algorithm.signature_algo)
    except ValueError:
        return SignatureScheme(kind="", digest="")
    if kind == "rsassa_pss":
        parameters = algorithm["parameters"]
        return SignatureScheme(
            kind=kind,
            digest=str(parameters["hash_algorithm"]["algorithm"].native),
            mask_digest=str(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native),
            salt_length=check_size(parameters["salt_length"].native),
        )
    try:
        return SignatureScheme(kind=kind, digest=str(algorithm.hash_algo))
    except ValueError:
        return SignatureScheme(kind=kind, digest="")  # use the digest of the attributes
