"""CRLs and OCSP responses from where certificates say they are (RFC 5280 4.2.1.13, 4.2.2.1; RFC 6960 appendix A).

Only for certificates that lead to a trust anchor: what anybody may put into a file makes nothing be fetched.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.error import URLError

from asn1crypto.crl import CertificateList
from asn1crypto.ocsp import OCSPResponse
from asn1crypto.x509 import Certificate
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import OCSPRequestBuilder

from dcmseal_trust.material import MOST_BYTES, crl, ocsp_response

T = TypeVar("T")

_PIECE: Final = 1 << 16
_MOST_PLACES: Final = 4
PATIENCE: Final = 300.0
"""Seconds until a place is asked again, whatever came of it."""


class Fetcher:
    """Fetches within a time-out, and remembers what it got."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._answers: dict[tuple[str, bytes], tuple[float, bytes | None]] = {}
        # only these: urllib's usual opener reads files, too, and follows redirections to anywhere
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(),
            urllib.request.HTTPErrorProcessor(),
            urllib.request.HTTPDefaultErrorHandler(),
        ):
            self._opener.add_handler(handler)

    def ocsp_responses(self, certificate: Certificate, issuer: Certificate) -> tuple[bool, tuple[OCSPResponse, ...]]:
        """Whether there is a responder, and its answers."""
        places = _places(certificate.ocsp_urls)
        if not places:
            return False, ()
        request = _ocsp_request(certificate, issuer)
        answers = (self._fetch(place, request, "application/ocsp-request") for place in places)
        return True, tuple(_read(answers, ocsp_response))

    def crls(self, certificate: Certificate) -> tuple[bool, tuple[CertificateList, ...]]:
        """Whether there is a distribution point, and its CRLs."""
        urls = [url for point in certificate.crl_distribution_points for url in [point.url] if url]
        places = _places(urls)
        return bool(places), tuple(_read((self._fetch(place) for place in places), crl))

    def _fetch(self, place: str, body: bytes = b"", kind: str = "") -> bytes | None:
        at, answer = self._answers.get((place, body), (0.0, None))
        if (place, body) in self._answers and time.monotonic() - at < PATIENCE:
            return answer
        answer = self._fetched(place, body, kind)
        self._answers[place, body] = (time.monotonic(), answer)
        return answer

    def _fetched(self, place: str, body: bytes, kind: str) -> bytes | None:
        headers = {"Content-Type": kind} if kind else {}
        request = urllib.request.Request(place, data=body or None, headers=headers)  # noqa: S310 - http(s) only
        deadline = time.monotonic() + self._timeout
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return _body(response, deadline)
        except (URLError, OSError, ValueError, EOFError):
            return None
        except Exception:  # noqa: BLE001 - http.client has errors of its own for what is no HTTP
            return None


def _body(response: Any, deadline: float) -> bytes | None:
    """The body, unless it is too long, or comes drop by drop."""
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > MOST_BYTES or time.monotonic() > deadline:
            return None
    return b"".join(pieces)


def _places(urls: list[str]) -> list[str]:
    return [url for url in urls if url.lower().startswith(("http://", "https://"))][:_MOST_PLACES]


def _read(answers: Iterator[bytes | None], read: Callable[[bytes], T]) -> Iterator[T]:
    for answer in answers:
        try:
            if answer:
                yield read(answer)
                return
        except Exception:  # noqa: BLE001, S112 - readers of ASN.1 fail in many ways; the next place may do better
            continue


def _ocsp_request(certificate: Certificate, issuer: Certificate) -> bytes:
    subject, authority = (x509.load_der_x509_certificate(each.dump()) for each in (certificate, issuer))
    # RFC 5019 has responders know SHA-1 only: it names the certificate here, and protects nothing
    request = OCSPRequestBuilder().add_certificate(subject, authority, SHA1()).build()  # noqa: S303
    return request.public_bytes(Encoding.DER)
