"""Certificates, read so that nothing fails later: what can be read is judged, and what cannot is refused at once."""

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
"""By so much the clock of who made a CRL or an OCSP response may be ahead."""


def parse_time(time: Any) -> dt.datetime:
    """The moment of a Time or GeneralizedTime; the earliest if that lies before year 1.

    Raises ValueError if it is none.
    """
    native = time.native
    # asn1crypto has a type of its own for dates of year 0
    return native.astimezone(dt.UTC) if isinstance(native, dt.datetime) else EARLIEST


def add_delay(moment: dt.datetime, delay: dt.timedelta) -> dt.datetime:
    """The moment after a delay; if it lies beyond all moments, the last or first of them."""
    try:
        return moment + delay
    except OverflowError:
        return LATEST if delay > dt.timedelta() else EARLIEST


_USED_EXTENSIONS: Final = (
    *("basic_constraints", "key_usage", "extended_key_usage", "key_identifier", "authority_key_identifier"),
    *("name_constraints", "certificate_policies", "policy_mappings", "policy_constraints", "inhibit_any_policy"),
    *("crl_distribution_points", "ocsp_no_check"),
)
"""Extensions that judging a certificate, or those that it issued, looks into."""


_NEVER_CRITICAL: Final = frozenset({"authority_key_identifier", "key_identifier", "freshest_crl"})


class RefusedObject(ValueError):
    """It can be read, and must not be used; the message says why."""


class Rfc5280Violation(RefusedObject):
    """It breaks a rule that RFC 5280 has whoever reads it enforce."""


class TbsCertificate(x509.TbsCertificate):  # type: ignore[misc] # asn1crypto has no types
    """What was signed, with names that can be compared always, and never encoded again."""

    _fields = [  # noqa: RUF012 - how asn1crypto declares its types
        (name, ComparableName if name in ("issuer", "subject") else spec, *more)
        for name, spec, *more in x509.TbsCertificate._fields
    ]

    def dump(self, force: bool = False) -> bytes:  # noqa: FBT001, FBT002 - the signature of asn1crypto's
        return original_der(self)


class X509Certificate(x509.Certificate):  # type: ignore[misc] # as above
    """A certificate whose moments can be reckoned with."""

    _fields = [("tbs_certificate", TbsCertificate), *x509.Certificate._fields[1:]]  # noqa: RUF012 - as above

    def dump(self, force: bool = False) -> bytes:  # noqa: FBT001, FBT002 - as above
        return original_der(self)

    @property
    def not_before(self) -> dt.datetime:
        """When it becomes valid."""
        return parse_time(self["tbs_certificate"]["validity"]["not_before"])

    @property
    def not_after(self) -> dt.datetime:
        """When its validity ends."""
        return parse_time(self["tbs_certificate"]["validity"]["not_after"])


def parse_certificate(der: bytes) -> X509Certificate:
    """Read a certificate; raises ValueError if it is none, Refused if it is one that cannot be used."""
    try:
        read: X509Certificate = X509Certificate.load(der, strict=True)
        signed = read["tbs_certificate"]
        extensions = signed["extensions"]
    except Exception as error:  # asn1crypto fails in many ways
        raise ValueError("no certificate") from error
    # the strict reader decides what is DER; the other one reads lazily, and fails late
    try:
        with suppress_warnings():
            strict.load_der_x509_certificate(der).public_key()
    except (ValueError, TypeError, strict.InvalidVersion, UnsupportedAlgorithm) as error:
        raise RefusedObject("it cannot be read, or has a key of an unsupported kind") from error
    check_no_duplicates(extensions)
    if signed["signature"].dump() != read["signature_algorithm"].dump():
        raise Rfc5280Violation("it names two signature algorithms (RFC 5280 4.1.1.2)")
    if never := sorted(_NEVER_CRITICAL & read.critical_extensions):
        raise Rfc5280Violation(
            f"its extension {never[0].replace('_', ' ')} is critical, and must not be (RFC 5280 4.2.1)"
        )
    if _has_explicit_curve(signed):
        raise RefusedObject("it states the curve of its key in full instead of its name (RFC 5480 2.1.1)")
    try:
        _read_all_fields(read)
    except Exception as error:  # as above
        raise RefusedObject("it cannot be read to its end") from error
    return read


def check_no_duplicates(extensions: Any) -> None:
    """Raise Violation if there is more than one extension of a kind (RFC 5280 4.2)."""
    if isinstance(extensions, core.Void):
        return
    kinds = [each["extn_id"].dotted for each in extensions]
    if len(set(kinds)) < len(kinds):
        raise Rfc5280Violation("it has an extension twice (RFC 5280 4.2)")


def unknown_critical_extensions(extensions: Any, known: frozenset[str]) -> list[str]:
    """The critical extensions that are not among those known."""
    if isinstance(extensions, core.Void):
        return []
    return [
        each["extn_id"].dotted for each in extensions if each["critical"].native and each["extn_id"].native not in known
    ]


def iter_usable(certificates: Iterable[bytes]) -> Iterator[X509Certificate]:
    """The certificates that can be used."""
    for der in certificates:
        try:
            yield parse_certificate(der)
        except ValueError:
            continue


def _has_explicit_curve(signed: Any) -> bool:
    algorithm = signed["subject_public_key_info"]["algorithm"]
    return bool(algorithm["algorithm"].native == "ec" and algorithm["parameters"].name != "named")


def _read_all_fields(read: X509Certificate) -> None:
    """Read all that is looked at later."""
    _ = (read.issuer.hashable, read.subject.hashable, read.issuer_serial, read.critical_extensions)
    _ = (
        read.not_before,
        read.not_after,
        read.public_key.sha1,
        read.public_key.bit_size,
        read.serial_number,
        read.self_signed,
    )
    for name in _USED_EXTENSIONS:
        value = getattr(read, f"{name}_value")
        _ = None if value is None else value.native
    _ = (read.authority_issuer_serial, read.max_path_length, read.self_issued)
