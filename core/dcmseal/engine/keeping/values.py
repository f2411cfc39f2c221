"""Values of a JSON document that a stranger wrote, each of the kind that is due."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar, cast

from dcmseal.errors import EvidenceError

T = TypeVar("T")

_MOST_BYTES: Final = 16 << 20
_LONGEST_TEXT: Final = 1 << 20
_MOST_VALUES: Final = 10_000
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class Wrong(ValueError):
    """Something in the document is not as it has to be; the message says where."""


def read_json(data: bytes, what: str) -> Table:
    """Read an object; raises EvidenceError if it is none."""
    try:
        if len(data) > _MOST_BYTES:
            raise Wrong("it is too long")
        return Table(json.loads(data.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_refuse), what)
    except (ValueError, RecursionError):
        raise broken(what) from None


def broken(what: str) -> EvidenceError:
    """What to raise for a part of an evidence file that cannot be read."""
    return EvidenceError(
        f"the evidence file is damaged: its {what} cannot be read", hint="get it again from its keeper"
    )


class Table:
    """An object, whose members are taken one by one."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise Wrong(f"{what} is no object")
        self._left: dict[str, object] = dict(cast("dict[str, object]", value))
        self._what = what

    def take(self, name: str, read: Callable[[object], T]) -> T:
        """A member of a kind; raises Wrong."""
        if name not in self._left:
            raise Wrong(f"{self._what} has no {name}")
        return read(self._left.pop(name))

    def remaining(self) -> Mapping[str, object]:
        """All that was not taken."""
        return self._left

    def check_finished(self) -> None:
        """Raise Wrong if there is anything that was not taken."""
        if self._left:
            raise Wrong(f"{self._what} has more than it may")


def text(value: object) -> str:
    """Text of a bounded length."""
    if isinstance(value, str) and len(value) <= _LONGEST_TEXT:
        return value
    raise Wrong("no text")


def texts(value: object) -> tuple[str, ...]:
    """A list of texts."""
    return many(text)(value)


def many(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A reader of a list."""

    def values(value: object) -> tuple[T, ...]:
        if isinstance(value, list) and len(members := cast("list[object]", value)) <= _MOST_VALUES:
            return tuple(read(each) for each in members)
        raise Wrong("no list")

    return values


def digest(value: object) -> str:
    """SHA-256 in hexadecimal."""
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return value
    raise Wrong("no digest")


def digest_or_nothing(value: object) -> str:
    """A digest; empty for null."""
    return "" if value is None else digest(value)


def digests(value: object) -> tuple[str, ...]:
    """A list of digests."""
    return many(digest)(value)


def size(value: object) -> int:
    """A number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    raise Wrong("no size")


def moment(value: object) -> dt.datetime:
    """A whole second in UTC."""
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return dt.datetime.fromisoformat(value)
    raise Wrong("no moment")


def rule(value: object) -> bool | str | tuple[str, ...]:
    """What a rule may be."""
    return value if isinstance(value, bool) else text(value) if isinstance(value, str) else texts(value)


def _each_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise Wrong("a name is there twice")
        members[name] = value
    return members


def _refuse(_: str) -> None:
    raise Wrong("a number that JSON does not know")
