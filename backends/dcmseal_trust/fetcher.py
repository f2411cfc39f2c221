"""Downloads CRLs, OCSP responses and issuers (RFC 5280 4.2.1.13, 4.2.2.1; RFC 6960 appendix A).

CRLs and OCSP responses are fetched only for certificates with a path to a trust anchor, so that the author of a file
cannot choose the server. Issuers are fetched for any certificate, and therefore only if the site enables it.
"""

# Kept apart: the only module of the package with network access.

from __future__ import annotations

import datetime as dt
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
from msgspec import Struct
from msgspec.structs import replace
from pyhanko_certvalidator.path import ValidationPath

from dcmseal.errors import UsageError
from dcmseal.plugins.asn1 import original_der
from dcmseal.warning_filter import suppress_warnings
from dcmseal_http.deadline import Deadline
from dcmseal_http.http_client import BodyTooLarge, HttpRequest, HttpStatus, TemporaryFailure, open_request
from dcmseal_trust.certification_paths import NoPath, find_path
from dcmseal_trust.crls import Crl, parse_crl
from dcmseal_trust.ocsp import OcspResponse, parse_ocsp_response
from dcmseal_trust.trust_material import MAX_MATERIAL_BYTES, LoadedMaterial
from dcmseal_trust.x509_certificates import X509Certificate, iter_usable, parse_certificate


def find_path_fetching(
    leaf: X509Certificate,
    material: LoadedMaterial,
    moment: dt.datetime,
    fetch: Callable[[X509Certificate], tuple[X509Certificate, ...]],
    *,
    max_issuers: int,
    seconds: float,
) -> tuple[ValidationPath, tuple[X509Certificate, ...]]:
    """Find a path, and fetch missing issuers.

    The limits also end endless or circular chains, because any certificate can name further URLs.

    Args:
        leaf: The certificate.
        material: Anchors and known certificates.
        moment: The time at which the path must be valid.
        fetch: Fetches candidates for the issuer of a certificate.
        max_issuers: Maximum number of fetched certificates.
        seconds: Time after which no further issuers are fetched.

    Returns:
        The path, and the fetched certificates.

    Raises:
        NoPath: No path is valid.
    """
    end = time.monotonic() + seconds
    fetched: tuple[X509Certificate, ...] = ()
    while True:
        known = replace(material, intermediates=(*material.intermediates, *fetched))
        try:
            return find_path(leaf, known, moment), fetched
        except NoPath as none:
            if none.last is None or time.monotonic() > end:
                raise
            present = {each.dump() for each in known.intermediates}
            candidates = (each for each in fetch(none.last) if each.subject == none.last.issuer)
            new = tuple(each for each in candidates if each.dump() not in present)[: max_issuers - len(fetched)]
            if not new:
                raise
        fetched += new


T = TypeVar("T")

_MAX_URLS: Final = 4
_MAX_CACHED: Final = 256
_MAX_OCSP_BYTES: Final = 1 << 18
_MAX_ISSUER_BYTES: Final = 1 << 18
_MAX_ISSUERS: Final = 8
"""Maximum number of certificates from one URL."""


class EvaluatorLimits(Struct, frozen=True, kw_only=True):
    """How much is fetched and cached."""

    max_crl_bytes: int = MAX_MATERIAL_BYTES
    cache_seconds: float = 300.0
    """Seconds until a URL is requested again, after success or failure."""
    max_results: int = 4096
    """Maximum number of cached results."""


DEFAULT_LIMITS: Final = EvaluatorLimits()


class Fetcher:
    """Downloads with a timeout, and caches the results."""

    def __init__(self, timeout: float, limits: EvaluatorLimits = DEFAULT_LIMITS) -> None:
        self._timeout = timeout
        self._limits = limits
        self._cache: dict[tuple[str, bytes], tuple[float, bytes | None]] = {}

    def ocsp_responses(
        self, certificate: X509Certificate, issuer: X509Certificate
    ) -> tuple[bool, tuple[OcspResponse, ...]]:
        """Return whether the certificate names a responder, and the responses."""
        urls = _http_urls(certificate.ocsp_urls)
        if not urls:
            return False, ()
        request = _build_ocsp_request(certificate, issuer)
        bodies = (self._fetch(url, _MAX_OCSP_BYTES, request) for url in urls)
        return True, tuple(_iter_first(bodies, parse_ocsp_response))

    def crls(self, certificate: X509Certificate) -> tuple[bool, tuple[Crl, ...]]:
        """Return whether the certificate names a distribution point, and the CRLs."""
        urls = _http_urls(list(_iter_crl_urls(certificate)))
        bodies = (self._fetch(url, self._limits.max_crl_bytes) for url in urls)
        return bool(urls), tuple(_iter_first(bodies, parse_crl))

    def issuers(self, certificate: X509Certificate) -> tuple[X509Certificate, ...]:
        """Fetch candidates for the issuer, which are not verified."""
        bodies = (self._fetch(url, _MAX_ISSUER_BYTES) for url in _http_urls(_issuer_urls(certificate)))
        return tuple(each for found in _iter_first(bodies, _parse_certificates) for each in found)

    def _fetch(self, url: str, max_bytes: int, request: bytes = b"") -> bytes | None:
        """Return the body of a response, from the cache if it is recent; None if the request failed."""
        fetched_at, body = self._cache.get((url, request), (0.0, None))
        if (url, request) in self._cache and time.monotonic() - fetched_at < self._limits.cache_seconds:
            return body
        body = self._download(url, max_bytes, request)
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        self._cache[url, request] = (time.monotonic(), body)
        return body

    def _download(self, url: str, max_bytes: int, body: bytes) -> bytes | None:
        headers = {"Content-Type": "application/ocsp-request"} if body else {}
        try:
            with open_request(HttpRequest(url=url, headers=headers, body=body), Deadline(self._timeout)) as response:
                return response.read_body(max_bytes)
        except (HttpStatus, TemporaryFailure, BodyTooLarge, UsageError):
            return None


def _http_urls(urls: list[str]) -> list[str]:
    return [url for url in urls if url.lower().startswith(("http://", "https://"))][:_MAX_URLS]


def _iter_crl_urls(certificate: X509Certificate) -> Iterator[str]:
    for point in certificate.crl_distribution_points_value or ():
        point_name = point["distribution_point"]
        if not isinstance(point_name, core.Void) and point_name.name == "full_name":
            names = (each for each in point_name.chosen if each.name == "uniform_resource_identifier")
            yield from (str(each.native) for each in names)


def _issuer_urls(certificate: X509Certificate) -> list[str]:
    access = certificate.authority_information_access_value
    locations = [each["access_location"] for each in access or () if each["access_method"].native == "ca_issuers"]
    return [str(each.native) for each in locations if each.name == "uniform_resource_identifier"]


def _parse_certificates(data: bytes) -> tuple[X509Certificate, ...]:
    """Parse a certificate, or a CMS message with certificates only (RFC 5280 4.2.2.1); raises ValueError."""
    with suppress(ValueError):
        return (parse_certificate(data),)
    content = cms.ContentInfo.load(data, strict=True)
    if content["content_type"].native != "signed_data":
        raise ValueError("not a certs-only CMS message")
    choices = islice(content["content"]["certificates"], _MAX_ISSUERS)
    return tuple(iter_usable(original_der(each.chosen) for each in choices))


def _iter_first(bodies: Iterator[bytes | None], parse: Callable[[bytes], T]) -> Iterator[T]:
    """Yield the first body that can be parsed, if any."""
    for body in bodies:
        try:
            if body:
                yield parse(body)
                return
        except Exception:  # noqa: BLE001, S112 - ASN.1 readers raise many exceptions; try the next URL
            continue


def _build_ocsp_request(certificate: X509Certificate, issuer: X509Certificate) -> bytes:
    with suppress_warnings():
        subject, authority = (x509.load_der_x509_certificate(each.dump()) for each in (certificate, issuer))
        # RFC 5019 responders support SHA-1 only; here it only identifies the certificate
        request = OCSPRequestBuilder().add_certificate(subject, authority, SHA1()).build()  # noqa: S303 - only an identifier
        return request.public_bytes(Encoding.DER)
