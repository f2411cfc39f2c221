"""Why an element counts as one of VR UN, which is never signed (PS3.5 6.2.2, PS3.3 C.12.1.1.3.1.1)."""

from __future__ import annotations

from dcmseal.dataset.header import implicit_vr
from dcmseal.dataset.syntax import Encoding
from dcmseal.dataset.vr import SHORT_VRS
from dcmseal.tags import tag_text


def is_too_long(tag: int, encoding: Encoding) -> bool:
    """Whether an element of VR UN has another VR by the dictionary, in which explicit VR cannot encode its value."""
    return encoding.is_implicit and implicit_vr(tag) in SHORT_VRS


def unknown_because(tag: int, encoding: Encoding) -> str:
    """Why an element of VR UN is one."""
    if is_too_long(tag, encoding):
        vr = implicit_vr(tag).decode()
        return f"its value is too long for VR {vr} in explicit VR, where it is UN (PS3.5 6.2.2)"
    return "its VR is UN"


def holds_unknown(tag: int, encoding: Encoding) -> str:
    """Why a sequence cannot be signed that holds an element of VR UN."""
    if is_too_long(tag, encoding):
        return f"it holds {tag_text(tag)}, whose value is too long for explicit VR, where it is UN (PS3.5 6.2.2)"
    return f"it holds {tag_text(tag)} of VR UN"
