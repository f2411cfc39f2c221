"""Runs public suites of test vectors against the project: ``python -m tests.vectors FOLDER``.

FOLDER has a folder for each suite, and every module here runs one. Exit code 0 if every difference from what a suite
expects is explained, 1 if not, 2 for usage.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import tests.vectors


def main(arguments: list[str]) -> int:
    """Run every suite."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python -m tests.vectors FOLDER", file=sys.stderr)
        return 2
    names = [each.name for each in iter_modules(tests.vectors.__path__) if each.name not in ("__main__", "result")]
    results = [import_module(f"tests.vectors.{name}").run(arguments[0]) for name in names]
    for each in results:
        print(each)
    return 1 if any(each.unexplained or not each.counts["run"] for each in results) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
