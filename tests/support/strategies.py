"""Hypothesis strategies: random data sets as nodes of `tests.support.builder`, and what to do with them."""

from __future__ import annotations

from collections.abc import Sequence as Ordered

from hypothesis import strategies as st

from tests.support import builder as b

MAX_DEPTH = 6
_WORD_SIZE = dict.fromkeys("AT FL OF OL SL UL".split(), 4) | dict.fromkeys("FD OD OV SV UV".split(), 8)
_WORD_SIZE |= dict.fromkeys("OW SS US OB UN".split(), 2)
_TEXT_BYTES = b"ABCxyz019 .^\\=-\x1b\xe4"

_STANDARD: dict[int, str] = {tag: vr for vr, tag in b.SELECTOR_VALUES.items() if vr not in ("UN", "SQ")} | {
    0x00080005: "CS", 0x00080016: "UI", 0x0008103E: "LO", 0x00100010: "PN", 0x00104000: "LT", 0x00181271: "FD",
    0x00280002: "US", 0x00280009: "AT", 0x00700022: "FL", 0x00880904: "LO", 0x300A0080: "IS",
}  # fmt: skip
_SEQUENCES = (0x00081140, 0x00081111, 0x00400555, 0x0040A730, 0x00720080, 0x30060020)
_PORTABLE = _STANDARD | dict.fromkeys(_SEQUENCES, "SQ")
"""Tags that have one VR and one only, so that implicit VR says the same."""

_CREATORS = (0x00090010, 0x00110010, 0x40010010)
_PRIVATE = tuple(creator & 0xFFFF0000 | 0x1000 | offset for creator in _CREATORS for offset in (1, 2, 0xFF))
_NEVER_SIGNED: dict[int, str] = {
    0x00040000: "UL", 0x00041220: "SQ", 0x00060010: "OB", 0x00080000: "UL", 0x00080001: "UL", 0x00280000: "UL",
    0xFFFA0001: "OB", 0xFFFCFFFC: "OB",
}  # fmt: skip
_LATEST_VRS = ("OV", "SV", "UV")
_UNSOUND = (0x00060010, *(b.SELECTOR_VALUES[vr] for vr in _LATEST_VRS))
"""What has no place in a data set, and what has to be signed: beside an element of VR UN it is not."""
_MACRO = {0x4FFE0001: "SQ", 0xFFFAFFFA: "SQ"}
_VRS = tuple(b.SELECTOR_VALUES)


@st.composite
def values(draw: st.DrawFn, vr: str, max_size: int = 24) -> bytes:
    """A value of even length; text may carry more padding than it needs, or NULLs where spaces belong."""
    if vr in _WORD_SIZE:
        count = draw(st.integers(0, max_size // _WORD_SIZE[vr]))
        size = count * _WORD_SIZE[vr]
        # no bytes of delimiters, which some readers look for in values
        return draw(st.binary(min_size=size, max_size=size)).replace(b"\xfe\xff", b"ab")
    characters = draw(st.lists(st.sampled_from(_TEXT_BYTES), max_size=max_size - 4))
    value = bytes(characters) + draw(st.sampled_from((b"", b"", b" ", b"   ", b"\0", b"\0\0")))
    if len(value) % 2:
        value += draw(st.sampled_from((b" ", b"\0")))
    return value


def data_sets(*, max_depth: int = MAX_DEPTH, macro: bool = False) -> st.SearchStrategy[tuple[b.Node, ...]]:
    """Data sets for explicit VR, in tag order, never empty: all VRs, private elements, UN, sequences with UN, what is
    never signed, fragments, empty sequences and items, lengths defined or not.

    With ``macro`` the two sequences of the Digital Signatures Macro, with nonsense in them, at the main level too.
    There is no UN in sequences that are themselves never signed.
    """
    return _levels(max_depth - 1, portable=False, macro=macro, pixel_data=True).filter(bool)


def sound_data_sets(*, max_depth: int = MAX_DEPTH) -> st.SearchStrategy[tuple[b.Node, ...]]:
    """Data sets as those of ``data_sets``, but with one reading only: for files with pixels in fragments."""
    return _levels(max_depth - 1, portable=False, macro=False, pixel_data=True, sound=True).filter(bool)


def portable_data_sets(*, max_depth: int = MAX_DEPTH) -> st.SearchStrategy[tuple[b.Node, ...]]:
    """Data sets, never empty, that mean the same in all native transfer syntaxes, implicit VR included."""
    return _levels(max_depth - 1, portable=True, macro=False, pixel_data=False).filter(bool)


@st.composite
def tags_to_sign(draw: st.DrawFn, nodes: Ordered[b.Node]) -> tuple[int, ...]:
    """Some tags of a data set, and now and then one that is not there; in any order."""
    there = [node.tag for node in nodes if not isinstance(node, b.Raw)]
    chosen = draw(st.lists(st.sampled_from([*there, 0x00102160]), unique=True)) if there else []
    return tuple(chosen)


@st.composite
def chunks(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The data cut into pieces anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=12)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@st.composite
def _levels(
    draw: st.DrawFn, depth: int, *, portable: bool, macro: bool, pixel_data: bool, sound: bool = False
) -> tuple[b.Node, ...]:
    pool: list[int] = list(_PORTABLE)
    if not portable:
        pool += [*_CREATORS, *_PRIVATE, *_NEVER_SIGNED, b.SELECTOR_VALUES["UN"], *(_MACRO if macro else ())]
    if sound:
        pool = [tag for tag in pool if tag not in _UNSOUND]
    chosen = draw(st.lists(st.sampled_from(pool), unique=True, max_size=5))
    if depth and draw(st.booleans()):
        chosen = list({*chosen, draw(st.sampled_from(_SEQUENCES))})
    nodes = [draw(_nodes(tag, depth, portable=portable, sound=sound)) for tag in chosen]
    if pixel_data and draw(st.integers(0, 3)) == 0:
        nodes.append(draw(_sound_fragments() if sound else _fragments()))
    return b.in_order(*nodes)


@st.composite
def _nodes(draw: st.DrawFn, tag: int, depth: int, *, portable: bool, sound: bool) -> b.Node:
    vr = _PORTABLE.get(tag) or _NEVER_SIGNED.get(tag) or _MACRO.get(tag) or ("LO" if tag in _CREATORS else "")
    if tag == b.SELECTOR_VALUES["UN"]:
        vr = "UN"
    if not vr:
        vr = draw(st.sampled_from([vr for vr in _VRS if vr not in _LATEST_VRS] if sound else _VRS))
    if vr == "UN" and depth and draw(st.booleans()):
        return draw(_sequences(tag, depth, portable=True, vr="UN", sound=sound))
    if vr == "SQ":
        plain = portable or tag not in (*_SEQUENCES, *_PRIVATE)
        return draw(_sequences(tag, depth, portable=plain, vr="SQ", sound=sound))
    if sound and _NEVER_SIGNED.get(tag) == "UL":
        return b.Value(tag, vr, draw(st.binary(min_size=4, max_size=4)))
    return b.Value(tag, vr, draw(values(vr)))


@st.composite
def _sequences(draw: st.DrawFn, tag: int, depth: int, *, portable: bool, vr: str, sound: bool) -> b.Sequence:
    items: list[b.Item] = []
    more = not (portable or sound)
    for _ in range(draw(st.integers(0, 2))):
        inner = (
            _levels(depth - 1, portable=portable, macro=more, pixel_data=more, sound=sound) if depth else st.just(())
        )
        items.append(b.Item(draw(inner), undefined=draw(st.booleans())))
    return b.Sequence(tag, tuple(items), undefined=vr == "UN" or draw(st.booleans()), vr=vr)


@st.composite
def _fragments(draw: st.DrawFn) -> b.Fragments:
    offsets = draw(st.sampled_from((b"", b"\0\0\0\0", b"\0\0\0\0\x10\0\0\0")))
    delimiters = st.sampled_from((b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0\0\0\0\0"))
    pieces = st.binary(max_size=20).map(lambda data: data + bytes(len(data) % 2))
    return b.Fragments(fragments=(offsets, *draw(st.lists(pieces | delimiters, max_size=3))))


@st.composite
def _sound_fragments(draw: st.DrawFn) -> b.Fragments:
    """Fragments that hold nothing which reads as their end, and an offset table that fits a single frame, if any."""
    pieces = st.binary(max_size=20).map(lambda data: b"ab" + data.replace(b"\xfe\xff", b"ab") + bytes(len(data) % 2))
    held = draw(st.lists(pieces, max_size=3))
    return b.Fragments(fragments=(draw(st.sampled_from((b"", b"\0\0\0\0"))) if held else b"", *held))
