"""What all JSON documents have in common: a version, a kind, and text that is valid Unicode."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
Document: TypeAlias = dict[str, Json]

SCHEMA_VERSION: Final = "1"
"""Changes when a document loses or redefines something; what is only added leaves it as it is."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")


def build_document(kind: str, content: Document) -> Document:
    """A document of a kind."""
    valid = {name: _replace_surrogates(value) for name, value in content.items()}
    return {"schema": f"dcmseal/{SCHEMA_VERSION}", "document": kind, **valid}


def _replace_surrogates(value: Json) -> Json:
    """The value with text that UTF-8 can hold: names of files and people may come with lone surrogates."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, list):
        return [_replace_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {name: _replace_surrogates(each) for name, each in value.items()}
    return value
