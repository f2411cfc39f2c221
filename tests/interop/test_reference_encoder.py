"""The reference encoder against the MAC byte streams that DCMTK's dcmsign says it hashed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings

from dcmseal import tags
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.dcmsign import Dcmtk
from tests.support.dcmtk_vrs import AMBIGUOUS_TAGS
from tests.support.pki import Pki
from tests.support.real_files import RealFile, for_dcmsign, real_file
from tests.support.strategies import portable_data_sets, sound_data_sets
from tests.support.truncated_reference import truncated_stream


@dataclass(frozen=True, slots=True)
class Signed:
    """A file that dcmsign signed, and the stream that it hashed."""

    source: bytes
    output: bytes
    uid: str
    dump: bytes

    @property
    def signature(self) -> reference.SignatureAt:
        found = reference.signatures(reference.parse_file(self.output).dataset)
        return next(signature for signature in found if signature.uid == self.uid)

    def assert_streams_equal(self) -> None:
        """Both what dcmsign wrote and, with minimal padding, what it read give the stream it hashed."""
        assert reference.mac_stream(self.output, self.uid) == self.dump
        assert reference.mac_stream(self.output, self.uid, padding="minimal") == self.dump
        signature = self.signature
        level = reference.level(reference.parse_file(self.source).dataset, signature.location)
        stream = reference.data_stream(level, signature.tags, padding="minimal")
        assert stream + reference.item_stream(signature.item) == self.dump


@pytest.fixture(scope="session")
def sign(dcmsign: Dcmtk, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Signed]:
    """Sign bytes with dcmsign; further arguments as of `Dcmtk.sign`."""
    folder = tmp_path_factory.mktemp("signed")
    signer = pki["p256"]

    def sign_bytes(data: bytes, **options: Any) -> Signed:
        source, output, dump = folder / "in.dcm", folder / "out.dcm", folder / "dump.bin"
        source.write_bytes(data)
        uid = dcmsign.sign(source, output, signer.key_pem, signer.certificate_pem, dump=dump, **options)
        return Signed(data, output.read_bytes(), uid, dump.read_bytes())

    return sign_bytes


@pytest.mark.parametrize("real", for_dcmsign(), ids=str)
def test_real_files(real: RealFile, sign: Callable[..., Signed]) -> None:
    signed = sign(real.data)
    signed.assert_streams_equal()
    assert signed.signature.tags == reference.signable_tags(reference.parse_file(real.data).dataset)


WORDS = b"\x01\x80\xff\x7f\x02\x01\x03\x80"
AMBIGUOUS = tuple(b.Value(tag, "US", WORDS) for tag in AMBIGUOUS_TAGS)
PLAIN = (b.Value(t.LUT_DESCRIPTOR, "US", WORDS[:6]), b.Value(0x00283006, "OW", WORDS))
SIGNED_PIXELS = (b.us(tags.PIXEL_REPRESENTATION, 1), *PLAIN)
WIDE, NARROW = b.us(tags.WAVEFORM_BITS_ALLOCATED, 16), b.us(tags.WAVEFORM_BITS_ALLOCATED, 8)
SAMPLES = (b.Value(0x5400100A, "OW", WORDS), b.Value(0x54001010, "OW", WORDS))


def waveform(*elements: b.Node) -> b.Sequence:
    return b.Sequence(t.WAVEFORM_SEQUENCE, (b.Item(elements),))


def unknown_sequence(*, undefined: bool) -> b.Sequence:
    return b.Sequence(0x00091003, (b.Item((b.text(t.PATIENT_NAME, "PN", "Doe^Jane"),)),), vr="UN", undefined=undefined)


PRIVATE = b.text(0x00090010, "LO", "DCMSEAL TEST")
SYNTHETIC: dict[str, tuple[tuple[b.Node, ...], b.Syntax]] = {
    **{f"every VR, {syntax.uid}": (b.all_vrs(), syntax) for syntax in b.NATIVE_SYNTAXES},
    "group lengths": (b.with_group_lengths(b.image(*b.all_vrs())), b.EXPLICIT_LE),
    "trailing padding": (b.image(b.trailing_padding(20)), b.EXPLICIT_LE),
    "signed pixels, implicit": (b.image(b.us(tags.PIXEL_REPRESENTATION, 1), *AMBIGUOUS), b.IMPLICIT_LE),
    "unsigned pixels, implicit": (b.image(b.us(tags.PIXEL_REPRESENTATION, 0), *AMBIGUOUS), b.IMPLICIT_LE),
    "lookup tables in items, implicit": (
        b.image(
            b.us(tags.PIXEL_REPRESENTATION, 1),
            b.Sequence(t.MODALITY_LUT_SEQUENCE, (b.Item(PLAIN), b.Item(SIGNED_PIXELS))),
        ),
        b.IMPLICIT_LE,
    ),
    "wide waveform, implicit": (b.image(waveform(WIDE, *SAMPLES)), b.IMPLICIT_LE),
    "narrow waveform, implicit": (b.image(waveform(NARROW, *SAMPLES)), b.IMPLICIT_LE),
    "waveform of unknown width, implicit": (b.image(waveform(*SAMPLES)), b.IMPLICIT_LE),
    "waveform, big endian": (b.image(waveform(WIDE, *SAMPLES)), b.EXPLICIT_BE),
    "unknown": (
        b.image(PRIVATE, b.Value(0x00091001, "UN", b"abcd"), b.Value(0x00091002, "OB", b"abcd")),
        b.EXPLICIT_LE,
    ),
    "unknown in what is never signed": (
        b.image(
            b.Sequence(
                t.REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE,
                (
                    b.Item(
                        (b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item((b.Value(0x00091001, "UN", b"ab"),)),)),)
                    ),
                ),
            ),
            b.Sequence(
                tags.REFERENCED_SERIES_SEQUENCE,
                (b.Item((b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (b.Item((b.Value(0x00091001, "UN", b"ab"),)),)),)),),
            ),
            b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.Value(t.FILE_SET_ID, "UN", b"ab"),)),)),
        ),
        b.EXPLICIT_LE,
    ),
    "unknown sequence": (b.image(PRIVATE, unknown_sequence(undefined=False)), b.EXPLICIT_LE),
    "unknown sequence of undefined length": (b.image(PRIVATE, unknown_sequence(undefined=True)), b.EXPLICIT_LE),
    "unknown sequence of undefined length, big endian": (
        b.image(PRIVATE, unknown_sequence(undefined=True)),
        b.EXPLICIT_BE,
    ),
    "sequence with unknown": (
        b.image(
            b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.us(tags.ROWS, 1), b.Value(0x00091001, "UN", b"abcd"))),))
        ),
        b.EXPLICIT_LE,
    ),
    "never signed": (
        b.image(
            b.Value(t.FILE_SET_ID, "CS", b"ab"),
            b.Value(0x00060001, "OB", b"ab"),
            b.Value(tags.LENGTH_TO_END, "UL", b"abcd"),
            b.Sequence(
                t.REFERENCED_IMAGE_SEQUENCE,
                (b.Item((b.Value(tags.LENGTH_TO_END, "UL", b"abcd"), b.Value(0xFFFA0001, "OB", b"ab"))),),
            ),
            b.Sequence(
                t.REFERENCED_PERFORMED_PROCEDURE_STEP_SEQUENCE,
                (
                    b.Item(
                        (
                            b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (b.Item(),)),
                            b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item(),)),
                        )
                    ),
                ),
            ),
            b.Value(0xFFFA0001, "OB", b"ab"),
        ),
        b.EXPLICIT_LE,
    ),
    "padding": (
        b.image(
            *(b.Value(0x00091000 + n, vr, b" A\\B    ") for n, vr in enumerate("LO PN UT DS AE ST CS".split())),
            b.Value(0x00091010, "UI", b"1.2 . 3\0\0\0"),
            b.Value(0x00091011, "LO", b"    "),
            b.Value(0x00091012, "OB", b"abc"),
        ),
        b.EXPLICIT_LE,
    ),
    "odd fragments": (b.image(b.Fragments(fragments=(b"", b"abc", b"ab"))), b.JPEG_BASELINE),
    "no fragments": (b.image(b.Fragments()), b.JPEG_BASELINE),
    "fragments said to be OW": (b.image(b.Fragments(fragments=(b"\0\0\0\0", b"abcd"), vr="OW")), b.RLE_LOSSLESS),
    "encapsulated icon": (
        b.image(
            b.Sequence(tags.ICON_IMAGE_SEQUENCE, (b.Item((b.Fragments(fragments=(b"", b"abcd")),)),)),
            b.Fragments(fragments=(b"", b"ab")),
        ),
        b.JPEG_BASELINE,
    ),
}


@pytest.mark.parametrize(("nodes", "syntax"), SYNTHETIC.values(), ids=SYNTHETIC)
def test_synthetic_files(nodes: tuple[b.Node, ...], syntax: b.Syntax, sign: Callable[..., Signed]) -> None:
    sign(b.file(nodes, syntax)).assert_streams_equal()


@pytest.mark.parametrize("mac", ["RIPEMD160", "SHA512"])
def test_the_mac_algorithm_does_not_change_the_stream(mac: str, sign: Callable[..., Signed]) -> None:
    sign(b.file(b.image()), mac=mac).assert_streams_equal()


def test_purpose_is_in_the_stream(sign: Callable[..., Signed]) -> None:
    signed = sign(b.file(b.image()), purpose=5)
    signed.assert_streams_equal()
    assert b"ASTM-sigpurpose" in signed.dump


def test_some_tags_in_any_order(sign: Callable[..., Signed]) -> None:
    signed = sign(b.file(b.image()), tags=[tags.PIXEL_DATA, "PatientName", tags.ROWS])
    signed.assert_streams_equal()
    assert set(signed.signature.tags) == {tags.PIXEL_DATA, t.PATIENT_NAME, tags.ROWS}


def test_signatures_of_items_and_over_them(sign: Callable[..., Signed]) -> None:
    plan = real_file("rtplan.dcm").data
    inner = sign(plan, item="BeamSequence[0].ControlPointSequence[1]")
    inner.assert_streams_equal()
    assert inner.signature.location == ((t.BEAM_SEQUENCE, 0), (0x300A0111, 1))
    outer = sign(inner.output)
    outer.assert_streams_equal()
    assert outer.signature.location == ()
    assert outer.dump.startswith(reference.data_stream(reference.parse_file(plan).dataset, padding="minimal"))


def test_the_format_of_old_dcmtk(sign: Callable[..., Signed]) -> None:
    signed = sign(b.file(b.image(b.Fragments(fragments=(b"", b"abcd"))), b.JPEG_BASELINE), old_format=True)
    assert reference.mac_stream(signed.output, signed.uid, old_format=True) == signed.dump
    assert reference.mac_stream(signed.output, signed.uid) != signed.dump


@pytest.mark.parametrize("options", [("+g", "-e"), ("+p", "512", "64"), ("-e",)], ids=" ".join)
def test_conversion_after_signing(
    options: tuple[str, ...], sign: Callable[..., Signed], dcmsign: Dcmtk, tmp_path: Path
) -> None:
    signed = sign(real_file("reportsi.dcm").data)
    source, converted = tmp_path / "signed.dcm", tmp_path / "converted.dcm"
    source.write_bytes(signed.output)
    for syntax in ("explicit", "big", "implicit", "deflated"):
        dcmsign.convert(source, converted, *options, syntax=syntax)
        assert reference.mac_stream(converted.read_bytes(), signed.uid) == signed.dump


# Each example starts three processes.
few = settings(max_examples=12, suppress_health_check=list(HealthCheck))


def without_nulls(nodes: tuple[b.Node, ...]) -> bool:
    """DCMTK's releases disagree on NULLs in text."""
    for node in nodes:
        if isinstance(node, b.Value) and node.vr in reference.TEXT_VRS and b"\0" in node.value:
            return False
        if isinstance(node, b.Sequence) and not all(without_nulls(item.elements) for item in node.items):
            return False
    return True


@few
@given(nodes=sound_data_sets(max_depth=3).filter(without_nulls))
def test_random_data_sets(nodes: tuple[b.Node, ...], sign: Callable[..., Signed]) -> None:
    data = b.file(nodes, b.JPEG_BASELINE)
    dataset = reference.parse_file(data).dataset
    assume(reference.signable_tags(dataset) and not truncated_stream(dataset).lost)
    sign(data).assert_streams_equal()


@few
@given(nodes=portable_data_sets(max_depth=3).filter(without_nulls))
def test_random_data_sets_in_implicit_vr(nodes: tuple[b.Node, ...], sign: Callable[..., Signed]) -> None:
    assume(nodes)
    sign(b.file(nodes, b.IMPLICIT_LE)).assert_streams_equal()
