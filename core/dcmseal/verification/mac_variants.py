"""When the MAC does not match: the other readings of the standard that real signers follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Final

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


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantMatch:
    """Another reading under which the signature matches, or a reason why no reading can tell."""

    code: str
    message: str
    clause: str
    is_equivalent: bool = False
    """The data is as signed; only its form differs in a way that carries no meaning."""
    is_old_format: bool = False
    outcome: Outcome = Outcome.FAILED
    shows_key: bool = True
    """The signature matches, so that the key is shown to be the certificate's."""


_VALUES: Final = "PS3.5 6.2"
_STREAM: Final = "PS3.3 C.12.1.1.3.1.1"
_VR_RULES: Final = tuple(
    VrRules(inherit_pixel_representation=inherit, signed_descriptors=descriptors, bytes_for_8_bits=eight)
    for inherit, descriptors, eight in product((False, True), repeat=3)
)[1:]


class VariantMatcher:
    """The other readings of one level; what its signatures share of them is made once, however many ask."""

    def __init__(self, file: DicomFile, level: Level, macs: LevelMacs) -> None:
        self._file = file
        self._level = level
        self._plain = macs
        self._made: dict[tuple[bool, MacVariant], LevelMacs] = {}
        self._cut: dict[tuple[bool, MacKey], tuple[Truncation, Digest]] = {}

    def find_match(self, signature_item: SignatureItem, matches: Callable[[bytes], bool]) -> VariantMatch | None:
        """Find the reading under which a signature matches that does not match the plain one; None if there is none."""
        for alternative, digest in self._iter_variants(signature_item):
            if digest is None or matches(digest):
                return alternative
        return None

    def _iter_variants(self, signature_item: SignatureItem) -> Iterator[tuple[VariantMatch, bytes | None]]:
        """Readings and their MACs; without a MAC the reading is the answer."""
        paddings = (False,) if self._minimal_level is None else (False, True)
        if self._minimal_level is not None:
            padded = VariantMatch(
                code="matches-minimal-padding",
                message="the signed data is unchanged, except for padding that was added or removed",
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
                message="it matches only the format of DCMTK before 3.5.4, which hashed the lengths of fragments",
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
        """The level with all values minimally padded; None if they are already, or it cannot be said."""
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
        made = self._made.get((minimal, variant))
        if made is None:
            level = self._minimal_level if minimal and self._minimal_level is not None else self._level
            made = self._made[minimal, variant] = compute_level_macs(level, variant)
        return made

    def _compute_digest(self, found: SignatureItem, variant: MacVariant, *, minimal: bool) -> bytes:
        """The MAC of a signature, read in another way; an empty one if it cannot be made."""
        return self._compute_macs(variant, minimal=minimal).digest(found) or b""

    def _iter_truncated_variants(self, found: SignatureItem, *, minimal: bool) -> Iterator[tuple[VariantMatch, bytes]]:
        mac = found.signature.mac
        if mac is None or mac.mac_algorithm is None:
            return
        key = minimal, mac_key(mac)
        if key not in self._cut:
            macs = self._compute_macs(PLAIN_VARIANT, minimal=minimal)
            digest = new_digest(mac.mac_algorithm)
            encoder = MacEncoder(source=macs.scan.source, encoding=macs.scan.encoding)
            wanted = frozenset(mac.elements).difference(macs.facts.unsignable)
            self._cut[key] = feed_like_dcmtk(macs.scan, encoder, wanted, digest.update), digest
        truncation, digest = self._cut[key]
        if not truncation.sequences:
            return
        where = ", ".join(f"{format_tag(tag)} ({cuts} cut)" for tag, cuts in truncation.sequences)
        yield (
            VariantMatch(
                code="dcmtk-truncated",
                message=(
                    "it matches only the truncated MAC of DCMTK 3.6.6 and later: "
                    f"{truncation.lost_bytes} bytes nested in {where} are not protected at all"
                ),
                clause=_STREAM,
            ),
            digest_item(found.item, digest.copy()).digest(),
        )


def _find_other_representation(file: DicomFile, found: SignatureItem, macs: LevelMacs) -> VariantMatch | None:
    """The pixels may have been compressed or decompressed since: their bytes can then not be compared."""
    mac = found.signature.mac
    if mac is None or PIXEL_DATA not in mac.elements:
        return None
    signed, now = TransferSyntax(mac.transfer_syntax), file.syntax
    same = not signed.is_encapsulated and not now.is_encapsulated
    if same or signed.uid == now.uid or macs.scan.index(PIXEL_DATA) is None:
        return None
    return VariantMatch(
        code="other-representation",
        message=f"the pixels were signed in syntax {signed.uid} and are now in {now.uid}: they cannot be compared",
        clause="PS3.3 Table C.12-6",
        outcome=Outcome.UNKNOWN,
        shows_key=False,
    )
