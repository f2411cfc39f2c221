"""The folder that the examples on the pages work in."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmseal.cli.main import main
from dcmseal.exit_codes import ExitCode


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ``dcmseal demo`` makes."""
    folder = tmp_path_factory.mktemp("demo") / "dcmseal-demo"
    assert main(["demo", str(folder), "--json"]) == ExitCode.OK
    return folder
