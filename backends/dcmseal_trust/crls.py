"""Parses CRLs, and determines their scope and entries (RFC 5280 5, 6.3.3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from asn1crypto import core
from asn1crypto.crl import CertificateList
from cryptography import x509
from msgspec import Struct

from dcmseal.warning_filter import suppress_warnings
from dcmseal_trust.name_comparison import ComparableName, NameKey, iter_general_name_keys, iter_point_keys, name_key
from dcmseal_trust.x509_certificates import (
    EARLIEST,
    RefusedObject,
    Rfc5280Violation,
    X509Certificate,
    check_no_duplicates,
    parse_time,
    unknown_critical_extensions,
)

ALL_REASONS: Final = frozenset(
    "key_compromise ca_compromise affiliation_changed superseded cessation_of_operation certificate_hold "
    "privilege_withdrawn aa_compromise".split()
)
_KNOWN_EXTENSIONS: Final = frozenset({"delta_crl_indicator", "issuing_distribution_point", "authority_key_identifier"})
"""Extensions that may be critical."""
_KNOWN_ENTRY_EXTENSIONS: Final = frozenset({"2.5.29.21", "2.5.29.23", "2.5.29.24", "2.5.29.29"})
"""Reason, hold instruction, invalidity date, certificate issuer."""


class CrlEntry(Struct, frozen=True, kw_only=True):
    """An entry for a certificate."""

    since: dt.datetime
    reason: str
    is_supported: bool = True
    """Whether it is well-formed, and all its critical extensions are supported."""


class Crl(Struct, frozen=True, kw_only=True, eq=False):
    """A parsed CRL; its entries are parsed on access."""

    der: bytes
    parsed: CertificateList
    listing: x509.CertificateRevocationList
    issuer: NameKey
    this_update: dt.datetime
    next_update: dt.datetime | None
    is_supported: bool
    """Whether its critical extensions are supported, and consistent with each other and the version."""
    number: int | None
    base: int | None
    """The number of the base CRL, if this is a delta CRL."""
    scope: bytes
    """The issuing distribution point in DER, equal in delta and complete CRL (RFC 5280 5.2.4)."""
    points: frozenset[object]
    """The names of the issuing distribution point; empty if none is stated."""
    reasons: frozenset[str]
    is_indirect: bool
    covers_authorities: bool
    """Whether it covers CA certificates."""
    covers_end_entities: bool
    """Whether it covers end-entity certificates."""

    @property
    def tbs_bytes(self) -> bytes:
        """The signed bytes."""
        return self.listing.tbs_certlist_bytes

    def find_entries(self, certificate: X509Certificate, issuer: NameKey) -> Iterator[CrlEntry]:
        """Find the entries for a certificate, which may be listed several times.

        Args:
            certificate: The certificate.
            issuer: The name of its issuer.
        """
        if not self.is_indirect and self.issuer != issuer:
            return
        # a CRL may have millions of entries: a search for the serial number rules out most certificates
        if certificate["tbs_certificate"]["serial_number"].dump() not in self.der:
            return
        serial = certificate.serial_number
        issuers = frozenset[object]({self.issuer})
        with suppress_warnings():
            for each in self.listing:
                stated = _parse_entry_issuers(each) if self.is_indirect else issuers
                # the certificate issuer of an entry also applies to the following entries (5.3.3)
                issuers = stated or issuers
                # a malformed entry may be for this certificate
                if each.serial_number == serial and (not self.is_indirect or stated is None or issuer in issuers):
                    yield _parse_entry(each)


def parse_crl(der: bytes) -> Crl:
    """Parse a CRL in DER.

    Raises:
        ValueError: The data is not a CRL.
        RefusedObject: The CRL is malformed.
        Rfc5280Violation: The CRL violates RFC 5280.
    """
    try:
        parsed = CertificateList.load(der, strict=True)
        tbs = parsed["tbs_cert_list"]
        extensions = tbs["crl_extensions"]
    except Exception as error:  # asn1crypto raises many exceptions
        raise ValueError("not a CRL") from error
    check_no_duplicates(extensions)
    try:
        return _build_crl(der, parsed, tbs, extensions)
    except RefusedObject:
        raise
    except Exception as error:  # as above
        raise RefusedObject("it is malformed") from error


def _build_crl(der: bytes, parsed: CertificateList, tbs: Any, extensions: Any) -> Crl:
    with suppress_warnings():
        listing = x509.load_der_x509_crl(der)
    if tbs["signature"].dump() != parsed["signature_algorithm"].dump():
        raise Rfc5280Violation("its two signature algorithms differ (RFC 5280 5.1.1.2)")
    issuer = name_key(parsed.issuer)
    number, base, distribution = (
        getattr(parsed, f"{each}_value") for each in ("crl_number", "delta_crl_indicator", "issuing_distribution_point")
    )
    point_name = distribution["distribution_point"] if distribution else core.VOID
    some_reasons = distribution["only_some_reasons"].native if distribution else None
    flags = {
        name: bool(distribution and distribution[name].native) for name in (f"only_contains_{k}_certs" for k in _KINDS)
    }
    # at most one of the flags may be set, and the distribution point must not be empty (5.2.5)
    only = [name for name, is_set in flags.items() if is_set]
    is_consistent = len(only) < 2 and not (distribution and not distribution.contents) and _has_valid_version(tbs)
    return Crl(
        der=der,
        parsed=parsed,
        listing=listing,
        issuer=issuer,
        this_update=parse_time(tbs["this_update"]),
        next_update=None if tbs["next_update"].native is None else parse_time(tbs["next_update"]),
        is_supported=is_consistent and not unknown_critical_extensions(extensions, _KNOWN_EXTENSIONS),
        number=number.native if number else None,
        base=base.native if base else None,
        scope=distribution.dump() if distribution else b"",
        points=frozenset(() if isinstance(point_name, core.Void) else iter_point_keys(point_name, issuer)),
        reasons=ALL_REASONS if some_reasons is None else ALL_REASONS & set(some_reasons),
        is_indirect=bool(distribution and distribution["indirect_crl"].native),
        covers_authorities=not only or "only_contains_ca_certs" in only,
        covers_end_entities=not only or "only_contains_user_certs" in only,
    )


_KINDS: Final = ("user", "ca", "attribute")


def _has_valid_version(tbs: Any) -> bool:
    """Whether a CRL has version 2, or version 1 without extensions (RFC 5280 5.1.2.1)."""
    if tbs["version"].native is None:
        return isinstance(tbs["crl_extensions"], core.Void)
    return bool(tbs["version"].native == "v2")


def _parse_entry_issuers(entry: x509.RevokedCertificate) -> frozenset[object] | None:
    """Parse the certificate issuers of an entry; empty if not stated, None if malformed."""
    try:
        names = entry.extensions.get_extension_for_class(x509.CertificateIssuer).value
        # convert to asn1crypto, which compares names by RFC 5280 7.1
        return frozenset(
            name_key(ComparableName.load(each.public_bytes())) for each in names.get_values_for_type(x509.DirectoryName)
        )
    except x509.ExtensionNotFound:
        return frozenset()
    except (ValueError, TypeError):
        return None


def _parse_entry(entry: x509.RevokedCertificate) -> CrlEntry:
    try:
        since = entry.revocation_date_utc
    except ValueError:  # year 0
        since = EARLIEST
    try:
        extensions = list(entry.extensions)
    except (ValueError, TypeError):  # repeated or malformed
        return CrlEntry(since=since, reason="unspecified", is_supported=False)
    reasons = [each.value.reason.name for each in extensions if isinstance(each.value, x509.CRLReason)]
    unknown = any(each.critical and each.oid.dotted_string not in _KNOWN_ENTRY_EXTENSIONS for each in extensions)
    return CrlEntry(since=since, reason=reasons[0] if reasons else "unspecified", is_supported=not unknown)


def covered_reasons(crl: Crl, certificate: X509Certificate) -> frozenset[str]:
    """Return the revocation reasons that a CRL covers for a certificate (RFC 5280 6.3.3 b, d).

    Returns:
        The reasons; empty if the certificate is out of scope.
    """
    if not (crl.covers_authorities if is_authority(certificate) else crl.covers_end_entities):
        return frozenset()
    issuer = name_key(certificate.issuer)
    is_direct = crl.issuer == issuer
    reasons = ALL_REASONS if is_direct and not crl.points else frozenset()
    for point in certificate.crl_distribution_points_value or ():
        crl_issuers = set[object](iter_general_name_keys(point["crl_issuer"] or ()))
        is_crl_issuer = crl.issuer in crl_issuers and (is_direct or crl.is_indirect)
        matches_issuer = is_crl_issuer if crl_issuers else is_direct
        if matches_issuer and _matches_point(crl, point, issuer, crl_issuers):
            reasons |= ALL_REASONS if point["reasons"].native is None else ALL_REASONS & set(point["reasons"].native)
    return reasons & crl.reasons


def is_issued_for(crl: Crl, certificate: X509Certificate) -> bool:
    """Whether the CRL is from the issuer of the certificate, or a CRL issuer that it names (RFC 5280 6.3.3 b 1)."""
    if not (crl.covers_authorities or crl.covers_end_entities):
        return False  # a CRL of attribute certificates, which have separate serial numbers
    if crl.issuer == name_key(certificate.issuer):
        return True
    points = certificate.crl_distribution_points_value or ()
    crl_issuers = {key for point in points for key in iter_general_name_keys(point["crl_issuer"] or ())}
    return crl.is_indirect and crl.issuer in crl_issuers


def _matches_point(crl: Crl, point: Any, issuer: NameKey, crl_issuers: set[object]) -> bool:
    """Whether a name of the distribution point matches (RFC 5280 6.3.3 b 2 i)."""
    if not crl.points:
        return True
    point_name = point["distribution_point"]
    if isinstance(point_name, core.Void):
        return not crl.points.isdisjoint(crl_issuers)
    return not crl.points.isdisjoint(iter_point_keys(point_name, crl.issuer if crl_issuers else issuer))


def is_authority(certificate: X509Certificate) -> bool:
    """Whether a certificate is a CA certificate."""
    constraints = certificate.basic_constraints_value
    return bool(constraints is not None and constraints["ca"].native)
