"""Folders of referenced instances: the search ends with any contents, and finds the instances."""

from __future__ import annotations

import os
import pickle
import zlib
from pathlib import Path

import pytest

from dcmseal import ReferenceFolders, tags
from dcmseal.errors import InstanceAmbiguous, InstanceNotFound, UsageError
from tests.support import builder as b
from tests.support import tags as t

UID = "1.2.3.4.1"


def put(folder: Path, name: str, data: bytes) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
def test_instances_are_found_at_any_depth_by_the_uid_in_the_data_set(tmp_path: Path, syntax: b.Syntax) -> None:
    language = b.Sequence(
        0x00080006,
        (b.Item((b.uid(tags.SOP_INSTANCE_UID, "1.2.9"), b.text(tags.CODE_VALUE, "SH", "en"))),),
        undefined=True,
    )
    found = put(tmp_path, "a/b/c", b.file(b.image(language, instance=UID), syntax, sop_instance="1.2.9"))
    folders = ReferenceFolders([tmp_path])
    assert folders.find_files(UID) == (found,)
    assert folders.find_files("1.2.9") == ()
    assert ReferenceFolders([found]).find_file(UID) == found


def test_files_that_are_not_instances_are_skipped(tmp_path: Path) -> None:
    found = put(tmp_path, "yes.dcm", b.file(b.image(instance=UID)))
    put(tmp_path, "empty", b"")
    put(tmp_path, "text.txt", b"1.2.3.4.1" * 1000)
    put(tmp_path, "magic", bytes(128) + b"DICM")
    put(tmp_path, "directory", b.file((b.text(t.FILE_SET_ID, "CS", "SET"), b.Value(t.DIRECTORY_RECORD_SEQUENCE, "SQ"))))
    put(tmp_path, "long", b.file((b.Value(tags.SOP_INSTANCE_UID, "UI", b"1" * 1000),)))
    put(
        tmp_path,
        "lying",
        b.file((b.Value(tags.SPECIFIC_CHARACTER_SET, "CS", b"", length=0xFFF0), b.uid(tags.SOP_INSTANCE_UID, UID))),
    )
    put(tmp_path, "many", b.file((b.Sequence(0x00080006, (b.Item(),) * 20_000), b.uid(tags.SOP_INSTANCE_UID, UID))))
    put(tmp_path, "not deflated", b.file(b.image(instance=UID), b.EXPLICIT_LE, transfer_syntax=b.DEFLATED_LE.uid))
    (tmp_path / "pipe").touch() if not hasattr(os, "mkfifo") else os.mkfifo(tmp_path / "pipe")
    assert ReferenceFolders([tmp_path]).find_files(UID) == (found,)


def test_links_are_followed_to_files_and_never_in_circles(tmp_path: Path) -> None:
    elsewhere = put(tmp_path, "elsewhere/a.dcm", b.file(b.image(instance=UID)))
    study = tmp_path / "study"
    study.mkdir()
    (study / "up").symlink_to(tmp_path)
    (study / "self").symlink_to(study / "self")
    (study / "gone").symlink_to(tmp_path / "gone")
    assert ReferenceFolders([study]).find_files(UID) == ()
    (study / "link.dcm").symlink_to(elsewhere)
    assert ReferenceFolders([study]).find_files(UID) == (str(study / "link.dcm"),)


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(5):
        put(tmp_path, str(number), b"")
    assert ReferenceFolders([tmp_path], max_entries=5).find_files(UID) == ()
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="more than 5 files"):
        pickle.loads(pickle.dumps(ReferenceFolders([tmp_path], max_entries=5))).find_files(UID)


def test_of_a_deflated_instance_only_the_head_is_inflated_to_find_it(tmp_path: Path) -> None:
    head = b.encode(b.image(instance=UID)[:-1])
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    # the rest would be cut off: inflating all of it fails
    body = packer.compress(head + bytes(1 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    start = b.file((), b.DEFLATED_LE)
    found = put(tmp_path, "cut.dcm", start[: start.rindex(b"1.2.3.4.5") + 10] + body)
    assert ReferenceFolders([tmp_path]).find_files(UID) == (found,)


def test_equal_copies_are_one_and_others_an_ambiguity(tmp_path: Path) -> None:
    first = put(tmp_path, "a.dcm", b.file(b.image(instance=UID)))
    put(tmp_path, "b.dcm", b.file(b.image(instance=UID), sop_instance="1.2.9"))
    assert ReferenceFolders([tmp_path]).find_file(UID) == first
    put(tmp_path, "c.dcm", b.file(b.image(instance=UID), b.DEFLATED_LE))
    with pytest.raises(InstanceAmbiguous, match=r"c\.dcm"):
        ReferenceFolders([tmp_path]).find_file(UID)


def test_a_file_in_two_folders_that_are_named_is_one(tmp_path: Path) -> None:
    found = put(tmp_path, "a/a.dcm", b.file(b.image(instance=UID)))
    assert ReferenceFolders([tmp_path, tmp_path / "a", found]).find_files(UID) == (found,)


def test_a_file_that_changes_after_the_search_is_not_taken(tmp_path: Path) -> None:
    put(tmp_path, "a.dcm", b.file(b.image(instance=UID)))
    folders = ReferenceFolders([tmp_path])
    assert folders.find_files(UID)
    put(tmp_path, "a.dcm", b.file(b.image(instance="1.2.9")))
    with pytest.raises(InstanceNotFound, match="changed"), folders.open_instance(UID):
        pass


def test_files_are_opened_one_at_a_time_and_once(tmp_path: Path) -> None:
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("the system does not list open files")
    for number in range(300):
        put(tmp_path, f"{number}.dcm", b.file(b.image(instance=f"{UID}.{number}")))
    seen: list[tuple[str, int]] = []
    folders = ReferenceFolders([tmp_path], lambda text: seen.append((text, len(list(descriptors.iterdir())))))
    before = len(list(descriptors.iterdir()))
    assert folders.find_files(f"{UID}.7")
    with folders.open_instance(f"{UID}.7"):
        pass
    assert max(count for _, count in seen) <= before + 2
    assert [text for text, _ in seen] == [
        *(f"looking for instances: {count} files" for count in (0, 100, 200)),
        "",
        "reading instance 1",
        "",
    ]
