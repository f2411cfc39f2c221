"""Load plugins from the entry points of group ``dcmseal``, each isolated from the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from threading import Thread
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.errors import PluginBroken
from dcmseal.plugins.guard import Origin, format_plugin_error, is_keyboard_interrupt, to_single_line, type_name

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

    from pluggy import PluginManager

PROJECT: Final = "dcmseal"
"""Name of the entry point group and of the pluggy project."""
_MAX_VALUES: Final = 1000
LOAD_TIMEOUT: Final = 20.0
"""Timeout in seconds for importing a plugin, and for each of its hooks."""

T = TypeVar("T")


class LoadedPlugin(Struct, frozen=True, kw_only=True, eq=False):
    """A plugin with its own plugin manager, which isolates its failures and wrappers; or the reason why it has none."""

    origin: Origin
    manager: PluginManager | None = None
    problem: str = ""

    def values(self, hook: str) -> tuple[object, ...]:
        """Call a hook and return its contributions; raises PluginBroken."""
        if self.manager is None:
            return ()
        try:
            answers = getattr(self.manager.hook, hook)()
            values = tuple(islice((value for answer in answers for value in answer), _MAX_VALUES + 1))
        except BaseException as error:
            if is_keyboard_interrupt(error):
                raise
            raise PluginBroken(f"{hook} failed: {format_plugin_error(error)}") from None
        if len(values) > _MAX_VALUES:
            raise PluginBroken(f"{hook} returned more than {_MAX_VALUES} values")
        return values


def discover_plugins() -> tuple[LoadedPlugin, ...]:
    """Load all installed plugins; those that fail are included, with the reason."""
    plugins = [_load_entry_point(point, home) for points, home in _iter_plugin_distributions() for point in points]
    return tuple(sorted(plugins, key=lambda plugin: (plugin.origin.distribution, plugin.origin.name)))


def register_plugin(plugin: object, origin: Origin) -> LoadedPlugin:
    """Register a module or object with hook implementations."""
    from pluggy import PluginManager

    from dcmseal.plugins import hookspecs

    manager = PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin)
        manager.check_pending()
        callers = manager.get_hookcallers(plugin)
    except BaseException as error:
        if is_keyboard_interrupt(error):
            raise
        return LoadedPlugin(origin=origin, problem=format_plugin_error(error))
    if not callers:
        return LoadedPlugin(origin=origin, problem="it implements no hook: decorate its functions with @hookimpl")
    return LoadedPlugin(origin=origin, manager=manager)


def plugin_origin(plugin: object) -> Origin:
    """Return the origin of a plugin that an application registers."""
    try:
        name: object = getattr(plugin, "__name__", None)
    except BaseException as error:
        if is_keyboard_interrupt(error):
            raise
        name = None
    return Origin(name=to_single_line(name) if isinstance(name, str) else type_name(plugin))


def run_with_timeout(action: Callable[[], T], seconds: float = LOAD_TIMEOUT) -> T:
    """Call a plugin in a thread, and abandon the thread after a timeout; raises PluginBroken.

    Ctrl-C interrupts the main thread only, so every exception in the thread is the plugin's own.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def attempt() -> None:
        try:
            done.append(action())
        except BaseException as error:  # noqa: BLE001 - plugins may raise anything
            failed.append(error)

    thread = Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if done:
        return done[0]
    if failed and isinstance(failed[0], PluginBroken):
        raise failed[0]
    raise PluginBroken(format_plugin_error(failed[0]) if failed else f"it hangs: no result after {seconds:g} s")


def _iter_plugin_distributions() -> Iterator[tuple[list[EntryPoint], Origin]]:
    from importlib import metadata

    # metadata.entry_points() would fail as a whole because of one damaged distribution. Of two copies of a
    # distribution on sys.path, the first hides the second, as for imports.
    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            points = [point for point in distribution.entry_points if point.group == PROJECT]
        except Exception:  # noqa: BLE001, S112 - finders of distributions are foreign code
            continue
        if not points:
            continue
        name = _read_metadata(distribution, "name")
        key = re.sub("[-_.]+", "-", name).lower()
        if key not in seen:
            seen.add(key)
            yield points, Origin(name="", distribution=name, version=_read_metadata(distribution, "version"))


def _read_metadata(distribution: Distribution, what: str) -> str:
    try:
        return to_single_line(getattr(distribution, what))
    except Exception:  # noqa: BLE001 - as above
        return "unknown"


def _load_entry_point(point: EntryPoint, home: Origin) -> LoadedPlugin:
    origin = replace(home, name=to_single_line(point.name))
    try:
        return run_with_timeout(lambda: register_plugin(point.load(), origin))
    except PluginBroken as error:
        return LoadedPlugin(origin=origin, problem=str(error))
