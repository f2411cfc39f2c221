"""Contributions of one kind, by name: a name contributed twice is an error that names both distributions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Generic, TypeVar

from dcmseal.errors import PluginBroken, PluginConflict
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.plugin_loader import LoadedPlugin, run_with_timeout

T = TypeVar("T")


class LazyProperty(Generic[T]):
    """A property that is made when it is first asked for.

    In Python 3.11 ``cached_property`` has a lock for all objects: while one registry asks its plugins, which it does in
    threads of their own, none of them could ask another registry.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type[object]) -> T:
        value = instance.__dict__[self._name] = self._make(instance)
        return value


def _load_values(plugin: LoadedPlugin, hook: str, wrap: Callable[[Any, Origin], T]) -> list[T]:
    return [wrap(value, plugin.origin) for value in plugin.values(hook)]


class PluginIndex(Generic[T]):
    """What all plugins answer to one hook; a plugin whose answer is wrong in part is left out as a whole."""

    def __init__(
        self,
        plugins: Iterable[LoadedPlugin],
        *,
        kind: str,
        hook: str,
        wrap: Callable[[Any, Origin], T],
        key: Callable[[T], str],
    ) -> None:
        """``wrap`` checks one value, and raises PluginBroken if it is not of the kind."""
        self.kind = kind
        self._offers: dict[str, list[tuple[LoadedPlugin, T]]] = {}
        self._broken: dict[LoadedPlugin, str] = {}
        for plugin in plugins:
            if plugin.problem:
                self._broken[plugin] = plugin.problem
                continue
            try:
                admitted = run_with_timeout(partial(_load_values, plugin, hook, wrap))
            except PluginBroken as error:
                self._broken[plugin] = str(error)
                continue
            for value in admitted:
                self._offers.setdefault(key(value), []).append((plugin, value))

    def find(self, name: str) -> T | None:
        """The value of that name, or None.

        Raises PluginConflict if there are several, and PluginBroken if there is none but a broken plugin might
        have had it.
        """
        offers = self._offers.get(name, [])
        if len(offers) > 1:
            origins = " and ".join(str(plugin.origin) for plugin, _ in offers)
            raise PluginConflict(
                f"{self.kind}:{name} is contributed more than once, by {origins}", hint="uninstall all but one of them"
            )
        if offers:
            return offers[0][1]
        if self._broken:
            broken = "; ".join(f"{plugin.origin}: {problem}" for plugin, problem in self._broken.items())
            raise PluginBroken(
                f"no working plugin contributes {self.kind}:{name}, and some are broken: {broken}",
                hint="repair or uninstall what is broken, then look at the list of plugins again",
            )
        return None

    @property
    def usable(self) -> dict[str, T]:
        """The values that only one plugin contributes, in order of their names."""
        return {name: offers[0][1] for name, offers in sorted(self._offers.items()) if len(offers) == 1}

    def contributions(self, plugin: LoadedPlugin) -> tuple[str, ...]:
        """What a plugin contributes, as ``kind:name``."""
        return tuple(f"{self.kind}:{name}" for name, offers in sorted(self._offers.items()) if plugin in dict(offers))

    def problems(self, plugin: LoadedPlugin) -> tuple[str, ...]:
        """What is wrong with a plugin, as far as this kind goes."""
        if plugin in self._broken:
            return (self._broken[plugin],)
        conflicts: list[str] = []
        for name, offers in sorted(self._offers.items()):
            origins = [other.origin for other, _ in offers]
            if plugin.origin in origins and len(origins) > 1:
                origins.remove(plugin.origin)
                conflicts.append(f"{self.kind}:{name} is also contributed by {' and '.join(map(str, origins))}")
        return tuple(conflicts)
