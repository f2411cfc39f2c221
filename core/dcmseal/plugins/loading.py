"""How plugins come in: entry points of group ``dcmseal``, each loaded under guard and kept apart from the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar

from dcmseal.errors import PluginBroken

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

    from pluggy import PluginManager

PROJECT: Final = "dcmseal"
"""Name of the entry point group, and of the hook markers."""
_MOST_VALUES: Final = 1000
_LONGEST_REASON: Final = 300
PATIENCE: Final = 20.0
"""Seconds that a plugin has to be imported, and to say what it contributes."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a plugin comes from; ``distribution`` is empty if an application registered it itself."""

    name: str
    distribution: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} ({self.name})" if self.distribution else self.name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoadedPlugin:
    """A plugin under a plugin manager of its own, so that its failures and wrappers stay inside; or what is wrong."""

    origin: Origin
    manager: PluginManager | None = None
    problem: str = ""

    def values(self, hook: str) -> tuple[object, ...]:
        """What the plugin contributes through a hook; raises PluginBroken if it fails or answers nonsense."""
        if self.manager is None:
            return ()
        try:
            answers = getattr(self.manager.hook, hook)()
            values = tuple(islice((value for answer in answers for value in answer), _MOST_VALUES + 1))
        except BaseException as error:
            if is_the_users(error):
                raise
            raise PluginBroken(f"{hook} failed: {reason(error)}") from None
        if len(values) > _MOST_VALUES:
            raise PluginBroken(f"{hook} gave more than {_MOST_VALUES} values")
        return values


def discovered() -> tuple[LoadedPlugin, ...]:
    """Load every plugin installed; one that fails is kept with its reason."""
    plugins = [_loaded(point, home) for points, home in _plugin_distributions() for point in points]
    return tuple(sorted(plugins, key=lambda plugin: (plugin.origin.distribution, plugin.origin.name)))


def registered(plugin: object, origin: Origin) -> LoadedPlugin:
    """Take in a module or object whose functions are marked as hook implementations."""
    from pluggy import PluginManager

    from dcmseal.plugins import hookspecs

    manager = PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin)
        manager.check_pending()
        callers = manager.get_hookcallers(plugin)
    except BaseException as error:
        if is_the_users(error):
            raise
        return LoadedPlugin(origin=origin, problem=reason(error))
    if not callers:
        return LoadedPlugin(origin=origin, problem="it implements no hook: mark its functions with @hookimpl")
    return LoadedPlugin(origin=origin, manager=manager)


def origin_of(plugin: object) -> Origin:
    """The origin of a plugin that an application hands over."""
    try:
        name: object = getattr(plugin, "__name__", None)
    except BaseException as error:
        if is_the_users(error):
            raise
        name = None
    return Origin(name=plain(name) if isinstance(name, str) else kind_of(plugin))


def is_the_users(error: BaseException) -> bool:
    """Whether somebody pressed Ctrl-C; whatever else foreign code raises does not take the program down."""
    return type(error) is KeyboardInterrupt


def in_time(action: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What the action of a plugin returns; raises PluginBroken if it fails, or does not come to an end.

    It runs in a thread, which is left behind if it hangs. Ctrl-C is the main thread's: whatever is raised in there is
    the plugin's own.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def attempt() -> None:
        try:
            done.append(action())
        except BaseException as error:  # noqa: BLE001 - plugins raise what they like
            failed.append(error)

    thread = Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if done:
        return done[0]
    if failed and isinstance(failed[0], PluginBroken):
        raise failed[0]
    raise PluginBroken(reason(failed[0]) if failed else f"it hangs: it is given up after {seconds:g} s")


def kind_of(value: object) -> str:
    """The name of a value's type, whatever its metaclass has to say to that."""
    return plain(type.__dict__["__name__"].__get__(type(value)))


def reason(error: BaseException) -> str:
    """An error of a plugin in one plain line."""
    try:
        return plain(f"{kind_of(error)}: {error}")
    except BaseException:  # noqa: BLE001 - an error whose text fails is told by its type
        return kind_of(error)


def plain(text: str) -> str:
    """Foreign text cut to one printable line."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(line.split())[:_LONGEST_REASON]


def _plugin_distributions() -> Iterator[tuple[list[EntryPoint], Origin]]:
    from importlib import metadata

    # metadata.entry_points() would fail as a whole over one damaged distribution. Of two copies of a
    # distribution on sys.path the first hides the second, as it does for imports.
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            points = [point for point in distribution.entry_points if point.group == PROJECT]
        except Exception:  # noqa: BLE001, S112 - finders of distributions are foreign code, too
            continue  # what cannot be read cannot be known to be a plugin
        if not points:
            continue
        name = _stated(distribution, "name")
        key = re.sub("[-_.]+", "-", name).lower()
        if key not in seen:
            seen.add(key)
            yield points, Origin(name="", distribution=name, version=_stated(distribution, "version"))


def _stated(distribution: Distribution, what: str) -> str:
    try:
        return plain(getattr(distribution, what))
    except Exception:  # noqa: BLE001 - the same
        return "unknown"


def _loaded(point: EntryPoint, home: Origin) -> LoadedPlugin:
    origin = replace(home, name=plain(point.name))
    try:
        return in_time(lambda: registered(point.load(), origin))
    except PluginBroken as error:
        return LoadedPlugin(origin=origin, problem=str(error))
