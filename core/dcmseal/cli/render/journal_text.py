"""The status of a journal as text."""

from __future__ import annotations

from typing import Final

from dcmseal.batch.journal.journal_reader import JournalStatus
from dcmseal.cli.render.screens import Screen, write_fields
from dcmseal.cli.render.text_layout import format_count
from dcmseal.cli.render.tone import Tone

_STATUS_TONES: Final = {"valid": Tone.GOOD, "signed": Tone.GOOD, "invalid": Tone.BAD, "failed": Tone.BAD}
_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


def show_status(path: str, status: JournalStatus, to: Screen) -> None:
    """Write the progress and the results of a run."""
    shard = f", shard {status.header.shard}" if status.header.shard else ""
    to.line(f"{path}: {status.header.task.get('task', '')}{shard}, {format_count(status.files, 'file')}", Tone.HEADING)
    for verdict, files in status.verdicts.items():
        write_fields(to, [(verdict.replace("-", " "), str(files))], _STATUS_TONES.get(verdict, Tone.PLAIN))
    write_fields(to, _format_totals(path, status))


def _format_totals(path: str, status: JournalStatus) -> list[tuple[str, str]]:
    last = status.runs[-1] if status.runs else None
    attention = f"{status.attention}: dcmseal journal export {path} --attention" if status.attention else "none"
    left = "unknown until a run finishes" if status.remaining is None else str(status.remaining)
    return [
        ("problems", attention),
        ("left", left),
        ("in progress", format_count(status.open_intents, "signature")),
        ("rate", "" if status.rate is None else f"{status.rate:.0f} files/s"),
        ("runs", str(len(status.runs))),
        ("last update", f"{last.ended:%Y-%m-%d %H:%M:%S} UTC, dcmseal {last.version}" if last else ""),
        ("size", _format_size(status.bytes)),
    ]


def _format_size(size: float) -> str:
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.3g} {unit}" if unit != "bytes" else f"{size} bytes"
        size /= 1000
    return f"{size:.3g} {_UNITS[-1]}"
