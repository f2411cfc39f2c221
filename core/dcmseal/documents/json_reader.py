"""Values of a JSON document that a stranger wrote, each of the kind that is due."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, cast

from dcmseal.errors import EvidenceError

T = TypeVar("T")

_MAX_BYTES: Final = 16 << 20
_MAX_TEXT_LENGTH: Final = 1 << 20
_MAX_VALUES: Final = 10_000
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class InvalidJson(ValueError):
    """Something in the document is not as it has to be; the message says where."""


def parse_json(data: bytes, what: str) -> JsonObjectReader:
    """Read an object; raises EvidenceError if it is none."""
    try:
        if len(data) > _MAX_BYTES:
            raise InvalidJson("it is too long")
        return JsonObjectReader(
            json.loads(data.decode("utf-8"), object_pairs_hook=_reject_duplicates, parse_constant=_reject_constant),
            what,
        )
    except (ValueError, RecursionError):
        raise damaged_error(what) from None


def damaged_error(what: str) -> EvidenceError:
    """What to raise for a part of an evidence file that cannot be read."""
    return EvidenceError(
        f"the evidence file is damaged: its {what} cannot be read", hint="get it again from its keeper"
    )


class JsonObjectReader:
    """An object, whose members are taken one by one."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise InvalidJson(f"{what} is no object")
        self._left: dict[str, object] = dict(cast("dict[str, object]", value))
        self._what = what

    def take(self, name: str, read: Callable[[object], T]) -> T:
        """A member of a kind; raises Wrong."""
        if name not in self._left:
            raise InvalidJson(f"{self._what} has no {name}")
        return read(self._left.pop(name))

    def remaining(self) -> Mapping[str, object]:
        """All that was not taken."""
        return self._left

    def check_finished(self) -> None:
        """Raise Wrong if there is anything that was not taken."""
        if self._left:
            raise InvalidJson(f"{self._what} has more than it may")


def parse_text(value: object) -> str:
    """Text of a bounded length."""
    if isinstance(value, str) and len(value) <= _MAX_TEXT_LENGTH:
        return value
    raise InvalidJson("no text")


def parse_texts(value: object) -> tuple[str, ...]:
    """A list of texts."""
    return parse_list(parse_text)(value)


def parse_list(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A reader of a list."""

    def values(value: object) -> tuple[T, ...]:
        if isinstance(value, list) and len(members := cast("list[object]", value)) <= _MAX_VALUES:
            return tuple(read(each) for each in members)
        raise InvalidJson("no list")

    return values


def parse_digest(value: object) -> str:
    """SHA-256 in hexadecimal."""
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    raise InvalidJson("no digest")


def parse_optional_digest(value: object) -> str:
    """A digest; empty for null."""
    return "" if value is None else parse_digest(value)


def parse_digests(value: object) -> tuple[str, ...]:
    """A list of digests."""
    return parse_list(parse_digest)(value)


def parse_size(value: object) -> int:
    """A number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    raise InvalidJson("no size")


def parse_moment(value: object) -> dt.datetime:
    """A whole second in UTC."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return dt.datetime.fromisoformat(value)
    raise InvalidJson("no moment")


def parse_setting(value: object) -> bool | str | tuple[str, ...]:
    """What a rule may be."""
    return value if isinstance(value, bool) else parse_text(value) if isinstance(value, str) else parse_texts(value)


def _reject_duplicates(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise InvalidJson("a name is there twice")
        members[name] = value
    return members


def _reject_constant(_: str) -> None:
    raise InvalidJson("a number that JSON does not know")
