"""The registry of plugins, which finds every contribution by its kind and name."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pickle import PicklingError
from typing import Any, Final, TypeVar

from msgspec import Struct

from dcmseal.errors import UnknownProfile
from dcmseal.plugins.executor import BatchExecutor, GuardedExecutor
from dcmseal.plugins.guard import Origin
from dcmseal.plugins.key_uri import parse_key_scheme
from dcmseal.plugins.plugin_index import PluginIndex, PluginKind
from dcmseal.plugins.plugin_loader import LoadedPlugin, discover_plugins, plugin_origin, register_plugin
from dcmseal.plugins.profile import Profile, guard_profile
from dcmseal.plugins.report_writer import ReportWriter, guard_report_writer
from dcmseal.plugins.signer_backend import GuardedSignerBackend, Secrets, Signer, SignerBackend
from dcmseal.plugins.storage import GuardedStorage, Storage
from dcmseal.plugins.timestamp_backend import GuardedTimestampBackend, TimestampBackend
from dcmseal.plugins.trust import GuardedTrustBackend, TrustBackend

PROFILE_FILE_SUFFIX: Final = ".toml"
"""Distinguishes the paths of profile files from names of profiles."""

T = TypeVar("T")


_SIGNER: Final[PluginKind[SignerBackend]] = PluginKind(
    name="signer",
    hook="dcmseal_signer_backends",
    guard=GuardedSignerBackend,
    key=lambda backend: backend.scheme,
    missing="no plugin opens keys of scheme {}:",
    hint_name="{}:",
)
_PROFILE: Final[PluginKind[Profile]] = PluginKind(
    name="profile",
    hook="dcmseal_profiles",
    guard=guard_profile,
    key=lambda profile: profile.name,
    missing="no plugin provides a profile named {!r}",
    error=UnknownProfile,
)
_TRUST: Final[PluginKind[TrustBackend]] = PluginKind(
    name="trust",
    hook="dcmseal_trust_backends",
    guard=GuardedTrustBackend,
    key=lambda backend: backend.scheme,
    missing="no plugin evaluates trust of scheme {!r}",
)
_TIMESTAMP: Final[PluginKind[TimestampBackend]] = PluginKind(
    name="timestamp",
    hook="dcmseal_timestamp_backends",
    guard=GuardedTimestampBackend,
    key=lambda backend: backend.type,
    missing="no plugin supports certified timestamps of type {!r}",
)
_STORAGE: Final[PluginKind[Storage]] = PluginKind(
    name="storage",
    hook="dcmseal_storages",
    guard=GuardedStorage,
    key=lambda storage: storage.scheme,
    missing="no plugin supports {}: URLs",
    hint_name="{}:",
)
_EXECUTOR: Final[PluginKind[BatchExecutor]] = PluginKind(
    name="executor",
    hook="dcmseal_batch_executors",
    guard=GuardedExecutor,
    key=lambda executor: executor.name,
    missing="no plugin provides a batch executor named {!r}",
)
_REPORT: Final[PluginKind[ReportWriter]] = PluginKind(
    name="report",
    hook="dcmseal_report_writers",
    guard=guard_report_writer,
    key=lambda writer: writer.format,
    missing="no plugin writes reports in the format {!r}",
)
_KINDS: Final[list[PluginKind[Any]]] = [_SIGNER, _PROFILE, _TRUST, _TIMESTAMP, _STORAGE, _EXECUTOR, _REPORT]
"""All kinds, in the order in which plugins are listed."""


class PluginInfo(Struct, frozen=True, kw_only=True):
    """A plugin as the list of plugins shows it."""

    name: str
    """Name of its entry point."""
    distribution: str
    """Empty if an application registered the plugin itself."""
    version: str
    contributes: tuple[str, ...]
    """Kind and name of each contribution, such as ``signer:pem`` and ``profile:base-rsa``."""
    problem: str
    """Why some or all of it cannot be used; empty if all of it can."""


class Registry:
    """An immutable set of plugins, whose contributions are found by name.

    Every lookup raises PluginNotFound (for profiles, UnknownProfile) if no plugin contributes the name, and
    PluginConflict if several plugins do. A plugin that fails to load, or with an invalid contribution, stays in the
    registry with the reason; lookups raise PluginBroken only if no other plugin contributes the name.
    """

    def __init__(self, plugins: tuple[LoadedPlugin, ...], profile_folders: tuple[str, ...] | None = None) -> None:
        self._plugins = plugins
        self._profile_folders = profile_folders
        self._indexes: dict[str, PluginIndex[Any]] = {}

    @property
    def profile_folders(self) -> tuple[str, ...]:
        """The folders whose profile files were added."""
        return self._profile_folders or ()

    def __reduce__(self) -> tuple[object, ...]:
        # another process discovers its plugins itself
        if self._profile_folders is None:
            raise PicklingError("plugins that an application registered cannot be sent to another process")
        return _restore_registry, (self._profile_folders,)

    @classmethod
    def discover(cls) -> Registry:
        """Load all installed plugins: the entry points of group ``dcmseal``."""
        return cls(discover_plugins(), ())

    @classmethod
    def from_plugins(cls, *plugins: object) -> Registry:
        """Build a registry of the given plugins only.

        Args:
            plugins: Modules or objects with hook implementations.
        """
        return cls(tuple(register_plugin(plugin, plugin_origin(plugin)) for plugin in plugins))

    def with_profile_folder(self, folder: str) -> Registry:
        """Return a registry that also has the profiles in the profile files of a folder.

        Invalid files are listed like broken plugins.

        Raises:
            ProfileFileError: The folder cannot be read.
        """
        from dcmseal.plugins.site_profile import iter_profile_files

        files = iter_profile_files(folder, self._index(_PROFILE).find)
        plugins = (*self._plugins, *(register_plugin(file, Origin(name=file.path)) for file in files))
        known = self._profile_folders
        return Registry(plugins, None if known is None else (*known, folder))

    def signer_backend(self, scheme: str) -> SignerBackend:
        """Return the backend for a key URI scheme."""
        return self._index(_SIGNER).find(scheme)

    def signer_backends(self) -> tuple[SignerBackend, ...]:
        """Return all usable signer backends, sorted by scheme."""
        return self._index(_SIGNER).all()

    @contextmanager
    def open_signer(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Open the key of a key URI; it closes when the context ends.

        Args:
            uri: The key URI, such as ``pem:key.pem?cert=cert.pem``.
            secrets: Returns the PIN or passphrase when the key needs one.

        Raises:
            UsageError: The key URI is invalid.
            PluginError: No working plugin supports its scheme.
            SignerError: The key cannot be opened; a subclass says why.
        """
        with self.signer_backend(parse_key_scheme(uri)).open(uri, secrets) as signer:
            yield signer

    def profile(self, name: str) -> Profile:
        """Return a profile.

        Args:
            name: The name of a profile, or the path of a profile file, which ends in ``.toml``.

        Raises:
            UnknownProfile: No plugin provides the profile, nor the base of the profile file.
            ProfileFileError: The profile file is invalid.
        """
        if name.endswith(PROFILE_FILE_SUFFIX):
            from dcmseal.plugins.site_profile import load_site_profile

            return load_site_profile(name, self._index(_PROFILE).find)
        return self._index(_PROFILE).find(name)

    def profiles(self) -> tuple[Profile, ...]:
        """Return all usable profiles, sorted by name."""
        return self._index(_PROFILE).all()

    def trust_backend(self, scheme: str) -> TrustBackend:
        """Return the trust backend of a scheme."""
        return self._index(_TRUST).find(scheme)

    def trust_backends(self) -> tuple[TrustBackend, ...]:
        """Return all usable trust backends, sorted by scheme."""
        return self._index(_TRUST).all()

    def timestamp_backend(self, type_: str) -> TimestampBackend:
        """Return the backend for a Certified Timestamp Type."""
        return self._index(_TIMESTAMP).find(type_)

    def storage(self, scheme: str) -> Storage:
        """Return the storage for a URL scheme."""
        return self._index(_STORAGE).find(scheme)

    def batch_executor(self, name: str) -> BatchExecutor:
        """Return the batch executor of a name."""
        return self._index(_EXECUTOR).find(name)

    def report_writer(self, format_: str) -> ReportWriter:
        """Return the writer for a report format."""
        return self._index(_REPORT).find(format_)

    def report_writers(self) -> tuple[ReportWriter, ...]:
        """Return all usable report writers, sorted by format."""
        return self._index(_REPORT).all()

    def plugins(self) -> tuple[PluginInfo, ...]:
        """Return all plugins, including broken ones."""
        return tuple(self._build_info(plugin) for plugin in self._plugins)

    def _index(self, kind: PluginKind[T]) -> PluginIndex[T]:
        """Return the index of a kind, built on first use, because plugins then import what they contribute."""
        found = self._indexes.get(kind.name)
        if found is None:
            found = self._indexes[kind.name] = PluginIndex(kind, self._plugins)
        return found

    def _build_info(self, plugin: LoadedPlugin) -> PluginInfo:
        indexes = [self._index(kind) for kind in _KINDS]
        problems = dict.fromkeys(problem for index in indexes for problem in index.problems(plugin))
        return PluginInfo(
            name=plugin.origin.name,
            distribution=plugin.origin.distribution,
            version=plugin.origin.version,
            contributes=tuple(name for index in indexes for name in index.names(plugin)),
            problem="; ".join(problems),
        )


def _restore_registry(profile_folders: tuple[str, ...]) -> Registry:
    """Build the registry of the plugins installed here, with the profiles of these folders."""
    registry = installed_registry()
    for folder in profile_folders:
        registry = registry.with_profile_folder(folder)
    return registry


@cache
def installed_registry() -> Registry:
    """Return the registry of installed plugins, which a process discovers once."""
    return Registry.discover()
