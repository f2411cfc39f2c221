"""The original DER of values that asn1crypto has parsed."""

from __future__ import annotations

from typing import Any


def original_der(value: Any) -> bytes:
    """Return the bytes that a value was parsed from; for a CHOICE, those of the chosen alternative.

    The ``dump`` of a subclass encodes values again whose length ends in 0x80, which it mistakes for an indefinite
    length. Signed values must not be encoded again.

    Args:
        value: A ``core.Asn1Value``.
    """
    from asn1crypto import core  # pyright: ignore[reportMissingTypeStubs] - asn1crypto has no types

    untyped: Any = core
    while isinstance(value, untyped.Choice):
        value = value.chosen
    return bytes(untyped.Asn1Value.dump(value))
