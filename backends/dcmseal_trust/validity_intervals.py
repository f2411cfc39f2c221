"""The moments at which an answer may change: between two of them, one evaluation serves all signatures."""

# Kept apart: the key of the cache of results, apart from the evaluation.

from __future__ import annotations

import datetime as dt
from bisect import bisect
from collections.abc import Iterator

from dcmseal_trust.name_comparison import name_key
from dcmseal_trust.revocation_status import MIN_OCSP_VALIDITY
from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_certificates import CLOCK_SKEW, X509Certificate, add_delay, parse_certificate

_MAX_CERTIFICATES = 4096
_SECOND = dt.timedelta(seconds=1)


class ValidityIntervals:
    """When certificates, CRLs and OCSP responses begin and end to count, and when certificates were revoked."""

    def __init__(self, material: LoadedMaterial) -> None:
        self._crls = material.crls
        self._shared = set(_iter_shared_boundaries(material))
        for each in material.intermediates:
            self._shared.update(self._iter_revocations(each))
        self._by_certificate: dict[bytes, tuple[dt.datetime, ...]] = {}

    def interval_index(self, certificate: bytes, moment: dt.datetime) -> int:
        """Between which two of the moments that concern a certificate a moment lies."""
        points = self._by_certificate.get(certificate)
        if points is None:
            if len(self._by_certificate) >= _MAX_CERTIFICATES:
                self._by_certificate.clear()
            points = self._by_certificate[certificate] = self._find_boundaries(certificate)
        return bisect(points, moment)

    def _find_boundaries(self, der: bytes) -> tuple[dt.datetime, ...]:
        """In order; each twice, for it makes a difference whether something ends in this second or has ended."""
        own: set[dt.datetime] = set()
        try:
            read = parse_certificate(der)
            own.update((read.not_before, read.not_after, *self._iter_revocations(read)))
        except ValueError:
            pass  # it has one answer, whenever
        return tuple(
            sorted(add_delay(each, delay) for each in own | self._shared for delay in (dt.timedelta(), _SECOND))
        )

    def _iter_revocations(self, read: X509Certificate) -> Iterator[dt.datetime]:
        issuer = name_key(read.issuer)
        for crl in self._crls:
            yield from (entry.since for entry in crl.find_entries(read, issuer))


def _iter_shared_boundaries(material: LoadedMaterial) -> Iterator[dt.datetime]:
    embedded = (each for response in material.ocsp_responses for each in response.certificates)
    for each in (*material.anchors, *material.intermediates, *embedded):
        yield from (each.not_before, each.not_after)
    for crl in material.crls:
        yield from (crl.this_update, add_delay(crl.this_update, -CLOCK_SKEW))
        yield from () if crl.next_update is None else (crl.next_update,)
    for response in material.ocsp_responses:
        for single in response.singles:
            begins = single.this_update
            yield from (
                begins,
                add_delay(begins, -CLOCK_SKEW),
                add_delay(begins, MIN_OCSP_VALIDITY),
                single.next_update or begins,
            )
            yield from () if single.since is None else (single.since,)
