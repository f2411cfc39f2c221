"""``dcmseal compare``: exit codes, the sorts of differences, bounded output, and no values that name the patient."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

from dcmseal import tags
from dcmseal.cli.main import main
from tests.core.cli.conftest import PIXEL, Run
from tests.support import builder as b
from tests.support import tags as t


def test_signed_differences_are_exit_code_1(run: Run, signed: Path, tampered: Path) -> None:
    ran = run("compare", signed, tampered)
    assert (ran.code, ran.err) == (1, "")
    assert "is intact in A" in ran.out
    assert "is broken in B" in ran.out
    assert "PixelData: changed; frames changed: 1; signed by 2.25." in ran.out


def test_unsigned_differences_are_exit_code_0(run: Run, image: Path, signed: Path, in_folder: Path) -> None:
    assert run("compare", signed, signed).out.splitlines()[0].endswith("identical")
    ran = run("compare", image, signed)
    assert (ran.code, ran.out.count("added")) == (0, 2)
    assert "only unsigned data differs" in ran.out
    (in_folder / "big.dcm").write_bytes(b.file(b.image(), b.EXPLICIT_BE))
    (in_folder / "little.dcm").write_bytes(b.file(b.image()))
    ran = run("compare", "big.dcm", "little.dcm")
    assert (ran.code, "equivalent" in ran.out) == (0, True)


def test_a_vr_that_implicit_vr_loses_breaks_a_signature(run: Run, key: str, in_folder: Path) -> None:
    nodes = b.image(b.Value(0x00091001, "LO", b"ab"))
    (in_folder / "a").write_bytes(b.file(nodes))
    (in_folder / "b").write_bytes(b.file(nodes, b.IMPLICIT_LE))
    assert run("sign", "a", "signed", "--key", key).code == 0
    ran = run("compare", "signed", "b")
    assert ran.code == 1
    assert "1 difference in signed elements" in ran.out
    assert "(0009,1001): VR not stated in implicit VR; LO in A, UN in B; signed by 2.25." in ran.out


def test_unsigned_files_that_differ_are_exit_code_3(run: Run, image: Path, in_folder: Path) -> None:
    data = bytearray(image.read_bytes())
    data[PIXEL] ^= 1
    (in_folder / "other.dcm").write_bytes(data)
    ran = run("compare", image, "other.dcm")
    assert (ran.code, "different; neither file is signed" in ran.out) == (3, True)
    assert run("compare", image, "-", stdin=bytes(data)).code == 3


def test_an_unreadable_file_is_exit_code_5(run: Run, image: Path, broken: Path) -> None:
    assert run("compare", image, broken).code == 5
    assert run("compare", image, image.with_name("none")).code == 5
    assert run("compare", image).code == 2
    ran = run("compare", "-", "-")
    assert (ran.code, "once" in ran.err) == (2, True)


def test_of_many_differences_the_first_are_named(run: Run, in_folder: Path) -> None:
    for name, text in (("a", "x"), ("b", "y")):
        beams = [b.Item((b.text(t.BEAM_NAME, "LO", f"{text}{number}"),)) for number in range(300)]
        (in_folder / name).write_bytes(b.file(b.image(b.Sequence(t.BEAM_SEQUENCE, tuple(beams)))))
    ran = run("compare", "a", "b")
    assert (ran.out.count("BeamSequence["), "and 280 more (--all shows them)" in ran.out) == (20, True)
    assert run("compare", "a", "b", "--all").out.count("BeamSequence[") == 300
    assert len(run("compare", "a", "b", "--json").document["differences"]) == 300


def test_values_and_escapes(run: Run, in_folder: Path) -> None:
    for name, rows, patient in (("a", 4, "Doe^Jane"), ("b", 5, "Roe\x1b[2J")):
        nodes = b.image(b.us(tags.ROWS, rows), b.text(t.PATIENT_NAME, "PN", patient))
        (in_folder / name).write_bytes(b.file(nodes))
    ran = run("compare", "a", "b")
    assert "Rows: changed (4 -> 5)" in ran.out
    assert "Doe" not in ran.out
    shown = run("compare", "a", "b", "--show-values").out
    assert r"PatientName: changed (Doe^Jane -> Roe\x1b[2J)" in shown


def test_memory_stays_flat(tmp_path: Path) -> None:
    head = b.file(b.image(pixels=b""))
    size = 48 << 20
    for name in ("a", "b"):
        path = tmp_path / name
        path.write_bytes(head[:-4] + size.to_bytes(4, "little"))
        os.truncate(path, len(head) + size)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    tracemalloc.start()
    try:
        assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
