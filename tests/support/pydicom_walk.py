"""Every Data Element as pydicom sees it, by the tags of the sequences it is in: what a coverage map has to show."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pydicom

if TYPE_CHECKING:
    from dcmseal.model.coverage_map import MappedElement

Numbers: TypeAlias = Counter[tuple[int, ...]]
"""How many elements there are on each path of tags."""


def count_elements(path: Path) -> Numbers:
    """The elements of a file at all levels."""
    numbers: Numbers = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # values may be nonsense: here they are not looked at
        _count(pydicom.dcmread(path, force=True), (), numbers)
    return numbers


def _count(dataset: pydicom.Dataset, path: tuple[int, ...], numbers: Numbers) -> None:
    for element in dataset:
        here = (*path, int(element.tag))
        numbers[here] += 1
        if element.VR == "SQ":
            for item in element.value:
                _count(item, here, numbers)


def count_mapped(elements: Iterable[MappedElement], path: tuple[int, ...] = ()) -> Numbers:
    """The elements of a coverage map, those folded counted."""
    numbers: Numbers = Counter()
    for element in elements:
        here = (*path, element.tag)
        numbers[here] += element.count
        for item in element.items:
            numbers += count_mapped(item.elements, here)
    return numbers
