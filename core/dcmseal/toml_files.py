"""TOML that sites write (configuration, profiles), within limits of time and memory that any file keeps to."""

from __future__ import annotations

import re
from typing import Any, Final

from dcmseal.errors import SealError

MAX_TOML_BYTES: Final = 1 << 16
"""The largest file of this kind."""
MAX_TOML_LINE_LENGTH: Final = 1000
"""Characters: the memory that tomllib takes for a dotted key grows with the square of its length."""
_POSITION: Final = re.compile(r"\(at line (\d+), column (\d+)\)$")


def parse_toml(text: str, name: str, *, error: type[SealError]) -> dict[str, Any]:
    """The table that a text holds; ``name`` says whose it is. Raises ``error``, which repeats nothing of the text."""
    import tomllib

    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > MAX_TOML_LINE_LENGTH:
            raise error(
                f"{name}, line {number} has more than {MAX_TOML_LINE_LENGTH} characters",
                hint="break lists into several lines",
            )
    try:
        return tomllib.loads(text)
    except RecursionError:
        problem = " is nested too deeply"
    except ValueError as failure:
        found = _POSITION.search(str(failure))
        problem = f", line {found[1]}, column {found[2]} is no TOML" if found else " is no TOML"
    raise error(f"{name}{problem}", hint='write key = "value", and quote every text')
