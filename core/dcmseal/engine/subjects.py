"""Who a certificate says that its owner is, for comparison with names that people write (RFC 4514).

>>> sorted(value for _, value in attributes_of_name("CN=Dr. Example,O=Hospital"))
['Dr. Example', 'Hospital']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from dcmseal.errors import UsageError
from dcmseal.quiet import without_warnings

if TYPE_CHECKING:
    from cryptography import x509

    from dcmseal.engine.certificate import Certificate

Attributes: TypeAlias = frozenset[tuple[str, str | bytes]]
"""Attributes of a name: dotted object identifiers with their values."""
NOBODY: Final[Attributes] = frozenset()
COMMON_NAME: Final = "2.5.4.3"
"""The object identifier of id-at-commonName (RFC 5280 A.1)."""


def attributes_of_name(text: str) -> Attributes:
    """The attributes of a name as RFC 4514 writes it; raises UsageError if it is none."""
    from cryptography import x509

    try:
        attributes = _attributes(x509.Name.from_rfc4514_string(text))
    except ValueError:
        attributes = NOBODY
    if not attributes:
        raise UsageError(
            "that is no name of a signer", hint="write it as dcmseal certificate shows it: CN=Dr. Example,O=Hospital"
        )
    return attributes


def attributes_of(certificate: Certificate) -> Attributes:
    """The attributes of a certificate's subject; none if it cannot be read."""
    # names are decoded when they are asked for, and hostile ones fail in many ways, or only warn
    try:
        with without_warnings():
            return _attributes(certificate.parsed.subject)
    except (ValueError, TypeError, LookupError):
        return NOBODY


def _attributes(name: x509.Name) -> Attributes:
    return frozenset((each.oid.dotted_string, each.value) for each in name)
