"""Which signatures protect the elements of a level, and why some elements cannot be protected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from dcmseal import tags
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.vr import is_unknown_vr
from dcmseal.location import Location
from dcmseal.model.coverage_map import MappedSignature
from dcmseal.model.report import SignatureReport

_UNKNOWN: Final = "its VR is UN"
_OWN: Final = "it is verified with the signature, not signed by it"


@dataclass(frozen=True, slots=True)
class Protection:
    """Numbers of the signatures that protect an element, and of those that would if they held."""

    holding: tuple[int, ...] = ()
    broken: tuple[int, ...] = ()
    why: str = ""
    """Why no signature can."""

    def union(self, other: Protection) -> Protection:
        """What both protect."""
        if not (other.holding or other.broken):
            return self
        return Protection(
            tuple(sorted({*self.holding, *other.holding})), tuple(sorted({*self.broken, *other.broken})), self.why
        )


NO_PROTECTION: Final = Protection()


@dataclass(frozen=True, slots=True)
class _SignedList:
    """A list of signed elements, and the signatures that share it."""

    signed: frozenset[int]
    protection: Protection


class SignatureCover:
    """Signatures, by the level they are at."""

    def __init__(self, signatures: Sequence[SignatureReport]) -> None:
        self.signatures = tuple(_map_signature(number, each) for number, each in enumerate(signatures, 1))
        at: dict[Location, dict[frozenset[int], list[int]]] = {}
        self._own: dict[Location, int] = {}
        # signatures of a level share few lists, and their tuples are the same
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

    def at(self, location: Location, inherited: Protection) -> LevelCover:
        """The cover of the elements at a location, of which ``inherited`` protects all that can be signed."""
        own = self._own.get(location)
        return LevelCover(
            lists=self._lists.get(location, ()),
            inherited=inherited,
            own=None if own is None else self._protection([own]),
        )

    def _protection(self, numbers: Iterable[int]) -> Protection:
        held = {number: self.signatures[number - 1].holds for number in numbers}
        return Protection(
            tuple(number for number, holds in held.items() if holds),
            tuple(number for number, holds in held.items() if not holds),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelCover:
    """What protects the elements of one level."""

    lists: tuple[_SignedList, ...]
    inherited: Protection
    own: Protection | None
    """Of an item of Digital Signatures Sequence: the signature it is, whose MAC holds the item too."""
    cache: dict[tuple[Protection, ...], Protection] = field(default_factory=dict[tuple[Protection, ...], Protection])
    """What several lists come to together: few elements differ in that."""

    def lookup(self, tag: int, vr: bytes) -> Protection:
        """What protects an element of this level, and all in it that can be signed."""
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
    """What a sequence hands on to its items: what protects it protects them, and nothing can what is never signed."""
    return Protection(why="it is inside an element of VR UN") if is_unknown_vr(vr) else protection


def _unsignable_reason(tag: int, vr: bytes) -> str:
    return exclusion_reason(tag) or (_UNKNOWN if is_unknown_vr(vr) else "")


def _map_signature(number: int, report: SignatureReport) -> MappedSignature:
    return MappedSignature(
        number=number,
        uid=report.signature.uid,
        location=str(report.signature.location),
        verdict=report.verdict,
        holds=report.protects,
    )
