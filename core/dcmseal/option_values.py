"""Options of an API function as a frozen value, whose fields are parsed once, when it is created.

>>> to_tuple("PatientID", single=(str, int)), to_tuple(["PatientID", 0x00100010], single=(str, int))
(('PatientID',), ('PatientID', 1048592))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, force_setattr

from dcmseal.errors import UsageError

T = TypeVar("T", bound=Struct)


def parse_options(options: Struct, parsers: Mapping[str, Callable[[Any], object]]) -> None:
    """Parse the fields that are not at their defaults.

    Args:
        options: New options, in their ``__post_init__``; every field has a default.
        parsers: Functions that convert a value, by field name.

    Raises:
        UsageError: A value is invalid.
    """
    for name, default in zip(options.__struct_fields__, options.__struct_defaults__, strict=True):
        value = getattr(options, name)
        if value is default:
            continue
        if name in parsers:
            try:
                force_setattr(options, name, parsers[name](value))
            except (AttributeError, TypeError, ValueError):
                raise UsageError(f"{name} cannot be a {type(value).__name__}", code="wrong-type") from None
        if isinstance(default, bool) and not isinstance(value, bool):
            raise UsageError(f"{name} must be True or False, not {value!r}", code="not-a-flag")


def build_options(make: Callable[..., T], options: T | None, keywords: Mapping[str, Any]) -> T:
    """Build options from other options and keywords, which take precedence.

    Args:
        make: The class of the options.
        options: Other options; None for the defaults.
        keywords: The keywords.

    Raises:
        TypeError: There is no such keyword.
        UsageError: A value cannot be parsed.
    """
    if options is None:
        return make(**keywords)
    return make(**{**asdict(options), **keywords}) if keywords else options


def format_options(options: Struct, *, hidden: Collection[str] = ()) -> str:
    """Format options as the call that creates them, without defaults and without the values of ``hidden`` fields."""
    return f"{type(options).__name__}({', '.join(_iter_changes(options, hidden))})"


def read_attributes(values: object, names: Iterable[str]) -> dict[str, Any]:
    """Return the attributes with these names that exist.

    Args:
        values: Any object.
        names: Names of attributes.
    """
    return {name: getattr(values, name) for name in names if hasattr(values, name)}


def to_tuple(values: Any, *, single: tuple[type, ...]) -> tuple[Any, ...]:
    """Convert values to a tuple.

    Args:
        values: An iterable, or a single value.
        single: The types of a single value.
    """
    return (values,) if isinstance(values, single) else tuple(values)


def _iter_changes(options: Struct, hidden: Collection[str]) -> Iterator[str]:
    for name, default in zip(options.__struct_fields__, options.__struct_defaults__, strict=True):
        value = getattr(options, name)
        if value != default:
            yield f"{name}=..." if name in hidden else f"{name}={value!r}"
