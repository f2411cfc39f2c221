"""The tones of lines."""

from __future__ import annotations

from enum import Enum


class Tone(Enum):
    """The tone of a line, which terminals show as a colour."""

    PLAIN = ""
    GOOD = "green"
    BAD = "bold red"
    OPEN = "yellow"
    HEADING = "bold"
    COMMAND = "cyan"
    MUTED = "bright_black"
