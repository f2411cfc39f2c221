"""Kinds of plugins, and the index of what all plugins contribute of one kind, by name."""

# Kept apart: the mechanism is independent of the table of kinds in the registry.

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from dcmseal.errors import PluginBroken, PluginConflict, PluginNotFound, SealError
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.plugin_loader import LoadedPlugin, run_with_timeout

_MAX_NAME_LENGTH: Final = 64

T = TypeVar("T")


class PluginKind(Struct, Generic[T], frozen=True, kw_only=True):
    """A kind of contribution: the hook that returns them, and the guard and the key of each."""

    name: str
    hook: str
    guard: Callable[[Any, Origin], T]
    """Wraps a contribution in checks; raises PluginBroken if it is invalid."""
    key: Callable[[T], str]
    """The name by which the registry finds a contribution."""
    missing: str
    """Message for a name that no plugin contributes; ``{}`` is replaced by the name."""
    hint_name: str = "{}"
    """Format of a known name in the hint."""
    error: type[SealError] = PluginNotFound


class PluginIndex(Generic[T]):
    """What all plugins contribute of one kind. If one contribution of a plugin is invalid, none of them is used."""

    def __init__(self, kind: PluginKind[T], plugins: Iterable[LoadedPlugin]) -> None:
        self._kind = kind
        self._offers: dict[str, list[tuple[LoadedPlugin, T]]] = {}
        self._broken: dict[LoadedPlugin, str] = {}
        for plugin in plugins:
            try:
                for value in _call_hook(plugin, kind):
                    self._offers.setdefault(kind.key(value), []).append((plugin, value))
            except PluginBroken as error:
                self._broken[plugin] = str(error)

    def all(self) -> tuple[T, ...]:
        """Return all contributions without a conflict, sorted by name."""
        return tuple(self._usable().values())

    def find(self, name: str) -> T:
        """Return the contribution of this name; raises ``kind.error``, PluginConflict or PluginBroken."""
        offers = self._offers.get(name, [])
        if len(offers) > 1:
            origins = " and ".join(str(plugin.origin) for plugin, _ in offers)
            raise PluginConflict(
                f"{self._kind.name}:{name} is contributed more than once, by {origins}",
                hint="uninstall all but one of them",
            )
        if offers:
            return offers[0][1]
        if self._broken:
            broken = "; ".join(f"{plugin.origin}: {problem}" for plugin, problem in self._broken.items())
            raise PluginBroken(
                f"no working plugin contributes {self._kind.name}:{name}, and some plugins are broken: {broken}",
                hint="repair or uninstall the broken plugins, then list the plugins again",
            )
        raise self._missing_error(name[:_MAX_NAME_LENGTH])

    def names(self, plugin: LoadedPlugin) -> tuple[str, ...]:
        """Return the contributions of a plugin, as ``kind:name``."""
        return tuple(
            f"{self._kind.name}:{name}" for name, offers in sorted(self._offers.items()) if plugin in dict(offers)
        )

    def problems(self, plugin: LoadedPlugin) -> tuple[str, ...]:
        """Return why contributions of a plugin cannot be used."""
        if plugin in self._broken:
            return (self._broken[plugin],)
        conflicts: list[str] = []
        for name, offers in sorted(self._offers.items()):
            origins = [other.origin for other, _ in offers]
            if plugin.origin in origins and len(origins) > 1:
                origins.remove(plugin.origin)
                conflicts.append(f"{self._kind.name}:{name} is also contributed by {' and '.join(map(str, origins))}")
        return tuple(conflicts)

    def _usable(self) -> dict[str, T]:
        return {name: offers[0][1] for name, offers in sorted(self._offers.items()) if len(offers) == 1}

    def _missing_error(self, name: str) -> SealError:
        from difflib import get_close_matches

        known = tuple(self._usable())
        near = get_close_matches(name, known, 1)
        choices = ", ".join(map(self._kind.hint_name.format, known))
        hint = f"use one of: {choices}; or install a plugin" if choices else "install a plugin"
        return self._kind.error(
            self._kind.missing.format(name), hint=f"did you mean {near[0]}? {hint}" if near else hint
        )


def _call_hook(plugin: LoadedPlugin, kind: PluginKind[T]) -> list[T]:
    if plugin.problem:
        raise PluginBroken(plugin.problem)
    return run_with_timeout(lambda: [kind.guard(value, plugin.origin) for value in plugin.values(kind.hook)])
