"""Contributes the report writer ``html``; imports nothing else until called."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.report_writer import ReportWriter


@hookimpl
def dcmseal_report_writers() -> Iterable[ReportWriter]:
    """Contribute ``html``."""
    from dcmseal_html.html_writer import HtmlWriter

    return (HtmlWriter(),)
