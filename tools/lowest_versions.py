"""Write pip constraints with the lowest version of each run-time dependency that pyproject.toml allows.

    python tools/lowest_versions.py > constraints.txt

All other packages keep their version in requirements.lock.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_BOUND = re.compile(r"([A-Za-z0-9._-]+)>=([0-9.]+)")


def find_lowest(dependencies: list[str]) -> dict[str, str]:
    """The lowest version of each dependency; raises ValueError for one without a lower bound."""
    versions: dict[str, str] = {}
    for dependency in dependencies:
        bound = _BOUND.fullmatch(dependency)
        if not bound:
            raise ValueError(f"{dependency!r} has no plain lower bound")
        versions[bound[1]] = bound[2]
    return versions


def iter_constraints() -> Iterator[str]:
    """The lines of the constraints file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = find_lowest(project["dependencies"])
    for name, version in versions.items():
        yield f"{name}=={version}"
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if re.split("[^A-Za-z0-9._-]", line)[0] not in versions:
            yield line


if __name__ == "__main__":
    print("\n".join(iter_constraints()))
