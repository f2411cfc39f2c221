"""Representations of values for developers, without secrets and without bulk data."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct


def format_fields(value: Struct, *, hidden: Collection[str]) -> str:
    """Format a value like ``repr``, without some of its fields.

    Args:
        value: The value.
        hidden: Names of the fields to leave out.
    """
    shown = (f"{name}={getattr(value, name)!r}" for name in value.__struct_fields__ if name not in hidden)
    return f"{type(value).__name__}({', '.join(shown)})"
