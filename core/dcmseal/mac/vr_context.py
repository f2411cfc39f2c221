"""Choice of VRs that depend on the context in implicit VR (PS3.5 Annex A.1, PS3.6)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal import tags


class VrRules(Struct, frozen=True, kw_only=True):
    """How to choose VRs, which are part of the MAC; the defaults are those of DCMTK, other software differs."""

    inherit_pixel_representation: bool = False
    """Use Pixel Representation from enclosing levels too, and from behind the element."""
    signed_descriptors: bool = False
    """Choose the VR of palette descriptors and retired attributes by Pixel Representation, instead of always US."""
    bytes_for_8_bits: bool = False
    """Use OB instead of OW for pixels and overlays of 8 bits."""

    @property
    def flags(self) -> int:
        """The rules as in ``walker.h``."""
        return self.inherit_pixel_representation | self.signed_descriptors << 1 | self.bytes_for_8_bits << 2


class VrContext(Struct, frozen=True, kw_only=True):
    """The elements that decide the VRs at a level, as far as they are known."""

    signed: bool = False
    """Whether Pixel Representation is 1."""
    eight_bits: bool = False
    """Whether Bits Allocated is 8."""
    wide_waveform: bool = False
    """Whether Waveform Bits Allocated has another value than 8."""

    @property
    def flags(self) -> int:
        """The context as in ``walker.h``."""
        return self.signed | self.eight_bits << 1 | self.wide_waveform << 2

    def with_element(self, tag: int, value: bytes) -> VrContext:
        """Return the context after another element is known."""
        number = int.from_bytes(value[:2], "little")
        if tag == tags.PIXEL_REPRESENTATION:
            return replace(self, signed=number == 1)
        if tag == tags.BITS_ALLOCATED:
            return replace(self, eight_bits=number == 8)
        return replace(self, wide_waveform=bool(value) and number != 8)

    def for_item(self, rules: VrRules) -> VrContext:
        """Return the context at the start of an item."""
        return self if rules.inherit_pixel_representation else UNKNOWN_CONTEXT


UNKNOWN_CONTEXT: Final = VrContext()
"""The context at the start of an item, if nothing is inherited."""


def choose_vr(tag: int, choices: str, context: VrContext, rules: VrRules) -> bytes:
    """Choose the VR of an element.

    Args:
        tag: The tag of the element.
        choices: Its VRs in the dictionary, such as ``US or SS``.
        context: The context at its position.
        rules: How to choose.
    """
    if choices == "US or SS":
        is_context_known = tag > tags.PIXEL_REPRESENTATION or rules.inherit_pixel_representation
        depends_on_context = tag not in tags.ALWAYS_US or rules.signed_descriptors
        return b"SS" if context.signed and is_context_known and depends_on_context else b"US"
    if choices == "OB or OW":
        group = tag >> 16
        if group == 0x5400:
            return b"OW" if context.wide_waveform and tag > tags.WAVEFORM_BITS_ALLOCATED else b"OB"
        is_pixels = group == 0x7FE0 or group >> 8 == 0x60
        return b"OW" if is_pixels and not (rules.bytes_for_8_bits and context.eight_bits) else b"OB"
    return b"OW"
