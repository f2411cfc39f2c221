"""How a line is meant."""

from __future__ import annotations

from enum import Enum


class Tone(Enum):
    """How a line is meant; terminals may show it in colour."""

    PLAIN = ""
    GOOD = "green"
    BAD = "bold red"
    OPEN = "yellow"
    HEADING = "bold"
    COMMAND = "cyan"
    MUTED = "bright_black"
