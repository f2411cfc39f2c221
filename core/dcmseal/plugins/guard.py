"""Check what plugins return: no foreign exception and no value of a wrong type leaves the guard of a plugin."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from types import TracebackType
from typing import Final, TypeVar, cast

from msgspec import Struct

from dcmseal.errors import SealError

_MAX_LINE_LENGTH: Final = 300
_MAX_TEXT_LENGTH: Final = 300
_HINT: Final = "this is an error in the plugin: report it to its authors"

T = TypeVar("T")


class Origin(Struct, frozen=True, kw_only=True):
    """Where a plugin comes from; ``distribution`` is empty if an application registered the plugin itself."""

    name: str
    distribution: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.name})" if self.distribution else self.name


class InvalidAnswer(Exception):
    """A plugin broke its protocol; the message never repeats text of the plugin."""


class Guard:
    """A context for calls into a plugin: errors of dcmseal pass, and every other exception becomes ``kind``.

    A class, because a guard surrounds every signature, and a generator takes three times as long (measured).

    Args:
        blame: Names the plugin in the message.
        kind: The error that replaces foreign exceptions.
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
        reason = f": {error}" if type(error) is InvalidAnswer else f" failed with {type_name(error)}"
        failure = self._kind(f"{self._blame}{reason}", hint=_HINT)
        # Text and frames of a foreign exception may contain a secret: it is neither chained nor kept in this frame.
        del error
        try:
            raise failure
        finally:
            failure.__context__ = None


@contextmanager
def guarded_context(
    guard: Guard, open_context: Callable[[], AbstractContextManager[T]], *, pass_error: bool = False
) -> Generator[T]:
    """Enter a context of a plugin, yield its value, and always leave the context.

    The plugin can neither swallow an exception of the caller nor hide it behind its own.

    Args:
        guard: The guard around each call into the plugin.
        open_context: Calls the method of the plugin that returns the context.
        pass_error: Whether the context receives the exception of the caller, for plugins that undo what they began.
            Others always see a normal exit, so that those without ``finally`` close, too.
    """
    with guard:
        context = open_context()
        value = context.__enter__()
    try:
        yield value
    except BaseException:
        error = sys.exc_info() if pass_error else (None, None, None)
        with suppress(SealError), guard:
            context.__exit__(*error)
        raise
    with guard:
        context.__exit__(None, None, None)


def is_keyboard_interrupt(error: BaseException) -> bool:
    """Whether the user pressed Ctrl-C; nothing else that foreign code raises ends the program."""
    return type(error) is KeyboardInterrupt


def type_name(value: object) -> str:
    """Return the name of a value's type, even if its metaclass overrides ``__name__``."""
    return to_single_line(type.__dict__["__name__"].__get__(type(value)))


def format_plugin_error(error: BaseException) -> str:
    """Format an exception of a plugin as one printable line."""
    try:
        return to_single_line(f"{type_name(error)}: {error}")
    except BaseException:  # noqa: BLE001 - even the text of the exception may fail
        return type_name(error)


def to_single_line(text: str) -> str:
    """Convert foreign text to one printable line of limited length."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:_MAX_LINE_LENGTH]


def check_instance(value: object, kind: type[T], what: str) -> T:
    """Return the value if it has this type; otherwise raise InvalidAnswer."""
    if isinstance(value, kind):
        return value
    raise InvalidAnswer(f"{what} returned {type_name(value)} instead of {kind.__name__}")


def check_tuple(values: object, kind: type[T], what: str) -> tuple[T, ...]:
    """Return the values if they are a tuple of this type; otherwise raise InvalidAnswer."""
    members = cast("tuple[object, ...]", check_instance(values, tuple, what))
    return tuple(check_instance(member, kind, what) for member in members)


def check_frozenset(values: object, kind: type[T], what: str) -> frozenset[T]:
    """Return the values if they are a frozenset of this type; otherwise raise InvalidAnswer."""
    members = cast("frozenset[object]", check_instance(values, frozenset, what))
    return frozenset(check_instance(member, kind, what) for member in members)


def check_name(value: object, pattern: re.Pattern[str], what: str) -> str:
    """Return the value if it is a string that matches the pattern; otherwise raise InvalidAnswer."""
    value = _to_plain_str(value)
    if value is not None and pattern.fullmatch(value):
        return value
    raise InvalidAnswer(f"its {what} does not match {pattern.pattern}")


def check_text(value: object, what: str) -> str:
    """Return the value if it is a short printable line; otherwise raise InvalidAnswer."""
    value = _to_plain_str(value)
    if value is not None and value.isprintable() and len(value) <= _MAX_TEXT_LENGTH:
        return value
    raise InvalidAnswer(f"its {what} is not one printable line of at most {_MAX_TEXT_LENGTH} characters")


def check_methods(value: object, *names: str) -> None:
    """Raise InvalidAnswer if the value lacks one of these methods."""
    for method in names:
        if not callable(getattr(value, method, None)):
            raise InvalidAnswer(f"it has no method {method}")


def _to_plain_str(value: object) -> str | None:
    """Convert a string to a plain ``str``, bypassing methods of a subclass; None if the value is not a string."""
    return str.__str__(value) if isinstance(value, str) else None


def _is_formattable(error: SealError) -> bool:
    """Whether message and hint are plain strings; a plugin may have derived its own class."""
    try:
        return type(str(error)) is str and type(error.hint) is str and type(error.code) is str
    except BaseException:  # noqa: BLE001 - plugins may raise anything
        return False
