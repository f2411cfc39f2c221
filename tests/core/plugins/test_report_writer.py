"""Report writers of plugins: found by format, and nothing but bytes comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from dcmseal.errors import PluginBroken, PluginConflict, PluginNotFound
from dcmseal.plugins.archive_report import ArchiveReport, FileCounts, SignatureCounts
from dcmseal.plugins.registry import Registry
from dcmseal.plugins.report_writer import ArchiveReportWriter, ReportContext
from tests.core.plugins.fake_plugins import make_plugin

CONTEXT = ReportContext(version="1", moment=datetime(2026, 3, 5, tzinfo=UTC))


@dataclass
class FakeWriter:
    format: Any = "fake"
    summary: Any = "nothing of use"
    pieces: Any = field(default_factory=lambda: [b"one", b"two"])

    def write(self, files: object, context: object) -> Any:
        if not isinstance(self.pieces, list):
            return self.pieces
        return self._each(self.pieces)

    @staticmethod
    def _each(pieces: list[Any]) -> Iterator[Any]:
        for piece in pieces:
            if isinstance(piece, BaseException):
                raise piece
            yield piece


@dataclass
class FakeArchiveWriter(FakeWriter):
    def write_archive(self, report: object, context: object) -> Any:
        return self.write(report, context)


ARCHIVE = ArchiveReport(
    files=FileCounts(), signatures=SignatureCounts(), more_signers=SignatureCounts(), no_profile=SignatureCounts()
)


def registry_of(*writers: Any) -> Registry:
    return Registry.from_plugins(*(_plugin(number, each) for number, each in enumerate(writers)))


def _plugin(number: int, writer: Any) -> object:
    return make_plugin(f"p{number}", dcmseal_report_writers=lambda: (writer,))


def test_a_writer_is_found_by_its_format() -> None:
    registry = registry_of(FakeWriter(), FakeWriter(format="other"))
    assert list(registry.report_writer("fake").write([], CONTEXT)) == [b"one", b"two"]
    assert [each.format for each in registry.report_writers()] == ["fake", "other"]
    assert registry.plugins()[0].contributes == ("report:fake",)
    with pytest.raises(PluginNotFound) as caught:
        registry.report_writer("html")
    assert "fake, other" in caught.value.hint


def test_a_format_of_two_plugins_is_refused() -> None:
    registry = registry_of(FakeWriter(), FakeWriter())
    with pytest.raises(PluginConflict, match="p0 and p1"):
        registry.report_writer("fake")
    assert registry.report_writers() == ()


@pytest.mark.parametrize(
    "writer", [FakeWriter(format="HTML 5"), FakeWriter(format=7), FakeWriter(summary="\x1b[2J"), object(), None]
)
def test_an_invalid_writer_is_a_broken_plugin(writer: Any) -> None:
    (info,) = registry_of(writer).plugins()
    assert info.problem


@pytest.mark.parametrize(
    "pieces",
    [7, None, "text", ["text"], [b"one", 7], [b"one", None], [b"one", RuntimeError("secret")], [SystemExit()]],
)
def test_an_invalid_report_is_a_plugin_error(pieces: Any) -> None:
    writer = registry_of(FakeWriter(pieces=pieces)).report_writer("fake")
    with pytest.raises(PluginBroken, match="report writer fake of p0") as caught:
        list(writer.write([], CONTEXT))
    assert "secret" not in str(caught.value)


def test_reports_about_archives_are_for_writers_that_have_them() -> None:
    registry = registry_of(FakeWriter(), FakeArchiveWriter(format="other"))
    writer = registry.report_writer("other")
    assert isinstance(writer, ArchiveReportWriter)
    assert list(writer.write_archive(ARCHIVE, CONTEXT)) == [b"one", b"two"]
    assert not isinstance(registry.report_writer("fake"), ArchiveReportWriter)


def test_an_invalid_archive_report_is_a_plugin_error() -> None:
    writer = registry_of(FakeArchiveWriter(pieces=[b"one", RuntimeError("secret")])).report_writer("fake")
    assert isinstance(writer, ArchiveReportWriter)
    with pytest.raises(PluginBroken, match="report writer fake of p0") as caught:
        list(writer.write_archive(ARCHIVE, CONTEXT))
    assert "secret" not in str(caught.value)
