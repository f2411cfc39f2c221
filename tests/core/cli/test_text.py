"""Text made fit for terminals and pipes."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmseal.cli.render.screens import make_document, make_screen, write_fields, write_json
from dcmseal.cli.render.text_layout import align_columns, escape_unprintable, format_count, join_names
from dcmseal.cli.render.tone import Tone


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text())
def test_printable_text_is_printable_and_complete(text: str) -> None:
    shown = escape_unprintable(text)
    assert shown.isprintable()
    if text.isprintable() and len(text) <= 400:
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m", "\\x1b[31m"),
        ("a\r\nb\tc\0", "a\\r\\nb\\tc\\x00"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("\u202egnp.exe\u2028", "\\u202egnp.exe\\u2028"),
        ("\udc80", "\\udc80"),
        ("山田^太郎 Müller", "山田^太郎 Müller"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert escape_unprintable(text) == shown


def test_long_values_are_cut_and_say_so() -> None:
    assert escape_unprintable("x" * 1000, 10) == "x" * 10 + "... (990 more characters)"


def test_lists_are_short_unless_all_is_wanted() -> None:
    names = [str(number) for number in range(20)]
    assert join_names(names).endswith("11 and 8 more (-v shows all)")
    assert join_names(names, show_all=True).endswith("18, 19")
    assert join_names(names[:12]).endswith("10, 11")


def test_counting() -> None:
    assert [format_count(number, "element") for number in (0, 1, 2)] == ["0 elements", "1 element", "2 elements"]


def test_columns_are_aligned_and_never_wrapped() -> None:
    assert align_columns([("A", "B"), ("long" * 100, "x"), ("", "")]) == [
        "A" + " " * 401 + "B",
        "long" * 100 + "  x",
        "",
    ]


def test_pipes_get_plain_lines() -> None:
    stream = io.StringIO()
    to = make_screen(stream)
    to.line("red?", Tone.BAD)
    to.table(("NAME", "VALUE"), [("a\x1b", "[b]x[/b]" * 50)])
    write_fields(to, [("label", "value"), ("empty", "")])
    assert stream.getvalue().splitlines() == [
        "red?",
        "NAME   VALUE",
        "a\\x1b  " + "[b]x[/b]" * 50,
        "  label         value",
    ]


def test_terminals_get_colour_and_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    to = make_screen(stream)
    to.line("[b]red\x1b[2J", Tone.BAD)
    to.table(("NAME",), [("[red]a\x07",)])
    written = stream.getvalue()
    assert "\x1b[1;31m" in written
    assert "[b]red\\x1b[2J" in written
    assert "─" in written
    assert "[red]a\\x07" in written


def test_a_table_too_wide_for_the_terminal_breaks_no_uid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    stream = Terminal()
    uid = f"2.25.{'1' * 40}"
    make_screen(stream).table(("UID", "SIGNER"), [(uid, "CN=somebody with a long name,O=an organisation")])
    assert f"{uid}  CN=somebody with a long name,O=an organisation\n" in stream.getvalue()


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    make_screen(stream).line("red", Tone.BAD)
    assert "31m" not in stream.getvalue()


def test_a_dumb_terminal_is_like_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    make_screen(stream).line("red", Tone.BAD)
    assert stream.getvalue() == "red\n"


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    write_json(make_document("test", name="Müller\x1b\u202e"))
    written = capsys.readouterr().out
    assert written.isascii()
    assert "\x1b" not in written
    assert '"document": "test"' in written
