"""What a run of these tests found out, kind by kind, in build/tokens: the page of the documentation is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from dcmseal.terms import MacAlgorithm
from tests.tokens.programs import run
from tests.tokens.token_device import TokenKind

FOLDER: Final = Path(__file__).resolve().parents[2] / "build" / "tokens"


@dataclass(slots=True, kw_only=True)
class Results:
    """The results of one kind of token; only asserted facts are recorded."""

    name: str
    version: str
    algorithms: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """By key and MAC algorithm: the results of signing."""
    contract: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    """By key and outcome: how many tests of the signer contract."""
    behaviour: dict[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def for_kind(cls, kind: TokenKind) -> Results:
        return cls(name=kind.name, version=_version(kind.package))

    def record_signatures(self, key: str, outcomes: Mapping[MacAlgorithm, str]) -> None:
        """Record the result of signing with a key."""
        self.algorithms[key] = {algorithm.value: outcome for algorithm, outcome in outcomes.items()}

    def record_test(self, key: str, outcome: str) -> None:
        """Count a test of the signer contract."""
        counts = self.contract.setdefault(key, {})
        counts[outcome] = counts.get(outcome, 0) + 1

    def write(self) -> None:
        """Write the results, in place of those of an earlier run."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (FOLDER / f"{self.name}.json").write_text(f"{text}\n", encoding="utf-8")


def _version(package: str) -> str:
    """The upstream version of the module, without Debian's suffix."""
    version = run("dpkg-query", "--show", "--showformat=${source:Upstream-Version}", package)
    return version.partition("+")[0]
