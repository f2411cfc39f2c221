"""What may never be signed, and why (PS3.3 C.12.1.1.3.1.1)."""

from __future__ import annotations

from dcmseal import tags


def exclusion_reason(tag: int) -> str:
    """Why an element of this tag never enters a MAC; empty if it may.

    The VR excludes more: UN, and sequences that hold UN at any depth.
    """
    group = tag >> 16
    if tag & 0xFFFF == 0:
        return "group lengths are never signed"
    if group < 8:
        return f"group {group:04X} is no part of the Data Set proper"
    if 8 < group < 0x4FFE or 0x4FFE < group < 0xFFFA:
        return ""
    if tag == tags.LENGTH_TO_END:
        return "Length to End is never signed"
    if group == 0xFFFA or tag == tags.MAC_PARAMETERS_SEQUENCE:
        return "the sequences of the Digital Signatures Macro are never signed"
    if tag == tags.DATA_SET_TRAILING_PADDING:
        return "trailing padding is never signed"
    if group == 0xFFFE:
        return "delimiters are no Data Elements"
    return ""
