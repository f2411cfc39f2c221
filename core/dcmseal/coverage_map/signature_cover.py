"""Find the signatures that cover each element, or the reason why an element cannot be signed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Final

from msgspec import Struct, field

from dcmseal import tags
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.vr import is_unknown_vr
from dcmseal.location import Location
from dcmseal.model.coverage_map import MappedSignature
from dcmseal.model.report import SignatureReport

_UNKNOWN: Final = "its VR is UN"
_OWN: Final = "it is part of the signature itself"


class Protection(Struct, frozen=True):
    """The signatures that cover an element, by number."""

    valid: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()
    """Signatures that list the element, but do not protect it because they are not valid."""
    why: str = ""
    """Why the element cannot be signed."""

    def union(self, other: Protection) -> Protection:
        """Combine two protections of the same element."""
        if not (other.valid or other.broken):
            return self
        return Protection(
            tuple(sorted({*self.valid, *other.valid})), tuple(sorted({*self.broken, *other.broken})), self.why
        )


NO_PROTECTION: Final = Protection()


class _SignedList(Struct, frozen=True):
    """A list of signed elements, and the signatures that have this list."""

    signed: frozenset[int]
    protection: Protection


class SignatureCover:
    """The verified signatures of a file, by level."""

    def __init__(self, signatures: Sequence[SignatureReport]) -> None:
        self.signatures = tuple(_map_signature(number, each) for number, each in enumerate(signatures, 1))
        at: dict[Location, dict[frozenset[int], list[int]]] = {}
        self._own: dict[Location, int] = {}
        # signatures of a level often share one list, as the same tuple object
        known: dict[int, frozenset[int]] = {}
        for number, each in enumerate(signatures, 1):
            signature = each.signature
            self._own[signature.location.item(tags.DIGITAL_SIGNATURES_SEQUENCE, signature.index)] = number
            if each.coverage is not None:
                signed = known.setdefault(id(each.coverage.signed), frozenset(each.coverage.signed))
                at.setdefault(signature.location, {}).setdefault(signed, []).append(number)
        self._lists = {
            location: tuple(_SignedList(signed, self._protection(numbers)) for signed, numbers in lists.items())
            for location, lists in at.items()
        }
        places = {location.steps for location in (*self._own, *at)}
        self._sequences = {(steps[:depth], steps[depth][0]) for steps in places for depth in range(len(steps))}

    def has_signatures(self, location: Location, sequence: int) -> bool:
        """Whether items of a sequence at a location, or levels in them, have signatures."""
        return (location.steps, sequence) in self._sequences

    def at(self, location: Location, inherited: Protection) -> LevelCover:
        """Get the cover of a level.

        Args:
            location: The level.
            inherited: The protection of the sequence that contains the level.

        Returns:
            The cover of its elements.
        """
        own = self._own.get(location)
        return LevelCover(
            lists=self._lists.get(location, ()),
            inherited=inherited,
            own=None if own is None else self._protection([own]),
        )

    def _protection(self, numbers: Iterable[int]) -> Protection:
        is_valid = {number: self.signatures[number - 1].is_valid for number in numbers}
        return Protection(
            tuple(number for number, valid in is_valid.items() if valid),
            tuple(number for number, valid in is_valid.items() if not valid),
        )


class LevelCover(Struct, frozen=True, kw_only=True):
    """The signatures that cover the elements of one level."""

    lists: tuple[_SignedList, ...]
    inherited: Protection
    own: Protection | None
    """In an item of Digital Signatures Sequence: that signature, whose MAC also covers the item."""
    cache: dict[tuple[Protection, ...], Protection] = field(default_factory=dict[tuple[Protection, ...], Protection])
    """Combined protections, because most elements share one."""

    def lookup(self, tag: int, vr: bytes) -> Protection:
        """Look up the protection of an element of this level.

        Args:
            tag: The tag of the element.
            vr: The VR of the element.

        Returns:
            The protection, which also applies to everything in the element that can be signed.
        """
        if self.own is not None:
            if tag in tags.NOT_IN_MAC:
                return Protection(why=_OWN)
            return Protection(why=_unsignable_reason(tag, vr)) if _unsignable_reason(tag, vr) else self.own
        why = _unsignable_reason(tag, vr) or self.inherited.why
        if why:
            return Protection(why=why)
        if not self.lists:
            return self.inherited
        listing = tuple(each.protection for each in self.lists if tag in each.signed)
        known = self.cache.get(listing)
        if known is None:
            known = self.cache[listing] = reduce(Protection.union, listing, self.inherited)
        return known


def inherit_protection(vr: bytes, protection: Protection) -> Protection:
    """Get the protection of items from that of their sequence; items of VR UN cannot be signed."""
    return Protection(why="it is inside an element of VR UN") if is_unknown_vr(vr) else protection


def _unsignable_reason(tag: int, vr: bytes) -> str:
    return exclusion_reason(tag) or (_UNKNOWN if is_unknown_vr(vr) else "")


def _map_signature(number: int, report: SignatureReport) -> MappedSignature:
    return MappedSignature(
        number=number,
        uid=report.signature.uid,
        location=str(report.signature.location),
        verdict=report.verdict,
        is_valid=report.protects,
    )
