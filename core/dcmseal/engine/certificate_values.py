"""Certificates and times as values of JSON documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from dcmseal.engine.certificate import Certificate, read_certificate
from dcmseal.engine.json_values import Document, Json
from dcmseal.errors import CertificateNotValid
from dcmseal.model import CertifiedTime


def signer_value(certificate: bytes) -> Json:
    """The signer's certificate; None if it cannot be read."""
    try:
        return certificate_value(read_certificate(certificate))
    except CertificateNotValid:
        return None


def certificate_value(certificate: Certificate) -> Document:
    """A certificate, less the certificate itself."""
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        # a number of 160 bits is more than JSON readers keep exactly
        "serial": f"{certificate.serial_number:x}",
        "not_before": format_moment(certificate.not_before),
        "not_after": format_moment(certificate.not_after),
        "key_type": certificate.key_type.value if certificate.key_type else "",
        "key_bits": certificate.key_bits,
        "sha256": certificate.sha256,
    }


def certified_time_value(time: CertifiedTime | None) -> Json:
    """A certified time; None if there is none, or none that is sound."""
    if time is None:
        return None
    return {
        "moment": format_moment(time.moment),
        "accuracy_microseconds": None if time.accuracy is None else time.accuracy // timedelta(microseconds=1),
        "policy": time.policy,
        "serial": f"{time.serial_number:x}",
        "authority": signer_value(time.authority),
    }


def format_moment(moment: datetime) -> str | None:
    """ISO 8601 in UTC; None for a moment whose UTC lies outside the years 1 to 9999."""
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None
