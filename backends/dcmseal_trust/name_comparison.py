"""Compares names by RFC 5280 7.1, with values of any type.

asn1crypto prepares only strings. Values of other types (x500UniqueIdentifier is a BIT STRING), and strings that cannot
be prepared, are compared by their encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asn1crypto import x509

NameKey = tuple[str, ...]
"""The normalized relative distinguished names."""


class NameTypeAndValue(x509.NameTypeAndValue):  # type: ignore[misc] # asn1crypto has no types
    """An attribute with a value of any type."""

    @property
    def prepped_value(self) -> str:
        """The prepared string, which starts with a space; the encoding in hexadecimal for other types."""
        try:
            return str(super().prepped_value)
        except Exception:  # noqa: BLE001 - asn1crypto raises many exceptions for other types
            return str(self.dump().hex())


class RelativeDistinguishedName(x509.RelativeDistinguishedName):  # type: ignore[misc] # as above
    """A set of attributes."""

    _child_spec = NameTypeAndValue


class RDNSequence(x509.RDNSequence):  # type: ignore[misc] # as above
    """A sequence of relative distinguished names."""

    _child_spec = RelativeDistinguishedName


class ComparableName(x509.Name):  # type: ignore[misc] # as above
    """A name that can always be compared."""

    _alternatives = [("", RDNSequence)]  # noqa: RUF012 - how asn1crypto declares its types


def name_key(name: x509.Name) -> NameKey:
    """Return a key for comparison: two keys are equal if and only if the names are."""
    return tuple(each.hashable for each in ComparableName.load(name.chosen.untag().dump()).chosen)


def iter_point_keys(point: Any, base: NameKey) -> Iterator[object]:
    """Iterate over keys for the names of a distribution point (RFC 5280 4.2.1.13, 5.2.5).

    Args:
        point: The DistributionPointName.
        base: The name to which ``nameRelativeToCRLIssuer`` is relative.
    """
    if point.name == "full_name":
        yield from iter_general_name_keys(point.chosen)
    else:
        yield (*base, RelativeDistinguishedName.load(point.chosen.untag().dump()).hashable)


def iter_general_name_keys(names: Any) -> Iterator[object]:
    """Iterate over keys for general names: name keys for directory names, the encoding for others."""
    for each in names:
        yield name_key(each.chosen) if each.name == "directory_name" else each.dump()
