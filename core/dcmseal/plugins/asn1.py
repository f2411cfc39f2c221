"""Values that asn1crypto has read, as the bytes that they were read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asn1crypto import core


def encoding(value: core.Asn1Value) -> bytes:
    """The bytes that a value was read from; of a CHOICE, those of what was chosen.

    asn1crypto's own way encodes values again whose length ends in 0x80, which it takes for an indefinite one: what was
    signed must not be.
    """
    from asn1crypto import core

    while isinstance(value, core.Choice):
        value = value.chosen
    return bytes(core.Asn1Value.dump(value))
