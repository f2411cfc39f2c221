"""A trust setup of the configuration file."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from dcmseal.config.config_table import ConfigTable, resolve_file
from dcmseal.plugins.trust import DEFAULT_SCHEME, RevocationMode, Strictness, TrustSettings

Choice = TypeVar("Choice", bound=StrEnum)

_USAGES: Final = TrustSettings().key_usages


def read_trust(table: ConfigTable, folder: Path) -> TrustSettings:
    """The settings that a table defines; file names are relative to the folder."""
    options = table.table("options")
    settings = TrustSettings(
        scheme=table.text("scheme") or DEFAULT_SCHEME,
        anchors=_read_paths(table, "anchors", folder),
        system_anchors=table.flag("system-anchors"),
        intermediates=_read_paths(table, "intermediates", folder),
        crls=_read_paths(table, "crls", folder),
        ocsp_responses=_read_paths(table, "ocsp-responses", folder),
        fetch=table.flag("fetch"),
        fetch_issuers=table.flag("fetch-issuers"),
        revocation=_read_choice(table, "revocation", RevocationMode),
        key_usages=frozenset(table.texts("key-usages")) or _USAGES,
        extended_key_usages=frozenset(table.texts("extended-key-usages")),
        pinned_certificates=frozenset(table.texts("pinned-certificates")),
        pinned_subjects=frozenset(table.texts("pinned-subjects")),
        claimed_time=_read_choice(table, "claimed-time", Strictness) or Strictness.INDETERMINATE,
        weak=_read_choice(table, "weak", Strictness) or Strictness.INDETERMINATE,
        options=dict(options.all_texts()) if options else {},
    )
    table.report_unknown_keys()
    return settings


def _read_paths(table: ConfigTable, key: str, folder: Path) -> tuple[str, ...]:
    paths = (resolve_file(table, key, name, folder) for name in table.texts(key))
    return tuple(os.fspath(path) for path in paths if path)


def _read_choice(table: ConfigTable, key: str, kind: type[Choice]) -> Choice | None:
    text = table.text(key)
    if text and text not in list(kind):
        table.add_problem(key, "unknown value", f"use one of {', '.join(kind)}")
        return None
    return kind(text) if text else None
