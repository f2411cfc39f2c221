"""Hypothesis strategies for data sets that readers may take differently: sound ones, damaged where it matters."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from dcmseal import tags
from tests.support import builder as b
from tests.support import tags as t

Level = tuple[b.Node, ...]

_MARKS = tuple(
    struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length)
    for tag in (tags.ITEM, tags.ITEM_DELIMITATION_ITEM, tags.SEQUENCE_DELIMITATION_ITEM)
    for length in (0, 2, b.UNDEFINED)
)
_OPEN = b.Sequence(t.CONCEPT_NAME_CODE_SEQUENCE, (b.Item((b.Value(tags.CODE_VALUE, "SH", b"ab"),), undefined=True),))

STRANGERS: tuple[b.Node, ...] = (
    b.Value(0x00091003, "LO", b"ab"),
    # odd lengths, and such as do not fit the VR
    *(b.Value(0x00091003, "LO", bytes(size)) for size in (1, 12, 13)),
    *(b.Value(0x00091003, vr, bytes(size)) for vr in ("OB", "UT", "UN") for size in (3, 4)),
    *(b.Value(tags.SAMPLES_PER_PIXEL, "US", bytes(size)) for size in (2, 3, 4)),
    *(b.Value(t.WATER_EQUIVALENT_DIAMETER, "FD", bytes(size)) for size in (4, 8, 12)),
    *(b.Value(0x00700022, "FL", bytes(size)) for size in (2, 4)),
    b.Value(t.FRAME_INCREMENT_POINTER, "AT", bytes(6)),
    b.Value(0x0008103E, "LO", bytes(13)),
    # VRs that came late, or are none
    *(b.Value(0x00091003, vr, bytes(8)) for vr in ("OV", "SV", "UV", "XX")),
    # groups and elements that are never signed
    *(b.Value(tag, "LO", b"ab") for tag in (0x00000010, t.TRANSFER_SYNTAX_UID, 0x00060010, 0xFFFFFFFF, 0xFFFF1001)),
    *(b.Value(0xFFFF0010, vr, b"ab") for vr in ("OB", "UN")),
    *(b.Value(tag, "UL", bytes(size)) for tag in (0x00080000, tags.LENGTH_TO_END, 0x00400000, 0) for size in (2, 4, 8)),
    *(b.Value(tag, "LO", b"ab") for tag in (0x00080000, 0xFFFC0000)),
    b.Value(tags.DATA_SET_TRAILING_PADDING, "OB", bytes(4)),
    *(
        b.Sequence(tag, (b.Item((b.Value(t.MODALITY, "CS", b"OT"),)),))
        for tag in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE)
    ),
    # undefined lengths
    *(b.Sequence(0x00091003, (b.Item(),), undefined=True, vr=vr) for vr in ("OB", "OW", "UT", "UN", "SQ")),
    *(b.Fragments(fragments=fragments) for fragments in ((b"", b"ab"), (b"", b"abc"))),
    b.Sequence(0xFFFF0011, (b.Item(),)),
    # values that read as something else
    *(b.Value(0x00091003, vr, b"ab" * before + mark) for vr in ("OB", "LO") for before in (0, 1) for mark in _MARKS),
    *(b.Value(0x0008103E, "LO", mark) for mark in _MARKS),
    *(b.Value(0x00091003, vr, _MARKS[0]) for vr in ("UL", "UN")),
    *(b.Value(tag, "UL", _MARKS[0][:4]) for tag in (0x00080000, 0x00700078)),
    *(b.Raw(mark) for mark in _MARKS),
    _OPEN,
    # delimiters with a length, and reserved bytes that are used, for little endian
    b.Value(t.CONCEPT_NAME_CODE_SEQUENCE, "SQ", _MARKS[0] + _MARKS[7], length=b.UNDEFINED),
    b.Value(t.CONCEPT_NAME_CODE_SEQUENCE, "SQ", _MARKS[2] + _MARKS[4]),
    *(b.Raw(struct.pack("<HH2sHI", 9, 0x1003, b"OB", 1, size) + bytes(size)) for size in (2, 3)),
)
"""Elements that are rare, whether they are sound or not, and one that is not rare."""


@st.composite
def damage(draw: st.DrawFn, nodes: Level) -> Level:
    """The nodes, changed in places at any depth."""
    for _ in range(draw(st.integers(1, 3))):
        nodes = draw(_change(nodes))
    return nodes


@st.composite
def _change(draw: st.DrawFn, nodes: Level) -> Level:
    places = [(at, inner) for at, node in enumerate(nodes) for inner in range(len(_items(node)))]
    is_deeper = draw(st.integers(0, 3)) > 0
    if places and is_deeper:
        at, inner = draw(st.sampled_from(places))
        node = nodes[at]
        assert isinstance(node, b.Sequence)
        item = replace(node.items[inner], elements=draw(_change(node.items[inner].elements)))
        return _with(nodes, at, replace(node, items=(*node.items[:inner], item, *node.items[inner + 1 :])))
    return draw(st.sampled_from(_MUTATIONS))(draw, nodes)


def _items(node: b.Node) -> tuple[b.Item, ...]:
    return node.items if isinstance(node, b.Sequence) else ()


def _with(nodes: Level, at: int, *new: b.Node) -> Level:
    return (*nodes[:at], *new, *nodes[at + 1 :])


def _insert_stranger(draw: st.DrawFn, nodes: Level) -> Level:
    """Something rare among them, where it belongs or anywhere."""
    node = draw(st.sampled_from(STRANGERS))
    before = (
        0 if isinstance(node, b.Raw) else sum(other.tag < node.tag for other in nodes if not isinstance(other, b.Raw))
    )
    at = draw(st.just(before) | st.integers(0, len(nodes)))
    return (*nodes[:at], node, *nodes[at:])


def _swap(draw: st.DrawFn, nodes: Level) -> Level:
    return tuple(draw(st.permutations(nodes)))


def _duplicate(draw: st.DrawFn, nodes: Level) -> Level:
    if not nodes:
        return nodes
    at = draw(st.integers(0, len(nodes) - 1))
    return _with(nodes, at, nodes[at], nodes[at])


def _change_length(draw: st.DrawFn, nodes: Level) -> Level:
    """A length that is not true, or not known."""
    if not nodes:
        return nodes
    at = draw(st.integers(0, len(nodes) - 1))
    node = nodes[at]
    length = draw(st.sampled_from((0, 1, 2, 8, 13, b.UNDEFINED)))
    if isinstance(node, b.Value):
        # a VR of short ones has no room for more
        return _with(nodes, at, replace(node, length=min(length, 0xFFFF)))
    if isinstance(node, b.Sequence) and node.items and draw(st.booleans()):
        return _with(nodes, at, replace(node, items=(replace(node.items[0], length=length), *node.items[1:])))
    return _with(nodes, at, replace(node, length=length) if isinstance(node, b.Sequence) else node)


def _toggle_undefined(draw: st.DrawFn, nodes: Level) -> Level:
    """Items of undefined length where they were defined, and the other way round."""
    return tuple(
        replace(node, items=tuple(replace(item, undefined=draw(st.booleans())) for item in node.items))
        if isinstance(node, b.Sequence)
        else node
        for node in nodes
    )


def _repeat(draw: st.DrawFn, nodes: Level) -> Level:
    """All of the level again and again, in items of a sequence: what repeats is passed over."""
    item = b.Item(tuple(node for node in nodes if not isinstance(node, b.Raw)), undefined=draw(st.booleans()))
    code = b.Sequence(t.CONCEPT_NAME_CODE_SEQUENCE, (item,) * draw(st.integers(1, 2)), undefined=draw(st.booleans()))
    others = tuple(b.Item((code,), undefined=draw(st.booleans())) for _ in range(draw(st.integers(3, 5))))
    return (*nodes, b.Sequence(t.CONTENT_SEQUENCE, others, undefined=draw(st.booleans())))


_MUTATIONS: tuple[Callable[[st.DrawFn, Level], Level], ...] = (
    *(
        _insert_stranger,
        _insert_stranger,
        _insert_stranger,
        _swap,
        _duplicate,
        _change_length,
        _toggle_undefined,
        _repeat,
        _repeat,
    ),
)


@st.composite
def alter(draw: st.DrawFn, data: bytes, headers: list[int]) -> bytes:
    """The data with bytes of one of its headers replaced; those stand at the positions."""
    if not headers or draw(st.integers(0, 2)):
        return data
    at = min(len(data) - 1, draw(st.sampled_from(headers)) + draw(st.integers(0, 11)))
    value = draw(st.sampled_from((0, 1, 2, 8, 0x0D, 0xE0, 0xFE, 0xFF)) | st.integers(0, 255))
    return data[:at] + bytes((value,)) + data[at + 1 :]
