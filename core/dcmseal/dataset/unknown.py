"""Why an element counts as one of VR UN, which is never signed (PS3.5 6.2.2, PS3.3 C.12.1.1.3.1.1)."""

from __future__ import annotations

from dcmseal.dataset.header import implicit_vr
from dcmseal.dataset.syntax import Encoding
from dcmseal.dataset.vr import SHORT_VRS
from dcmseal.tags import format_tag


def is_too_long_for_vr(tag: int, encoding: Encoding) -> bool:
    """Whether an element of VR UN has another VR by the dictionary, in which explicit VR cannot encode its value."""
    return encoding.is_implicit and implicit_vr(tag) in SHORT_VRS


def unknown_vr_reason(tag: int, encoding: Encoding) -> str:
    """Why an element of VR UN is one."""
    if is_too_long_for_vr(tag, encoding):
        vr = implicit_vr(tag).decode()
        return f"its value is too long for VR {vr} in explicit VR, where it is UN (PS3.5 6.2.2)"
    return "its VR is UN"


def unknown_item_reason(tag: int, encoding: Encoding) -> str:
    """Why a sequence cannot be signed that holds an element of VR UN."""
    if is_too_long_for_vr(tag, encoding):
        return f"it holds {format_tag(tag)}, whose value is too long for explicit VR, where it is UN (PS3.5 6.2.2)"
    return f"it holds {format_tag(tag)} of VR UN"
