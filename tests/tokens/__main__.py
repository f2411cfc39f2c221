"""Runs these tests, each kind of token in a process of its own: a driver that crashes takes no other with it.

    python -m tests.tokens [KIND...]

Exit code 0 if all of them pass. Their results are in build/tokens.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.tokens.token_kinds import KINDS
from tests.tokens.token_results import FOLDER

_PYTEST = ("-m", "pytest", "-q", "tests/tokens", "-p", "no:cacheprovider")


def main(*wanted: str) -> int:
    """Run the kinds named, or all, and say how each ended."""
    kinds = [kind for kind in KINDS if not wanted or kind.name in wanted]
    if not wanted:
        shutil.rmtree(FOLDER, ignore_errors=True)
    endings: dict[str, int] = {}
    for kind in kinds:
        print(f"\n{kind.name}", flush=True)
        endings[kind.name] = subprocess.run([sys.executable, *_PYTEST, "-k", str(kind)], check=False).returncode
    print()
    for name, code in endings.items():
        print(f"{name.ljust(16)} {'passed' if not code else f'failed ({code})'}")
    return int(not endings or any(endings.values()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
