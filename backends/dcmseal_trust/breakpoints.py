"""The moments at which an answer may change: between two of them, one evaluation serves all signatures."""

from __future__ import annotations

import datetime as dt
from bisect import bisect
from collections.abc import Iterator

from cryptography import x509

from dcmseal_trust.material import Material

_MOST_CERTIFICATES = 4096
_SHORTEST = dt.timedelta(minutes=30)
"""How long an OCSP response without nextUpdate counts."""
_SECOND = dt.timedelta(seconds=1)


class Breakpoints:
    """When certificates, CRLs and OCSP responses begin and end to count, and when certificates were revoked."""

    def __init__(self, material: Material) -> None:
        self._crls = tuple(x509.load_der_x509_crl(crl.dump()) for crl in material.crls)
        self._shared = set(_shared(material))
        for certificate in material.intermediates:
            self._shared.update(self._of_serial(certificate.serial_number))
        self._by_certificate: dict[bytes, tuple[dt.datetime, ...]] = {}

    def span(self, certificate: bytes, moment: dt.datetime) -> int:
        """Between which two of the moments that concern a certificate a moment lies."""
        points = self._by_certificate.get(certificate)
        if points is None:
            if len(self._by_certificate) >= _MOST_CERTIFICATES:
                self._by_certificate.clear()
            points = self._by_certificate[certificate] = self._points(certificate)
        return bisect(points, moment)

    def _points(self, certificate: bytes) -> tuple[dt.datetime, ...]:
        """In order; each twice, for it makes a difference whether something ends in this second or has ended."""
        own: set[dt.datetime] = set()
        try:
            read = x509.load_der_x509_certificate(certificate)
            own.update((read.not_valid_before_utc, read.not_valid_after_utc))
            own.update(self._of_serial(read.serial_number))
        except (ValueError, x509.InvalidVersion):
            pass  # it has one answer, whenever
        return tuple(sorted(each + delay for each in own | self._shared for delay in (dt.timedelta(), _SECOND)))

    def _of_serial(self, serial: int) -> Iterator[dt.datetime]:
        for crl in self._crls:
            entry = crl.get_revoked_certificate_by_serial_number(serial)
            if entry is not None:
                yield entry.revocation_date_utc


def _shared(material: Material) -> Iterator[dt.datetime]:
    for certificate in (*material.anchors, *material.intermediates):
        yield from (certificate.not_valid_before, certificate.not_valid_after)
    for crl in material.crls:
        listed = crl["tbs_cert_list"]
        yield from (each for each in (listed["this_update"].native, listed["next_update"].native) if each)
    for response in material.ocsp_responses:
        for single in response.basic_ocsp_response["tbs_response_data"]["responses"]:
            begins, ends = single["this_update"].native, single["next_update"].native
            yield from (begins, begins + _SHORTEST, ends or begins)
            if single["cert_status"].name == "revoked":
                yield single["cert_status"].chosen["revocation_time"].native
