"""Parse distinguished names (RFC 4514), to compare the subject of a certificate with the names in a rule.

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
    """Parse a distinguished name.

    Args:
        text: The name as an RFC 4514 string.

    Raises:
        UsageError: The text is not a distinguished name; the message does not repeat it.
    """
    from cryptography import x509

    try:
        attributes = _to_attributes(x509.Name.from_rfc4514_string(text))
    except ValueError:
        attributes = NO_ATTRIBUTES
    if not attributes:
        raise UsageError(
            "the signer is not a distinguished name", hint="write it in the form CN=Dr. Example,O=Hospital"
        )
    return attributes


def subject_attributes(certificate: Certificate) -> NameAttributes:
    """Return the attributes of a certificate's subject; empty if it cannot be parsed."""
    # names are decoded on access; malformed ones raise various errors, or cause warnings
    try:
        with suppress_warnings():
            return _to_attributes(certificate.parsed.subject)
    except (ValueError, TypeError, LookupError):
        return NO_ATTRIBUTES


def _to_attributes(name: x509.Name) -> NameAttributes:
    return frozenset((each.oid.dotted_string, each.value) for each in name)
