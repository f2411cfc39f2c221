"""What the MAC pass calls sound is sound: the structure walk finds the same whether it looks there again or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmseal import tags
from dcmseal.dataset.part10 import open_dicom
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import BytesSource, Source
from dcmseal.dataset.structure import analyze_structure
from dcmseal.dataset.structure_problems import StructureFindings
from dcmseal.dataset.walk import walk
from dcmseal.errors import DatasetError
from dcmseal.mac.level_pass import LevelPass
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.mac.stream_common import ExcessPadding
from tests.core.dataset.test_structure import HARMLESS, PROBLEMS, delimiter
from tests.core.dataset.test_windows import file_source, narrow
from tests.support import builder as b
from tests.support import tags as t
from tests.support.mutations import STRANGERS, alter, damage
from tests.support.real_files import RealFile, signable_files
from tests.support.strategies import data_sets, portable_data_sets, sound_data_sets

SYNTAXES = (*b.NATIVE_SYNTAXES, b.JPEG_BASELINE)
DATA_SETS = data_sets(max_depth=4, macro=True) | sound_data_sets(max_depth=4) | portable_data_sets(max_depth=4)


def structures(source: Source, *, check_padding: bool) -> tuple[StructureFindings, StructureFindings, int]:
    """What is found in all there is, what without the sequences that are known to be sound, and how many those are."""
    with open_dicom(source) as file:
        scan = LevelScanner(file.body, file.start, file.end, file.encoding)
        encoder = MacEncoder(source=file.body, encoding=file.encoding, check_padding=check_padding)
        sound = LevelPass(scan, encoder, lambda _: ()).run().well_formed_sequences
        return analyze_structure(file, scan), analyze_structure(file, scan, sound), len(sound)


def assert_alike(source: Source, *, check_padding: bool = False) -> int:
    """Returns in how many sequences the second look was saved."""
    try:
        found = structures(source, check_padding=check_padding)
    except (DatasetError, ExcessPadding):
        return 0
    assert found[0] == found[1]
    return found[2]


def headers(data: bytes) -> list[int]:
    """Where the headers of a file stand, in its Data Set, as far as it can be read."""
    found: list[int] = []
    try:
        with open_dicom(BytesSource(data)) as file:
            if file.body is file.file:
                for step in walk(file.body, file.start, file.end, file.encoding):
                    found.append(step.start)  # noqa: PERF401 - keeps the headers found before an error
    except DatasetError:
        pass
    return found


@given(draw=st.data(), nodes=DATA_SETS, syntax=st.sampled_from(SYNTAXES), check_padding=st.booleans())
def test_damaged_data_sets(
    draw: st.DataObject, nodes: tuple[b.Node, ...], syntax: b.Syntax, check_padding: bool
) -> None:
    data = b.file(draw.draw(damage(nodes)), syntax)
    assert_alike(BytesSource(draw.draw(alter(data, headers(data)))), check_padding=check_padding)


@given(
    draw=st.data(),
    nodes=DATA_SETS,
    syntax=st.sampled_from(SYNTAXES),
    window=st.integers(64, 200),
    item=st.integers(64, 600),
)
def test_damaged_data_sets_through_narrow_windows(
    draw: st.DataObject, nodes: tuple[b.Node, ...], syntax: b.Syntax, window: int, item: int
) -> None:
    data = b.file(draw.draw(damage(nodes)), syntax)
    data = draw.draw(alter(data, headers(data)))
    with narrow(window, window, item):
        assert_alike(file_source(data))


@pytest.mark.parametrize("check_padding", [False, True])
@pytest.mark.parametrize("name", [*PROBLEMS, *HARMLESS])
def test_known_oddities(name: str, check_padding: bool) -> None:
    data = HARMLESS[name] if name in HARMLESS else PROBLEMS[name][0]
    assert_alike(BytesSource(data), check_padding=check_padding)
    with narrow(64, 64, 64):
        assert_alike(file_source(data))


BEFORE, BEHIND = b.text(tags.CODE_VALUE, "SH", "code"), b.text(0x00700080, "CS", "AB")
OPEN = b.Item((BEFORE,), undefined=True)


def sequence(tag: int, *items: b.Item) -> b.Sequence:
    return b.Sequence(tag, items)


def places(node: b.Node) -> list[tuple[b.Node, ...]]:
    """Data Sets with the node inside sequences: in its place or out of it, in open items, deeper, again and again."""
    contents = (
        (node,),
        b.in_order(BEFORE, node, BEHIND),
        (BEFORE, BEHIND, node),
        (BEHIND, sequence(t.REFERENCED_IMAGE_SEQUENCE), node),
    )
    found: list[tuple[b.Node, ...]] = []
    for content in contents:
        for undefined in (False, True):
            item = b.Item(content, undefined=undefined)
            code = sequence(t.CONCEPT_NAME_CODE_SEQUENCE, item)
            found.append((sequence(t.REFERENCED_IMAGE_SEQUENCE, item),))
            found.append((sequence(t.REFERENCED_IMAGE_SEQUENCE, b.Item((code,)), OPEN),))
            # small ones that repeat are encoded once, when they come the second time
            repeated = (b.Item((code,)),) * 4
            found.append(
                (
                    sequence(t.REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE, *repeated),
                    sequence(t.REFERENCED_IMAGE_SEQUENCE, *repeated, OPEN),
                )
            )
    return found


@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.IMPLICIT_LE, b.EXPLICIT_BE], ids=lambda syntax: syntax.uid)
@pytest.mark.parametrize("check_padding", [False, True])
def test_all_that_is_rare_in_every_place(syntax: b.Syntax, check_padding: bool) -> None:
    for node in STRANGERS:
        for nodes in places(node):
            assert_alike(
                BytesSource(b.file((b.uid(tags.SOP_INSTANCE_UID, "1.2.3.4"), *nodes), syntax)),
                check_padding=check_padding,
            )


@pytest.mark.parametrize("depth", [200, 256, 257, 258, 259])
@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.IMPLICIT_LE], ids=lambda syntax: syntax.uid)
def test_as_deep_as_can_be(syntax: b.Syntax, depth: int) -> None:
    node: b.Node = BEFORE
    for _ in range(depth):
        content = b.encode((node,), syntax)
        node = b.Value(t.CONTENT_SEQUENCE, "SQ", b.encode((delimiter(tags.ITEM, len(content)),)) + content)
    assert_alike(BytesSource(b.file((b.uid(tags.SOP_INSTANCE_UID, "1.2.3.4"), node), syntax)))


@pytest.mark.parametrize("real", signable_files(), ids=str)
def test_real_files(real: RealFile) -> None:
    assert_alike(BytesSource(real.data))


@given(nodes=portable_data_sets(), syntax=st.sampled_from(b.NATIVE_SYNTAXES))
def test_sound_sequences_are_read_once(nodes: tuple[b.Node, ...], syntax: b.Syntax) -> None:
    """Otherwise verification would be slow without any notice."""
    sequences = sum(isinstance(node, b.Sequence) for node in nodes)
    found, _, sound = structures(BytesSource(b.file(nodes, syntax)), check_padding=False)
    # elements of VR OV, SV and UV are to be looked at
    assert sound == sequences or found.unless_signed


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
def test_no_second_look_at_group_lengths(syntax: b.Syntax) -> None:
    nodes = (
        b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.text(t.PATIENT_ID, "LO", "4711"), b.us(tags.ROWS, 1))),)),
    )
    assert assert_alike(BytesSource(b.file(b.with_group_lengths(nodes, syntax), syntax))) == 1
