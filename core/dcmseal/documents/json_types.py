"""The common parts of all JSON documents: version, kind, and valid Unicode."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
Document: TypeAlias = dict[str, Json]

SCHEMA_VERSION: Final = "2"
"""The version of all documents, which changes when a member is removed or redefined, but not when one is added."""
SCHEMA: Final = f"dcmseal/{SCHEMA_VERSION}"
"""The value of the member ``schema``."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def build_document(kind: str, content: Document) -> Document:
    """Build a document.

    Args:
        kind: The kind of document.
        content: Its members.

    Returns:
        The document, with version and kind.
    """
    valid = {name: _replace_surrogates(value) for name, value in content.items()}
    return {"schema": SCHEMA, "document": kind, **valid}


def _replace_surrogates(value: Json) -> Json:
    """Replace lone surrogates, which file names and other text may contain but UTF-8 cannot encode."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_replace_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {name: _replace_surrogates(each) for name, each in value.items()}
    return value
