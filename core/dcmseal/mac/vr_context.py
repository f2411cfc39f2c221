"""VRs that implicit VR leaves open, chosen by the context (PS3.5 Annex A.1, PS3.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from dcmseal import tags


@dataclass(frozen=True, slots=True, kw_only=True)
class VrRules:
    """How to choose; the defaults are what DCMTK does. Other software differs, and the VR is part of the MAC."""

    inherit_pixel_representation: bool = False
    """Look for Pixel Representation in the enclosing levels too, and not only before the element."""
    signed_descriptors: bool = False
    """Palette descriptors and retired attributes follow Pixel Representation, instead of being US always."""
    bytes_for_8_bits: bool = False
    """OB for pixels and overlays of 8 bits, instead of OW."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VrContext:
    """What the VRs at a level depend on, as far as it is known."""

    signed: bool = False
    """Pixel Representation is 1."""
    eight_bits: bool = False
    """Bits Allocated is 8."""
    wide_waveform: bool = False
    """Waveform Bits Allocated is there, and not 8."""

    def with_element(self, tag: int, value: bytes) -> VrContext:
        """The context once an element it depends on is known."""
        number = int.from_bytes(value[:2], "little")
        if tag == tags.PIXEL_REPRESENTATION:
            return replace(self, signed=number == 1)
        if tag == tags.BITS_ALLOCATED:
            return replace(self, eight_bits=number == 8)
        return replace(self, wide_waveform=bool(value) and number != 8)

    def for_item(self, rules: VrRules) -> VrContext:
        """The context an item starts with."""
        return self if rules.inherit_pixel_representation else UNKNOWN_CONTEXT


UNKNOWN_CONTEXT: Final = VrContext()
"""Nothing is known, as at the start of an item."""

CONTEXT_TAGS: Final = frozenset({tags.PIXEL_REPRESENTATION, tags.BITS_ALLOCATED, tags.WAVEFORM_BITS_ALLOCATED})
"""Elements that the VRs of others depend on."""

_ALWAYS_US: Final = frozenset(
    {
        *(0x00221452, 0x00280071, 0x00280104, 0x00280105, 0x00280110, 0x00280111, 0x00281100),
        *(0x00281101, 0x00281102, 0x00281103, 0x00281111, 0x00281112, 0x00281113),
    }
)
"""US or SS by PS3.6, but DCMTK does not ask: palette descriptors and retired attributes."""


def choose_vr(tag: int, choices: str, context: VrContext, rules: VrRules) -> bytes:
    """The VR of an element that the dictionary gives several, such as ``US or SS``."""
    if choices == "US or SS":
        before = tag > tags.PIXEL_REPRESENTATION or rules.inherit_pixel_representation
        asked = tag not in _ALWAYS_US or rules.signed_descriptors
        return b"SS" if context.signed and before and asked else b"US"
    if choices == "OB or OW":
        group = tag >> 16
        if group == 0x5400:
            return b"OW" if context.wide_waveform and tag > tags.WAVEFORM_BITS_ALLOCATED else b"OB"
        is_pixels = group == 0x7FE0 or group >> 8 == 0x60
        return b"OW" if is_pixels and not (rules.bytes_for_8_bits and context.eight_bits) else b"OB"
    return b"OW"
