"""Selects the material that may be relevant for a certificate, by names and serial numbers."""

# Kept apart: needed only to store evidence.

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from dcmseal.model.evidence_record import TrustMaterial
from dcmseal_trust.name_comparison import iter_general_name_keys, name_key
from dcmseal_trust.ocsp import OcspResponse
from dcmseal_trust.trust_material import LoadedMaterial
from dcmseal_trust.x509_certificates import X509Certificate


class MaterialIndex:
    """An index of material by subject, key, issuer and serial number; signatures are not verified."""

    def __init__(self, material: LoadedMaterial) -> None:
        self._anchors = {each.dump() for each in material.anchors}
        self._by_subject: dict[object, list[X509Certificate]] = defaultdict(list)
        self._by_key: dict[object, list[X509Certificate]] = defaultdict(list)
        for certificate in (*material.intermediates, *material.unverified, *material.anchors):
            self._by_subject[name_key(certificate.subject)].append(certificate)
            self._by_key[certificate.public_key.sha1].append(certificate)
        self._crls: dict[object, list[bytes]] = defaultdict(list)
        for crl in material.crls:
            self._crls[crl.issuer].append(crl.der)
        self._responses: dict[int, list[OcspResponse]] = defaultdict(list)
        for response in material.ocsp_responses:
            for single in response.singles:
                self._responses[single.cert_id["serial_number"].native].append(response)

    def find_relevant(self, certificate: X509Certificate, others: Iterable[X509Certificate] = ()) -> TrustMaterial:
        """Find the material for a certificate, its issuers, and the signers of their CRLs and OCSP responses.

        Args:
            certificate: The certificate.
            others: Further possible issuers, such as certificates from the same file.
        """
        extra: dict[object, list[X509Certificate]] = defaultdict(list)
        for other in others:
            extra[name_key(other.subject)].append(other)
        found: dict[bytes, None] = {}
        crls: dict[bytes, None] = {}
        responses: dict[bytes, None] = {}
        pending = [certificate]
        while pending:
            each = pending.pop()
            if each.dump() in found:
                continue
            found[each.dump()] = None
            for name in (name_key(each.issuer), *_iter_crl_issuers(each)):
                pending += (*self._by_subject.get(name, ()), *extra.get(name, ()))
                crls.update(dict.fromkeys(self._crls.get(name, ())))
            for response in self._responses.get(each.serial_number, ()):
                responses[response.der] = None
                pending += self._iter_responders(response)
        return TrustMaterial(
            anchors=tuple(each for each in found if each in self._anchors),
            certificates=tuple(each for each in found if each not in self._anchors),
            crls=tuple(crls),
            ocsp_responses=tuple(responses),
        )

    def _iter_responders(self, response: OcspResponse) -> Iterator[X509Certificate]:
        """Iterate over possible signers; the response contains a delegated responder (RFC 6960 4.2.2.2)."""
        yield from self._by_subject.get(response.responder, ())
        yield from self._by_key.get(response.responder, ())
        for embedded in response.certificates:
            yield from self._by_subject.get(name_key(embedded.issuer), ())


def _iter_crl_issuers(certificate: X509Certificate) -> Iterator[object]:
    """Iterate over keys of the CRL issuers that a certificate names (RFC 5280 4.2.1.13)."""
    for point in certificate.crl_distribution_points_value or ():
        yield from iter_general_name_keys(point["crl_issuer"] or ())
