"""Determines between which times the result for a certificate cannot change, so that it can be cached."""

# Kept apart: the cache key of results, apart from the evaluation.

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
    """The times at which certificates, CRLs and OCSP responses begin or cease to be valid, and of revocations."""

    def __init__(self, material: LoadedMaterial) -> None:
        self._crls = material.crls
        self._shared = set(_iter_shared_boundaries(material))
        for each in material.intermediates:
            self._shared.update(self._iter_revocations(each))
        self._by_certificate: dict[bytes, tuple[dt.datetime, ...]] = {}

    def interval_index(self, certificate: bytes, moment: dt.datetime) -> int:
        """Return the index of the interval of a certificate that contains a time."""
        boundaries = self._by_certificate.get(certificate)
        if boundaries is None:
            if len(self._by_certificate) >= _MAX_CERTIFICATES:
                self._by_certificate.clear()
            boundaries = self._by_certificate[certificate] = self._find_boundaries(certificate)
        return bisect(boundaries, moment)

    def _find_boundaries(self, der: bytes) -> tuple[dt.datetime, ...]:
        """Find the sorted boundaries, each also a second later, because validity periods include their last second."""
        own: set[dt.datetime] = set()
        try:
            certificate = parse_certificate(der)
            own.update((certificate.not_before, certificate.not_after, *self._iter_revocations(certificate)))
        except ValueError:
            pass  # the result does not depend on the time
        return tuple(
            sorted(add_delay(each, delay) for each in own | self._shared for delay in (dt.timedelta(), _SECOND))
        )

    def _iter_revocations(self, certificate: X509Certificate) -> Iterator[dt.datetime]:
        issuer = name_key(certificate.issuer)
        for crl in self._crls:
            yield from (entry.since for entry in crl.find_entries(certificate, issuer))


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
