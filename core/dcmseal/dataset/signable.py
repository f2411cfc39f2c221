"""Data Elements that are never signed (PS3.3 C.12.1.1.3.1.1)."""

from __future__ import annotations

from dcmseal import tags


def exclusion_reason(tag: int) -> str:
    """Explain why elements with this tag are never in a MAC; empty if they may be.

    Elements of VR UN, and sequences that contain one at any depth, cannot be signed either.
    """
    group = tag >> 16
    if tag & 0xFFFF == 0:
        return "group lengths are never signed"
    if group < 8:
        return f"group {group:04X} is never signed"
    if 8 < group < 0x4FFE or 0x4FFE < group < 0xFFFA:
        return ""
    if tag == tags.LENGTH_TO_END:
        return "Length to End is never signed"
    if group == 0xFFFA or tag == tags.MAC_PARAMETERS_SEQUENCE:
        return "the sequences of the Digital Signatures Macro are never signed"
    if tag == tags.DATA_SET_TRAILING_PADDING:
        return "trailing padding is never signed"
    if group == 0xFFFE:
        return "items and delimiters are not Data Elements"
    return ""
