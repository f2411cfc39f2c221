"""A trust setup: whom a site trusts, by a name."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from dcmseal.config.named_files import named_file
from dcmseal.config.tables import Table
from dcmseal.plugins.trust import DEFAULT_SCHEME, Leniency, Revocation, TrustSettings

Choice = TypeVar("Choice", bound=StrEnum)

_USAGES: Final = TrustSettings().key_usages


def read_trust(table: Table, folder: Path) -> TrustSettings:
    """The settings that a table describes; relative files are those in the folder."""
    options = table.table("options")
    settings = TrustSettings(
        scheme=table.text("scheme") or DEFAULT_SCHEME,
        anchors=_files(table, "anchors", folder),
        system_anchors=table.flag("system-anchors"),
        intermediates=_files(table, "intermediates", folder),
        crls=_files(table, "crls", folder),
        ocsp_responses=_files(table, "ocsp-responses", folder),
        fetch=table.flag("fetch"),
        fetch_issuers=table.flag("fetch-issuers"),
        revocation=_choice(table, "revocation", Revocation),
        key_usages=frozenset(table.texts("key-usages")) or _USAGES,
        extended_key_usages=frozenset(table.texts("extended-key-usages")),
        pinned_certificates=frozenset(table.texts("pinned-certificates")),
        pinned_subjects=frozenset(table.texts("pinned-subjects")),
        claimed_time=_choice(table, "claimed-time", Leniency) or Leniency.INDETERMINATE,
        weak=_choice(table, "weak", Leniency) or Leniency.INDETERMINATE,
        options=dict(options.all_texts()) if options else {},
    )
    table.report_unknown_keys()
    return settings


def _files(table: Table, key: str, folder: Path) -> tuple[str, ...]:
    paths = (named_file(table, key, name, folder) for name in table.texts(key))
    return tuple(os.fspath(path) for path in paths if path)


def _choice(table: Table, key: str, kind: type[Choice]) -> Choice | None:
    text = table.text(key)
    if text and text not in list(kind):
        table.add_problem(key, "that is none of its values", f"use one of {', '.join(kind)}")
        return None
    return kind(text) if text else None
