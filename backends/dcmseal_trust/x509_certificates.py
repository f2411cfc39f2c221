"""Parses certificates completely and strictly, so that no error occurs later (RFC 5280 4).

asn1crypto parses fields on access. A malformed certificate is rejected here, before a path is built with it.
"""

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
"""How far the clock of a CRL issuer or OCSP responder may be ahead."""


def parse_time(time: Any) -> dt.datetime:
    """Convert a Time or GeneralizedTime of asn1crypto to UTC.

    Returns:
        The time; ``EARLIEST`` for a date in year 0.

    Raises:
        ValueError: The value is not a valid time.
    """
    native = time.native
    # asn1crypto represents dates in year 0 by a type of its own
    return native.astimezone(dt.UTC) if isinstance(native, dt.datetime) else EARLIEST


def add_delay(moment: dt.datetime, delay: dt.timedelta) -> dt.datetime:
    """Add a delay to a time, and limit the result to ``EARLIEST`` and ``LATEST``."""
    try:
        return moment + delay
    except OverflowError:
        return LATEST if delay > dt.timedelta() else EARLIEST


_USED_EXTENSIONS: Final = (
    *("basic_constraints", "key_usage", "extended_key_usage", "key_identifier", "authority_key_identifier"),
    *("name_constraints", "certificate_policies", "policy_mappings", "policy_constraints", "inhibit_any_policy"),
    *("crl_distribution_points", "ocsp_no_check"),
)
"""Extensions that path validation and revocation checking read."""
_NEVER_CRITICAL: Final = frozenset({"authority_key_identifier", "key_identifier", "freshest_crl"})
"""Extensions that must not be critical (RFC 5280 4.2.1.1, 4.2.1.2, 4.2.1.15)."""


class RefusedObject(ValueError):
    """A certificate, CRL or OCSP response was parsed, but must not be used; the message is the reason."""


class Rfc5280Violation(RefusedObject):
    """The object violates RFC 5280."""


class TbsCertificate(x509.TbsCertificate):  # type: ignore[misc] # asn1crypto has no types
    """A TBSCertificate that keeps its signed encoding, and whose names can always be compared."""

    _fields = [  # noqa: RUF012 - how asn1crypto declares its types
        (name, ComparableName if name in ("issuer", "subject") else spec, *more)
        for name, spec, *more in x509.TbsCertificate._fields
    ]

    def dump(self, force: bool = False) -> bytes:  # noqa: FBT001, FBT002 - the signature of asn1crypto
        return original_der(self)


class X509Certificate(x509.Certificate):  # type: ignore[misc] # as above
    """A certificate that keeps its encoding, and whose validity is in UTC."""

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
    """Parse a certificate in DER, including all extensions that are used later.

    Raises:
        ValueError: The data is not a certificate.
        RefusedObject: The certificate is malformed, or its key is unsupported.
        Rfc5280Violation: The certificate violates RFC 5280.
    """
    try:
        certificate: X509Certificate = X509Certificate.load(der, strict=True)
        tbs = certificate["tbs_certificate"]
        extensions = tbs["extensions"]
    except Exception as error:  # asn1crypto raises many exceptions
        raise ValueError("not a certificate") from error
    # asn1crypto accepts encodings that are not DER; cryptography rejects them
    try:
        with suppress_warnings():
            strict.load_der_x509_certificate(der).public_key()
    except (ValueError, TypeError, strict.InvalidVersion, UnsupportedAlgorithm) as error:
        raise RefusedObject("it is malformed, or its key type is unsupported") from error
    check_no_duplicates(extensions)
    if tbs["signature"].dump() != certificate["signature_algorithm"].dump():
        raise Rfc5280Violation("its two signature algorithms differ (RFC 5280 4.1.1.2)")
    if never := sorted(_NEVER_CRITICAL & certificate.critical_extensions):
        raise Rfc5280Violation(
            f"its extension {never[0].replace('_', ' ')} is critical, but must not be (RFC 5280 4.2.1)"
        )
    if _has_explicit_curve(tbs):
        raise RefusedObject("its key has explicit curve parameters instead of a named curve (RFC 5480 2.1.1)")
    try:
        _parse_all_fields(certificate)
    except Exception as error:  # as above
        raise RefusedObject("it is malformed") from error
    return certificate


def check_no_duplicates(extensions: Any) -> None:
    """Raise Rfc5280Violation if an extension is repeated (RFC 5280 4.2)."""
    if isinstance(extensions, core.Void):
        return
    oids = [each["extn_id"].dotted for each in extensions]
    if len(set(oids)) < len(oids):
        raise Rfc5280Violation("an extension is repeated (RFC 5280 4.2)")


def unknown_critical_extensions(extensions: Any, known: frozenset[str]) -> list[str]:
    """Return the OIDs of the critical extensions that are not among the known ones."""
    if isinstance(extensions, core.Void):
        return []
    return [
        each["extn_id"].dotted for each in extensions if each["critical"].native and each["extn_id"].native not in known
    ]


def iter_usable(certificates: Iterable[bytes]) -> Iterator[X509Certificate]:
    """Parse certificates, and skip those that cannot be used."""
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
    _ = (certificate.critical_extensions, certificate.serial_number, certificate.self_signed)
    _ = (certificate.not_before, certificate.not_after)
    _ = (certificate.public_key.sha1, certificate.public_key.bit_size)
    for name in _USED_EXTENSIONS:
        value = getattr(certificate, f"{name}_value")
        _ = None if value is None else value.native
    _ = (certificate.authority_issuer_serial, certificate.max_path_length, certificate.self_issued)
