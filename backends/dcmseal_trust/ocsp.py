"""OCSP responses: whose they are, and what they say (RFC 6960 4.2)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from asn1crypto.ocsp import OCSPResponse
from cryptography.x509.ocsp import load_der_ocsp_response
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleResponse:
    """What a response says of one certificate."""

    cert_id: Any
    status: str
    this_update: dt.datetime
    next_update: dt.datetime | None
    since: dt.datetime | None
    reason: str
    is_understood: bool
    """Whether all its critical extensions are."""

    def is_about(self, certificate: X509Certificate, issuer: Authority) -> bool:
        """Whether issuer and serial number are those of the certificate (RFC 6960 4.1.1)."""
        digest = self.cert_id["hash_algorithm"]["algorithm"].native
        return (
            self.cert_id["serial_number"].native == certificate.serial_number
            and digest in _DIGESTS
            and self.cert_id["issuer_name_hash"].native == _hash(digest, original_der(certificate.issuer.chosen))
            and self.cert_id["issuer_key_hash"].native == _hash(digest, bytes(issuer.public_key["public_key"]))
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OcspResponse:
    """A response, read to its end."""

    der: bytes
    parsed: OCSPResponse
    tbs_bytes: bytes
    """What was signed."""
    responder: NameKey | bytes
    """Its name, or the SHA-1 of its key."""
    certificates: tuple[X509Certificate, ...]
    """Those that came with it."""
    is_usable: bool
    """Whether its critical extensions are all understood, and the time at which it was made has come."""
    singles: tuple[SingleResponse, ...]

    def is_from(self, name: NameKey, key: Any) -> bool:
        """Whether it says that it is from whom has the name and the key."""
        return self.responder in (name, key.sha1)

    def find_responses(self, certificate: X509Certificate, issuer: Authority) -> Iterator[SingleResponse]:
        """What it says of a certificate; it may say more than one thing."""
        return (each for each in self.singles if each.is_about(certificate, issuer))


def _hash(digest: str, data: bytes) -> bytes:
    # it names whom the answer is about, and protects nothing
    return hashlib.new(digest, data, usedforsecurity=False).digest()


def parse_ocsp_response(der: bytes) -> OcspResponse:
    """Read a response; raises ValueError if it is none or gives no answer, Refused if it cannot be used."""
    parsed = OCSPResponse.load(der, strict=True)
    if parsed["response_status"].native != "successful":
        raise ValueError("the responder gave no answer")
    signed = parsed.basic_ocsp_response["tbs_response_data"]
    if not len(signed["responses"]):
        raise ValueError("the answer is empty")
    try:
        return _build_response(der, parsed, signed)
    except RefusedObject:
        raise
    except Exception as error:  # asn1crypto fails in many ways
        raise RefusedObject("it cannot be read to its end") from error


def _build_response(der: bytes, parsed: OCSPResponse, signed: Any) -> OcspResponse:
    check_no_duplicates(signed["response_extensions"])
    with suppress_warnings():
        tbs = load_der_ocsp_response(der).tbs_response_bytes
    responder = signed["responder_id"]
    named = responder.name == "by_name"
    embedded = parsed.basic_ocsp_response["certs"].native and parsed.basic_ocsp_response["certs"]
    return OcspResponse(
        der=der,
        parsed=parsed,
        tbs_bytes=tbs,
        responder=name_key(responder.chosen) if named else responder.chosen.native,
        certificates=tuple(iter_usable(original_der(each) for each in embedded or ())),
        is_usable=not unknown_critical_extensions(signed["response_extensions"], _KNOWN_EXTENSIONS)
        # whatever moment is asked about: it is here already
        and parse_time(signed["produced_at"]) <= dt.datetime.now(dt.UTC) + CLOCK_SKEW,
        singles=tuple(_parse_single(each) for each in signed["responses"]),
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
        is_understood=not unknown_critical_extensions(extensions, _KNOWN_SINGLE_EXTENSIONS),
    )
