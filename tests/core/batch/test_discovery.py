"""Finding: folders, file-sets, patterns, lists; hostile ones, too."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID

from dcmseal.batch.inputs.discovery import iter_inputs
from dcmseal.batch.inputs.glob_pattern import compile_glob
from dcmseal.batch.inputs.input_file import InputFile, UnreadableInput
from dcmseal.batch.inputs.path_list import parse_path_list
from dcmseal.errors import NotDicom, UsageError
from tests.support import builder as b

Tree = Callable[..., Path]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*words: str, without: Iterable[str] = ()) -> list[str]:
    """Paths, with a question mark behind those that are not found."""
    return [f"{each.source}{'?' * isinstance(each, UnreadableInput)}" for each in iter_inputs(words, exclude=without)]


def relative(*words: str) -> list[str]:
    return [each.relative for each in iter_inputs(words) if isinstance(each, InputFile)]


FILES = dict.fromkeys(["1/b", "1/a", "10/x", "2/deep/er/y", "z", ".hidden/h"], b"")


@pytest.mark.usefixtures("here")
def test_folders_come_sorted_and_with_all_below_them(tree: Tree) -> None:
    tree(FILES)
    assert found("archive") == [
        *("archive/.hidden/h", "archive/1/a", "archive/1/b", "archive/10/x", "archive/2/deep/er/y", "archive/z")
    ]
    assert relative("archive") == [".hidden/h", "1/a", "1/b", "10/x", "2/deep/er/y", "z"]
    assert relative("archive/1", "archive/z", "archive/2/") == ["1/a", "1/b", "z", "2/deep/er/y"]
    assert found("gone", "archive/z") == ["gone?", "archive/z"]


@pytest.mark.usefixtures("here")
def test_an_item_is_as_the_file_is(tree: Tree) -> None:
    file = tree({"a": b"1234"}) / "a"
    (item,) = iter_inputs([str(file)])
    (below,) = iter_inputs([str(file.parent)])
    assert isinstance(item, InputFile)
    assert isinstance(below, InputFile)
    status = file.stat()
    assert (item.size, item.mtime_ns, item.inode) == (4, status.st_mtime_ns, status.st_ino)
    assert (item.must_be_dicom, below.must_be_dicom) == (True, False)


def test_links_to_folders_are_not_followed_and_those_to_files_are(here: Path, tree: Tree) -> None:
    folder = tree({"a": b"1"})
    (folder / "circle").symlink_to(folder)
    (folder / "file").symlink_to(folder / "a")
    (folder / "nowhere").symlink_to(here / "nothing")
    os.mkfifo(folder / "pipe")
    assert found("archive") == [
        *("archive/a", "archive/circle?", "archive/file", "archive/nowhere?", "archive/pipe?"),
    ]
    (here / "link").symlink_to(folder)
    assert found("link") == ["link/a", "link/circle?", "link/file", "link/nowhere?", "link/pipe?"]


def test_non_dicom_files_are_skipped_unless_they_claim_to_be_dicom_or_are_unreadable(here: Path, tree: Tree) -> None:
    folder = tree({"a": b"1"})
    (folder / "circle").symlink_to(folder)
    (folder / "circle.dcm").symlink_to(folder)
    (folder / "nowhere").symlink_to(here / "nothing")
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.dcm")
    for words in ("archive", "archive/*"):
        unfound = {each.source: each.error for each in iter_inputs([words]) if isinstance(each, UnreadableInput)}
        assert {name: isinstance(error, NotDicom) for name, error in unfound.items()} == {
            "archive/circle": True,
            "archive/circle.dcm": False,
            "archive/nowhere": False,
            "archive/pipe": True,
            "archive/pipe.dcm": False,
        }


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("image.dcm", True),
        ("IMAGE.DCM", True),
        (".dcm", True),
        ("image.dicom", True),
        ("SCAN0001.IMA", True),
        ("image.dic", True),
        ("image.dc3", True),
        ("a\nb.dcm", True),
        (os.fsdecode(b"\xff.dcm"), True),
        ("1.2.840.113619.2.1", True),
        ("CT.1.2.840.113619.2.1", True),
        ("MR1.2.840.113619.2.1", True),
        ("1.2.840", False),
        ("1.2.840.01.2.1", False),
        ("image.dcm.txt", False),
        ("._image.dcm", False),
        ("dcm", False),
        ("IM0001", False),
    ],
)
@pytest.mark.usefixtures("here")
def test_names_that_claim_to_be_dicom(tree: Tree, name: str, claims: bool) -> None:
    tree({name: b"1"})
    (item,) = iter_inputs(["archive"])
    assert isinstance(item, InputFile)
    assert item.must_be_dicom is claims


@pytest.mark.usefixtures("here")
def test_output_and_half_written_files_are_not_input(tree: Tree) -> None:
    tree({"a": b"", "out/b": b"", ".a.0123456789abcdef.tmp": b"", ".a.tmp": b"", "DICOMDIR": b""})
    dicomdir(Path("archive"))
    assert found("archive", without=["archive/out", "nowhere"]) == ["archive/.a.tmp", "archive/a"]


@pytest.mark.usefixtures("here")
def test_deep_folders_do_not_recurse() -> None:
    path = Path("deep", *(["d"] * 1500))
    for folder in [Path("deep"), *(Path("deep", *(["d"] * depth)) for depth in range(1, 1501))]:
        folder.mkdir()
    (path / "x").touch()
    sources = found("deep")
    # pytest would clean up by recursion
    subprocess.run(["rm", "-r", "deep"], check=True)
    assert sources == [f"{path}/x"]


@pytest.mark.usefixtures("here")
def test_an_unreadable_folder_is_reported(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree({"1/a": b"", "2/b": b""})
    scandir = os.scandir

    def refuse(path: str) -> object:
        if path == "archive/1":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert found("archive") == ["archive/1?", "archive/2/b"]
    assert found("archive/**/*") == ["archive/1?", "archive/2/b"]
    assert found("archive/*/b") == ["archive/1?", "archive/2/b"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("archive/*", ["archive/1/a", "archive/1/b", "archive/10/x", "archive/2/deep/er/y", "archive/z"]),
        ("archive/1*/?", ["archive/1/a", "archive/1/b", "archive/10/x"]),
        ("archive/[!1]/**/y", ["archive/2/deep/er/y"]),
        ("archive/**/[ax]", ["archive/1/a", "archive/10/x"]),
        ("**/z", ["./archive/z"]),
        ("archive/.h*/*", ["archive/.hidden/h"]),
        ("archive/none*", ["archive/none*?"]),
        ("archive/[", ["archive/[?"]),
    ],
)
def test_patterns(tree: Tree, pattern: str, expected: list[str]) -> None:
    tree(FILES)
    assert found(pattern) == expected


@pytest.mark.usefixtures("here")
def test_a_name_that_looks_like_a_pattern_is_a_name(tree: Tree) -> None:
    tree({"[1]": b"", "1": b""})
    assert found("archive/[1]") == ["archive/[1]"]
    assert relative("archive/**/1") == ["1"]


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/.git/b", False),
        ("*", "a/b", False),
        ("[!a]", "b", True),
        ("[a-c]x", "bx", True),
        ("[]]", "]", True),
        ("[\\]", "\\", True),
        ("a.b", "axb", False),
    ],
)
def test_expressions(pattern: str, path: str, matches: bool) -> None:
    assert bool(compile_glob(pattern).fullmatch(path)) is matches


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"\0"])
def test_lists_are_read_as_they_come(separator: bytes) -> None:
    names = [f"folder/{number} with spaces" for number in range(20_000)]
    data = separator.join(map(str.encode, names))
    assert list(parse_path_list(BytesIO(data))) == names
    assert list(parse_path_list(BytesIO(data + separator))) == names


def test_names_that_are_not_text_are_separated_by_nuls() -> None:
    assert list(parse_path_list(BytesIO(b"\xff.dcm\0b\n.dcm\0"))) == [os.fsdecode(b"\xff.dcm"), "b\n.dcm"]


def test_a_byte_order_mark_is_not_part_of_a_name() -> None:
    assert list(parse_path_list(BytesIO(b"\xef\xbb\xbfa.dcm\r\n\nb.dcm"))) == ["a.dcm", "b.dcm"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a" * 200_000, "line 1 is too long for a path"),
        (b"a\n" * 40_000 + b"b\0c\n", "line 40001 contains a NUL"),
        (b"a.dcm\n\xff.dcm\n", "line 2 is not in UTF-8"),
        (b"a.dcm\rb.dcm\r", "line 1 contains a carriage return"),
        (b"a.dcm\0.\0", "name 2 is shorter than two bytes"),
        *(("want.dcm\r\n".encode(encoding), "UTF-(16|32)") for encoding in ("utf-16", "utf-32")),
        *(("want.dcm\r\n".encode(f"utf-{size}-{end}"), "UTF-16") for size in (16, 32) for end in ("le", "be")),
        ("Aufnahmen/Müller 中.dcm".encode("utf-16-le"), "UTF-16"),
    ],
    ids=str,
)
def test_an_invalid_list_is_refused_before_its_first_path(data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_path_list(BytesIO(data))


def dicomdir(folder: Path, *files: list[str] | str | None) -> str:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID("1.2.840.10008.1.3.10")
    meta.MediaStorageSOPInstanceUID = UID("1.2.3")
    meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
    directory = FileDataset(str(folder / "DICOMDIR"), {}, file_meta=meta, preamble=bytes(128))
    records = []
    for each in files:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE" if each else "SERIES"
        if each:
            record.add_new(0x00041500, "CS", each)
        records.append(record)
    directory.DirectoryRecordSequence = records
    directory.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return str(folder / "DICOMDIR")


@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_file_set_names_its_files_and_cannot_lead_out_of_it(tree: Tree, tmp_path: Path) -> None:
    folder = tree({"IMAGES/CT1": b"1", "IMAGES/CT2": b"2", "OTHER": b"3"})
    (tmp_path / "secret").write_bytes(b"4")
    (folder / "LINK").symlink_to(tmp_path / "secret")
    directory = dicomdir(
        folder,
        None,
        ["IMAGES", "CT1"],
        ["..", "secret"],
        [str(tmp_path), "secret"],
        "../secret",
        "LINK",
        ["IMAGES", "GONE"],
        "IMAGES",
        "OTHER",
        ["A"] * 9,
    )
    results = list(iter_inputs([directory]))
    assert [each.relative for each in results if isinstance(each, InputFile)] == ["IMAGES/CT1", "OTHER"]
    assert sum(isinstance(each, UnreadableInput) for each in results) == 7
    assert all(each.must_be_dicom for each in results if isinstance(each, InputFile))


@pytest.mark.usefixtures("here")
def test_an_unreadable_file_set_is_reported(tree: Tree) -> None:
    tree({"DICOMDIR": b"nonsense"})
    for word in ("archive/DICOMDIR", "archive", "archive/*"):
        (result,) = iter_inputs([word])
        assert isinstance(result, UnreadableInput)
        assert "cannot be read as a DICOMDIR" in str(result.error)


@pytest.mark.usefixtures("here")
def test_a_truncated_file_set_is_reported(tree: Tree) -> None:
    folder = tree({"A": b"1", "B": b"2"})
    directory = Path(dicomdir(folder, "A", None, "B"))
    data = directory.read_bytes()
    for end in range(0, len(data), 3):
        directory.write_bytes(data[:end])
        (result,) = iter_inputs([str(directory)])
        assert isinstance(result, UnreadableInput)


@pytest.mark.usefixtures("here")
def test_a_dicomdir_that_would_block_or_is_not_one_is_reported(tree: Tree) -> None:
    folder = tree({"A": b"1"})
    os.mkfifo(folder / "DICOMDIR")
    assert found("archive") == ["archive/DICOMDIR?", "archive/A"]
    (folder / "DICOMDIR").unlink()
    (folder / "DICOMDIR").write_bytes(b.file(b.image()))
    assert found("archive/DICOMDIR") == ["archive/DICOMDIR?"]


@pytest.mark.usefixtures("here")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_of_a_file_set_must_exist_and_be_dicom(tree: Tree) -> None:
    tree({"cd/A": b"1", "cd/IMAGES/CT1": b"2", "cd/IMAGES/CT2": b"3", "cd/NOTES": b"4"})
    dicomdir(Path("archive/cd"), ["IMAGES", "CT1"], "A", ["IMAGES", "GONE"])
    assert found("archive") == [
        *(
            "archive/cd/IMAGES/GONE?",
            "archive/cd/A",
            "archive/cd/IMAGES/CT1",
            "archive/cd/IMAGES/CT2",
            "archive/cd/NOTES",
        ),
    ]
    for word in ("archive", "archive/cd/*", "archive/**/*"):
        named = [each.source for each in iter_inputs([word]) if isinstance(each, InputFile) and each.must_be_dicom]
        assert named == ["archive/cd/A", "archive/cd/IMAGES/CT1"]
