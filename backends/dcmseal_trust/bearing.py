"""Which of much material bears on a certificate: found by names and serial numbers, so that none is missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from asn1crypto.ocsp import OCSPResponse
from asn1crypto.x509 import Certificate, Name

from dcmseal.grounds import TrustMaterial
from dcmseal_trust.material import Material


class Bearing:
    """Material in order of what leads to it; whether anything is rightly signed is not asked."""

    def __init__(self, material: Material) -> None:
        self._anchors = {each.dump() for each in material.anchors}
        self._by_subject: dict[str, list[Certificate]] = defaultdict(list)
        self._by_key: dict[bytes, list[Certificate]] = defaultdict(list)
        for certificate in (*material.intermediates, *material.unproven, *material.anchors):
            self._by_subject[certificate.subject.hashable].append(certificate)
            self._by_key[certificate.public_key.sha1].append(certificate)
        self._crls: dict[str, list[bytes]] = defaultdict(list)
        for crl in material.crls:
            self._crls[crl.issuer.hashable].append(crl.dump())
        self._responses: dict[int, list[tuple[OCSPResponse, bytes]]] = defaultdict(list)
        for response in material.ocsp_responses:
            der = response.dump()
            for single in response.basic_ocsp_response["tbs_response_data"]["responses"]:
                self._responses[single["cert_id"]["serial_number"].native].append((response, der))

    def on(self, certificate: Certificate, others: Iterable[Certificate] = ()) -> TrustMaterial:
        """What can say something of a certificate, of those who issued it, and of those who speak for these."""
        extra: dict[str, list[Certificate]] = defaultdict(list)
        for other in others:
            extra[other.subject.hashable].append(other)
        found: dict[bytes, None] = {}
        crls: dict[bytes, None] = {}
        responses: dict[bytes, None] = {}
        waiting = [certificate]
        while waiting:
            each = waiting.pop()
            if each.dump() in found:
                continue
            found[each.dump()] = None
            for name in (each.issuer.hashable, *_crl_issuers(each)):
                waiting += (*self._by_subject.get(name, ()), *extra.get(name, ()))
                crls.update(dict.fromkeys(self._crls.get(name, ())))
            for response, der in self._responses.get(each.serial_number, ()):
                responses[der] = None
                waiting += self._responders(response)
        return TrustMaterial(
            anchors=tuple(each for each in found if each in self._anchors),
            certificates=tuple(each for each in found if each not in self._anchors),
            crls=tuple(crls),
            ocsp_responses=tuple(responses),
        )

    def _responders(self, response: OCSPResponse) -> Iterator[Certificate]:
        """Those who may have signed it; one whom the authority has named comes with it (RFC 6960 4.2.2.2)."""
        try:
            identifier = response.basic_ocsp_response["tbs_response_data"]["responder_id"]
            if identifier.name == "by_name":
                yield from self._by_subject.get(identifier.chosen.hashable, ())
            else:
                yield from self._by_key.get(identifier.chosen.native, ())
            for embedded in response.basic_ocsp_response["certs"] or ():
                yield from self._by_subject.get(embedded.issuer.hashable, ())
        except Exception:  # noqa: BLE001 - readers of ASN.1 fail in many ways; what cannot be read is signed by nobody
            return


def _crl_issuers(certificate: Certificate) -> Iterator[str]:
    """Who issues CRLs in place of the certificate's issuer (RFC 5280 4.2.1.13)."""
    try:
        points = certificate.crl_distribution_points_value or ()
        names = [each for point in points for each in point["crl_issuer"] or ()]
        yield from [each.chosen.hashable for each in names if isinstance(each.chosen, Name)]
    except Exception:  # noqa: BLE001 - readers of ASN.1 fail in many ways; what cannot be read names nobody
        return
