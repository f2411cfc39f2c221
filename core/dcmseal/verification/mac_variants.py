"""Find the MAC variant that a signature matches, if its MAC does not match the standard one.

The standard leaves some details open, and some signers deviate from it. A variant that matches shows what differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import product
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.dataset.edits import apply_edits
from dcmseal.dataset.header import ElementKind
from dcmseal.dataset.padding import build_padding_edits
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.transfer_syntax import TransferSyntax
from dcmseal.dataset.walk import UNTIL_DELIMITER
from dcmseal.errors import DatasetError
from dcmseal.findings import Outcome
from dcmseal.mac.dcmtk_truncation import Truncation, feed_like_dcmtk
from dcmseal.mac.digest import Digest, new_digest
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.mac.vr_context import VrRules
from dcmseal.macro.level_macs import (
    PLAIN_VARIANT,
    LevelMacs,
    MacKey,
    MacVariant,
    compute_level_macs,
    digest_item,
    mac_key,
)
from dcmseal.macro.levels import Level
from dcmseal.macro.read import SignatureItem
from dcmseal.tags import PIXEL_DATA, format_tag


class VariantMatch(Struct, frozen=True, kw_only=True):
    """A MAC variant that the signature matches, or the reason why no variant can be compared."""

    code: str
    message: str
    clause: str
    is_equivalent: bool = False
    """Whether the data is unchanged, and only its encoding differs."""
    is_old_format: bool = False
    outcome: Outcome = Outcome.FAILED
    shows_key: bool = True
    """Whether the signature matches, which shows that the certificate's key made it."""


_VALUES: Final = "PS3.5 6.2"
_STREAM: Final = "PS3.3 C.12.1.1.3.1.1"
_VR_RULES: Final = tuple(
    VrRules(inherit_pixel_representation=inherit, signed_descriptors=descriptors, bytes_for_8_bits=eight)
    for inherit, descriptors, eight in product((False, True), repeat=3)
)[1:]


class VariantMatcher:
    """Computes the MAC variants of one level, each at most once for all its signatures."""

    def __init__(self, file: DicomFile, level: Level, macs: LevelMacs) -> None:
        self._file = file
        self._level = level
        self._plain = macs
        self._computed: dict[tuple[bool, MacVariant], LevelMacs] = {}
        self._truncated: dict[tuple[bool, MacKey], tuple[Truncation, Digest]] = {}

    def find_match(self, signature_item: SignatureItem, matches: Callable[[bytes], bool]) -> VariantMatch | None:
        """Find the MAC variant that a signature matches.

        Args:
            signature_item: The signature.
            matches: Whether a MAC is the signed one.

        Returns:
            The match; None if no variant matches.
        """
        for alternative, digest in self._iter_variants(signature_item):
            if digest is None or matches(digest):
                return alternative
        return None

    def _iter_variants(self, signature_item: SignatureItem) -> Iterator[tuple[VariantMatch, bytes | None]]:
        """Iterate over the variants and their MACs; a variant without a MAC is the result without comparison."""
        paddings = (False,) if self._minimal_level is None else (False, True)
        if self._minimal_level is not None:
            padded = VariantMatch(
                code="matches-minimal-padding",
                message="the signed data is unchanged, except that padding was added or removed",
                clause=_VALUES,
                is_equivalent=True,
            )
            yield padded, self._compute_digest(signature_item, MacVariant(), minimal=True)
        if self._plain.ambiguous:
            other_vrs = VariantMatch(
                code="matches-other-vrs",
                message="the signed data is unchanged; the signer chose other VRs for context-dependent elements",
                clause="PS3.5 A.1",
                is_equivalent=True,
            )
            for rules, minimal in product(_VR_RULES, paddings):
                yield other_vrs, self._compute_digest(signature_item, MacVariant(rules=rules), minimal=minimal)
        kinds = self._plain.scan.kinds.values()
        if ElementKind.ENCAPSULATED in kinds:
            old = VariantMatch(
                code="matches-old-fragment-format",
                message="the MAC matches only in the format of DCMTK before 3.5.4, which hashed lengths of fragments",
                clause=_STREAM,
                is_old_format=True,
            )
            yield old, self._compute_digest(signature_item, MacVariant(fragment_lengths=True), minimal=False)
        if ElementKind.SEQUENCE in kinds:
            for minimal in paddings:
                yield from self._iter_truncated_variants(signature_item, minimal=minimal)
        other = _find_other_representation(self._file, signature_item, self._plain)
        if other is not None:
            yield other, None

    @cached_property
    def _minimal_level(self) -> Level | None:
        """The level with minimal padding in all values; None if nothing changes, or the level cannot be parsed."""
        level = self._level
        try:
            edits, _ = build_padding_edits(level.source, level.start, level.end, level.encoding, only_padding=True)
        except DatasetError:
            return None
        if not edits:
            return None
        growth = sum(edit.growth for edit in edits)
        end = level.end if level.end == UNTIL_DELIMITER else level.end + growth
        return replace(level, source=apply_edits(level.source, edits), end=end)

    def _compute_macs(self, variant: MacVariant, *, minimal: bool) -> LevelMacs:
        if variant == PLAIN_VARIANT and not minimal:
            return self._plain
        macs = self._computed.get((minimal, variant))
        if macs is None:
            level = self._minimal_level if minimal and self._minimal_level is not None else self._level
            macs = self._computed[minimal, variant] = compute_level_macs(level, variant)
        return macs

    def _compute_digest(self, signature_item: SignatureItem, variant: MacVariant, *, minimal: bool) -> bytes:
        """Compute a variant of a signature's MAC; empty if it cannot be computed."""
        return self._compute_macs(variant, minimal=minimal).digest(signature_item) or b""

    def _iter_truncated_variants(
        self, signature_item: SignatureItem, *, minimal: bool
    ) -> Iterator[tuple[VariantMatch, bytes]]:
        mac = signature_item.signature.mac
        if mac is None or mac.mac_algorithm is None:
            return
        key = minimal, mac_key(mac)
        if key not in self._truncated:
            macs = self._compute_macs(PLAIN_VARIANT, minimal=minimal)
            digest = new_digest(mac.mac_algorithm)
            encoder = MacEncoder(source=macs.scan.source, encoding=macs.scan.encoding)
            signed = frozenset(mac.elements).difference(macs.facts.unsignable)
            self._truncated[key] = feed_like_dcmtk(macs.scan, encoder, signed, digest.update), digest
        truncation, digest = self._truncated[key]
        if not truncation.sequences:
            return
        where = ", ".join(f"{format_tag(tag)} ({cuts} cut)" for tag, cuts in truncation.sequences)
        yield (
            VariantMatch(
                code="dcmtk-truncated",
                message=(
                    "the MAC matches only if it is truncated, as in DCMTK 3.6.6 and later: "
                    f"{truncation.lost_bytes} bytes nested in {where} are not protected"
                ),
                clause=_STREAM,
            ),
            digest_item(signature_item.item, digest.copy()).digest(),
        )


def _find_other_representation(file: DicomFile, signature_item: SignatureItem, macs: LevelMacs) -> VariantMatch | None:
    """Report pixels that were compressed or decompressed after signing, because their bytes cannot be compared."""
    mac = signature_item.signature.mac
    if mac is None or PIXEL_DATA not in mac.elements:
        return None
    signed, now = TransferSyntax(mac.transfer_syntax), file.syntax
    same = not signed.is_encapsulated and not now.is_encapsulated
    if same or signed.uid == now.uid or macs.scan.index(PIXEL_DATA) is None:
        return None
    return VariantMatch(
        code="other-representation",
        message=(
            f"the pixels were signed in transfer syntax {signed.uid} and are now in {now.uid}; they cannot be compared"
        ),
        clause="PS3.3 Table C.12-6",
        outcome=Outcome.UNKNOWN,
        shows_key=False,
    )
