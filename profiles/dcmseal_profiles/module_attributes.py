"""The attributes of modules (PS3.3 Annex C) by edition, loaded when a profile first needs them.

>>> find_attributes(frozenset({"General Image"})).origins[0x00080008]
'General Image Module'
>>> 0x601E3000 in find_attributes(frozenset({"Overlay Plane"})).elements
True
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from msgspec import Struct

from dcmseal.plugins.profile import ElementTables
from dcmseal_profiles.annex_c import CURVE, EDITION

_PLANES: Final = 16
"""Groups that repeat: 6000 to 601E for overlays (PS3.5 7.6), and 5000 to 501E for curves, which are retired."""


class Edition(Struct, frozen=True, kw_only=True):
    """The tables of one edition of PS3.3."""

    name: str
    source: str
    """The source of the tables, and its version."""
    modules: Mapping[str, frozenset[int]]


class ModuleAttributes(Struct, frozen=True, kw_only=True):
    """The attributes of some modules at the top level of a Data Set."""

    elements: frozenset[int]
    """The attributes in the latest edition."""
    dropped: frozenset[int]
    """The attributes in an earlier edition only."""
    origins: Mapping[int, str]
    """The first module that contains each attribute."""
    edition: str
    earlier: str
    added: frozenset[int]
    """The attributes in the latest edition only."""

    def to_tables(self, named: Mapping[int, str]) -> ElementTables:
        """Convert to the tables of Requirements.

        Args:
            named: Origins of the elements that the profile itself names.
        """
        return ElementTables(
            edition=self.edition,
            origins={**self.origins, **named},
            earlier=self.earlier,
            added=self.added - named.keys(),
        )


@cache
def load_editions() -> tuple[Edition, ...]:
    """Load all editions, the oldest first; the first contains only modules that have been retired since."""
    text = files("dcmseal_profiles").joinpath("data/module_attributes.txt").read_text("ascii")
    return tuple(map(_parse_edition, text.split("# ")[1:]))


@cache
def find_attributes(modules: frozenset[str]) -> ModuleAttributes:
    """Find the attributes of modules.

    Curve is retired, and has the attributes of the last edition that contained it.

    Args:
        modules: The names of the modules.
    """
    retired, *earlier, latest = load_editions()
    present = {**latest.modules, CURVE: retired.modules[CURVE]}
    past = {**earlier[-1].modules, CURVE: retired.modules[CURVE]}
    elements = frozenset[int]().union(*(present[name] for name in modules))
    before = frozenset[int]().union(*(past.get(name, ()) for name in modules))
    origins: dict[int, str] = {}
    for name, tags in present.items():
        if name in modules:
            origins.update(dict.fromkeys(tags - origins.keys(), f"{name} Module"))
    return ModuleAttributes(
        elements=elements,
        dropped=before - elements,
        origins=origins,
        edition=latest.name,
        earlier=earlier[-1].name,
        added=elements - before,
    )


def cite_clause(section: str) -> str:
    """Return the clause that findings of a profile cite: its section, and the editions of its lists and tables."""
    return f"{section} (lists of {EDITION}, tables of {load_editions()[-1].name})"


def _parse_edition(block: str) -> Edition:
    heading, *rows = block.splitlines()
    name, source = heading.split("\t")
    split = (row.split("\t") for row in rows)
    return Edition(
        name=name, source=source, modules={module: frozenset(_iter_tags(digits.split())) for module, digits in split}
    )


def _iter_tags(digits: list[str]) -> Iterator[int]:
    for each in digits:
        if "x" in each:
            first = int(each.replace("x", "0"), 16)
            yield from range(first, first + (_PLANES << 17), 2 << 16)
        else:
            yield int(each, 16)
