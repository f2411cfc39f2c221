"""Options of an API function as a frozen dataclass, whose keywords are parsed once, when it is created.

>>> to_tuple("PatientID", single=(str, int)), to_tuple(["PatientID", 0x00100010], single=(str, int))
(('PatientID',), ('PatientID', 1048592))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from dcmseal.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def set_options(
    options: DataclassInstance, keywords: Mapping[str, object], parsers: Mapping[str, Callable[[Any], object]]
) -> None:
    """Set the fields of a frozen dataclass from keywords; fields without a keyword get their defaults.

    Args:
        options: The dataclass instance, in its ``__init__``.
        keywords: Values by field name.
        parsers: Functions that convert the value of a keyword, by field name.

    Raises:
        TypeError: A keyword is not the name of a field.
        UsageError: A value is invalid.
    """
    known = {each.name: each for each in fields(options)}
    for name in keywords:
        if name not in known:
            raise TypeError(f"{type(options).__name__}() got an unexpected keyword argument {name!r}")
    for name, field in known.items():
        value = keywords[name] if name in keywords else _default_value(field)
        if name in keywords and name in parsers:
            try:
                value = parsers[name](value)
            except (AttributeError, TypeError, ValueError):
                raise UsageError(f"{name} cannot be a {type(value).__name__}", code="wrong-type") from None
        if isinstance(field.default, bool) and not isinstance(value, bool):
            raise UsageError(f"{name} must be True or False, not {value!r}", code="not-a-flag")
        object.__setattr__(options, name, value)


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
    return make(**{**read_fields(options), **keywords}) if keywords else options


def format_options(options: DataclassInstance) -> str:
    """Format options as the call that creates them, without defaults and without values that ``repr`` excludes."""
    return f"{type(options).__name__}({', '.join(_iter_changes(options))})"


def read_fields(options: DataclassInstance) -> dict[str, Any]:
    """Return the fields of options as keywords."""
    return {each.name: getattr(options, each.name) for each in fields(options)}


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


def _iter_changes(options: DataclassInstance) -> Iterator[str]:
    for each in fields(options):
        value = getattr(options, each.name)
        if value != _default_value(each):
            yield f"{each.name}={value!r}" if each.repr else f"{each.name}=..."


def _default_value(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default
