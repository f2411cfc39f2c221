"""Signatures across implementations: dcmsign accepts what we sign, and we accept what dcmsign signs.

Left out is what dcmsign does wrong or leaves open:

* data sets with large nested sequences: its MAC is cut short, see test_truncated_stream.py
* odd fragments, text padded with NULL, odd values kept as they are: it rewrites them before it hashes, and its
  releases disagree how
* private elements in implicit VR: their VR is in the private dictionary of some installations and not of others
* elements of VR UN and undefined length: to dcmsign they are sequences, and signed; here they stay unknown
* P-521: of its odd signatures it takes the padding for a part (the signer tries again until it is even)
"""

from __future__ import annotations

import pytest

import dcmseal
from dcmseal import tags
from dcmseal.model.verdict import Verdict
from dcmseal.terms import MacAlgorithm, SignaturePurpose
from tests.interop.interop_bench import InteropBench, is_truncated
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.real_files import FileKind, RealFile, for_dcmsign, real_file
from tests.support.signed_files import build_signer, finding_outcomes, verify_integrity
from tests.support.truncated_reference import truncated_stream


@pytest.mark.parametrize("real", for_dcmsign(), ids=str)
def test_real_files(real: RealFile, bench: InteropBench) -> None:
    """Signed by either, then again by the other."""
    data = real.data
    if FileKind.UN in real.kinds:
        assert verify_integrity(bench.theirs(data)).verdict is not Verdict.INVALID
        return
    assert not is_truncated(data)
    bench.assert_good(bench.theirs(bench.ours(data, "p256"), "rsa2048"), 2)
    bench.assert_good(bench.ours(bench.theirs(data, "p256"), "rsa2048"), 2)


NESTED = b.Sequence(
    t.REFERENCED_IMAGE_SEQUENCE,
    (b.Item((b.text(t.PATIENT_COMMENTS, "LT", "ab"), b.us(tags.ROWS, 7))), b.Item((b.us(tags.ROWS, 8),))),
)
DEEP = b.Sequence(
    t.CONTENT_SEQUENCE,
    (b.Item((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((NESTED, b.us(tags.ROWS, 2))),)), b.us(tags.ROWS, 1))),),
)
PRIVATE = (
    b.text(0x00090010, "LO", "DCMSEAL TEST"),
    b.Value(0x00091001, "OB", b"abcd"),
    b.Value(0x00091002, "LO", b"private "),
)
SYNTHETIC: dict[str, tuple[tuple[b.Node, ...], b.Syntax]] = {
    **{f"every VR, {syntax.uid}": (b.all_vrs(), syntax) for syntax in b.NATIVE_SYNTAXES},
    **{f"nested, {syntax.uid}": (b.image(DEEP, b.trailing_padding(8)), syntax) for syntax in b.NATIVE_SYNTAXES},
    "group lengths": (b.with_group_lengths(b.image(DEEP)), b.EXPLICIT_LE),
    "private": (b.image(*PRIVATE), b.EXPLICIT_LE),
    "private, big endian": (b.image(*PRIVATE), b.EXPLICIT_BE),
    "unknown": (b.image(b.Value(0x00091001, "UN", b"abcd")), b.EXPLICIT_LE),
    "sequence with unknown": (
        b.image(b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.Value(0x00091001, "UN", b"abcd"),)),))),
        b.EXPLICIT_LE,
    ),
    "empty sequences": (
        b.image(
            b.Sequence(tags.REFERENCED_SERIES_SEQUENCE, (b.Item(),), undefined=True),
            b.Sequence(t.REFERENCED_IMAGE_SEQUENCE),
        ),
        b.EXPLICIT_LE,
    ),
    "never signed": (
        b.image(
            b.Value(t.FILE_SET_ID, "CS", b"ab"),
            b.Value(tags.LENGTH_TO_END, "UL", b"abcd"),
            b.Value(0xFFFA0001, "OB", b"ab"),
        ),
        b.EXPLICIT_LE,
    ),
    "fragments": (b.image(b.Fragments(fragments=(b"\0\0\0\0", b"abcd", b"ef"))), b.JPEG_BASELINE),
    "no fragments": (b.image(b.Fragments()), b.JPEG_BASELINE),
    "fragments said to be OW": (b.image(b.Fragments(fragments=(b"", b"abcd"), vr="OW")), b.RLE_LOSSLESS),
    "encapsulated icon": (
        b.image(
            b.Sequence(tags.ICON_IMAGE_SEQUENCE, (b.Item((b.Fragments(fragments=(b"", b"ab")),)),)),
            b.Fragments(fragments=(b"", b"ab")),
        ),
        b.JPEG_BASELINE,
    ),
    "excess padding": (
        b.image(
            b.Value(t.PATIENT_COMMENTS, "LT", b"comment     "),
            b.Value(tags.SPECIFIC_CHARACTER_SET, "CS", b"ISO_IR 100  "),
        ),
        b.EXPLICIT_LE,
    ),
    "large values": (
        b.image(b.Value(t.ENCAPSULATED_DOCUMENT, "OB", bytes(70_000)), b.Value(t.TEXT_VALUE, "UT", b"x" * 70_000)),
        b.EXPLICIT_LE,
    ),
}


@pytest.mark.parametrize(("nodes", "syntax"), SYNTHETIC.values(), ids=SYNTHETIC)
def test_synthetic_files(nodes: tuple[b.Node, ...], syntax: b.Syntax, bench: InteropBench) -> None:
    data = b.file(nodes, syntax)
    bench.assert_good(bench.ours(bench.theirs(data, "p256"), "p256"), 2)
    bench.assert_good(bench.theirs(bench.ours(data, "p256"), "p256"), 2)


@pytest.mark.parametrize("algorithm", MacAlgorithm)
@pytest.mark.parametrize("signer", ["rsa2048", "rsa3072", "p256", "p384", "p521", "dsa2048"])
def test_keys_and_algorithms(signer: str, algorithm: MacAlgorithm, bench: InteropBench) -> None:
    data = bench.ours(b.file(b.image()), signer, algorithm=algorithm, allow_weak=True)
    if signer == "p521":
        bench.assert_good(data)
        return
    bench.assert_good(bench.theirs(data, signer, mac=algorithm.value), 2)


def test_odd_signatures_of_long_keys_are_good_for_us(bench: InteropBench) -> None:
    """dcmsign makes them, and does not verify them itself; a few tries give both an odd and an even one."""
    assert {verify_integrity(bench.theirs(b.file(b.image()), "p521")).verdict for _ in range(4)} == {Verdict.VALID}


@pytest.mark.parametrize("purpose", SignaturePurpose)
def test_purposes(purpose: SignaturePurpose, bench: InteropBench) -> None:
    data = bench.theirs(bench.ours(b.file(b.image()), "p256", purpose=purpose), "p256", purpose=purpose.value)
    bench.assert_good(data, 2)
    ours, theirs = (signature.purpose for signature in dcmseal.signatures(data))
    assert ours == theirs
    assert ours is not None
    assert ours.meaning == purpose.meaning


def test_chosen_elements(bench: InteropBench) -> None:
    data = b.file(b.image(DEEP, *PRIVATE))
    chosen = [t.CONTENT_SEQUENCE, t.PATIENT_NAME, tags.PIXEL_DATA, 0x00091002]
    data = bench.theirs(bench.ours(data, tags=chosen), tags=chosen)
    bench.assert_good(data, 2)
    ours, theirs = (signature.content.mac for signature in dcmseal.signatures(data))
    assert ours is not None
    assert theirs is not None
    assert set(ours.elements) == set(theirs.elements) == set(chosen)
    assert list(ours.elements) == sorted(chosen)


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
@pytest.mark.parametrize(
    "path",
    [
        "ContentSequence[0]",
        "ContentSequence[0].ReferencedImageSequence[0]",
        "ContentSequence[0].ReferencedImageSequence[0].ReferencedImageSequence[1]",
    ],
    ids=lambda path: str(path.count("[")),
)
def test_items_at_every_depth(path: str, syntax: b.Syntax, bench: InteropBench) -> None:
    data = b.file(b.image(DEEP), syntax)
    both = bench.theirs(bench.ours(data, "p256", location=path), "p256", item=path)
    bench.assert_good(both, 2)
    both = bench.ours(bench.theirs(data, "p256", item=path), "p256", location=path)
    bench.assert_good(bench.ours(bench.theirs(both, "p256"), "p256"), 4)
    assert {str(each.location) for each in dcmseal.signatures(both)} == {path}


def test_signatures_of_both_at_all_levels(bench: InteropBench) -> None:
    """In any order, of several keys, one after the other; each removal leaves the others good."""
    data = real_file("rtplan.dcm").data
    beam = "BeamSequence[0]"
    data = bench.ours(data, location=beam)
    data = bench.theirs(data, "p256", item=f"{beam}.ControlPointSequence[1]")
    data = bench.theirs(data, "dsa2048")
    data = bench.ours(data, "p384")
    data = bench.theirs(data, item=beam, mac="SHA512")
    bench.assert_good(data, 5)
    uids = [signature.uid for signature in dcmseal.signatures(data)]
    for left, uid in zip(range(4, 0, -1), uids, strict=False):
        data = (dcmseal.remove(data, uids=[uid]).data or b"") if left % 2 else bench.remove(data, uid)
        bench.assert_good(data, left)


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
def test_removal_by_either(syntax: b.Syntax, bench: InteropBench) -> None:
    """The result has no trace of the macro, and can be signed again."""
    data = b.file(b.image(DEEP), syntax)
    both = bench.theirs(bench.ours(data, "p256"), "p256", item="ContentSequence[0]")
    by_us, by_them = dcmseal.remove(both).data or b"", bench.remove(both)
    for left in (by_us, by_them):
        assert verify_integrity(left).verdict is Verdict.NO_SIGNATURE
        assert reference.signatures(reference.parse_file(left).dataset) == []
        assert bench.verification(left).returncode == 100
        bench.assert_good(bench.ours(left, "p256"))


CONVERSIONS = [(), ("+g",), ("-e",), ("+p", "512", "64"), ("+e",), ("-g",)]


@pytest.mark.parametrize("options", CONVERSIONS, ids=" ".join)
@pytest.mark.parametrize("to", ["explicit", "big", "implicit", "deflated"])
def test_conversion_does_no_harm(to: str, options: tuple[str, ...], bench: InteropBench) -> None:
    """Of lengths, byte order, VR encoding; with group lengths and trailing padding at all levels."""
    data = bench.ours(b.file(b.image(DEEP)), "p256")
    data = bench.ours(data, "p256", location="ContentSequence[0].ReferencedImageSequence[0]")
    bench.assert_good(bench.convert(data, *options, syntax=to), 2)


def test_changes_are_seen_by_both(bench: InteropBench) -> None:
    for made in (bench.ours, bench.theirs):
        data = made(b.file(b.image(DEEP)), "p256")
        for old, new in ((b"Doe^Jane", b"Doe^John"), (b"\x28\0\x10\0US\2\0\2\0", b"\x28\0\x10\0US\2\0\3\0")):
            assert data.count(old) == 1
            bench.assert_bad(data.replace(old, new))


def test_the_old_fragment_format(bench: InteropBench) -> None:
    data = bench.theirs(b.file(b.image(b.Fragments(fragments=(b"", b"abcd"))), b.JPEG_BASELINE), old_format=True)
    assert verify_integrity(data).verdict is Verdict.INVALID
    assert verify_integrity(data, accept_old_format=True).verdict is Verdict.VALID
    assert "matches-old-fragment-format" in finding_outcomes(verify_integrity(data))


def structure_set() -> tuple[b.Node, ...]:
    contour = b.Item((b.Value(t.CONTOUR_DATA, "DS", b"-12.5\\" * 700 + b"1 "),))
    return b.image(
        b.Sequence(
            t.ROI_CONTOUR_SEQUENCE, tuple(b.Item((b.Sequence(t.CONTOUR_SEQUENCE, (contour,) * 3),)) for _ in range(6))
        )
    )


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
def test_the_truncated_mac_is_named(syntax: b.Syntax, bench: InteropBench) -> None:
    """dcmsign hashes such a data set in part: its signature is not valid, and ours is to dcmsign not."""
    data = b.file(structure_set(), syntax)
    lost = truncated_stream(reference.parse_file(b.file(structure_set())).dataset).lost
    theirs = bench.theirs(data)
    assert bench.verification(theirs).ok
    report = verify_integrity(theirs)
    assert report.verdict is Verdict.INVALID
    (finding,) = (each for each in report.signatures[0].findings if each.code == "dcmtk-truncated")
    assert f" {lost} bytes " in finding.message
    result = dcmseal.sign(data, signer=build_signer(bench.pki["p256"]))
    assert "dcmtk-truncates" in [advice.code for advice in result.warnings]
    assert verify_integrity(result.data or b"").verdict is Verdict.VALID
    assert bench.verification(result.data or b"").returncode == 101


def test_unknown_sequences_are_signed_by_dcmsign_only(bench: InteropBench) -> None:
    """It reads and writes them as sequences, after which they are sequences for us too."""
    private = (b.text(0x00090010, "LO", "DCMSEAL TEST"),)
    unknown = b.Sequence(0x00091003, (b.Item((b.text(t.PATIENT_NAME, "PN", "Doe^Jane"),)),), vr="UN", undefined=True)
    data = b.file(b.image(*private, unknown))
    bench.assert_good(bench.theirs(data))
    with dcmseal.plan_signing(data) as plan:
        assert 0x00091003 not in plan.elements
