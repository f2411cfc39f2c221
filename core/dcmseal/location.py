"""Locations of nested data sets in a SOP Instance: the main data set, or an item of a sequence."""

from __future__ import annotations

import re

from msgspec import Struct

from dcmseal.dictionary import parse_tag, tag_keyword
from dcmseal.errors import UsageError
from dcmseal.tags import format_tag


def parse_location(location: Location | str | None) -> Location | None:
    """Parse a location if it is text; return other values unchanged.

    Raises:
        UsageError: The text is not the path of an item.
    """
    if location is None or isinstance(location, Location):
        return location
    return Location.parse(location)


_STEP = re.compile(r"([^\[\].]+)\[(\d+)\]")


class Location(Struct, frozen=True):
    """The path to a data set: steps of (sequence tag, item index from 0); empty for the main data set.

    >>> str(Location.parse("BeamSequence[0].ControlPointSequence[1]"))
    'BeamSequence[0].ControlPointSequence[1]'
    """

    steps: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Location:
        """Parse ``Keyword[i].Keyword[j]``, in which tags can replace keywords.

        Raises:
            UsageError: The text is not a path of this form.
        """
        if text in ("", "main"):
            return cls()
        steps: list[tuple[int, int]] = []
        for step in text.split("."):
            match = _STEP.fullmatch(step.strip())
            tag = parse_tag(match[1].strip()) if match else None
            if match is None or tag is None or len(match[2]) > 9:
                raise UsageError(
                    f"{step!r} does not name an item",
                    hint="write BeamSequence[0].ControlPointSequence[1]; items count from 0",
                )
            steps.append((tag, int(match[2])))
        return cls(tuple(steps))

    def __str__(self) -> str:
        if not self.steps:
            return "main"
        return ".".join(f"{tag_keyword(tag) or format_tag(tag)}[{index}]" for tag, index in self.steps)

    def item(self, tag: int, index: int) -> Location:
        """Return the location of an item in a sequence of this data set."""
        return Location((*self.steps, (tag, index)))


MAIN = Location()
