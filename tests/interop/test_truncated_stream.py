"""The emulation of DCMTK's truncated MAC byte stream against the stream that dcmsign hashed."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.truncated_reference import truncated_stream


def contours(count: int, points: int) -> tuple[b.Node, ...]:
    """A structure set: contours are nested in the items of ROI Contour Sequence."""
    data = b"\\".join([b"-12.5"] * points)
    data += b" " * (len(data) % 2)
    contour = b.Item((b.text(0x30060042, "CS", "CLOSED_PLANAR"), b.Value(t.CONTOUR_DATA, "DS", data)))
    return b.image(
        b.Sequence(
            t.ROI_CONTOUR_SEQUENCE,
            tuple(b.Item((b.Sequence(t.CONTOUR_SEQUENCE, (contour,) * 3),)) for _ in range(count)),
        )
    )


def random_tree(source: random.Random, depth: int) -> tuple[b.Node, ...]:
    texts = [
        b.Value(tag, "LT", b"x" * (source.randrange(0, 3000) & ~1))
        for tag in (t.PATIENT_NAME, t.PATIENT_COMMENTS)
        if source.random() < 0.7
    ]
    sequences = [
        b.Sequence(tag, tuple(b.Item(random_tree(source, depth - 1)) for _ in range(source.randrange(4))))
        for tag in (t.ACQUISITION_CONTEXT_SEQUENCE, t.CONTENT_SEQUENCE)
        if depth and source.random() < 0.8
    ]
    return (*texts, *sequences)


def streams(dcmsign: Dcmtk, pki: Pki, folder: Path, data: bytes) -> tuple[bytes, bytes, int]:
    """What dcmsign hashed, what the emulation says it hashes, and how much that leaves out."""
    source, output, dump = folder / "in.dcm", folder / "out.dcm", folder / "dump.bin"
    source.write_bytes(data)
    uid = dcmsign.sign(source, output, pki["p256"].key_pem, pki["p256"].certificate_pem, dump=dump)
    dataset = reference.parse_file(output.read_bytes()).dataset
    signature = next(found for found in reference.signatures(dataset) if found.uid == uid)
    emulated = truncated_stream(dataset, signature.tags)
    return dump.read_bytes(), emulated.stream + reference.item_stream(signature.item), emulated.lost


def test_large_nested_sequences(dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    data = b.file(contours(count=10, points=400))
    hashed, emulated, lost = streams(dcmsign, pki, tmp_path, data)
    assert hashed == emulated
    assert 10_000 < lost < len(data)


@pytest.mark.parametrize("seed", range(6))
def test_random_trees(seed: int, dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    hashed, emulated, _ = streams(dcmsign, pki, tmp_path, b.file(b.image(*random_tree(random.Random(seed), 3))))
    assert hashed == emulated


def test_nothing_is_lost_of_flat_or_small_data_sets(dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    flat = b.image(
        b.Sequence(
            t.REFERENCED_IMAGE_SEQUENCE,
            tuple(b.Item((b.Value(t.PATIENT_COMMENTS, "LT", b"x" * 5000),)) for _ in range(20)),
        ),
        b.Fragments(fragments=(b"", bytes(40000))),
    )
    for nodes, syntax in ((flat, b.JPEG_BASELINE), (contours(count=1, points=20), b.EXPLICIT_LE)):
        hashed, emulated, lost = streams(dcmsign, pki, tmp_path, b.file(nodes, syntax))
        assert hashed == emulated
        assert lost == 0


def test_this_dcmsign_does_truncate(dcmsign: Dcmtk) -> None:
    printed = subprocess.run([dcmsign.dcmsign, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"v(\d+)\.(\d+)\.(\d+)", printed)
    assert match is not None
    assert tuple(map(int, match.groups())) >= (3, 6, 6)
