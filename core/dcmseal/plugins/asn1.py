"""Values that asn1crypto has read, as the bytes that they were read from."""

from __future__ import annotations

from typing import Any


def original_der(value: Any) -> bytes:
    """The bytes that a value was read from; of a CHOICE, those of what was chosen.

    asn1crypto's own way encodes values again whose length ends in 0x80, which it takes for an indefinite one: what was
    signed must not be.

    Args:
        value: a ``core.Asn1Value``.
    """
    # it comes without types
    from asn1crypto import core  # pyright: ignore[reportMissingTypeStubs]

    untyped: Any = core
    while isinstance(value, untyped.Choice):
        value = value.chosen
    return bytes(untyped.Asn1Value.dump(value))
