"""Names compared as RFC 5280 7.1 says, whatever types their values have.

asn1crypto prepares strings only: a value of another type (x500UniqueIdentifier is a BIT STRING), or one that cannot be
prepared, is compared by its encoding here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from asn1crypto import x509

NameKey = tuple[str, ...]
"""Of each relative distinguished name, what equal ones have in common."""


class NameTypeAndValue(x509.NameTypeAndValue):  # type: ignore[misc] # asn1crypto has no types
    """An attribute whose value need not be a string."""

    @property
    def prepped_value(self) -> str:
        """The prepared string, which starts with a space; else the encoding."""
        try:
            return str(super().prepped_value)
        except Exception:  # noqa: BLE001 - asn1crypto fails in many ways on what is no string
            return str(self.dump().hex())


class RelativeDistinguishedName(x509.RelativeDistinguishedName):  # type: ignore[misc] # as above
    """A set of such attributes."""

    _child_spec = NameTypeAndValue


class RDNSequence(x509.RDNSequence):  # type: ignore[misc] # as above
    """What a name consists of."""

    _child_spec = RelativeDistinguishedName


class ComparableName(x509.Name):  # type: ignore[misc] # as above
    """A name that can be compared always."""

    _alternatives = [("", RDNSequence)]  # noqa: RUF012 - how asn1crypto declares its types


def name_key(name: x509.Name) -> NameKey:
    """What equal names have in common, and others have not."""
    return tuple(each.hashable for each in ComparableName.load(name.chosen.untag().dump()).chosen)


def iter_point_keys(point: Any, base: NameKey) -> Iterator[object]:
    """What the names of a distribution point are compared by (RFC 5280 4.2.1.13, 5.2.5).

    ``base`` is the name that a relative one belongs to.
    """
    if point.name == "full_name":
        yield from iter_general_name_keys(point.chosen)
    else:
        yield (*base, RelativeDistinguishedName.load(point.chosen.untag().dump()).hashable)


def iter_general_name_keys(names: Any) -> Iterator[object]:
    """What general names are compared by: directory names as names, all others by their encoding."""
    for each in names:
        yield name_key(each.chosen) if each.name == "directory_name" else each.dump()
