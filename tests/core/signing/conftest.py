"""Fixtures of signing: the passes over levels are counted."""

from __future__ import annotations

import pytest

from dcmseal.mac.level_pass import LevelFacts, LevelPass


@pytest.fixture
def level_passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of elements of each level that was hashed, in order."""
    passes: list[int] = []
    run = LevelPass.run

    def counted(level: LevelPass) -> LevelFacts:
        facts = run(level)
        passes.append(len(level._scan.tags))
        return facts

    monkeypatch.setattr(LevelPass, "run", counted)
    return passes
