"""The reference encoder against examples written out by hand, and against itself in all transfer syntaxes."""

from __future__ import annotations

import pytest
from hypothesis import given

from tests.support import builder as b
from tests.support import reference
from tests.support.strategies import portable_data_sets


def stream_of(*nodes: b.Node, syntax: b.Syntax = b.EXPLICIT_LE, padding: reference.Padding = "raw") -> bytes:
    return reference.data_stream(reference.parse_file(b.file(nodes, syntax)).dataset, padding=padding)


def test_the_stream_has_no_lengths_of_sequences_and_items() -> None:
    code = b.Item((b.text(0x00080100, "SH", "A"), b.text(0x00080102, "SH", "99X"), b.text(0x00080104, "LO", "meaning")))
    expected = bytes.fromhex("08003210 5351 0000 feff00e0 08000001 5348 0200 4120")
    expected += bytes.fromhex("08000201 5348 0400 39395820 08000401 4c4f 0800") + b"meaning "
    expected += bytes.fromhex("feffdde0 08001822 5351 0000 feffdde0 09000210 4f42 0000 04000000 01020300")
    nodes = (
        b.Sequence(0x00081032, (code,)),
        b.Sequence(0x00082218, undefined=True),
        b.Value(0x00091002, "OB", b"\1\2\3\0"),
    )
    assert stream_of(*nodes) == expected


def test_the_stream_has_no_lengths_of_fragments() -> None:
    offsets, frame = bytes.fromhex("0000000010000000"), b"\xff\xd8AAA\xff\xd9\0"
    expected = bytes.fromhex("e07f1000 4f42 0000 feff00e0") + offsets + bytes.fromhex("feff00e0") + frame
    expected += bytes.fromhex("feffdde0")
    for vr in ("OB", "OW"):
        assert stream_of(b.Fragments(fragments=(offsets, frame), vr=vr), syntax=b.JPEG_BASELINE) == expected


def test_old_dcmtk_fed_the_lengths_of_fragments() -> None:
    (element,) = reference.parse_file(b.file((b.Fragments(fragments=(b"", b"AB")),), b.JPEG_BASELINE)).dataset
    expected = bytes.fromhex("e07f1000 4f42 0000 feff00e0 00000000 feff00e0 02000000") + b"AB"
    assert reference.encode(element, old_format=True) == expected + bytes.fromhex("feffdde0")


@pytest.mark.parametrize(
    "tag", [0x00080001, 0x00100000, 0x00041220, 0x00060001, 0xFFFA0001, 0xFFFAFFFA, 0x4FFE0001, 0xFFFCFFFC]
)
def test_elements_that_may_never_be_signed(tag: int) -> None:
    kept = b.us(0x00280010, 7)
    assert stream_of(b.Value(tag, "OB", b"ab"), kept) == b.encode((kept,))
    assert stream_of(b.Sequence(0x00081140, (b.Item((b.Value(tag, "OB", b"ab"), kept)),)))[12:-4] == b.encode((kept,))


def test_one_unknown_element_makes_the_whole_sequence_unsignable() -> None:
    unknown = b.Sequence(0x00081140, (b.Item((b.us(0x00280010, 7),)), b.Item((b.Value(0x00091001, "UN", b"ab"),))))
    nested = b.Sequence(0x00400555, (b.Item((unknown,)),))
    dataset = reference.parse_file(b.file((nested, b.us(0x00280010, 7)))).dataset
    assert reference.signable_tags(dataset) == (0x00280010,)


def test_a_sequence_of_unknown_vr_and_undefined_length_is_a_sequence() -> None:
    items = (b.Item((b.us(0x00280010, 7),)),)
    unknown = b.Sequence(0x00091003, items, vr="UN", undefined=True)
    for syntax in (b.EXPLICIT_LE, b.EXPLICIT_BE):
        assert stream_of(unknown, syntax=syntax) == stream_of(b.Sequence(0x00091003, items))


def test_listed_tags_follow_the_order_of_the_data_set() -> None:
    dataset = reference.parse_file(b.file(b.image())).dataset
    assert reference.data_stream(dataset, (0x00280010, 0x00100010, 0x00999999)) == b.encode(
        (b.text(0x00100010, "PN", "Doe^Jane"), b.us(0x00280010, 4))
    )


@pytest.mark.parametrize(
    ("vr", "value", "minimal"),
    [
        ("LO", b"AB    ", b"AB"),
        ("LO", b"  ABC   ", b"  ABC "),
        ("LO", b"      ", b""),
        ("LO", b"AB\\C   ", b"AB\\C"),
        ("UI", b"1.2 ", b"1.2\0"),
        ("UI", b"1.2\0\0\0", b"1.2\0"),
        ("UI", b"1 . 2 \0", b"1.2\0"),
        ("OB", b"abc", b"abc\0"),
        ("US", b"\0\0", b"\0\0"),
    ],
)
def test_minimal_padding(vr: str, value: bytes, minimal: bytes) -> None:
    node, expected = b.Value(0x00091001, vr, value), b.Value(0x00091001, vr, minimal)
    assert stream_of(node, padding="minimal") == b.encode((expected,))
    assert stream_of(b.Sequence(0x00081140, (b.Item((node,)),)), padding="minimal")[12:-4] == b.encode((expected,))


def test_all_vrs_in_all_syntaxes() -> None:
    nodes = [node for node in b.all_vrs() if not (isinstance(node, b.Value) and node.vr == "UN")]
    assert len(nodes) == 33
    expected = b.encode(nodes)
    sequence = next(node for node in nodes if isinstance(node, b.Sequence))
    expected = expected.replace(b.encode((sequence,)), stream_of(sequence))
    for syntax in b.NATIVE_SYNTAXES:
        assert stream_of(*nodes, syntax=syntax) == expected


@given(portable_data_sets())
def test_the_syntax_and_group_lengths_do_not_matter(nodes: tuple[b.Node, ...]) -> None:
    expected = stream_of(*nodes)
    for syntax in b.NATIVE_SYNTAXES:
        assert stream_of(*b.with_group_lengths(nodes, syntax), b.trailing_padding(8), syntax=syntax) == expected


def test_a_value_too_long_for_explicit_vr_is_unknown() -> None:
    assert stream_of(b.Value(0x30060050, "DS", b"1\\" * 40000), syntax=b.IMPLICIT_LE) == b""


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
def test_files_without_preamble_or_meta_information(syntax: b.Syntax) -> None:
    expected = reference.parse_file(b.file(b.image(), syntax)).dataset
    assert reference.parse_file(b.file(b.image(), syntax, preamble=None)).dataset == expected
    if syntax is not b.DEFLATED_LE:
        assert reference.parse_file(b.encode(b.image(), syntax)).dataset == expected


def test_signatures_are_found_at_every_level_with_their_own_parameters() -> None:
    def signed(name: str, *elements: b.Node) -> tuple[b.Node, ...]:
        parameters = b.Item((b.us(0x04000005, 0), b.text(0x04000015, "CS", "SHA256"), b.at(0x04000020, 0x00100010)))
        signature = b.Item((b.us(0x04000005, 0), b.uid(0x04000100, name), b.Value(0x04000120, "OB", b"secret")))
        return (*elements, b.Sequence(0x4FFE0001, (parameters,)), b.Sequence(0xFFFAFFFA, (signature,)))

    inner, other = b.text(0x00100010, "PN", "inner"), b.text(0x00100020, "LO", "other")
    nodes = signed(
        "1.1",
        b.text(0x00100010, "PN", "outer"),
        b.Sequence(0x30060020, (b.Item(), b.Item(signed("1.2", inner, other)))),
    )
    data = b.file(nodes)
    found = reference.signatures(reference.parse_file(data).dataset)
    assert [(signature.uid, signature.location) for signature in found] == [("1.1", ()), ("1.2", ((0x30060020, 1),))]
    own_item = b.encode((b.us(0x04000005, 0), b.uid(0x04000100, "1.2")))
    assert reference.mac_stream(data, "1.2") == b.encode((inner,)) + own_item
    with pytest.raises(LookupError):
        reference.mac_stream(data, "1.3")


@pytest.mark.parametrize("cut", range(1, 48, 5))
def test_a_file_cut_short_is_unreadable(cut: int) -> None:
    data = b.file(
        (b.Sequence(0x00081140, (b.Item((b.text(0x00100010, "PN", "Doe^Jane"),), undefined=True),), undefined=True),)
    )
    with pytest.raises(ValueError, match=r"cut|past|without|broken"):
        reference.parse_file(data[:-cut])
