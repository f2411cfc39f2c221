"""How packages below ``dcmseal.api`` get the plugins: they call a function that their caller gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from dcmseal.errors import PluginError

if TYPE_CHECKING:
    from dcmseal.plugins.registry import Registry

RegistryProvider: TypeAlias = "Callable[[], Registry]"
"""Returns the plugins to use. Called only when a plugin is needed, because loading plugins takes time."""


def no_plugins() -> Registry:
    """Refuse to provide plugins; the default where most callers need none.

    Raises:
        PluginError: Always.
    """
    raise PluginError("no plugins were given", hint="give a registry")
