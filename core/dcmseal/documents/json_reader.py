"""Strict reader of JSON documents from untrusted sources: every member must exist, and have the expected type.

>>> document = JsonObjectReader(load_json(b'{"size": 3}', "the document"), "the document")
>>> document.take("size", parse_integer)
3
>>> document.reject_unknown_members()
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

MAX_BYTES: Final = 16 << 20
_MAX_TEXT_LENGTH: Final = 1 << 20
_MAX_VALUES: Final = 10_000
_MAX_INTEGER: Final = (1 << 63) - 1
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class InvalidJson(ValueError):
    """The document is not valid JSON, or not of the expected form; the message says where, without quoting it."""


def load_json(data: bytes | str, name: str, max_bytes: int = MAX_BYTES) -> object:
    """Parse JSON strictly: names must be unique, and numbers such as NaN are not allowed.

    Args:
        data: The document, in UTF-8 if it is bytes.
        name: What the document is, for messages.
        max_bytes: Maximum size of the document.

    Returns:
        The value.

    Raises:
        InvalidJson: The document is too long, nested too deep, or invalid.
    """
    if len(data) > max_bytes:
        raise InvalidJson(f"{name} is too long")
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
        value: object = json.loads(text, object_pairs_hook=_reject_duplicates, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        reason = f": {error}" if isinstance(error, InvalidJson) else ""
        raise InvalidJson(f"{name} is not valid JSON{reason}") from None
    return value


class JsonObjectReader:
    """Reads an object member by member, and rejects members that were not read.

    Args:
        value: The JSON value.
        name: What the object is, for messages.

    Raises:
        InvalidJson: The value is not an object.
    """

    def __init__(self, value: object, name: str) -> None:
        if not isinstance(value, dict):
            raise InvalidJson(f"{name} is not an object")
        self._remaining: dict[str, object] = dict(cast("dict[str, object]", value))
        self._name = name

    def take(self, member: str, parse: Callable[[object], T]) -> T:
        """Read a member.

        Args:
            member: The name of the member.
            parse: Converts the value; raises InvalidJson.

        Returns:
            The converted value.

        Raises:
            InvalidJson: The member is missing or has another type.
        """
        if member not in self._remaining:
            raise InvalidJson(f"{self._name} has no member {member}")
        try:
            return parse(self._remaining.pop(member))
        except InvalidJson as error:
            raise InvalidJson(f"{member} of {self._name}: {error}") from None

    def take_object(self, member: str) -> JsonObjectReader:
        """Read a member that is an object; raise InvalidJson if it is missing or of another type."""
        return self.take(member, lambda value: JsonObjectReader(value, member))

    def remaining(self) -> Mapping[str, object]:
        """Get all members that were not read."""
        return self._remaining

    def reject_unknown_members(self) -> None:
        """Raise InvalidJson if the object has members that were not read."""
        if self._remaining:
            raise InvalidJson(f"{self._name} has unknown members")


def parse_text(value: object) -> str:
    """Check for a string of limited length."""
    if isinstance(value, str) and len(value) <= _MAX_TEXT_LENGTH:
        return value
    raise InvalidJson("a string is expected")


def parse_texts(value: object) -> tuple[str, ...]:
    """Check for a list of strings."""
    return parse_list(parse_text)(value)


def parse_list(parse: Callable[[object], T], max_length: int = _MAX_VALUES) -> Callable[[object], tuple[T, ...]]:
    """Build a parser of lists.

    Args:
        parse: Parses a value of the list.
        max_length: Maximum length of the list.

    Returns:
        A function that converts a list, or raises InvalidJson.
    """

    def parse_values(value: object) -> tuple[T, ...]:
        if isinstance(value, list) and len(values := cast("list[object]", value)) <= max_length:
            return tuple([parse(each) for each in values])
        raise InvalidJson("a list is expected")

    return parse_values


def parse_row(value: object, length: int) -> list[object]:
    """Check for a list of exactly ``length`` values of any type."""
    if isinstance(value, list) and len(values := cast("list[object]", value)) == length:
        return values
    raise InvalidJson(f"a list of {length} values is expected")


def parse_hex(value: object, size: int) -> bytes:
    """Check for ``size`` bytes in lower-case hexadecimal."""
    if isinstance(value, str) and len(value) == 2 * size and _HEX.fullmatch(value):
        return bytes.fromhex(value)
    raise InvalidJson(f"{size} bytes in hexadecimal are expected")


def parse_digest(value: object) -> str:
    """Check for a SHA-256 digest in hexadecimal."""
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    raise InvalidJson("a SHA-256 digest is expected")


def parse_optional_digest(value: object) -> str:
    """Check for a SHA-256 digest, or null, which is converted to an empty string."""
    return "" if value is None else parse_digest(value)


def parse_digests(value: object) -> tuple[str, ...]:
    """Check for a list of SHA-256 digests."""
    return parse_list(parse_digest)(value)


def parse_integer(value: object) -> int:
    """Check for an integer from 0 to 2**63 - 1."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_INTEGER:
        return value
    raise InvalidJson("a non-negative integer is expected")


def parse_positive_integer(value: object) -> int:
    """Check for an integer from 1 to 2**63 - 1."""
    if parse_integer(value) < 1:
        raise InvalidJson("a positive integer is expected")
    return parse_integer(value)


def parse_time(value: object) -> dt.datetime:
    """Check for a time in UTC with whole seconds."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidJson("a time in UTC is expected")


def parse_setting(value: object) -> bool | str | tuple[str, ...]:
    """Check for the value of a setting: a boolean, a string, or a list of strings."""
    return value if isinstance(value, bool) else parse_text(value) if isinstance(value, str) else parse_texts(value)


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJson("two members have the same name")
    return members


def _reject_constant(_: str) -> None:
    raise InvalidJson("NaN and Infinity are not allowed")
