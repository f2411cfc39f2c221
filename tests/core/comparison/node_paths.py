"""Places in data sets of nodes: every value at every depth by its path, and the same with one of them changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from dcmseal.dictionary import tag_keyword
from dcmseal.tags import format_tag
from tests.support import builder as b
from tests.support import tags as t

Steps = tuple[tuple[int, int], ...]
"""Position of a node at its level, and of an item in it."""


class NodePath(NamedTuple):
    """A node of a data set."""

    path: str
    node: b.Value | b.Fragments
    steps: Steps
    at: int


def iter_nodes(nodes: Sequence[b.Node], path: str = "", steps: Steps = ()) -> Iterator[NodePath]:
    """All nodes with a value that is not empty."""
    for at, node in enumerate(nodes):
        assert not isinstance(node, b.Raw)
        name = path + (tag_keyword(node.tag) or format_tag(node.tag))
        if isinstance(node, b.Sequence):
            for number, item in enumerate(node.items):
                yield from iter_nodes(item.elements, f"{name}[{number}].", (*steps, (at, number)))
        elif isinstance(node, b.Fragments) or node.value:
            yield NodePath(name, node, steps, at)


def replace_node(nodes: Sequence[b.Node], steps: Steps, at: int, node: b.Node | None) -> tuple[b.Node, ...]:
    """The nodes with another in one place, or with None none."""
    if not steps:
        return (*nodes[:at], *(() if node is None else (node,)), *nodes[at + 1 :])
    (position, number), *deeper = steps
    holder = nodes[position]
    assert isinstance(holder, b.Sequence)
    item = holder.items[number]
    elements = replace_node(item.elements, tuple(deeper), at, node)
    items = (*holder.items[:number], replace(item, elements=elements), *holder.items[number + 1 :])
    return (*nodes[:position], replace(holder, items=items), *nodes[position + 1 :])


def flip_bit(data: bytes, at: int, bit: int = 1) -> bytes:
    """The bytes with one bit another."""
    return data[:at] + bytes((data[at] ^ bit,)) + data[at + 1 :]


def make_items(*contents: Sequence[b.Node], undefined: bool = False) -> b.Sequence:
    """A sequence of items: beams of a plan."""
    return b.Sequence(
        t.BEAM_SEQUENCE, tuple(b.Item(tuple(each), undefined=undefined) for each in contents), undefined=undefined
    )
