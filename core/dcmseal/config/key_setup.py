"""A key of the configuration file: a key URI, and defaults for signing with it."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from dcmseal.config.config_table import ConfigTable, resolve_file
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.errors import UsageError
from dcmseal.plugins.key_uri import KeyUri, escape_path
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.terms import MacAlgorithm, SignaturePurpose, parse_algorithm, parse_purpose

TermT = TypeVar("TermT")

_SETUP_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class KeySetup(Struct, frozen=True, kw_only=True):
    """A named key, with defaults for the options of signing."""

    name: str
    uri: str
    """The key URI, with ``cert`` and ``chain`` in it."""
    files: tuple[Path, ...] = ()
    """The files of ``cert`` and ``chain``."""
    profile: str | None = None
    algorithm: MacAlgorithm | None = None
    purpose: SignaturePurpose | None = None
    pin_source: PinSource | None = None
    require_intact: bool = False
    """Sign only if all existing signatures are intact."""

    def secrets(self, request: SecretRequest) -> str | None:
        """Answer a backend's first request from the PIN source; repeating a wrong PIN would lock a card.

        Raises:
            UsageError: The PIN source cannot be read.
            PinRejected: The keyring cannot be read, or has no entry.
        """
        if self.pin_source is None or request.attempt > 1:
            return None
        return self.pin_source.read(self.name, warnings.warn)


def read_key_setup(name: str, table: ConfigTable, folder: Path) -> KeySetup | None:
    """The key that a table defines, or None if it is unusable; file names are relative to the folder."""
    if not _SETUP_NAME.fullmatch(name):
        table.add_problem("", "invalid name for a key", "use at most 64 letters, digits, '.', '_' and '-'")
    uri = table.text("uri")
    attributes = {key: resolve_file(table, key, table.text(key), folder) for key in ("cert", "chain")}
    files = {attribute: path for attribute, path in attributes.items() if path}
    pin_source = _read_pin_source(table, folder)
    setup = KeySetup(
        name=name,
        uri=_complete_uri(uri, files, table),
        files=tuple(files.values()),
        pin_source=pin_source,
        profile=resolve_profile(table, "profile", table.text("profile"), folder) or None,
        algorithm=_read_algorithm(table),
        purpose=_read_purpose(table),
        require_intact=table.flag("require-intact"),
    )
    table.report_unknown_keys()
    return setup if setup.uri else None


def _complete_uri(uri: str, files: dict[str, Path], table: ConfigTable) -> str:
    """The key URI with the files added; empty if it is unusable."""
    if not table.has("uri"):
        table.add_problem("uri", "missing", 'write uri = "SCHEME:..."')
    if not uri:
        return ""
    try:
        parsed = KeyUri.parse(uri)
    except UsageError as error:
        table.add_problem("uri", str(error), error.hint)
        return ""
    stated = parsed.attributes
    for name in _iter_uri_paths(parsed):
        resolve_file(table, "uri", name, Path())
    for attribute in ("cert", "chain", "pin-source"):
        if attribute in stated and table.has(attribute):
            table.add_problem(attribute, "the key URI has it as well", "remove one of the two")
            return ""
    for attribute, path in files.items():
        uri += f"{'&' if '?' in uri else '?'}{attribute}={escape_path(os.fspath(path))}"
    return uri


def _iter_uri_paths(uri: KeyUri) -> Iterator[str]:
    """The paths in a key URI."""
    with suppress(UsageError):
        yield uri.path
    yield from (uri.attributes.get(name, "") for name in ("module-path", "cert", "chain"))


def resolve_profile(table: ConfigTable, key: str, name: str, folder: Path) -> str:
    """The name of a profile or, for a profile file, its full path."""
    path = resolve_file(table, key, name, folder) if name.endswith(".toml") else None
    return os.fspath(path) if path else name


def _read_algorithm(table: ConfigTable) -> MacAlgorithm | None:
    return _read_term(table, "algorithm", parse_algorithm)


def _read_purpose(table: ConfigTable) -> SignaturePurpose | None:
    return _read_term(table, "purpose", parse_purpose)


def _read_term(table: ConfigTable, key: str, parse: Callable[[str], TermT]) -> TermT | None:
    """The term that the text of a key names; None if the key is missing, or invalid, which is a problem."""
    text = table.text(key)
    try:
        return parse(text) if text else None
    except UsageError as error:
        table.add_problem(key, f"unknown {key}", error.hint)
        return None


def _read_pin_source(table: ConfigTable, folder: Path) -> PinSource | None:
    text = table.text("pin-source")
    if not text:
        return None
    try:
        source = PinSource.parse(text)
    except UsageError as error:
        table.add_problem("pin-source", str(error), error.hint)
        return None
    if source.kind is PinKind.FILE:
        return PinSource(kind=source.kind, name=os.fspath(folder / Path(source.name).expanduser()))
    return source
