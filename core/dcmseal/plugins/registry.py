"""The registry of plugins: keys, trust and storages by scheme, the others by name, type or format."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pickle import PicklingError
from typing import Final

from dcmseal.errors import PluginNotFound, ProfileFileError, UnknownProfile, UsageError
from dcmseal.plugins.executor import BatchExecutor, GuardedExecutor
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.key_uri import KeyUri, escape_path, find_key_scheme
from dcmseal.plugins.plugin_index import LazyProperty, PluginIndex
from dcmseal.plugins.plugin_loader import LoadedPlugin, discover_plugins, plugin_origin, register_plugin
from dcmseal.plugins.profile import GuardedProfile, Profile, guard_profile
from dcmseal.plugins.report_writer import GuardedReportWriter
from dcmseal.plugins.signer_backend import GuardedSignerBackend, Secrets, Signer, SignerBackend
from dcmseal.plugins.storage import GuardedStorage, Storage
from dcmseal.plugins.timestamp_backend import GuardedTimestampBackend, TimestampBackend
from dcmseal.plugins.trust import GuardedTrustBackend, TrustBackend

_MAX_TYPE_LENGTH: Final = 64
PROFILE_FILE: Final = ".toml"
"""How the names of profile files end, by which they are told from names of profiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """What is known of a plugin; ``contributes`` names kind and name, as in ``signer:pem`` and ``profile:base-rsa``."""

    name: str
    """Of its entry point."""
    distribution: str
    """Empty if an application registered the plugin itself."""
    version: str
    contributes: tuple[str, ...]
    problem: str
    """Why some or all of it cannot be used; empty if there is nothing wrong."""


class Registry:
    """Plugins, by what they contribute; never changes once made.

    A plugin that fails to load or answers nonsense is kept with its reason, and raised as PluginBroken only
    when something is asked for that no other plugin has. A name that two plugins contribute is nobody's:
    asking for it raises PluginConflict.
    """

    def __init__(self, plugins: tuple[LoadedPlugin, ...], profile_folders: tuple[str, ...] | None = None) -> None:
        self._plugins = plugins
        self._profile_folders = profile_folders

    @property
    def profile_folders(self) -> tuple[str, ...]:
        """The folders whose profile files were added."""
        return self._profile_folders or ()

    def __reduce__(self) -> tuple[object, ...]:
        # another process has plugins of its own, which it discovers itself
        if self._profile_folders is None:
            raise PicklingError("plugins that an application registered cannot be sent to another process")
        return _restore_registry, (self._profile_folders,)

    @classmethod
    def discover(cls) -> Registry:
        """All plugins installed: the entry points of group ``dcmseal``."""
        return cls(discover_plugins(), ())

    @classmethod
    def from_plugins(cls, *plugins: object) -> Registry:
        """The plugins given, modules or objects, and no others."""
        return cls(tuple(register_plugin(plugin, plugin_origin(plugin)) for plugin in plugins))

    def signer_backend(self, scheme: str) -> SignerBackend:
        """The backend for keys of a scheme; raises PluginNotFound, PluginConflict or PluginBroken."""
        backend = self._signer_index.find(scheme)
        if backend is None:
            known = ", ".join(f"{name}:" for name in self._signer_index.usable)
            raise PluginNotFound(
                f"no plugin opens keys of scheme {scheme}:",
                hint=f"install the plugin for it, or use one of: {known or 'none is installed'}",
            )
        return backend

    def signer_backends(self) -> tuple[SignerBackend, ...]:
        """All backends that can be used, by scheme."""
        return tuple(self._signer_index.usable.values())

    @contextmanager
    def open_signer(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Open the key that a key URI points to, for as long as the context lasts.

        Raises UsageError if the URI cannot be read, PluginError if its scheme has no backend, and SignerError or
        one of its kinds if there is no such key or it cannot be used.
        """
        if find_key_scheme(uri) is None and os.path.isfile(uri):
            raise UsageError("the key is given as a path, without a scheme", hint=f"write {_suggest_key_uri(uri)}")
        backend = self.signer_backend(KeyUri.parse(uri).scheme)
        with backend.open(uri, secrets) as signer:
            yield signer

    def profile(self, name: str) -> Profile:
        """The profile of that name, or the one that the profile file of that path (it ends in .toml) defines.

        Raises UnknownProfile, ProfileFileError, PluginConflict or PluginBroken.
        """
        if name.endswith(PROFILE_FILE):
            from dcmseal.plugins.site_profile import load_site_profile

            return load_site_profile(name, self._find_profile)
        return self._find_profile(name)

    def with_profile_folder(self, folder: str) -> Registry:
        """The same, and the profiles that the files in a folder define; broken files are kept as broken plugins are.

        Raises ProfileFileError if the folder cannot be read.
        """
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(PROFILE_FILE))
        except OSError as error:
            raise ProfileFileError(f"{folder} cannot be read: {error.strerror}", hint="check the path") from None
        files = (ProfileFilePlugin(os.path.join(folder, name), self._find_profile) for name in names)
        plugins = (*self._plugins, *(register_plugin(file, Origin(name=file.path)) for file in files))
        known = self._profile_folders
        return Registry(plugins, None if known is None else (*known, folder))

    def _find_profile(self, name: str) -> Profile:
        profile = self._profile_index.find(name)
        if profile is None:
            from difflib import get_close_matches

            known = tuple(self._profile_index.usable)
            near = get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UnknownProfile(
                f"no plugin offers a profile {name!r}", hint=f"{meant}profiles are: {', '.join(known) or 'none'}"
            )
        return profile

    def profiles(self) -> tuple[Profile, ...]:
        """All profiles that can be used, by name."""
        return tuple(self._profile_index.usable.values())

    def trust_backend(self, scheme: str) -> TrustBackend:
        """The backend for trust settings of a scheme; raises PluginNotFound, PluginConflict or PluginBroken."""
        backend = self._trust_index.find(scheme)
        if backend is None:
            known = ", ".join(self._trust_index.usable)
            raise PluginNotFound(
                f"no plugin evaluates trust of scheme {scheme}",
                hint=f"install the plugin for it, or use one of: {known or 'none is installed'}",
            )
        return backend

    def trust_backends(self) -> tuple[TrustBackend, ...]:
        """All trust backends that can be used, by scheme."""
        return tuple(self._trust_index.usable.values())

    def timestamp_backend(self, type_: str) -> TimestampBackend:
        """What knows a Certified Timestamp Type; raises PluginNotFound, PluginConflict or PluginBroken."""
        backend = self._timestamp_index.find(type_)
        if backend is None:
            known = ", ".join(self._timestamp_index.usable)
            raise PluginNotFound(
                f"no plugin knows certified timestamps of type {type_[:_MAX_TYPE_LENGTH]!r}",
                hint=f"install the plugin for it; those installed know: {known or 'none'}",
            )
        return backend

    def storage(self, scheme: str) -> Storage:
        """What reaches URLs of a scheme; raises PluginNotFound, PluginConflict or PluginBroken."""
        storage = self._storage_index.find(scheme)
        if storage is None:
            known = ", ".join(f"{name}:" for name in self._storage_index.usable)
            raise PluginNotFound(
                f"no plugin reaches {scheme}: URLs",
                hint=f"install the plugin for it, or use one of: {known or 'none is installed'}",
            )
        return storage

    def batch_executor(self, name: str) -> BatchExecutor:
        """What many files are worked on with, by name; raises PluginNotFound, PluginConflict or PluginBroken."""
        executor = self._executor_index.find(name)
        if executor is None:
            known = ", ".join(self._executor_index.usable)
            raise PluginNotFound(
                f"no plugin has a batch executor {name[:_MAX_TYPE_LENGTH]!r}",
                hint=f"install the plugin for it, or leave it out; those installed: {known or 'none'}",
            )
        return executor

    def report_writer(self, format_: str) -> GuardedReportWriter:
        """What writes reports in a format; raises PluginNotFound, PluginConflict or PluginBroken."""
        writer = self._writer_index.find(format_)
        if writer is None:
            known = ", ".join(self._writer_index.usable)
            raise PluginNotFound(
                f"no plugin writes reports of format {format_[:_MAX_TYPE_LENGTH]!r}",
                hint=f"install the plugin for it, or use one of: {known or 'none is installed'}",
            )
        return writer

    def report_writers(self) -> tuple[GuardedReportWriter, ...]:
        """All report writers that can be used, by format."""
        return tuple(self._writer_index.usable.values())

    def plugins(self) -> tuple[PluginInfo, ...]:
        """All plugins, the broken ones too."""
        return tuple(self._build_info(plugin) for plugin in self._plugins)

    @LazyProperty
    def _signer_index(self) -> PluginIndex[GuardedSignerBackend]:
        return PluginIndex(
            self._plugins,
            kind="signer",
            hook="dcmseal_signer_backends",
            wrap=GuardedSignerBackend,
            key=lambda backend: backend.scheme,
        )

    @LazyProperty
    def _profile_index(self) -> PluginIndex[GuardedProfile]:
        return PluginIndex(
            self._plugins,
            kind="profile",
            hook="dcmseal_profiles",
            wrap=guard_profile,
            key=lambda profile: profile.name,
        )

    @LazyProperty
    def _trust_index(self) -> PluginIndex[GuardedTrustBackend]:
        return PluginIndex(
            self._plugins,
            kind="trust",
            hook="dcmseal_trust_backends",
            wrap=GuardedTrustBackend,
            key=lambda backend: backend.scheme,
        )

    @LazyProperty
    def _timestamp_index(self) -> PluginIndex[GuardedTimestampBackend]:
        return PluginIndex(
            self._plugins,
            kind="timestamp",
            hook="dcmseal_timestamp_backends",
            wrap=GuardedTimestampBackend,
            key=lambda backend: backend.type,
        )

    @LazyProperty
    def _storage_index(self) -> PluginIndex[GuardedStorage]:
        return PluginIndex(
            self._plugins,
            kind="storage",
            hook="dcmseal_storages",
            wrap=GuardedStorage,
            key=lambda storage: storage.scheme,
        )

    @LazyProperty
    def _executor_index(self) -> PluginIndex[GuardedExecutor]:
        return PluginIndex(
            self._plugins,
            kind="executor",
            hook="dcmseal_batch_executors",
            wrap=GuardedExecutor,
            key=lambda executor: executor.name,
        )

    @LazyProperty
    def _writer_index(self) -> PluginIndex[GuardedReportWriter]:
        return PluginIndex(
            self._plugins,
            kind="report",
            hook="dcmseal_report_writers",
            wrap=GuardedReportWriter,
            key=lambda writer: writer.format,
        )

    def _build_info(self, plugin: LoadedPlugin) -> PluginInfo:
        catalogues = (
            self._signer_index,
            self._profile_index,
            self._trust_index,
            self._timestamp_index,
            self._storage_index,
            self._executor_index,
            self._writer_index,
        )
        problems = dict.fromkeys(problem for each in catalogues for problem in each.problems(plugin))
        return PluginInfo(
            name=plugin.origin.name,
            distribution=plugin.origin.distribution,
            version=plugin.origin.version,
            contributes=tuple(what for each in catalogues for what in each.contributions(plugin)),
            problem="; ".join(problems),
        )


class ProfileFilePlugin:
    """A profile file as a plugin."""

    def __init__(self, path: str, find_base: Callable[[str], Profile]) -> None:
        self.path = path
        self._base_of = find_base

    @hookimpl
    def dcmseal_profiles(self) -> tuple[Profile, ...]:
        """Contribute the profile that the file defines."""
        from dcmseal.plugins.site_profile import load_site_profile

        return (load_site_profile(self.path, self._base_of),)


def _suggest_key_uri(path: str) -> str:
    suffix = os.path.splitext(path)[1].lower()
    if suffix in (".p12", ".pfx"):
        return f"p12:{escape_path(path)}"
    return f"{'der' if suffix == '.der' else 'pem'}:{escape_path(path)}?cert=CERTIFICATE"


def _restore_registry(profile_folders: tuple[str, ...]) -> Registry:
    """The plugins installed here, and the profiles in these folders."""
    registry = installed_registry()
    for folder in profile_folders:
        registry = registry.with_profile_folder(folder)
    return registry


@cache
def installed_registry() -> Registry:
    """The plugins installed, discovered once a process: what is installed does not change while it runs."""
    return Registry.discover()
