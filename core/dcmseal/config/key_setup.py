"""A named setup: a key URI, and how to sign with it if nothing else is said."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from dcmseal.config.config_table import ConfigTable, resolve_file
from dcmseal.config.pin_source import PinKind, PinSource
from dcmseal.errors import UsageError
from dcmseal.plugins.key_uri import KeyUri, escape_path
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal.terms import MacAlgorithm, SignaturePurpose, parse_algorithm, parse_purpose

TermT = TypeVar("TermT")

_SETUP_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySetup:
    """A key by the name its users know, with what they would else have to type."""

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
    """Sign only where all signatures that are there already hold."""

    def secrets(self, request: SecretRequest) -> str | None:
        """Answer a backend's request from the setup's PIN source, once: a wrong PIN that is tried again locks a card.

        Raises UsageError or PinRejected if the source has none.
        """
        if self.pin_source is None or request.attempt > 1:
            return None
        return self.pin_source.read(self.name, warnings.warn)


def read_key_setup(name: str, table: ConfigTable, folder: Path) -> KeySetup | None:
    """The setup that a table describes, or None if it cannot be used; relative files are those in the folder."""
    if not _SETUP_NAME.fullmatch(name):
        table.add_problem("", "a key cannot have this name", "use letters, digits, '.', '_' and '-', 64 at most")
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
    """The key URI with the files added; empty if it cannot be used."""
    if not table.has("uri"):
        table.add_problem("uri", "there is none", 'write uri = "SCHEME:..."')
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
            table.add_problem(attribute, "the key URI names it too", "keep one of the two")
            return ""
    for attribute, path in files.items():
        uri += f"{'&' if '?' in uri else '?'}{attribute}={escape_path(os.fspath(path))}"
    return uri


def _iter_uri_paths(uri: KeyUri) -> Iterator[str]:
    """The paths that a key URI may name; other values name no file."""
    with suppress(UsageError):
        yield uri.path
    yield from (uri.attributes.get(name, "") for name in ("module-path", "cert", "chain"))


def resolve_profile(table: ConfigTable, key: str, name: str, folder: Path) -> str:
    """A profile by its name or, if it is the profile file of a site, by its whole path."""
    path = resolve_file(table, key, name, folder) if name.endswith(".toml") else None
    return os.fspath(path) if path else name


def _read_algorithm(table: ConfigTable) -> MacAlgorithm | None:
    return _read_term(table, "algorithm", parse_algorithm)


def _read_purpose(table: ConfigTable) -> SignaturePurpose | None:
    return _read_term(table, "purpose", parse_purpose)


def _read_term(table: ConfigTable, key: str, parse: Callable[[str], TermT]) -> TermT | None:
    """The term that the text of a key names; None if there is none, or it is unknown, which is a problem."""
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
