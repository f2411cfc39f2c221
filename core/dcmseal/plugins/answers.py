"""What a plugin answers, checked against its protocol: no foreign error gets out, and no value of another kind."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Final, TypeVar, cast

from dcmseal.errors import SealError
from dcmseal.plugins.loading import is_the_users, kind_of

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
        if error is None or is_the_users(error) or (isinstance(error, SealError) and _is_sound(error)):
            return
        said = f": {error}" if type(error) is Nonsense else f" failed with {kind_of(error)}"
        failure = self._kind(f"{self._blame}{said}", hint=_HINT)
        # The text of a foreign error may hold a secret, and so may its frames: it is not chained, nor left in this one.
        del error
        try:
            raise failure
        finally:
            failure.__context__ = None


def _is_sound(error: SealError) -> bool:
    """Whether an error can be told; a plugin may have made a kind of its own."""
    try:
        return type(str(error)) is str and type(error.hint) is str
    except BaseException:  # noqa: BLE001 - plugins raise what they like
        return False


def one_of(value: object, kind: type[T], what: str) -> T:
    """The value if it is of that kind."""
    if isinstance(value, kind):
        return value
    raise Nonsense(f"{what} gave {kind_of(value)} where {kind.__name__} is due")


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
    value = _plain_text(value)
    if value is not None and pattern.fullmatch(value):
        return value
    raise Nonsense(f"its {what} does not match {pattern.pattern}")


def text(value: object, what: str) -> str:
    """The value if it is a short printable line."""
    value = _plain_text(value)
    if value is not None and value.isprintable() and len(value) <= _LONGEST_TEXT:
        return value
    raise Nonsense(f"its {what} is not one printable line of at most {_LONGEST_TEXT} characters")


def _plain_text(value: object) -> str | None:
    """The text itself, without what a class derived from that of texts does; None if it is none."""
    return str.__str__(value) if isinstance(value, str) else None


def methods(value: object, *names: str) -> None:
    """Make sure that the value has these methods."""
    for method in names:
        if not callable(getattr(value, method, None)):
            raise Nonsense(f"it has no method {method}")
