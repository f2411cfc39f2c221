"""How a run over a public suite came out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class SuiteResult:
    """Counts, and the differences from what the suite expects for which there is no reason."""

    name: str
    counts: Counter[str] = field(default_factory=Counter[str])
    """``run``, and of these ``agree``, ``explained``, ``wrongly accepted`` and ``wrongly refused``."""
    unexplained: list[str] = field(default_factory=list[str])

    def add(self, case: str, *, expected: bool, accepted: bool, reason: str | None, note: str = "") -> None:
        """Count a case; ``reason`` explains a difference."""
        self.counts["run"] += 1
        if accepted is expected:
            self.counts["agree"] += 1
        elif reason is not None:
            self.counts["explained"] += 1
        else:
            self.counts["wrongly accepted" if accepted else "wrongly refused"] += 1
            self.unexplained.append(f"{case}: {'accepted' if accepted else 'refused'} {note}".rstrip())

    def __str__(self) -> str:
        counts = ", ".join(f"{what} {number}" for what, number in self.counts.items())
        return "\n".join((f"{self.name}: {counts}", *self.unexplained))
