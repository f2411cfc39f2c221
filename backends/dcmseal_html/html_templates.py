"""The templates, rendered so that nothing a file holds can become markup, or hide from the reader."""

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
"""Characters of one text that are shown."""


@cache
def template_environment() -> Environment:
    """The templates of this package, with autoescape and the words they use."""
    made = Environment(
        loader=PackageLoader("dcmseal_html", "pages"),
        autoescape=True,
        finalize=escape_value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(words=page_labels, view=file_view, archive=archive_view, Aspect=Aspect, format_gap=format_gap)
    return made


def escape_value(value: object) -> object:
    """What an expression of a template comes to: markup only if a template made it, else text that shows.

    Control characters and those that turn the direction of text are written as escapes, as on terminals.
    """
    return value if isinstance(value, Markup) else escape_unprintable(str(value), MAX_VALUE_LENGTH)
