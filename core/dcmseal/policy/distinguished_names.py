"""Who a certificate says that its owner is, for comparison with names that people write (RFC 4514).

>>> sorted(value for _, value in parse_name("CN=Dr. Example,O=Hospital"))
['Dr. Example', 'Hospital']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from dcmseal.errors import UsageError
from dcmseal.warning_filter import suppress_warnings

if TYPE_CHECKING:
    from cryptography import x509

    from dcmseal.macro.signer_certificate import Certificate

NameAttributes: TypeAlias = frozenset[tuple[str, str | bytes]]
"""Attributes of a name: dotted object identifiers with their values."""
NO_ATTRIBUTES: Final[NameAttributes] = frozenset()
COMMON_NAME: Final = "2.5.4.3"
"""The object identifier of id-at-commonName (RFC 5280 A.1)."""


def parse_name(text: str) -> NameAttributes:
    """The attributes of a name as RFC 4514 writes it; raises UsageError if it is none."""
    from cryptography import x509

    try:
        attributes = _to_attributes(x509.Name.from_rfc4514_string(text))
    except ValueError:
        attributes = NO_ATTRIBUTES
    if not attributes:
        raise UsageError("that is no name of a signer", hint="write it as in CN=Dr. Example,O=Hospital")
    return attributes


def subject_attributes(certificate: Certificate) -> NameAttributes:
    """The attributes of a certificate's subject; none if it cannot be read."""
    # names are decoded when they are asked for, and hostile ones fail in many ways, or only warn
    try:
        with suppress_warnings():
            return _to_attributes(certificate.parsed.subject)
    except (ValueError, TypeError, LookupError):
        return NO_ATTRIBUTES


def _to_attributes(name: x509.Name) -> NameAttributes:
    return frozenset((each.oid.dotted_string, each.value) for each in name)
