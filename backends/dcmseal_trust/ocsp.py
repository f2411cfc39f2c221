"""Parses OCSP responses (RFC 6960 4.2)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from typing import Any, Final

from asn1crypto.ocsp import OCSPResponse
from cryptography.x509.ocsp import load_der_ocsp_response
from msgspec import Struct
from pyhanko_certvalidator.authority import Authority

from dcmseal.plugins.asn1 import original_der
from dcmseal.warning_filter import suppress_warnings
from dcmseal_trust.name_comparison import NameKey, name_key
from dcmseal_trust.x509_certificates import (
    CLOCK_SKEW,
    RefusedObject,
    X509Certificate,
    check_no_duplicates,
    iter_usable,
    parse_time,
    unknown_critical_extensions,
)

_KNOWN_EXTENSIONS: Final = frozenset({"nonce", "extended_revoke"})
_KNOWN_SINGLE_EXTENSIONS: Final = frozenset({"crl", "archive_cutoff", "crl_reason", "invalidity_date"})
_DIGESTS: Final = frozenset({"sha1", "sha224", "sha256", "sha384", "sha512"})


class SingleResponse(Struct, frozen=True, kw_only=True):
    """A SingleResponse: the status of one certificate."""

    cert_id: Any
    status: str
    this_update: dt.datetime
    next_update: dt.datetime | None
    since: dt.datetime | None
    reason: str
    is_supported: bool
    """Whether all its critical extensions are supported."""

    def is_for(self, certificate: X509Certificate, issuer: Authority) -> bool:
        """Whether the CertID matches the issuer and serial number of a certificate (RFC 6960 4.1.1)."""
        digest = self.cert_id["hash_algorithm"]["algorithm"].native
        return (
            self.cert_id["serial_number"].native == certificate.serial_number
            and digest in _DIGESTS
            and self.cert_id["issuer_name_hash"].native == _hash(digest, original_der(certificate.issuer.chosen))
            and self.cert_id["issuer_key_hash"].native == _hash(digest, bytes(issuer.public_key["public_key"]))
        )


class OcspResponse(Struct, frozen=True, kw_only=True, eq=False):
    """A parsed OCSP response."""

    der: bytes
    parsed: OCSPResponse
    tbs_bytes: bytes
    """The signed bytes."""
    responder: NameKey | bytes
    """The name of the responder, or the SHA-1 of its key."""
    certificates: tuple[X509Certificate, ...]
    """The certificates in the response."""
    is_usable: bool
    """Whether its critical extensions are supported, and producedAt is not in the future."""
    singles: tuple[SingleResponse, ...]

    def is_from(self, name: NameKey, key: Any) -> bool:
        """Whether the responder ID matches a name and key."""
        return self.responder in (name, key.sha1)

    def find_responses(self, certificate: X509Certificate, issuer: Authority) -> Iterator[SingleResponse]:
        """Find the SingleResponses for a certificate, of which there may be several."""
        return (each for each in self.singles if each.is_for(certificate, issuer))


def _hash(digest: str, data: bytes) -> bytes:
    # the hash only identifies the issuer
    return hashlib.new(digest, data, usedforsecurity=False).digest()


def parse_ocsp_response(der: bytes) -> OcspResponse:
    """Parse an OCSP response in DER.

    Raises:
        ValueError: The data is not an OCSP response, or contains no status.
        RefusedObject: The response is malformed.
        Rfc5280Violation: An extension is repeated.
    """
    parsed = OCSPResponse.load(der, strict=True)
    if parsed["response_status"].native != "successful":
        raise ValueError("the responder returned an error")
    response_data = parsed.basic_ocsp_response["tbs_response_data"]
    if not len(response_data["responses"]):
        raise ValueError("the response is empty")
    try:
        return _build_response(der, parsed, response_data)
    except RefusedObject:
        raise
    except Exception as error:  # asn1crypto raises many exceptions
        raise RefusedObject("it is malformed") from error


def _build_response(der: bytes, parsed: OCSPResponse, response_data: Any) -> OcspResponse:
    check_no_duplicates(response_data["response_extensions"])
    with suppress_warnings():
        tbs = load_der_ocsp_response(der).tbs_response_bytes
    responder = response_data["responder_id"]
    is_by_name = responder.name == "by_name"
    embedded = parsed.basic_ocsp_response["certs"].native and parsed.basic_ocsp_response["certs"]
    return OcspResponse(
        der=der,
        parsed=parsed,
        tbs_bytes=tbs,
        responder=name_key(responder.chosen) if is_by_name else responder.chosen.native,
        certificates=tuple(iter_usable(original_der(each) for each in embedded or ())),
        is_usable=not unknown_critical_extensions(response_data["response_extensions"], _KNOWN_EXTENSIONS)
        # compared with the system clock, because the response exists already
        and parse_time(response_data["produced_at"]) <= dt.datetime.now(dt.UTC) + CLOCK_SKEW,
        singles=tuple(_parse_single(each) for each in response_data["responses"]),
    )


def _parse_single(single: Any) -> SingleResponse:
    extensions = single["single_extensions"]
    check_no_duplicates(extensions)
    status = single["cert_status"]
    revoked = status.chosen if status.name == "revoked" else None
    return SingleResponse(
        cert_id=single["cert_id"],
        status=status.name,
        this_update=parse_time(single["this_update"]),
        next_update=None if single["next_update"].native is None else parse_time(single["next_update"]),
        since=parse_time(revoked["revocation_time"]) if revoked else None,
        reason=(revoked["revocation_reason"].native or "unspecified") if revoked else "",
        is_supported=not unknown_critical_extensions(extensions, _KNOWN_SINGLE_EXTENSIONS),
    )
