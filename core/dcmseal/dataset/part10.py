"""DICOM files: preamble, File Meta Information, and the Data Set behind them (PS3.10 section 7)."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from io import RawIOBase
from typing import Final, cast

from dcmseal.dataset.header import read_header
from dcmseal.dataset.source import BULK, BytesSource, FileSource, Source
from dcmseal.dataset.syntax import (
    EXPLICIT_BIG_UID,
    EXPLICIT_LITTLE_UID,
    IMPLICIT_LITTLE_UID,
    Encoding,
    TransferSyntax,
)
from dcmseal.errors import Malformed, NotDicom

_PREAMBLE: Final = 128
_MAX_META: Final = 1 << 20
_IN_MEMORY: Final = 8 << 20
_TRANSFER_SYNTAX_UID: Final = 0x00020010
_UID_CHARACTERS: Final = frozenset("0123456789.")
MAX_INFLATED: Final = 1 << 30
"""Bytes a deflated Data Set may come to; beyond it is refused."""
_MAX_RATIO: Final = 200
"""How many times larger it may become once it is large; DEFLATE can make a bomb of 1000 times."""
_LARGE: Final = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomFile:
    """A DICOM file, or a bare Data Set.

    ``body`` holds the Data Set from ``start`` to its end: it is ``file`` itself unless the syntax is deflated.
    """

    file: Source
    body: Source
    start: int
    syntax: TransferSyntax
    meta_end: int
    """Where the File Meta Information ends in ``file``; 0 if there is none."""

    @property
    def encoding(self) -> Encoding:
        return self.syntax.encoding

    @property
    def end(self) -> int:
        return self.body.size


def open_dicom(source: Source) -> AbstractContextManager[DicomFile]:
    """Find the Data Set in the bytes of a file.

    Preamble and meta information may be missing; the encoding is then told by the first Data Element. Raises NotDicom
    if nothing looks like a Data Set, Malformed if the meta information is damaged or a deflated Data Set cannot be
    inflated.
    """
    syntax, meta_end = _syntax_of(source)
    if not syntax.is_deflated:
        return nullcontext(DicomFile(file=source, body=source, start=meta_end, syntax=syntax, meta_end=meta_end))
    return _inflated(source, syntax, meta_end)


@contextmanager
def _inflated(source: Source, syntax: TransferSyntax, meta_end: int) -> Generator[DicomFile]:
    import tempfile

    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as inflated:
        size = 0
        for piece in _inflate(source, meta_end):
            size += len(piece)
            inflated.write(piece)
        body: Source
        if size <= _IN_MEMORY:
            inflated.seek(0)
            body = BytesSource(inflated.read())
        else:
            inflated.flush()
            body = FileSource(cast("RawIOBase", inflated), size)
        yield DicomFile(file=source, body=body, start=0, syntax=syntax, meta_end=meta_end)


def open_head(source: Source) -> DicomFile:
    """The file with no more of a deflated Data Set than its first bytes: enough to tell which instance it is.

    Raises what ``open_dicom`` does.
    """
    syntax, meta_end = _syntax_of(source)
    if not syntax.is_deflated:
        return DicomFile(file=source, body=source, start=meta_end, syntax=syntax, meta_end=meta_end)
    body = BytesSource(next(_inflate(source, meta_end), b""))
    return DicomFile(file=source, body=body, start=0, syntax=syntax, meta_end=meta_end)


def _syntax_of(source: Source) -> tuple[TransferSyntax, int]:
    """The transfer syntax, named or guessed, and where the File Meta Information ends."""
    head = source.read(0, min(source.size, _PREAMBLE + 4))
    start = len(head) if head.endswith(b"DICM") and len(head) > _PREAMBLE else 0
    uid, meta_end = _read_meta(source, start)
    return TransferSyntax(_guess_syntax(source, meta_end) if uid is None else uid), meta_end


def _read_meta(source: Source, start: int) -> tuple[str | None, int]:
    """Transfer Syntax UID and the end of group 0002, which is always explicit VR little endian (PS3.10 7.1)."""
    uid: str | None = None
    position = start
    end = min(source.size, start + _MAX_META)
    while position < end:
        buffer, base = source.window(position)
        at = position - base
        if buffer[at : at + 2] != b"\x02\x00":
            break
        header = read_header(buffer, at, Encoding.EXPLICIT_LITTLE)
        if header is None:
            raise Malformed("the File Meta Information cannot be read", position)
        value = position + header.size
        if header.length > min(_MAX_META, source.size - value):
            raise Malformed("the File Meta Information is longer than the file", position)
        if header.tag == _TRANSFER_SYNTAX_UID:
            if uid is not None:
                raise Malformed("the File Meta Information names two transfer syntaxes", position)
            uid = source.read(value, value + header.length).rstrip(b"\0 ").decode("latin-1")
            if not set(uid) <= _UID_CHARACTERS:
                # other software reads past what is wrong with it, and another Data Set than this
                raise Malformed("the Transfer Syntax UID is no UID", position)
        position = value + header.length
    if start and position >= source.size:
        raise Malformed("the file ends where the Data Set should begin", source.size)
    return uid, position


def _guess_syntax(source: Source, start: int) -> str:
    """The encoding that makes sense of the first Data Element; raises NotDicom if none does."""
    head = source.read(start, min(source.size, start + 12))
    for encoding, uid in (
        (Encoding.EXPLICIT_LITTLE, EXPLICIT_LITTLE_UID),
        (Encoding.EXPLICIT_BIG, EXPLICIT_BIG_UID),
        (Encoding.IMPLICIT_LITTLE, IMPLICIT_LITTLE_UID),
    ):
        header = read_header(head, 0, encoding)
        if header is None or header.tag >> 16 not in _FIRST_GROUPS:
            continue
        if header.length <= source.size - start - header.size:
            return uid
    raise NotDicom("this is no DICOM file", hint="give a DICOM file (PS3.10), or a bare Data Set")


_FIRST_GROUPS: Final = frozenset({0x0004, 0x0008, 0x0010})


def _inflate(source: Source, start: int) -> Iterator[bytes]:
    """Inflate the raw deflate stream of PS3.5 A.5, in pieces of bounded size."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    position = start
    try:
        while position < source.size and not inflater.eof:
            pending = source.read(position, min(source.size, position + BULK))
            position += len(pending)
            while not inflater.eof:
                piece = inflater.decompress(pending, BULK)
                total += len(piece)
                if total > MAX_INFLATED or (total > _LARGE and total > _MAX_RATIO * (position - start)):
                    raise Malformed(f"the deflated Data Set comes to more than {total - 1} bytes", position)
                yield piece
                pending = inflater.unconsumed_tail
                # a full piece may leave more behind, even where all input is taken
                if not pending and len(piece) < BULK:
                    break
    except zlib.error as error:
        raise Malformed(f"the deflated Data Set cannot be inflated: {error}", position) from None
    if not inflater.eof:
        raise Malformed("the deflated Data Set is cut short", source.size)
