"""The input of Digital Signature Profiles: a view of a level, and the facts about a signature."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Final

from msgspec import Struct

from dcmseal.dataset.header import ElementKind
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.location import Location
from dcmseal.macro.read import iter_items
from dcmseal.macro.signer_certificate import Certificate
from dcmseal.model.signature import DigitalSignature
from dcmseal.plugins.profile import OTHER_PURPOSE, SignatureFacts
from dcmseal.terms import PURPOSE_CODING_SCHEME, SignaturePurpose

_MAX_TEXT: Final = 4096
_MAX_ITEMS: Final = 1000
_MAX_NESTED: Final = 100_000
_PURPOSE_CODES: Final = frozenset(str(purpose.value) for purpose in SignaturePurpose)


class LevelView(Struct, frozen=True, kw_only=True, dict=True):
    """A level as profiles see it."""

    scan: LevelScanner
    location: Location

    @property
    def tags(self) -> frozenset[int]:
        return self._tags

    @cached_property
    def _tags(self) -> frozenset[int]:
        return frozenset(self.scan.tags)

    @property
    def is_main(self) -> bool:
        return not self.location.steps

    def text(self, tag: int) -> str | None:
        """Return a value as text without padding; None if it is absent, empty, too long, or of another kind."""
        index = self.scan.index(tag)
        if index is None or index in self.scan.kinds:
            return None
        start, end = self.scan.value_range(index)
        if end - start > _MAX_TEXT:
            return None
        return self.scan.source.read(start, end).decode("latin-1").strip(" \0") or None

    def count_items(self, tag: int) -> int | None:
        """Count the items of a sequence, up to 1000; None if it is absent or not a sequence."""
        index = self.scan.index(tag)
        if index is None or self.scan.kinds.get(index) is not ElementKind.SEQUENCE:
            return None
        items = iter_items(self.scan, index, max_items=_MAX_ITEMS + 1)
        return sum(1 for _ in islice(items, _MAX_ITEMS))

    def count_lacking(self, path: tuple[int, ...], any_of: frozenset[int]) -> int:
        """Count items without any item in some sequences.

        Args:
            path: Tags of nested sequences; the items of the last one are counted.
            any_of: Tags of sequences; an item counts if none of these has an item.

        Raises:
            Malformed: The items are not encoded as in PS3.5 7.5.
        """
        known = self._lacking_counts.get((path, any_of))
        if known is None:
            known = sum(not any(_has_items(item, tag) for tag in any_of) for item in _iter_path_items(self.scan, path))
            self._lacking_counts[path, any_of] = known
        return known

    @cached_property
    def _lacking_counts(self) -> dict[tuple[tuple[int, ...], frozenset[int]], int]:
        """A cache of results, because profiles ask again for each signature."""
        return {}


def _iter_path_items(scan: LevelScanner, path: tuple[int, ...]) -> Iterator[LevelScanner]:
    """Iterate over the items of the last of nested sequences."""
    for item in _iter_sequence_items(scan, path[0]):
        if len(path) == 1:
            yield item
        else:
            yield from _iter_path_items(item, path[1:])


def _has_items(scan: LevelScanner, tag: int) -> bool:
    return any(True for _ in _iter_sequence_items(scan, tag))


def _iter_sequence_items(scan: LevelScanner, tag: int) -> Iterator[LevelScanner]:
    index = scan.index(tag)
    if index is not None and scan.kinds.get(index) is ElementKind.SEQUENCE:
        yield from (item for _, _, item in iter_items(scan, index, _MAX_NESTED))


def build_signature_facts(
    signature: DigitalSignature, certificate: Certificate | None, elements: frozenset[int]
) -> SignatureFacts:
    """Build the facts about a signature for profiles.

    Args:
        signature: The signature.
        certificate: The certificate of its signer; None if it cannot be parsed.
        elements: The tags of the signed elements.
    """
    mac = signature.mac
    return SignatureFacts(
        mac_algorithm=mac.mac_algorithm if mac else None,
        key_type=certificate.key_type if certificate else None,
        certificate_type=signature.certificate_type,
        timestamp_type=signature.timestamp_type,
        purpose=purpose_code(signature),
        elements=elements,
        key_bits=certificate.key_bits if certificate else None,
    )


def purpose_code(signature: DigitalSignature) -> int | None:
    """Return the purpose of a signature as a code of CID 7007; OTHER_PURPOSE if it has another one."""
    if signature.purpose is None:
        return None
    code = signature.purpose.value
    if signature.purpose.scheme != PURPOSE_CODING_SCHEME or code not in _PURPOSE_CODES:
        return OTHER_PURPOSE
    return int(code)
