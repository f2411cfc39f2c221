"""``dcmseal sign --save-manifest`` and ``verify --manifest``: where manifests go, and what is said of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from tests.core.cli.conftest import PIXEL, Run


@pytest.fixture
def altered(run: Run, image: Path, key: str, in_folder: Path) -> Path:
    """A signed file whose pixels were changed; its manifest is beside it."""
    assert run("sign", image, "a.dcm", "--key", key, "--save-manifest", "a.manifest").code == 0
    data = bytearray((in_folder / "a.dcm").read_bytes())
    data[PIXEL] ^= 1
    (in_folder / "altered.dcm").write_bytes(data)
    return in_folder


def test_changed_elements_are_named(run: Run, altered: Path) -> None:
    ran = run("verify", "altered.dcm", "--manifest", "a.manifest", "--integrity-only")
    assert ran.code == 1
    assert "element-changed: the value changed after signing: frames changed 1 [PixelData]" in ran.out
    ran = run("verify", "a.dcm", "--manifest", "a.manifest", "--integrity-only", "--json")
    assert (ran.code, [each["code"] for each in ran.document["manifest"]]) == (
        0,
        ["manifest-verified", "elements-unchanged"],
    )
    assert (altered / "a.manifest").stat().st_mode & 0o777 == (altered / "a.dcm").stat().st_mode & 0o777


@pytest.mark.usefixtures("altered")
def test_a_manifest_of_another_file_decides_nothing(run: Run, signed: Path) -> None:
    ran = run("verify", signed, "--manifest", "a.manifest", "--integrity-only")
    assert (ran.code, "manifest-of-other-signature" in ran.out) == (0, True)
    ran = run("verify", signed, "--manifest", "altered.dcm", "--integrity-only")
    assert (ran.code, "manifest-unreadable" in ran.out) == (0, True)
    ran = run("verify", signed, "--manifest", "none", "--integrity-only")
    assert (ran.code, "none cannot be read" in ran.err) == (2, True)


def test_manifests_of_several_files_go_to_a_folder(run: Run, image: Path, key: str, in_folder: Path) -> None:
    for name in ("a", "b"):
        (in_folder / name).write_bytes(image.read_bytes())
    ran = run("sign", "a", "b", "--in-place", "--key", key, "--save-manifest", "folder")
    assert (ran.code, "is not a folder" in ran.err) == (2, True)
    (in_folder / "folder").mkdir()
    ran = run("sign", "a", "b", "--in-place", "--key", key, "--save-manifest", "folder", "--json")
    assert (ran.code, [each["manifest"] for each in ran.document["files"]]) == (
        0,
        ["folder/a.manifest", "folder/b.manifest"],
    )
    (in_folder / "c").write_bytes((in_folder / "a").read_bytes())
    ran = run("verify", "a", "b", "c", "--integrity-only", "--manifest", "folder")
    assert (ran.code, ran.out.count("elements-unchanged")) == (0, 2)
    assert "manifest not found: folder/c.manifest" in ran.err
    assert run("verify", "a", "b", "--manifest", "folder/a.manifest").code == 2
    assert run("verify", "-", "--manifest", "folder", stdin=b"").code == 2


def test_nothing_is_overwritten_without_leave(run: Run, image: Path, key: str, in_folder: Path) -> None:
    (in_folder / "there").write_bytes(b"precious")
    assert run("sign", image, "out", "--key", key, "--save-manifest", "there").code == 2
    for place in ("out", "-"):
        assert run("sign", image, "out", "--key", key, "--save-manifest", place, "--force").code == 2
    assert sorted(each.name for each in in_folder.iterdir()) == ["there"]
    assert (in_folder / "there").read_bytes() == b"precious"
    assert run("sign", image, "out", "--key", key, "--save-manifest", "there", "--force").code == 0
    assert (in_folder / "there").read_bytes() != b"precious"
    assert run("sign", image, "out2", "--key", key, "--save-manifest", "no/there").code == 5
    assert sorted(each.name for each in in_folder.iterdir()) == ["out", "there"]


@pytest.mark.usefixtures("in_folder")
def test_a_manifest_is_there_before_its_file(run: Run, image: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    named: list[str] = []
    link = os.link

    def noted(source: str, target: str, **options: Any) -> None:
        named.append(target)
        link(source, target, **options)

    monkeypatch.setattr("os.link", noted)
    assert run("sign", image, "out", "--key", key, "--save-manifest", "there").code == 0
    assert named == ["there", "out"]
    assert dcmseal.verify("out", manifest="there", integrity_only=True).manifest[1].code == "elements-unchanged"


def test_archives_have_no_manifests(run: Run, image: Path, key: str, in_folder: Path) -> None:
    (in_folder / "study").mkdir()
    (in_folder / "study/image.dcm").write_bytes(image.read_bytes())
    words = ["sign", "study", "--output-dir", "out", "--save-manifest", "manifests"]
    for ran in (run(*words, "--key", key), run(*words, "--dry-run")):
        assert ran.code == 2
        assert "--save-manifest does not apply to folders" in ran.err
    assert not (in_folder / "out").exists()
