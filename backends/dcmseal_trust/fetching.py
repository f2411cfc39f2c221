"""What certificates say where it is: CRLs, OCSP responses, issuers (RFC 5280 4.2.1.13, 4.2.2.1; RFC 6960 appendix A).

CRLs and OCSP responses only for certificates that lead to a trust anchor: what anybody may put into a file makes
nothing be fetched. Issuers are fetched for any certificate, and therefore only for sites that ask for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Final, TypeVar

from asn1crypto import cms, core
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder

from dcmseal.errors import UsageError
from dcmseal.plugins.asn1 import encoding
from dcmseal.quiet import without_warnings
from dcmseal_http.client import HttpRequest, HttpStatus, NotNow, TooLarge, ask
from dcmseal_http.deadline import Deadline
from dcmseal_trust.certificates import Certificate, certificate, readable
from dcmseal_trust.crls import Crl, crl
from dcmseal_trust.material import MOST_BYTES
from dcmseal_trust.ocsp import Response, ocsp_response

T = TypeVar("T")

_MOST_PLACES: Final = 4
_MOST_ANSWERS: Final = 256
_MOST_OCSP_BYTES: Final = 1 << 18
_MOST_ISSUER_BYTES: Final = 1 << 18
_MOST_ISSUERS: Final = 8
"""So many certificates of one place are looked at."""
PATIENCE: Final = 300.0
"""Seconds until a place is asked again, whatever came of it."""


class Fetcher:
    """Fetches within a time-out, and remembers what it got."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._answers: dict[tuple[str, bytes], tuple[float, bytes | None]] = {}

    def ocsp_responses(self, certificate: Certificate, issuer: Certificate) -> tuple[bool, tuple[Response, ...]]:
        """Whether there is a responder, and its answers."""
        places = _places(certificate.ocsp_urls)
        if not places:
            return False, ()
        request = _ocsp_request(certificate, issuer)
        answers = (self._fetch(place, _MOST_OCSP_BYTES, request) for place in places)
        return True, tuple(_read(answers, ocsp_response))

    def crls(self, certificate: Certificate) -> tuple[bool, tuple[Crl, ...]]:
        """Whether there is a distribution point, and its CRLs."""
        places = _places(list(_crl_urls(certificate)))
        return bool(places), tuple(_read((self._fetch(place, MOST_BYTES) for place in places), crl))

    def issuers(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Certificates that may be the issuer's; nothing speaks for them yet."""
        answers = (self._fetch(place, _MOST_ISSUER_BYTES) for place in _places(_issuer_urls(certificate)))
        return tuple(each for found in _read(answers, _certificates) for each in found)

    def _fetch(self, place: str, max_bytes: int, request: bytes = b"") -> bytes | None:
        at, answer = self._answers.get((place, request), (0.0, None))
        if (place, request) in self._answers and time.monotonic() - at < PATIENCE:
            return answer
        answer = self._download(place, max_bytes, request)
        if len(self._answers) >= _MOST_ANSWERS:
            self._answers.clear()
        self._answers[place, request] = (time.monotonic(), answer)
        return answer

    def _download(self, place: str, max_bytes: int, body: bytes) -> bytes | None:
        headers = {"Content-Type": "application/ocsp-request"} if body else {}
        try:
            with ask(HttpRequest(url=place, headers=headers, body=body), Deadline(self._timeout)) as answer:
                return answer.read_body(max_bytes)
        except (HttpStatus, NotNow, TooLarge, UsageError):
            return None


def _places(urls: list[str]) -> list[str]:
    return [url for url in urls if url.lower().startswith(("http://", "https://"))][:_MOST_PLACES]


def _crl_urls(certificate: Certificate) -> Iterator[str]:
    for point in certificate.crl_distribution_points_value or ():
        where = point["distribution_point"]
        if not isinstance(where, core.Void) and where.name == "full_name":
            names = (each for each in where.chosen if each.name == "uniform_resource_identifier")
            yield from (str(each.native) for each in names)


def _issuer_urls(certificate: Certificate) -> list[str]:
    access = certificate.authority_information_access_value
    named = [each["access_location"] for each in access or () if each["access_method"].native == "ca_issuers"]
    return [str(each.native) for each in named if each.name == "uniform_resource_identifier"]


def _certificates(data: bytes) -> tuple[Certificate, ...]:
    """One certificate, or those of a CMS message that holds nothing else (RFC 5280 4.2.2.1); raises ValueError."""
    with suppress(ValueError):
        return (certificate(data),)
    content = cms.ContentInfo.load(data, strict=True)
    if content["content_type"].native != "signed_data":
        raise ValueError("no certificates")
    choices = islice(content["content"]["certificates"], _MOST_ISSUERS)
    return tuple(readable(encoding(each.chosen) for each in choices))


def _read(answers: Iterator[bytes | None], read: Callable[[bytes], T]) -> Iterator[T]:
    for answer in answers:
        try:
            if answer:
                yield read(answer)
                return
        except Exception:  # noqa: BLE001, S112 - readers of ASN.1 fail in many ways; the next place may do better
            continue


def _ocsp_request(certificate: Certificate, issuer: Certificate) -> bytes:
    with without_warnings():
        subject, authority = (x509.load_der_x509_certificate(each.dump()) for each in (certificate, issuer))
        # RFC 5019 has responders know SHA-1 only: it names the certificate here, and protects nothing
        request = OCSPRequestBuilder().add_certificate(subject, authority, SHA1()).build()  # noqa: S303
        return request.public_bytes(Encoding.DER)
