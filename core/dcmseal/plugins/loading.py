"""How plugins come in: entry points of group ``dcmseal``, each loaded under guard and kept apart from the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from dcmseal.errors import PluginBroken

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

    from pluggy import PluginManager

PROJECT: Final = "dcmseal"
"""Name of the entry point group, and of the hook markers."""
_MOST_VALUES: Final = 1000
_LONGEST_REASON: Final = 300
GUARDED: Final = (Exception, SystemExit)
"""What foreign code may raise without taking the program down; KeyboardInterrupt is the user's."""


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
        except GUARDED as error:
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
    except GUARDED as error:
        return LoadedPlugin(origin=origin, problem=reason(error))
    if not callers:
        return LoadedPlugin(origin=origin, problem="it implements no hook: mark its functions with @hookimpl")
    return LoadedPlugin(origin=origin, manager=manager)


def origin_of(plugin: object) -> Origin:
    """The origin of a plugin that an application hands over."""
    name: object = getattr(plugin, "__name__", None)
    return Origin(name=plain(name if isinstance(name, str) else type(plugin).__name__))


def reason(error: BaseException) -> str:
    """An error of a plugin in one plain line."""
    try:
        return plain(f"{type(error).__name__}: {error}")
    except Exception:  # noqa: BLE001 - an error whose text fails is told by its type
        return plain(type(error).__name__)


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
        except GUARDED:
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
    except GUARDED:
        return "unknown"


def _loaded(point: EntryPoint, home: Origin) -> LoadedPlugin:
    origin = replace(home, name=plain(point.name))
    try:
        plugin: object = point.load()
    except GUARDED as error:
        return LoadedPlugin(origin=origin, problem=reason(error))
    return registered(plugin, origin)
