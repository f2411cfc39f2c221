"""The environment of the templates, which renders text from files neither as markup nor invisibly."""

# Kept apart: imports Jinja, which listing plugins must not do.

from __future__ import annotations

from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dcmseal.findings import Aspect
from dcmseal.model.coverage_map import format_gap
from dcmseal.text import escape_unprintable
from dcmseal_html import archive_view, file_view, page_labels

MAX_VALUE_LENGTH: Final = 2000
"""Maximum number of characters shown of one value."""


@cache
def template_environment() -> Environment:
    """Return the environment of this package's templates, with autoescaping and the values that they use."""
    environment = Environment(
        loader=PackageLoader("dcmseal_html", "pages"),
        autoescape=True,
        finalize=escape_value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        labels=page_labels, view=file_view, archive=archive_view, Aspect=Aspect, format_gap=format_gap
    )
    return environment


def escape_value(value: object) -> object:
    """Return markup as it is, and anything else as visible text.

    Control characters and those that change the direction of text are written as escapes, as on terminals.
    Text from files is never markup: only templates create it.
    """
    return value if isinstance(value, Markup) else escape_unprintable(str(value), MAX_VALUE_LENGTH)
