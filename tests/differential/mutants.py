"""Signed files with one or two changes that know what a file is made of. The same seed gives the same mutants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from random import Random

from tests.differential.dataset_changes import CHANGES
from tests.differential.envelope_changes import ENVELOPE_CHANGES
from tests.differential.file_layout import LayoutEdit
from tests.differential.signed_bases import Base


@dataclass(frozen=True, slots=True, repr=False)
class Mutant:
    """A changed file, and how to make it again."""

    base: str
    seed: str
    change: str
    data: bytes

    def __str__(self) -> str:
        return f"{self.base}, seed {self.seed}: {self.change}"


def make_mutant(base: Base, seed: str) -> Mutant | None:
    """The mutant of this seed; None if the change drawn does not fit the file."""
    random = Random(f"{base.name} {seed}")
    if random.random() < 0.25:
        made = random.choice(ENVELOPE_CHANGES)(random, base.layout)
        return None if made is None or made[0] == base.data else Mutant(base.name, seed, made[1], made[0])
    edits: list[LayoutEdit] = []
    said: list[str] = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        change = random.choices(tuple(CHANGES), tuple(CHANGES.values()))[0](random, base.layout)
        if change is not None:
            edits += change[0]
            said.append(change[1])
    if not edits:
        return None
    data = base.layout.apply_edits(edits)
    return None if data == base.data else Mutant(base.name, seed, "; ".join(said), data)


def iter_mutants(bases: Mapping[str, Base], first: int = 0) -> Iterator[Mutant]:
    """Mutants without end, of all bases in turn."""
    for seed in count(first):
        for base in bases.values():
            made = make_mutant(base, str(seed))
            if made is not None:
                yield made
