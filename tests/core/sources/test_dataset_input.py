"""What a Data Set may come from: paths, bytes, file objects of all kinds."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from io import BytesIO, IOBase, RawIOBase, StringIO
from pathlib import Path
from typing import Any

import pytest

import dcmseal
from dcmseal import tags
from dcmseal.errors import AmbiguousStructure, DatasetError, Malformed, NotDicom, UsageError
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import reference
from tests.support.pki import Pki
from tests.support.signed_files import build_signer, integrity_verdict, sign_dataset
from tests.support.wrong_types import wrong_type


class Dribble(RawIOBase):
    """A raw file that gives three bytes at once."""

    def __init__(self, data: bytes) -> None:
        self.data = BytesIO(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.data.seek(offset, whence)

    def readinto(self, buffer: Any, /) -> int:
        piece = self.data.read(min(3, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


class ReadOnly:
    """All that a file object must have."""

    def __init__(self, data: bytes) -> None:
        self.read = BytesIO(data).read


def half_read(data: bytes) -> BytesIO:
    stream = BytesIO(data)
    stream.seek(100)
    return stream


SOURCES: dict[str, Callable[[bytes, Path], Any]] = {
    "path": lambda data, path: path,
    "text path": lambda data, path: str(path),
    "bytes": lambda data, path: data,
    "bytearray": lambda data, path: bytearray(data),
    "memoryview": lambda data, path: memoryview(data),
    "BytesIO": lambda data, path: BytesIO(data),
    "BytesIO that was read": lambda data, path: half_read(data),
    "buffered file": lambda data, path: path.open("rb"),
    "unbuffered file": lambda data, path: path.open("rb", buffering=0),
    "reluctant file": lambda data, path: Dribble(data),
    "no more than read": lambda data, path: ReadOnly(data),
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_all_kinds_of_sources(make: Callable[[bytes, Path], Any], pki: Pki, tmp_path: Path) -> None:
    unsigned, path = b.file(b.image()), tmp_path / "image.dcm"
    path.write_bytes(unsigned)
    source = make(unsigned, path)
    data = sign_dataset(source, pki["p256"])
    assert dcmseal.remove(data).data == unsigned
    path.write_bytes(data)

    def each(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        source = make(data, path)
        try:
            return function(source, *arguments, **options)
        finally:
            if isinstance(source, IOBase):
                assert not source.closed
                source.close()

    assert each(integrity_verdict) is Verdict.VALID
    (signature,) = each(dcmseal.signatures)
    assert each(dcmseal.find_signature, signature.uid) == signature
    stream = bytearray()
    each(dcmseal.write_mac_stream, signature.uid, stream.extend)
    assert bytes(stream) == reference.mac_stream(data, signature.uid)
    assert each(dcmseal.remove).data == unsigned
    close: Callable[[], None] = getattr(source, "close", lambda: None)
    close()


def test_a_pipe(pki: Pki, tmp_path: Path) -> None:
    """It cannot be read twice, by path or as file object."""
    data = b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", bytes(200_000))))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for by_path in (True, False):
        writer = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
        writer.start()
        if by_path:
            result = sign_dataset(pipe, pki["p256"])
        else:
            with pipe.open("rb") as stream:
                result = sign_dataset(stream, pki["p256"])
        writer.join(10)
        assert integrity_verdict(result) is Verdict.VALID


def packed_tar(path: Path, data: bytes) -> AbstractContextManager[Any]:
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("image.dcm")
        entry.size = len(data)
        archive.addfile(entry, BytesIO(data))
    found = tarfile.open(path).extractfile("image.dcm")  # noqa: SIM115 - closed with the extracted file
    assert found is not None
    return found


def packed_zip(path: Path, data: bytes) -> AbstractContextManager[Any]:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.dcm", data)
    return zipfile.ZipFile(path).open("image.dcm")


def compressed(module: Any) -> Callable[[Path, bytes], AbstractContextManager[Any]]:
    def pack(path: Path, data: bytes) -> AbstractContextManager[Any]:
        path.write_bytes(module.compress(data))
        opened: AbstractContextManager[Any] = module.open(path, "rb")
        return opened

    return pack


@pytest.mark.filterwarnings("ignore:unclosed file")
@pytest.mark.parametrize(
    "pack",
    [compressed(gzip), compressed(bz2), compressed(lzma), packed_tar, packed_zip],
    ids=["gzip", "bz2", "lzma", "tar", "zip"],
)
def test_files_in_files(pack: Callable[[Path, bytes], AbstractContextManager[Any]], pki: Pki, tmp_path: Path) -> None:
    """Such a file object has no descriptor, or that of another file."""
    data = b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", bytes(range(256)) * 12_000)))
    packed, target = tmp_path / "packed", tmp_path / "out.dcm"
    with pack(packed, data) as source:
        dcmseal.sign(source, signer=build_signer(pki["p256"]), output=target)
    assert integrity_verdict(target) is Verdict.VALID
    assert dcmseal.remove(target).data == data


@pytest.mark.filterwarnings("ignore:unclosed file")
def test_a_compressed_file_that_is_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm.gz"
    path.write_bytes(gzip.compress(b.file(b.image(b.Value(tags.PIXEL_DATA, "OW", os.urandom(200_000)))))[:-1000])
    with gzip.open(path) as source, pytest.raises(DatasetError, match="cannot read"):
        integrity_verdict(wrong_type(source))
    path.write_bytes(b"no gzip")
    with gzip.open(path) as source, pytest.raises(DatasetError, match="cannot read"):
        integrity_verdict(wrong_type(source))


def test_invalid_sources(tmp_path: Path) -> None:
    closed = BytesIO()
    closed.close()
    (tmp_path / "text").write_text("text", encoding="ascii")
    with (tmp_path / "text").open(encoding="ascii") as text:
        for source in (3, None, object(), StringIO("text"), text, closed):
            with pytest.raises(UsageError) as caught:
                integrity_verdict(wrong_type(source))
            assert caught.value.hint
    with (tmp_path / "new").open("wb") as output, pytest.raises(DatasetError, match="cannot read"):
        integrity_verdict(output)
    for path in (tmp_path, tmp_path / "absent", tmp_path / ("x" * 300)):
        with pytest.raises(DatasetError, match="cannot be read") as error:
            integrity_verdict(path)
        assert error.value.hint


def test_an_empty_input_is_not_a_data_set(tmp_path: Path) -> None:
    for data in (b"", b"DICM", bytes(132), bytes(128) + b"DICM", b"\x08\x00", b"GIF89a" * 50):
        (tmp_path / "x").write_bytes(data)
        for source in (data, BytesIO(data), tmp_path / "x"):
            with pytest.raises((NotDicom, Malformed)) as caught:
                integrity_verdict(source)
            assert caught.value.hint


@pytest.mark.parametrize("syntax", [b.EXPLICIT_LE, b.IMPLICIT_LE, b.EXPLICIT_BE], ids=lambda syntax: syntax.uid)
def test_bare_data_sets(syntax: b.Syntax, pki: Pki) -> None:
    """Without preamble, or without any meta information: the first element shows the encoding."""
    bare = [b.file(b.image(), syntax, preamble=None, meta=False), b.file(b.image(), syntax, preamble=None)]
    for data in (*bare, b.file(b.image(), syntax, meta=False)):
        result = sign_dataset(data, pki["p256"])
        assert integrity_verdict(result) is Verdict.VALID
        assert dcmseal.remove(result).data == data


def test_a_syntax_of_ones_own(pki: Pki) -> None:
    """A private one is taken for explicit VR little endian, which others may not do: no signature over it is valid."""
    with pytest.raises(AmbiguousStructure, match=r"1\.2\.3\.4: PS3\.6 does not list it"):
        sign_dataset(b.file(b.image(), transfer_syntax="1.2.3.4"), pki["p256"])
    data = sign_dataset(b.file(b.image()), pki["p256"])
    private = data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10009.1.2.1\0", 1)
    assert integrity_verdict(private) is Verdict.NOT_ESTABLISHED


def test_deflated_without_end(pki: Pki) -> None:
    data = sign_dataset(b.file(b.image(), b.DEFLATED_LE), pki["p256"])
    with pytest.raises(Malformed, match="truncated"):
        integrity_verdict(data[:-40])
