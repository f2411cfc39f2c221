"""Very much of everything, and bombs: neither memory nor time runs away."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal import tags
from dcmseal.dataset.part10 import open_dicom
from dcmseal.dataset.source import WINDOW_SIZE, BytesSource
from dcmseal.errors import Malformed
from dcmseal.model.verdict import Verdict
from tests.core.dataset.robustness import exercise, limit_memory
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.signed_files import (
    build_signer,
    edit_signed,
    finding_outcomes,
    integrity_verdict,
    read_items,
    sign_dataset,
    verify_integrity,
)

NESTED = b.Sequence(
    t.REFERENCED_IMAGE_SEQUENCE,
    (b.Item((b.us(tags.ROWS, 7), b.Sequence(t.ACQUISITION_CONTEXT_SEQUENCE, undefined=True)), undefined=True),),
)


BOMB = """
import resource, sys
import dcmseal
from dcmseal.errors import SealError
import cryptography.x509
from dcmseal_software.software_signer import SoftwareSigner
free = 100 << 20
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + free, used + free))
print(dcmseal.verify(sys.argv[1], integrity_only=True).verdict)
with dcmseal.plan_signing(sys.argv[1]) as plan:
    print(len(plan.elements))
dcmseal.remove(sys.argv[1], output=sys.argv[2])
"""


def test_a_deflate_bomb(tmp_path: Path) -> None:
    """It may fill the disk up to a limit, but not the memory."""
    size = 60 << 20
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(b"\x09\x00\x01\x10OB\0\0" + struct.pack("<I", size))
    zeros = bytes(1 << 20)
    bomb += b"".join(packer.compress(zeros) for _ in range(size >> 20)) + packer.flush()
    path = tmp_path / "bomb.dcm"
    path.write_bytes(b.file((), b.DEFLATED_LE)[:-2] + bomb)
    assert path.stat().st_size < 400_000
    command = [sys.executable, "-c", BOMB, str(path), str(tmp_path / "out.dcm")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "no-signature\n1\n"), done.stderr


def test_a_deflate_bomb_has_a_limit(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image(b.Value(0x00091001, "OB", bytes(1 << 20))), b.DEFLATED_LE), pki["p256"])
    assert integrity_verdict(data) is Verdict.VALID
    with (
        pytest.raises(Malformed, match="the inflated Data Set has more than"),
        open_dicom(BytesSource(data), max_inflated=1 << 20),
    ):
        pass


def elements(count: int) -> b.Raw:
    """So many empty private elements in ascending order."""
    pack = struct.Struct("<HH2sH").pack
    return b.Raw(b"".join(pack(9 + n // 0xE000 * 2, 0x1000 + n % 0xE000, b"LO", 0) for n in range(count)))


def test_very_many_elements(pki: Pki) -> None:
    some = sign_dataset(b.file((elements(100_000),)), pki["p256"], tags=[0x00091001])
    with limit_memory(60):
        assert integrity_verdict(some) is Verdict.VALID
    with pytest.raises(Malformed, match="more than 250000"):
        verify_integrity(b.file((elements(250_001),)))
    with pytest.raises(Malformed, match="more than 250000"):
        dcmseal.signatures(b.file((elements(250_001),)))
    nested = b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item((elements(300_000),)),))
    assert integrity_verdict(b.file((nested,))) is Verdict.NO_SIGNATURE


def test_very_many_items(pki: Pki) -> None:
    """A signature may stand in any of them."""
    data = b.file((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, tuple(b.Item((b.us(tags.ROWS, n),)) for n in range(5000))),))
    once = sign_dataset(data, pki["p256"], location="ReferencedImageSequence[4999]")
    assert integrity_verdict(once, location="ReferencedImageSequence[4999]") is Verdict.VALID
    assert dcmseal.remove(once).data == data


class Counting(BytesIO):
    """Counts the bytes that are read."""

    total = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.total += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        count = super().readinto(buffer)
        self.total += count
        return count


def passes(data: bytes) -> float:
    """How often verification reads the file."""
    source = Counting(data)
    verify_integrity(source)
    return source.total / len(data)


def with_signatures(count: int, good: bytes, *extra: b.Node, syntax: b.Syntax = b.EXPLICIT_LE) -> bytes:
    """The same signature many times; with ``extra`` elements it may not be valid any more."""
    macro = (
        b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, read_items(good, tags.MAC_PARAMETERS_SEQUENCE)),
        b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, read_items(good, tags.DIGITAL_SIGNATURES_SEQUENCE) * count),
    )
    return b.file(b.image(*macro, *extra), syntax)


def test_very_many_signatures(pki: Pki) -> None:
    good = sign_dataset(b.file(b.image()), pki["rsa2048"])
    with limit_memory(60):
        report = verify_integrity(with_signatures(300, good))
    assert (len(report.signatures), report.verdict) == (300, Verdict.VALID)
    with pytest.raises(Malformed, match="more than 4096 items"):
        verify_integrity(with_signatures(5000, good))
    (item,) = read_items(good, tags.MAC_PARAMETERS_SEQUENCE)
    with pytest.raises(Malformed, match="more than 4096 items"):
        verify_integrity(
            edit_signed(
                good, main={tags.MAC_PARAMETERS_SEQUENCE: b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (item,) * 5000)}
            )
        )


def test_very_many_bad_signatures(pki: Pki) -> None:
    """Looking for what is wrong with a signature takes more passes, but not for each of them."""
    good = sign_dataset(b.file(b.image()), pki["rsa2048"])
    other = (
        b.text(t.PATIENT_NAME, "PN", "Doe^John"),
        b.Value(t.PATIENT_COMMENTS, "LT", b"x     "),
        b.us(t.SMALLEST_IMAGE_PIXEL_VALUE, 1),
        NESTED,
    )
    bulk = b.Value(tags.PIXEL_DATA, "OW", bytes(1 << 20))
    few, many = (with_signatures(count, good, *other, bulk, syntax=b.IMPLICIT_LE) for count in (1, 300))
    assert finding_outcomes(verify_integrity(many))["mac-differs"]
    assert passes(few) > 2
    assert passes(many) < passes(few) + 20


def test_very_many_levels(pki: Pki) -> None:
    """Each item with a signature of its own, all of them wrong."""
    good = sign_dataset(b.file(b.image()), pki["p256"])
    macro = (
        b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, read_items(good, tags.MAC_PARAMETERS_SEQUENCE)),
        b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, read_items(good, tags.DIGITAL_SIGNATURES_SEQUENCE)),
    )
    for padding in (b"x ", b"x      "):
        item = b.Item((b.Value(t.PATIENT_COMMENTS, "LT", padding), *macro))
        data = b.file((b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (item,) * 1000),))
        assert passes(data) * len(data) / 1000 < 3 * WINDOW_SIZE
        report = verify_integrity(data)
        assert (len(report.signatures), report.verdict) == (1000, Verdict.INVALID)
        assert dcmseal.remove(data).data == b.file(
            (b.Sequence(t.REFERENCED_IMAGE_SEQUENCE, (b.Item(item.elements[:1]),) * 1000),)
        )


def test_very_many_lists_and_long_ones(pki: Pki) -> None:
    """What signatures share is worked out once: a small file must not fill the memory with what it lists."""
    good = sign_dataset(b.file(b.image()), pki["p256"])
    listed = b.at(tags.DATA_ELEMENTS_SIGNED, *(0x00090010 + n for n in range(16_000)))
    for count in (25, 1000):
        signatures = b.Sequence(
            tags.DIGITAL_SIGNATURES_SEQUENCE, read_items(good, tags.DIGITAL_SIGNATURES_SEQUENCE) * count
        )
        data = edit_signed(
            good, mac={tags.DATA_ELEMENTS_SIGNED: listed}, main={tags.DIGITAL_SIGNATURES_SEQUENCE: signatures}
        )
        with limit_memory(60):
            if count == 25:
                assert len(verify_integrity(data).signatures) == len(dcmseal.signatures(data)) == count
            else:
                assert exercise(data) is None
    excluded = b.at(tags.DATA_ELEMENTS_SIGNED, *(n << 16 | 0x00000010 for n in range(2, 16_002)))
    with limit_memory(60):
        assert verify_integrity(edit_signed(good, mac={tags.DATA_ELEMENTS_SIGNED: excluded})).verdict is Verdict.INVALID


def test_many_lists_over_many_elements(pki: Pki) -> None:
    good = sign_dataset(b.file(b.image()), pki["p256"])
    (item,) = read_items(good, tags.MAC_PARAMETERS_SEQUENCE)
    (signature,) = read_items(good, tags.DIGITAL_SIGNATURES_SEQUENCE)

    def numbered(item: b.Item, number: int, *more: b.Node) -> b.Item:
        changed = (b.us(tags.MAC_ID_NUMBER, number), *more)
        numbers = {node.tag for node in changed if not isinstance(node, b.Raw)}
        kept = [node for node in item.elements if not isinstance(node, b.Raw) and node.tag not in numbers]
        return b.Item(tuple(sorted((*kept, *changed), key=lambda node: 0 if isinstance(node, b.Raw) else node.tag)))

    count = 100
    macro = (
        b.Sequence(
            tags.MAC_PARAMETERS_SEQUENCE,
            tuple(
                numbered(item, n, b.at(tags.DATA_ELEMENTS_SIGNED, t.PATIENT_NAME, 0x00110010 + n)) for n in range(count)
            ),
        ),
        b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, tuple(numbered(signature, n) for n in range(count))),
    )
    nodes = b.image(*macro)
    data = b.file((*nodes[:3], elements(20_000), *nodes[3:]))
    with limit_memory(50):
        report = verify_integrity(data)
    assert len(report.signatures) == count
    assert "too-many-macs" in finding_outcomes(report)
    assert report.signatures[-1].coverage is None


def test_no_more_memory_than_windows_for_large_values(pki: Pki, tmp_path: Path) -> None:
    path, out = tmp_path / "large.dcm", tmp_path / "signed.dcm"
    path.write_bytes(b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", bytes(50 << 20)))))
    with limit_memory(8):
        dcmseal.sign(path, signer=build_signer(pki["p256"]), output=out)
        assert integrity_verdict(out) is Verdict.VALID
