"""Certificates, CRLs and OCSP responses that builders refuse to make, signed by whom they should be."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from asn1crypto import algos, core
from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.backends.trust.trust_pki import CRL_DUE, CRL_ISSUED, PkiAuthority

NO_CRL_POINT: dict[str, Any] = {
    "full_name": None,
    "relative_name": None,
    "only_contains_user_certs": False,
    "only_contains_ca_certs": False,
    "only_some_reasons": None,
    "indirect_crl": False,
    "only_contains_attribute_certs": False,
}


NONCE = core.ParsableOctetString(core.OctetString(b"12345678").dump())
NOTHING = core.ParsableOctetString(b"\x05\x00")


def sign_ecdsa(key: object, data: bytes) -> bytes:
    """ECDSA with SHA-256."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def modify_certificate(der: bytes, by: PkiAuthority, change: Callable[[Any], None]) -> bytes:
    """A certificate with its signed part changed, signed again."""
    return _modify(asn1_x509.Certificate.load(der), "tbs_certificate", "signature_value", by, change)


def modify_crl(der: bytes, by: PkiAuthority, change: Callable[[Any], None]) -> bytes:
    """A CRL with its signed part changed, signed again."""
    return _modify(asn1_crl.CertificateList.load(der), "tbs_cert_list", "signature", by, change)


def _modify(value: Any, part: str, signature: str, by: PkiAuthority, change: Callable[[Any], None]) -> bytes:
    change(value[part])
    value[signature] = sign_ecdsa(by.key, value[part].dump(force=True))
    return bytes(value.dump(force=True))


def resign(der: bytes, by: PkiAuthority, change: Callable[[bytes], bytes]) -> bytes:
    """A certificate or CRL whose signed part is made of any bytes, signed again."""
    outer = core.Sequence.load(der)
    signed, algorithm = change(outer[0].dump()), outer[1].dump()
    contents = signed + algorithm + core.OctetBitString(sign_ecdsa(by.key, signed)).dump()
    return bytes(core.Sequence(contents=contents).dump())


def replace_bytes(der: bytes, by: PkiAuthority, old: bytes, new: bytes) -> bytes:
    """A certificate or CRL with other bytes of the same length in its signed part, signed again."""
    assert len(old) == len(new)

    def change(signed: bytes) -> bytes:
        assert old in signed
        return signed.replace(old, new)

    return resign(der, by, change)


def to_utc_time(moment: dt.datetime) -> asn1_x509.Time:
    return asn1_x509.Time(name="utc_time", value=moment)


def duplicate_extension(tbs: Any) -> None:
    """Say something in two extensions of one kind."""
    name = "extensions" if "extensions" in tbs else "crl_extensions"
    tbs[name].append(tbs[name][0].copy())


def build_crl(
    by: PkiAuthority,
    *entries: x509.RevokedCertificate,
    issued: dt.datetime = CRL_ISSUED,
    due: dt.datetime = CRL_DUE,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    name: x509.Name | None = None,
    **point: Any,
) -> bytes:
    """A CRL with any contents; keywords make an issuing distribution point."""
    builder = x509.CertificateRevocationListBuilder(name or by.certificate.subject, issued, due, [], list(entries))
    if point:
        builder = builder.add_extension(x509.IssuingDistributionPoint(**{**NO_CRL_POINT, **point}), True)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)


def build_entry(
    certificate: PkiAuthority, since: dt.datetime, *extensions: tuple[x509.ExtensionType, bool]
) -> x509.RevokedCertificate:
    """That a certificate is revoked."""
    builder = x509.RevokedCertificateBuilder(certificate.certificate.serial_number, since)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.build()


def build_single(
    certificate: PkiAuthority,
    issuer: PkiAuthority,
    *,
    revoked: dt.datetime | None = None,
    status: str = "good",
    issued: dt.datetime = CRL_ISSUED,
    due: dt.datetime | None = CRL_DUE,
    digest: str = "sha1",
    critical: str = "",
    reason: str = "key_compromise",
) -> dict[str, Any]:
    """The answer of an OCSP response about one certificate."""
    named = asn1_x509.Certificate.load(issuer.der)
    value: dict[str, Any] = {
        "cert_id": {
            "hash_algorithm": {"algorithm": digest},
            "issuer_name_hash": getattr(named.subject, digest),
            "issuer_key_hash": getattr(named.public_key, digest),
            "serial_number": certificate.certificate.serial_number,
        },
        "cert_status": asn1_ocsp.CertStatus(
            name="revoked" if revoked else status,
            value={"revocation_time": revoked, "revocation_reason": reason} if revoked else status,
        ),
        "this_update": issued,
    }
    if due is not None:
        value["next_update"] = due
    if critical:
        value["single_extensions"] = [{"extn_id": critical, "critical": True, "extn_value": NOTHING}]
    return value


def build_response(
    signer: PkiAuthority,
    singles: Sequence[dict[str, Any]],
    *,
    says: PkiAuthority | None = None,
    by_key: bool = False,
    embedded: Sequence[PkiAuthority] = (),
    produced: dt.datetime = CRL_ISSUED,
    extensions: Sequence[dict[str, Any]] = (),
) -> bytes:
    """An OCSP response that says anything, and names ``says`` for its signer."""
    named = asn1_x509.Certificate.load((says or signer).der)
    data: dict[str, Any] = {
        "responder_id": asn1_ocsp.ResponderId(name="by_key", value=named.public_key.sha1)
        if by_key
        else asn1_ocsp.ResponderId(name="by_name", value=named.subject),
        "produced_at": produced,
        "responses": list(singles),
    }
    if extensions:
        data["response_extensions"] = list(extensions)
    signed = asn1_ocsp.ResponseData(data)
    basic = asn1_ocsp.BasicOCSPResponse(
        {
            "tbs_response_data": signed,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
            "signature": sign_ecdsa(signer.key, signed.dump()),
            "certs": [asn1_x509.Certificate.load(each.der) for each in embedded],
        }
    )
    return bytes(
        asn1_ocsp.OCSPResponse(
            {
                "response_status": "successful",
                "response_bytes": {"response_type": "basic_ocsp_response", "response": basic},
            }
        ).dump()
    )
