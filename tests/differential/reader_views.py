"""What a reader shows of a data set: paths of elements and their values, flat, so that views can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from dcmseal.dataset.signable import exclusion_reason

View: TypeAlias = Mapping[str, str]
"""Values by path, such as ``00081140[0].00081155``; fragments are ``7FE00010#1``."""

Tree: TypeAlias = Iterable[tuple[int, "bytes | str | FragmentsView | ItemsView"]]
"""A data set as a reader gives it: tags and values."""


class FragmentsView(tuple[bytes, ...]):
    """Encapsulated pixel data."""

    __slots__ = ()


class ItemsView(tuple[Tree, ...]):
    """The items of a sequence."""

    __slots__ = ()


_PADDING: Final = b"\0 "


def flatten(tree: Tree, before: str = "") -> Iterator[tuple[str, str]]:
    """The paths and values of a tree, without what is never signed."""
    for tag, value in tree:
        if exclusion_reason(tag):
            continue
        path = f"{before}{tag:08X}"
        if isinstance(value, ItemsView):
            yield path, f"{len(value)} items"
            for number, item in enumerate(value):
                yield from flatten(item, f"{path}[{number}].")
        elif isinstance(value, FragmentsView):
            yield path, f"{len(value)} fragments"
            for number, fragment in enumerate(value):
                yield f"{path}#{number}", fragment.hex()
        else:
            # padding is not part of a value (PS3.5 6.2); some readers strip it
            yield path, value if isinstance(value, str) else value.rstrip(_PADDING).hex()


def first_tag(path: str) -> int:
    """The tag at the main level of a path."""
    return int(path[:8], 16)
