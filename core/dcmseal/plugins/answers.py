"""What a plugin answers, checked against its protocol: no foreign error gets out, and no value of another kind."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Final, TypeVar, cast

from dcmseal.errors import SealError
from dcmseal.plugins.loading import GUARDED, plain

_LONGEST_TEXT: Final = 300
_HINT: Final = "this is a fault of the plugin: report it to those who make it"

T = TypeVar("T")


class Nonsense(Exception):
    """An answer that is not what the protocol promises; the message is made of our words only."""


class guarded:  # noqa: N801 - used as a statement: with guarded(...)
    """Let errors of dcmseal pass and turn every other one into ``kind``, with ``blame`` saying whose fault it is.

    A class, because it stands around every signature: a generator takes three times as long (measured).
    """

    __slots__ = ("_blame", "_kind")

    def __init__(self, blame: str, kind: type[SealError]) -> None:
        self._blame = blame
        self._kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None or isinstance(error, SealError):
            return
        if isinstance(error, Nonsense):
            failure = self._kind(f"{self._blame}: {error}", hint=_HINT)
        elif isinstance(error, GUARDED):
            failure = self._kind(f"{self._blame} failed with {plain(type(error).__name__)}", hint=_HINT)
        else:
            return
        # The text of a foreign error may hold a secret, and so may what its frames have: it is not chained.
        try:
            raise failure
        finally:
            failure.__context__ = None


def one_of(value: object, kind: type[T], what: str) -> T:
    """The value if it is of that kind."""
    if isinstance(value, kind):
        return value
    raise Nonsense(f"{what} gave {plain(type(value).__name__)} where {kind.__name__} is due")


def tuple_of(values: object, kind: type[T], what: str) -> tuple[T, ...]:
    """The values if they are a tuple of that kind."""
    members = cast("tuple[object, ...]", one_of(values, tuple, what))
    return tuple(one_of(member, kind, what) for member in members)


def set_of(values: object, kind: type[T], what: str) -> frozenset[T]:
    """The values if they are a frozenset of that kind."""
    members = cast("frozenset[object]", one_of(values, frozenset, what))
    return frozenset(one_of(member, kind, what) for member in members)


def name(value: object, pattern: re.Pattern[str], what: str) -> str:
    """The value if it is a name of that pattern."""
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    raise Nonsense(f"its {what} does not match {pattern.pattern}")


def text(value: object, what: str) -> str:
    """The value if it is a short printable line."""
    if isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_TEXT:
        return value
    raise Nonsense(f"its {what} is not one printable line of at most {_LONGEST_TEXT} characters")


def methods(value: object, *names: str) -> None:
    """Make sure that the value has these methods."""
    for method in names:
        if not callable(getattr(value, method, None)):
            raise Nonsense(f"it has no method {method}")
