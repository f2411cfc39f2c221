"""Writes the seeds of the differential fuzz as inputs of fuzz_walker.c.

python -m tests.fuzz.native.dump_seeds FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.walker_cases import SEEDS, SYNTAXES

_NEVER = 1


def main(folder: Path) -> None:
    """One file for each seed and function of the walker; of sequences, their items too."""
    encodings = list(SYNTAXES)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (encoding, data) in enumerate(SEEDS):
        for function in range(4):
            choices = bytes([encodings.index(encoding) + 3 * function, 0, _NEVER, 1])
            for size in (8, 12) if function == 0 else (0,):
                (folder / f"seed-{number}-{function}-{size}").write_bytes(choices + data[size:])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
