"""What a plugin answers, checked against its protocol: no foreign error gets out, and no value of another kind."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import TracebackType
from typing import Final, TypeVar, cast

from dcmseal.errors import SealError

_MAX_REASON_LENGTH: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a plugin comes from; ``distribution`` is empty if an application registered it itself."""

    name: str
    distribution: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.name})" if self.distribution else self.name


def is_keyboard_interrupt(error: BaseException) -> bool:
    """Whether somebody pressed Ctrl-C; whatever else foreign code raises does not take the program down."""
    return type(error) is KeyboardInterrupt


def type_name(value: object) -> str:
    """The name of a value's type, whatever its metaclass has to say to that."""
    return to_single_line(type.__dict__["__name__"].__get__(type(value)))


def format_plugin_error(error: BaseException) -> str:
    """An error of a plugin in one plain line."""
    try:
        return to_single_line(f"{type_name(error)}: {error}")
    except BaseException:  # noqa: BLE001 - an error whose text fails is told by its type
        return type_name(error)


def to_single_line(text: str) -> str:
    """Foreign text cut to one printable line."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:_MAX_REASON_LENGTH]


_MAX_TEXT_LENGTH: Final = 300
_HINT: Final = "this is a fault of the plugin: report it to those who make it"

T = TypeVar("T")


class InvalidAnswer(Exception):
    """An answer that is not what the protocol promises; the message is made of our words only."""


class Guard:
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
        if error is None or is_keyboard_interrupt(error) or (isinstance(error, SealError) and _is_formattable(error)):
            return
        said = f": {error}" if type(error) is InvalidAnswer else f" failed with {type_name(error)}"
        failure = self._kind(f"{self._blame}{said}", hint=_HINT)
        # The text of a foreign error may hold a secret, and so may its frames: it is not chained, nor left in this one.
        del error
        try:
            raise failure
        finally:
            failure.__context__ = None


def _is_formattable(error: SealError) -> bool:
    """Whether an error can be told; a plugin may have made a kind of its own."""
    try:
        return type(str(error)) is str and type(error.hint) is str and type(error.code) is str
    except BaseException:  # noqa: BLE001 - plugins raise what they like
        return False


def check_instance(value: object, kind: type[T], what: str) -> T:
    """The value if it is of that kind."""
    if isinstance(value, kind):
        return value
    raise InvalidAnswer(f"{what} gave {type_name(value)} where {kind.__name__} is due")


def check_tuple(values: object, kind: type[T], what: str) -> tuple[T, ...]:
    """The values if they are a tuple of that kind."""
    members = cast("tuple[object, ...]", check_instance(values, tuple, what))
    return tuple(check_instance(member, kind, what) for member in members)


def check_frozenset(values: object, kind: type[T], what: str) -> frozenset[T]:
    """The values if they are a frozenset of that kind."""
    members = cast("frozenset[object]", check_instance(values, frozenset, what))
    return frozenset(check_instance(member, kind, what) for member in members)


def check_name(value: object, pattern: re.Pattern[str], what: str) -> str:
    """The value if it is a name of that pattern."""
    value = _to_plain_str(value)
    if value is not None and pattern.fullmatch(value):
        return value
    raise InvalidAnswer(f"its {what} does not match {pattern.pattern}")


def check_text(value: object, what: str) -> str:
    """The value if it is a short printable line."""
    value = _to_plain_str(value)
    if value is not None and value.isprintable() and len(value) <= _MAX_TEXT_LENGTH:
        return value
    raise InvalidAnswer(f"its {what} is not one printable line of at most {_MAX_TEXT_LENGTH} characters")


def _to_plain_str(value: object) -> str | None:
    """The text itself, without what a class derived from that of texts does; None if it is none."""
    return str.__str__(value) if isinstance(value, str) else None


def check_methods(value: object, *names: str) -> None:
    """Make sure that the value has these methods."""
    for method in names:
        if not callable(getattr(value, method, None)):
            raise InvalidAnswer(f"it has no method {method}")
