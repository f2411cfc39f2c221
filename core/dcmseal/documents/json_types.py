"""The common parts of all JSON documents: version, kind, and valid Unicode."""

from __future__ import annotations

import json
import re
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
Document: TypeAlias = dict[str, Json]

SCHEMA_VERSION: Final = "2"
"""The version of all documents, which changes when a member is removed or redefined, but not when one is added."""
SCHEMA: Final = f"dcmseal/{SCHEMA_VERSION}"
"""The value of the member ``schema``."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE: Final = "\\ud"
"""Part of every JSON text with a surrogate; to look for it is faster than to visit all values."""
_encode_line: Final = json.JSONEncoder(separators=(",", ":")).encode


def build_document(kind: str, content: Document) -> Document:
    """Build a document.

    Args:
        kind: The kind of document.
        content: Its members.

    Returns:
        The document, with version and kind.
    """
    document: Document = {"schema": SCHEMA, "document": kind, **content}
    return _replace_in_document(document) if _ESCAPED_SURROGATE in json.dumps(document) else document


def format_line(kind: str, content: Document) -> str:
    """Build a document like ``build_document``, and format it as a line of JSON."""
    document: Document = {"schema": SCHEMA, "document": kind, **content}
    line = _encode_line(document)
    return _encode_line(_replace_in_document(document)) if _ESCAPED_SURROGATE in line else line


def _replace_in_document(document: Document) -> Document:
    return {name: _replace_surrogates(value) for name, value in document.items()}


def _replace_surrogates(value: Json) -> Json:
    """Replace lone surrogates, which file names and other text may contain but UTF-8 cannot encode."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_replace_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {name: _replace_surrogates(each) for name, each in value.items()}
    return value
