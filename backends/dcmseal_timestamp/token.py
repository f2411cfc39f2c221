"""TimeStampToken of RFC 3161 2.4.2: a CMS SignedData over TSTInfo, read into plain values; nothing is verified."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from asn1crypto import cms, core, parser, tsp

MOST_BYTES: Final = 256 << 10
"""Tokens take some thousand bytes; larger ones are not looked into."""
_MOST_CERTIFICATES: Final = 64
_MOST_BITS: Final = 1024
_SEQUENCE: Final = 0x30


class Response(core.Sequence):  # type: ignore[misc] # asn1crypto has no types
    """TimeStampResp; asn1crypto's own does not know that a refusal has no token."""

    _fields: ClassVar[list[Any]] = [
        ("status", tsp.PKIStatusInfo),
        ("time_stamp_token", cms.ContentInfo, {"optional": True}),
    ]


class UnreadableToken(Exception):
    """The bytes are no token of RFC 3161; the message is made of our words only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateId:
    """ESSCertID or ESSCertIDv2 (RFC 2634 5.4.1, RFC 5816): a digest of the authority's certificate."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How the authority signed; empty texts for what is not known."""

    kind: str
    digest: str
    mask_digest: str = ""
    salt_length: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token says, and the parts that its signature was made over."""

    der: bytes
    """The token itself, without padding and without the response it came in."""
    content: bytes
    """TSTInfo, as it was signed."""
    imprint_algorithm: str
    imprint: bytes
    moment: dt.datetime
    accuracy: dt.timedelta | None
    policy: str
    serial_number: int
    nonce: int | None
    certificates: tuple[bytes, ...]
    issuer: bytes
    """DER name of whoever issued the authority's certificate; empty if it is named by its key."""
    certificate_serial: int
    key_identifier: bytes
    digest_algorithm: str
    scheme: Scheme
    signed_attributes: bytes
    """As SET OF, which is what was signed (RFC 5652 5.4)."""
    content_type: str
    message_digest: bytes
    certificate_id: CertificateId | None
    signature: bytes


def read_token(data: bytes) -> Token:
    """Read a token, or the token in a response of RFC 3161 2.4.2; one byte of padding may follow (PS3.5 6.2).

    Raises UnreadableToken.
    """
    if len(data) > MOST_BYTES:
        raise UnreadableToken(f"it takes {len(data)} bytes, more than {MOST_BYTES} are not looked into")
    try:
        return _token(_unwrapped(_unpadded(data)))
    except UnreadableToken:
        raise
    except Exception:  # noqa: BLE001 - asn1crypto raises whatever comes to hand
        raise UnreadableToken("it is no timestamp token of RFC 3161, or a damaged one") from None


def is_response(data: bytes) -> bool:
    """Whether data begins like a TimeStampResp, and not like a token."""
    return _inner_tag(data) == _SEQUENCE


def _inner_tag(data: bytes) -> int:
    first = data[1] if len(data) > 2 and data[0] == _SEQUENCE else 0
    at = 2 + (first & 0x7F if first & 0x80 else 0)
    return data[at] if at < len(data) else 0


def _unpadded(data: bytes) -> bytes:
    end = parser.peek(data)
    if data[end:] not in (b"", b"\0"):
        raise UnreadableToken("something follows the token")
    return data[:end]


def _unwrapped(data: bytes) -> bytes:
    if not is_response(data):
        return data
    token = Response.load(data)["time_stamp_token"]
    if isinstance(token, core.Void):
        raise UnreadableToken("the response has no token in it")
    return bytes(token.dump())


def _token(der: bytes) -> Token:
    info = cms.ContentInfo.load(der)
    if info["content_type"].native != "signed_data":
        raise UnreadableToken("it is no SignedData of CMS")
    signed = info["content"]
    capsule = signed["encap_content_info"]
    if capsule["content_type"].native != "tst_info":
        raise UnreadableToken("what it signs is no TSTInfo")
    if len(signed["signer_infos"]) != 1:
        raise UnreadableToken("it has not exactly one signer")  # RFC 3161 2.4.2
    stamp = tsp.TSTInfo.load(capsule["content"].contents)
    signer = signed["signer_infos"][0]
    attributes = _attributes(signer)
    issuer, serial, key = _signer_id(signer["sid"])
    return Token(
        der=der,
        content=bytes(capsule["content"].contents),
        imprint_algorithm=str(stamp["message_imprint"]["hash_algorithm"]["algorithm"].native),
        imprint=bytes(stamp["message_imprint"]["hashed_message"].native),
        moment=_moment(stamp["gen_time"].native),
        accuracy=_accuracy(stamp["accuracy"]),
        policy=str(stamp["policy"].dotted),
        serial_number=_bounded(stamp["serial_number"].native),
        nonce=None if stamp["nonce"].native is None else _bounded(stamp["nonce"].native),
        certificates=_certificates(signed["certificates"]),
        issuer=issuer,
        certificate_serial=serial,
        key_identifier=key,
        digest_algorithm=str(signer["digest_algorithm"]["algorithm"].native),
        scheme=_scheme(signer["signature_algorithm"]),
        signed_attributes=b"\x31" + bytes(signer["signed_attrs"].dump())[1:],
        content_type=str(attributes["content_type"].native),
        message_digest=bytes(attributes["message_digest"].native),
        certificate_id=_certificate_id(attributes),
        signature=bytes(signer["signature"].native),
    )


def _attributes(signer: Any) -> dict[str, Any]:
    """Signed attributes, each of which has one value and stands there once (RFC 5652 11)."""
    attributes: dict[str, Any] = {}
    for each in signer["signed_attrs"]:
        name = str(each["type"].native)
        if name in attributes:
            raise UnreadableToken("a signed attribute stands there twice")
        if len(each["values"]) == 1:
            attributes[name] = each["values"][0]
    return attributes


def _signer_id(sid: Any) -> tuple[bytes, int, bytes]:
    if sid.name == "issuer_and_serial_number":
        return bytes(sid.chosen["issuer"].dump()), _bounded(sid.chosen["serial_number"].native), b""
    return b"", 0, bytes(sid.chosen.native)


def _certificate_id(attributes: dict[str, Any]) -> CertificateId | None:
    """What names the authority's own certificate: the first of the list (RFC 2634 5.4)."""
    if "signing_certificate_v2" in attributes:
        first = attributes["signing_certificate_v2"]["certs"][0]
        algorithm = str(first["hash_algorithm"]["algorithm"].native)
    elif "signing_certificate" in attributes:
        first = attributes["signing_certificate"]["certs"][0]
        algorithm = "sha1"
    else:
        return None
    return CertificateId(algorithm=algorithm, digest=bytes(first["cert_hash"].native))


def _certificates(chosen: Any) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for number, each in enumerate(() if isinstance(chosen, core.Void) else chosen):
        if number == _MOST_CERTIFICATES:
            raise UnreadableToken(f"it has more than {_MOST_CERTIFICATES} certificates")
        if each.name == "certificate":
            found.append(bytes(each.chosen.dump()))
    return tuple(found)


def _scheme(algorithm: Any) -> Scheme:
    try:
        kind = str(algorithm.signature_algo)
    except ValueError:
        return Scheme(kind="", digest="")
    if kind == "rsassa_pss":
        parameters = algorithm["parameters"]
        return Scheme(
            kind=kind,
            digest=str(parameters["hash_algorithm"]["algorithm"].native),
            mask_digest=str(parameters["mask_gen_algorithm"]["parameters"]["algorithm"].native),
            salt_length=_bounded(parameters["salt_length"].native),
        )
    try:
        return Scheme(kind=kind, digest=str(algorithm.hash_algo))
    except ValueError:
        return Scheme(kind=kind, digest="")  # the digest of the attributes is meant


def _moment(value: object) -> dt.datetime:
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        raise UnreadableToken("its time cannot be read")
    return value.astimezone(dt.UTC)


def _accuracy(accuracy: Any) -> dt.timedelta | None:
    if accuracy.native is None:
        return None
    seconds, millis, micros = (_bounded(accuracy[name].native or 0) for name in ("seconds", "millis", "micros"))
    return dt.timedelta(seconds=seconds, milliseconds=millis, microseconds=micros)


def _bounded(number: int) -> int:
    if number.bit_length() > _MOST_BITS:
        raise UnreadableToken("it has a number beyond all bounds")
    return number
