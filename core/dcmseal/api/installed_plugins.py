"""The installed plugins, which only ``dcmseal.api`` and the packages above it may find."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry
    from dcmseal.plugins.registry_provider import RegistryProvider


def provide_registry(registry: Registry | None = None) -> RegistryProvider:
    """Return a function that returns the plugins to use.

    Args:
        registry: The plugins; None for all that are installed, which are loaded when the function is called.
    """
    return _load_installed_registry if registry is None else lambda: registry


def _load_installed_registry() -> Registry:
    from dcmseal.plugins.registry import installed_registry

    return installed_registry()
