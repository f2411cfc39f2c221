"""DCMTK's view of files: dcmdump, of many files in one call."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from dcmseal.dataset.signable import exclusion_reason
from tests.differential.reader_views import View

_MARK: Final = re.compile(r"^# dcmdump \(\d+/\d+\): (.*)$")
_LINE: Final = re.compile(r"^( *)\(([0-9a-f]{4}),([0-9a-f]{4})\) (..) (.*?) +# +(?:\d+|u/l), *\d+ .*$")
_ITEM: Final = "fffee000"
_OPTIONS: Final = ("-q", "+F", "+L", "+Qo", "-Un")


def views(files: Sequence[Path]) -> list[View | None]:
    """What dcmdump shows of each file; None where it refuses."""
    if not files:
        return []
    done = subprocess.run(
        ["dcmdump", *_OPTIONS, *map(str, files)], capture_output=True, text=True, encoding="latin-1", check=False
    )
    lines: dict[str, list[str]] = {str(file): [] for file in files}
    current: list[str] = []
    for line in done.stdout.split("\n"):
        mark = _MARK.match(line)
        if mark:
            current = lines[mark[1]]
        else:
            current.append(line)
    return [parse_dump(lines[str(file)]) for file in files]


def parse_dump(lines: Sequence[str]) -> View | None:
    """The view in the lines of one dump; None without a data set."""
    result: dict[str, str] = {}
    paths: list[str] = []
    counts: list[int] = []
    seen = False
    for line in lines:
        if line == "# Dicom-Data-Set":
            seen = True
        match = _LINE.match(line) if seen else None
        if match is None:
            continue
        depth = len(match[1]) // 2
        tag, vr, value = match[2] + match[3], match[4], match[5]
        del paths[depth:], counts[depth:]
        if tag in ("fffee00d", "fffee0dd"):
            continue
        if tag == _ITEM:
            counts[-1] += 1
            here = f"{paths[-1]}[{counts[-1]}]" if vr != "pi" else f"{paths[-1]}#{counts[-1]}"
        else:
            here = (f"{paths[-1]}." if paths else "") + tag.upper()
        paths.append(here)
        counts.append(-1)
        if any(exclusion_reason(int(part[:8], 16)) for part in here.split(".")):
            continue
        if tag == _ITEM and vr != "pi":
            continue
        # (Sequence with explicit length #=1), (PixelSequence #=2)
        number = re.search(r"#=(\d+)\)$", value)
        shown = f"{number[1]} items" if number else value
        if not number and vr == "na":
            continue
        result.setdefault(here, _strip_quotes(shown))
    return result if seen else None


def _strip_quotes(value: str) -> str:
    if value.startswith("[") and value.endswith("]"):
        value = value[1:-1].rstrip(" ")
        while value.endswith("\\000"):
            value = value[:-4].rstrip(" ")
        return value
    return "" if value == "(no value available)" else value
