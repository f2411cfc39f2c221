"""Signing keeps every byte that it does not have to change, and removing gives back what was there before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import dcmseal
from dcmseal import tags
from dcmseal.dictionary import tag_keyword
from dcmseal.errors import AmbiguousStructure, NotSignable, UsageError
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import tags as t
from tests.support.oracle_removal import remove_signature, split_file
from tests.support.pki import Pki
from tests.support.real_files import RealFile, readable_files
from tests.support.reference import allowed, data_stream, parse_file, signable_tags
from tests.support.signed_files import (
    apply_changes,
    build_signer,
    edit_signed,
    integrity_verdict,
    minimise_nodes,
    pad_value,
    read_items,
    sign_dataset,
    verify_integrity,
)
from tests.support.strategies import portable_data_sets, sound_data_sets

Path = tuple[tuple[int, int], ...]


def written(path: Path) -> str:
    return ".".join(f"{tag_keyword(tag)}[{index}]" for tag, index in path) or "main"


def has_signable(nodes: Iterable[b.Node]) -> bool:
    """Whether there is anything to sign at the main level; to the letter, a sequence of VR UN is nothing."""
    parsed = parse_file(b.file(nodes, b.JPEG_BASELINE), unknown_sequences="UN")
    return bool(signable_tags(parsed.dataset))


def items(nodes: Iterable[b.Node], path: Path = ()) -> Iterator[tuple[Path, b.Item]]:
    """All items in which a signature may stand."""
    for node in nodes:
        if isinstance(node, b.Sequence) and node.vr == "SQ" and tag_keyword(node.tag) and node.tag >> 16 >= 8:
            for index, item in enumerate(node.items):
                inner = (*path, (node.tag, index))
                yield inner, item
                yield from items(item.elements, inner)


def assert_kept(data: bytes, pki: Pki, location: str = "main", expected: Verdict = Verdict.VALID) -> bytes:
    """Sign, check that all other bytes are those of before, remove, check again; returns the signed file."""
    result = dcmseal.sign(data, signer=build_signer(pki["p256"]), padding="keep", location=location)
    assert result.data is not None
    assert result.padded == ()
    assert result.signature.mac_id is not None
    head, body, _ = split_file(data)
    assert remove_signature(result.data, result.uid, result.signature.mac_id) == (head, body)
    assert verify_integrity(result.data, uid=result.uid, location=location).verdict is expected
    removed = dcmseal.remove(result.data, uids=[result.uid])
    assert removed.data is not None
    assert split_file(removed.data)[:2] == (head, body)
    assert [each.uid for each in removed.removed] == [result.uid]
    return result.data


@pytest.mark.parametrize("real", readable_files(), ids=str)
def test_real_files(real: RealFile, pki: Pki) -> None:
    if real.path.name in ("DICOMDIR", "UN_sequence.dcm"):
        with pytest.raises(UsageError, match="nothing"):
            sign_dataset(real.data, pki["p256"])
        return
    if real.path.name == "nested_priv_SQ.dcm":
        with pytest.raises(AmbiguousStructure, match=r"an element of group 0001 follows .*: readers disagree"):
            sign_dataset(real.data, pki["p256"])
        return
    once = assert_kept(real.data, pki)
    assert_kept(once, pki)


def test_the_very_bytes_come_back(pki: Pki) -> None:
    """Preamble and File Meta Information too; a deflated Data Set is compressed again."""
    for syntax in b.NATIVE_SYNTAXES[:3]:
        data = b.file(b.image(), syntax, preamble=bytes(range(128)))
        assert dcmseal.remove(sign_dataset(data, pki["p256"])).data == data


def without_lengths(nodes: Iterable[b.Node]) -> tuple[b.Node, ...]:
    """Random group lengths are wrong or not numbers; and they change where their group grows."""
    return tuple(
        replace(node, items=tuple(replace(item, elements=without_lengths(item.elements)) for item in node.items))
        if isinstance(node, b.Sequence)
        else node
        for node in nodes
        if isinstance(node, b.Raw) or (node.tag & 0xFFFF and node.tag != tags.LENGTH_TO_END)
    )


@given(nodes=sound_data_sets(max_depth=4))
def test_random_data_sets(nodes: tuple[b.Node, ...], pki: Pki) -> None:
    nodes = without_lengths(nodes)
    assume(has_signable(nodes))
    data = b.file(apply_changes(nodes, {tags.DATA_SET_TRAILING_PADDING: b.trailing_padding(6)}), b.JPEG_BASELINE)
    assert_kept(data, pki)


@given(nodes=portable_data_sets(max_depth=4), syntax=st.sampled_from(b.NATIVE_SYNTAXES), grouped=st.booleans())
def test_random_data_sets_in_all_syntaxes(nodes: tuple[b.Node, ...], syntax: b.Syntax, grouped: bool, pki: Pki) -> None:
    nodes = b.with_group_lengths(nodes, syntax) if grouped else nodes
    assert_kept(assert_kept(b.file(nodes, syntax), pki), pki)


@given(draw=st.data(), syntax=st.sampled_from(b.NATIVE_SYNTAXES), grouped=st.booleans())
def test_random_items(draw: st.DataObject, syntax: b.Syntax, grouped: bool, pki: Pki) -> None:
    """The lengths of all that the item stands in grow, and those of their groups."""
    wrapped = portable_data_sets(max_depth=3).map(
        lambda nodes: b.in_order(
            b.Sequence(tags.REFERENCED_SERIES_SEQUENCE, (b.Item(), b.Item(b.in_order(b.us(tags.ROWS, 7), nodes[-1])))),
            *nodes[:-1],
        )
    )
    nodes = draw.draw(wrapped)
    path, _ = draw.draw(st.sampled_from([found for found in items(nodes) if found[1].elements]))
    nodes = b.with_group_lengths(nodes, syntax) if grouped else nodes
    once = assert_kept(b.file(nodes, syntax), pki, written(path))
    twice = assert_kept(once, pki, written(path))
    assert_kept(twice, pki)
    everything = dcmseal.remove(twice).data
    assert everything is not None
    assert split_file(everything)[1] == split_file(b.file(nodes, syntax))[1]


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
def test_sequences_of_undefined_length_that_are_there_already(syntax: b.Syntax, pki: Pki) -> None:
    """As other software may write the macro: the new item stands behind the others, in front of the delimiter."""
    data = sign_dataset(b.file(b.image()), pki["p256"])
    macro = [
        b.Sequence(tag, read_items(data, tag), undefined=True)
        for tag in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE)
    ]
    macro = [replace(each, items=tuple(replace(item, undefined=True) for item in each.items)) for each in macro]
    there = b.file(b.image(*macro, b.trailing_padding(8)), syntax)
    assert integrity_verdict(there) is Verdict.VALID
    twice = assert_kept(there, pki)
    assert len(verify_integrity(twice).signatures) == 2
    assert dcmseal.remove(there).data is not None
    assert split_file(dcmseal.remove(there).data or b"")[1] == b.encode(b.image(b.trailing_padding(8)), syntax)


def test_empty_sequences_that_are_there_already(pki: Pki) -> None:
    """They must have items (PS3.3 Table C.12-6), so that removing the last one removes them."""
    empty = (b.Sequence(tags.MAC_PARAMETERS_SEQUENCE), b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE))
    data = sign_dataset(b.file(b.image(*empty)), pki["p256"])
    assert integrity_verdict(data) is Verdict.VALID
    assert dcmseal.remove(data).data == b.file(b.image())


def test_elements_after_the_pixel_data(pki: Pki) -> None:
    behind = (b.Value(0xFFFA0001, "OB", b"ab"), b.trailing_padding(32))
    for pixels in (b.Fragments(fragments=(b"", b"abcd")), b.Value(tags.PIXEL_DATA, "OW", bytes(16))):
        syntax = b.JPEG_BASELINE if isinstance(pixels, b.Fragments) else b.NATIVE_SYNTAXES[0]
        private = b.Value(0x7FE10010, "LO", b"ACME")
        data = assert_kept(b.file(b.image(pixels, private, *behind), syntax), pki)
        body = split_file(data)[1]
        order = [body.index(mark) for mark in (b"\xe1\x7f\x10\0", b"\xfa\xff\x01\0", b"\xfa\xff\xfa\xff", b"\xfc\xff")]
        assert order == sorted(order)


def excessive(nodes: Iterable[b.Node], path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Elements that are not minimally padded, by their paths of tags."""
    for node in nodes:
        if isinstance(node, b.Raw) or not allowed(node.tag):
            continue
        if isinstance(node, b.Value) and pad_value(node.value, node.vr) != node.value:
            yield (*path, node.tag)
        elif isinstance(node, b.Sequence):
            for item in node.items:
                yield from excessive(item.elements, (*path, node.tag))


@given(nodes=portable_data_sets(max_depth=4), syntax=st.sampled_from(b.NATIVE_SYNTAXES), grouped=st.booleans())
def test_padding_is_brought_to_the_minimum(
    nodes: tuple[b.Node, ...], syntax: b.Syntax, grouped: bool, pki: Pki
) -> None:
    before, after = nodes, minimise_nodes(nodes)
    if grouped:
        before, after = b.with_group_lengths(before, syntax), b.with_group_lengths(after, syntax)
    result = dcmseal.sign(b.file(before, syntax), signer=build_signer(pki["p256"]))
    assert result.data is not None
    assert result.padded == tuple(excessive(nodes))
    body = split_file(dcmseal.remove(result.data).data or b"")[1]
    assert body == b.encode(after, syntax)
    assert integrity_verdict(result.data) is Verdict.VALID


@given(nodes=sound_data_sets(max_depth=4))
def test_padding_in_explicit_vr(nodes: tuple[b.Node, ...], pki: Pki) -> None:
    """All is brought to the minimum, or, where nothing that is signed needs it, nothing at all."""
    nodes = without_lengths(nodes)
    assume(has_signable(nodes))
    result = dcmseal.sign(b.file(nodes, b.JPEG_BASELINE), signer=build_signer(pki["p256"]))
    assert result.data is not None
    left = minimise_nodes(nodes) if result.padded else nodes
    assert result.padded in ((), tuple(excessive(nodes)))
    assert split_file(dcmseal.remove(result.data).data or b"")[1] == b.encode(left, b.JPEG_BASELINE)
    streams = {
        data_stream(parse_file(b.file(each), unknown_sequences="UN").dataset) for each in (left, minimise_nodes(nodes))
    }
    assert len(streams) == 1


def test_padding_of_a_signed_data_set_is_left_alone(pki: Pki) -> None:
    """Another signature may go over it as it is."""
    comment = b.Value(t.PATIENT_COMMENTS, "LT", b"comment     ")
    once = sign_dataset(b.file(b.image(comment)), pki["p256"], padding="keep")
    again = dcmseal.sign(once, signer=build_signer(pki["rsa2048"]))
    assert again.padded == ()
    assert "padding-kept" in [advice.code for advice in again.warnings]
    assert b.encode((comment,)) in (again.data or b"")
    assert integrity_verdict(again.data or b"") is Verdict.VALID


def test_values_that_padding_makes_too_long() -> None:
    """A value of odd length next to the limit of its VR, as it can only stand in a file that breaks PS3.5."""
    longest = b.Value(t.PATIENT_COMMENTS, "LT", b"x" * 0xFFFF)
    data = b.file(b.image(longest))
    with pytest.raises(dcmseal.SealError, match="too long"):
        dcmseal.plan_signing(data)
    with dcmseal.plan_signing(data, padding="keep") as plan:
        assert t.PATIENT_COMMENTS in plan.elements


def test_mac_ids_are_unique_in_the_instance(pki: Pki) -> None:
    """The lowest free number is used at every level (PS3.3 Table C.12-6)."""
    data = b.file(b.image(b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 1),)),))))
    item = "ReferencedImageSequence[0]"
    for location in (item, "main", item):
        data = sign_dataset(data, pki["p256"], location=location)
    by_id = {each.content.mac_id: each for each in dcmseal.signatures(data)}
    assert {number: str(each.location) for number, each in by_id.items()} == {0: item, 1: "main", 2: item}
    data = dcmseal.remove(data, uids=[by_id[1].uid]).data or b""
    with dcmseal.plan_signing(data) as plan:
        assert plan.signature.mac_id == 1
    with dcmseal.plan_signing(data, location=item) as plan:
        assert plan.signature.mac_id == 1


def test_a_signature_that_lost_its_parameters_comes_by_no_new_ones(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    for lost in (
        {tags.MAC_PARAMETERS_SEQUENCE: None},
        {tags.MAC_PARAMETERS_SEQUENCE: b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (b.Item(),))},
    ):
        broken = edit_signed(data, main=lost)
        result = dcmseal.sign(broken, signer=build_signer(pki["p256"]))
        assert result.signature.mac_id == 1
        again = result.data or b""
        assert [each.content.mac is None for each in dcmseal.signatures(again)] == [True, False]
        assert verify_integrity(again, uid=result.uid).verdict is Verdict.VALID
        assert dcmseal.remove(again, uids=[result.uid]).data == broken


def test_parameters_that_signatures_share_stay_until_the_last_goes(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    (item,) = read_items(data, tags.DIGITAL_SIGNATURES_SEQUENCE)
    other = b.text(tags.DIGITAL_SIGNATURE_UID, "UI", "1.2.3\0")
    second = b.Item(apply_changes(item.elements, {other.tag: other}))
    shared = b.file(
        b.image(
            b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, read_items(data, tags.MAC_PARAMETERS_SEQUENCE)),
            b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (item, second)),
        )
    )
    left = dcmseal.remove(shared, uids=["1.2.3"]).data
    assert left == data
    both = dcmseal.remove(shared, uids=["1.2.3", dcmseal.signatures(data)[0].uid])
    assert both.data == b.file(b.image())


def test_removing_a_missing_signature(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    with pytest.raises(dcmseal.SealError, match="no signature has UID") as caught:
        dcmseal.remove(data, uids=["1.2.3", dcmseal.signatures(data)[0].uid])
    assert caught.value.hint
    nothing = dcmseal.remove(b.file(b.image()))
    assert (nothing.removed, nothing.data) == ((), b.file(b.image()))


@pytest.mark.parametrize("tag", [tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE])
@pytest.mark.parametrize("nested", [False, True])
def test_a_macro_that_is_there_twice_is_not_removed_by_half(pki: Pki, tag: int, *, nested: bool) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    macro = [
        b.Sequence(each, read_items(data, each))
        for each in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE)
    ]
    twice = sorted((*macro, *(each for each in macro if each.tag == tag)), key=lambda each: each.tag)
    elements = (
        b.image(b.Sequence(tags.REFERENCED_SERIES_SEQUENCE, (b.Item(tuple(twice)),)))
        if nested
        else (*b.image(), *twice)
    )
    for uids in (None, [dcmseal.signatures(data)[0].uid]):
        with pytest.raises(dcmseal.SealError, match="occurs 2 times") as caught:
            dcmseal.remove(b.file(elements), uids=uids)
        assert caught.value.hint


def test_a_macro_that_is_not_a_sequence_is_refused() -> None:
    with pytest.raises(dcmseal.SealError, match="does not have VR SQ"):
        dcmseal.remove(b.file((*b.image(), b.Value(tags.DIGITAL_SIGNATURES_SEQUENCE, "UN", b"1234"))))


def test_former_states_keep_their_signatures(pki: Pki) -> None:
    old = sign_dataset(b.file((b.text(t.PATIENT_NAME, "PN", "Old^Name"),)), pki["p256"])
    former = b.Item(
        tuple(
            b.Sequence(tag, read_items(old, tag))
            for tag in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE)
        )
    )
    data = b.file(
        b.image(b.Sequence(tags.ORIGINAL_ATTRIBUTES_SEQUENCE, (b.Item((b.Sequence(0x04000550, (former,)),)),)))
    )
    assert dcmseal.remove(sign_dataset(data, pki["p256"])).data == data
    with pytest.raises(dcmseal.SealError, match="former state"):
        sign_dataset(data, pki["p256"], location="OriginalAttributesSequence[0]")


def test_no_signature_inside_a_signature(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image()), pki["p256"])
    with pytest.raises(UsageError, match="items of a signature cannot be signed"):
        sign_dataset(data, pki["p256"], location="DigitalSignaturesSequence[0]")
    with pytest.raises(NotSignable):
        sign_dataset(data, pki["p256"], tags=["DigitalSignaturesSequence"])
