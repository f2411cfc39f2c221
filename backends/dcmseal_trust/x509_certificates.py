"""Parses certificates completely, so that malformed fields are rejected here and cannot cause errors later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, Final

from asn1crypto import core, x509
from cryptography import x509 as strict
from cryptography.exceptions import UnsupportedAlgorithm

from dcmseal.plugins.asn1 import original_der
from dcmseal.warning_filter import suppress_warnings
from dcmseal_trust.name_comparison import ComparableName

EARLIEST: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
LATEST: Final = dt.datetime.max.replace(tzinfo=dt.UTC)
CLOCK_SKEW: Final = dt.timedelta(minutes=5)
"""Maximum time by which the clock of a CRL issuer or OCSP responder may be ahead."""


def parse_time(time: Any) -> dt.datetime:
    """Convert a Time or GeneralizedTime; a time before year 1 becomes EARLIEST.

    Raises:
        ValueError: The value is malformed.
    """
    native = time.native
    # asn1crypto represents dates of year 0 by a separate type
    return native.astimezone(dt.UTC) if isinstance(native, dt.datetime) else EARLIEST


def add_delay(moment: dt.datetime, delay: dt.timedelta) -> dt.datetime:
    """Add a delay to a time; the result is limited to EARLIEST and LATEST."""
    try:
        return moment + delay
    except OverflowError:
        return LATEST if delay > dt.timedelta() else EARLIEST


_USED_EXTENSIONS: Final = (
    *("basic_constraints", "key_usage", "extended_key_usage", "key_identifier", "authority_key_identifier"),
    *("name_constraints", "certificate_policies", "policy_mappings", "policy_constraints", "inhibit_any_policy"),
    *("crl_distribution_points", "ocsp_no_check"),
)
"""Extensions that affect whether a certificate, or one that it issued, is valid."""
_NEVER_CRITICAL: Final = frozenset({"authority_key_identifier", "key_identifier", "freshest_crl"})
"""Extensions that must not be critical (RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.15)."""


class RefusedObject(ValueError):
    """An object can be decoded but must not be used; the message says why, in words like 'it is malformed'."""


class Rfc5280Violation(RefusedObject):
    """An object violates a rule of RFC 5280."""


class TbsCertificate(x509.TbsCertificate):  # type: ignore[misc] # asn1crypto has no types
    """The signed part of a certificate, with names that can always be compared, and its original encoding."""

    _fields = [  # noqa: RUF012 - how asn1crypto declares its types
        (name, ComparableName if name in ("issuer", "subject") else spec, *more)
        for name, spec, *more in x509.TbsCertificate._fields
    ]

    def dump(self, force: bool = False) -> bytes:  # noqa: FBT001, FBT002 - the signature of asn1crypto's
        return original_der(self)


class X509Certificate(x509.Certificate):  # type: ignore[misc] # as above
    """A certificate with its original encoding and validity as datetimes."""

    _fields = [("tbs_certificate", TbsCertificate), *x509.Certificate._fields[1:]]  # noqa: RUF012 - as above

    def dump(self, force: bool = False) -> bytes:  # noqa: FBT001, FBT002 - as above
        return original_der(self)

    @property
    def not_before(self) -> dt.datetime:
        """The start of the validity period."""
        return parse_time(self["tbs_certificate"]["validity"]["not_before"])

    @property
    def not_after(self) -> dt.datetime:
        """The end of the validity period."""
        return parse_time(self["tbs_certificate"]["validity"]["not_after"])


def parse_certificate(der: bytes) -> X509Certificate:
    """Parse a certificate, including all fields that are used later.

    Raises:
        ValueError: The data is not a certificate.
        RefusedObject: The certificate must not be used.
    """
    try:
        certificate: X509Certificate = X509Certificate.load(der, strict=True)
        tbs = certificate["tbs_certificate"]
        extensions = tbs["extensions"]
    except Exception as error:  # asn1crypto raises many exceptions
        raise ValueError("not a certificate") from error
    # asn1crypto parses lazily and accepts BER; cryptography rejects anything but DER
    try:
        with suppress_warnings():
            strict.load_der_x509_certificate(der).public_key()
    except (ValueError, TypeError, strict.InvalidVersion, UnsupportedAlgorithm) as error:
        raise RefusedObject("it is malformed or has a key of an unsupported type") from error
    check_no_duplicates(extensions)
    if tbs["signature"].dump() != certificate["signature_algorithm"].dump():
        raise Rfc5280Violation("its two signature algorithms differ (RFC 5280 4.1.1.2)")
    if never := sorted(_NEVER_CRITICAL & certificate.critical_extensions):
        raise Rfc5280Violation(f"its extension {never[0].replace('_', ' ')} must not be critical (RFC 5280 4.2.1)")
    if _has_explicit_curve(tbs):
        raise RefusedObject("it specifies the parameters of its curve instead of a named curve (RFC 5480 2.1.1)")
    try:
        _parse_all_fields(certificate)
    except Exception as error:  # as above
        raise RefusedObject("one of its fields is malformed") from error
    return certificate


def check_no_duplicates(extensions: Any) -> None:
    """Check that extensions are unique (RFC 5280 4.2).

    Raises:
        Rfc5280Violation: An extension occurs twice.
    """
    if isinstance(extensions, core.Void):
        return
    oids = [each["extn_id"].dotted for each in extensions]
    if len(set(oids)) < len(oids):
        raise Rfc5280Violation("it contains an extension twice (RFC 5280 4.2)")


def unknown_critical_extensions(extensions: Any, known: frozenset[str]) -> list[str]:
    """Return the OIDs of critical extensions that are not known."""
    if isinstance(extensions, core.Void):
        return []
    return [
        each["extn_id"].dotted for each in extensions if each["critical"].native and each["extn_id"].native not in known
    ]


def iter_usable(certificates: Iterable[bytes]) -> Iterator[X509Certificate]:
    """Parse certificates, and leave out those that cannot be used."""
    for der in certificates:
        try:
            yield parse_certificate(der)
        except ValueError:
            continue


def _has_explicit_curve(tbs: Any) -> bool:
    algorithm = tbs["subject_public_key_info"]["algorithm"]
    return bool(algorithm["algorithm"].native == "ec" and algorithm["parameters"].name != "named")


def _parse_all_fields(certificate: X509Certificate) -> None:
    """Access all fields that are used later, because asn1crypto parses them on access."""
    _ = (certificate.issuer.hashable, certificate.subject.hashable, certificate.issuer_serial)
    _ = (certificate.not_before, certificate.not_after, certificate.serial_number, certificate.critical_extensions)
    _ = (certificate.public_key.sha1, certificate.public_key.bit_size, certificate.self_signed)
    for name in _USED_EXTENSIONS:
        value = getattr(certificate, f"{name}_value")
        _ = None if value is None else value.native
    _ = (certificate.authority_issuer_serial, certificate.max_path_length, certificate.self_issued)
