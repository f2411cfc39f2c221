"""A small PKI with any past: authorities, certificates, CRLs and OCSP responses, made when asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from dcmseal.findings import Finding, Outcome
from dcmseal.model.report import TimeBasis
from dcmseal.plugins.trust import TrustRequest, TrustResult, TrustSettings
from dcmseal_trust.x509_backend import X509Backend

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_SERIALS = count(1)


def utc_date(year: int, month: int = 1, day: int = 1) -> dt.datetime:
    return dt.datetime(year, month, day, tzinfo=dt.UTC)


ISSUED, SIGNED, NOW = utc_date(2023), utc_date(2024, 6), utc_date(2026)
"""When certificates become valid, signatures are made, and trust is evaluated."""
CRL_ISSUED, CRL_DUE = utc_date(2025, 12, 31), utc_date(2026, 1, 31)
"""When CRLs and OCSP responses are made, and have to be renewed."""


@cache
def make_key(name: str, bits: int = 0) -> Key:  # noqa: ARG001 - a key of the cache
    """The same key for the same name: RSA of so many bits, or EC."""
    return rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class PkiAuthority:
    """A key and its certificate."""

    key: Key
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(
        self,
        name: str,
        *,
        authority: bool = False,
        valid: tuple[dt.datetime, dt.datetime] = (ISSUED, utc_date(2030)),
        key: Key | None = None,
        usages: Sequence[str] | None = ("digital_signature",),
        extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
        crl_at: str = "",
        ocsp_at: str = "",
    ) -> PkiAuthority:
        """A certificate that this authority signed."""
        key = key or make_key(name)
        builder = _builder(name, self.certificate.subject, key, authority, valid)
        if usages is not None:
            builder = builder.add_extension(_key_usage(("key_cert_sign", "crl_sign") if authority else usages), True)
        if crl_at:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl_at)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), False)
        if ocsp_at:
            place = x509.UniformResourceIdentifier(ocsp_at)
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return PkiAuthority(key, builder.sign(self.key, hashes.SHA256()))

    def resign_with_sha1(self, issuer: PkiAuthority) -> PkiAuthority:
        """The same, signed with SHA-1 as in old CAs; the issuer has an RSA key."""
        changed = asn1_x509.Certificate.load(self.der)
        for part in (changed["tbs_certificate"]["signature"], changed["signature_algorithm"]):
            part["algorithm"] = "sha1_rsa"
            part["parameters"] = core.Null()
        assert isinstance(issuer.key, rsa.RSAPrivateKey)
        signed = changed["tbs_certificate"].dump(force=True)
        changed["signature_value"] = issuer.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())
        return PkiAuthority(self.key, x509.load_der_x509_certificate(changed.dump(force=True)))

    def crl(
        self,
        *revoked: tuple[PkiAuthority, dt.datetime],
        issued: dt.datetime = CRL_ISSUED,
        due: dt.datetime = CRL_DUE,
        others: int = 0,
        reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
    ) -> bytes:
        """A CRL, DER; ``others`` are revoked, too."""
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, issued, due)
        entries = [(each.certificate.serial_number, since) for each, since in revoked]
        entries = [*((1 << 100 | number, ISSUED) for number in range(others)), *entries]
        listed = [_entry(serial, since, reason) for serial, since in entries]
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, issued, due, [], listed)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def ocsp(
        self,
        certificate: PkiAuthority,
        *,
        revoked: dt.datetime | None = None,
        issued: dt.datetime = CRL_ISSUED,
        due: dt.datetime | None = CRL_DUE,
        signer: PkiAuthority | None = None,
        reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
    ) -> bytes:
        """An OCSP response, DER."""
        signer = signer or self
        builder = ocsp.OCSPResponseBuilder().add_response(
            certificate.certificate,
            self.certificate,
            hashes.SHA1(),
            ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            issued,
            due,
            revoked,
            reason if revoked else None,
        )
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, signer.certificate)
        if signer is not self:
            builder = builder.certificates([signer.certificate])
        return builder.sign(signer.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _entry(serial: int, since: dt.datetime, reason: x509.ReasonFlags | None) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder(serial, since)
    return (builder if reason is None else builder.add_extension(x509.CRLReason(reason), False)).build()


def make_root(
    name: str = "root", valid: tuple[dt.datetime, dt.datetime] = (utc_date(2020), utc_date(2040)), bits: int = 0
) -> PkiAuthority:
    """A self-signed authority."""
    key = make_key(name, bits)
    subject = _name(name)
    builder = _builder(name, subject, key, True, valid)
    builder = builder.add_extension(_key_usage(("key_cert_sign", "crl_sign")), True)
    return PkiAuthority(key, builder.sign(key, hashes.SHA256()))


class Site:
    """A folder with the trust material of a site, and evaluations with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = count()

    def file(self, *values: PkiAuthority | bytes) -> tuple[str, ...]:
        """Write each to a file of its own."""
        names = []
        for each in values:
            path = self.folder / f"{next(self._number)}.der"
            path.write_bytes(each if isinstance(each, bytes) else each.der)
            names.append(str(path))
        return tuple(names)

    def settings(self, *anchors: PkiAuthority | bytes, **more: Any) -> TrustSettings:
        """Settings with these anchors, and values instead of files."""
        for name in ("intermediates", "crls", "ocsp_responses"):
            if name in more:
                more[name] = self.file(*more[name])
        return TrustSettings(anchors=self.file(*anchors), **more)

    def ask(
        self,
        leaf: PkiAuthority | bytes,
        *anchors: PkiAuthority | bytes,
        at: dt.datetime = SIGNED,
        basis: TimeBasis = TimeBasis.CLAIMED,
        now: dt.datetime = NOW,
        **more: Any,
    ) -> TrustResult:
        """Evaluate a certificate for a signature made at a time."""
        evaluator = X509Backend().open(self.settings(*anchors, **more))
        der = leaf if isinstance(leaf, bytes) else leaf.der
        return evaluator.evaluate(TrustRequest(certificate=der, moment=at, basis=basis, now=now))


def result_outcome(answer: TrustResult) -> Outcome:
    """The outcome of the findings, as in a report."""
    outcomes = {finding.outcome for finding in answer.findings}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.UNKNOWN if Outcome.UNKNOWN in outcomes else Outcome.PASSED


def finding_codes(answer: TrustResult, outcome: Outcome | None = None) -> list[str]:
    """The codes of the findings, or of those with an outcome."""
    return [finding.code for finding in answer.findings if outcome in (None, finding.outcome)]


def find_finding(answer: TrustResult, code: str) -> Finding:
    """The one finding with this code."""
    (found,) = (finding for finding in answer.findings if finding.code == code)
    return found


def _builder(
    name: str, issuer: x509.Name, key: Key, authority: bool, valid: tuple[dt.datetime, dt.datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(next(_SERIALS))
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(usages: Sequence[str]) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(
        **{usage: usage in usages for usage in (*every, "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")}
    )
