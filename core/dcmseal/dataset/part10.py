"""DICOM files: preamble, File Meta Information and Data Set (PS3.10 section 7)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import RawIOBase
from typing import Final, cast

from msgspec import Struct

from dcmseal.dataset.file_meta import FileMeta, read_file_meta
from dcmseal.dataset.header import read_header
from dcmseal.dataset.source import CHUNK_SIZE, BytesSource, FileSource, Source
from dcmseal.dataset.syntax_registry import syntax_findings
from dcmseal.dataset.transfer_syntax import (
    EXPLICIT_BIG_UID,
    EXPLICIT_LITTLE_UID,
    IMPLICIT_LITTLE_UID,
    UNDEFINED_LENGTH,
    Encoding,
    TransferSyntax,
)
from dcmseal.dataset.vr import LONG_VRS, SHORT_VRS
from dcmseal.errors import DatasetError, Malformed, NotDicom
from dcmseal.findings import Aspect, Finding, Outcome

_ENCODING_HINT: Final = "readers interpret the file differently: rewrite it with the correct Transfer Syntax UID"
_LEADING_GROUPS: Final = range(0x0004, 0x0100)
_CHECKED_ELEMENTS: Final = 2
"""The number of elements to decode: in a single one, the length of implicit VR may look like a VR."""
_SAMPLE_SIZE: Final = 1 << 12


def check_encoding(body: Source, start: int, syntax: TransferSyntax) -> None:
    """Check that the first elements of a Data Set are encoded as its transfer syntax says.

    Args:
        body: Contains the Data Set.
        start: Where it starts.
        syntax: Its transfer syntax.

    Raises:
        DatasetError: The Data Set can only be decoded in another encoding.
    """
    if _fits_encoding(body, start, syntax.encoding):
        return
    for encoding in Encoding:
        if _fits_encoding(body, start, encoding):
            raise encoding_mismatch_error(syntax, encoding.value)
    if not syntax.is_deflated and _is_deflated(body.read(start, min(body.size, start + _SAMPLE_SIZE))):
        raise encoding_mismatch_error(syntax, "a deflated stream")


def check_deflate_header(file: Source, start: int, syntax: TransferSyntax) -> None:
    """Find out why a Data Set cannot be inflated.

    Args:
        file: The file.
        start: Where the Data Set starts.
        syntax: Its transfer syntax.

    Raises:
        DatasetError: It is not deflated, or has a zlib or gzip header.
    """
    for encoding in Encoding:
        if _fits_encoding(file, start, encoding):
            raise encoding_mismatch_error(syntax, f"{encoding.value}, not deflated")
    head = file.read(start, min(file.size, start + 2))
    if head == b"\x1f\x8b" or (head[:1] == b"\x78" and int.from_bytes(head, "big") % 31 == 0):
        kind = "gzip" if head[0] == 0x1F else "zlib"
        raise DatasetError(
            f"the deflated Data Set has a {kind} header, but PS3.5 A.5 requires a raw RFC 1951 stream",
            hint=_ENCODING_HINT,
        )


def encoding_mismatch_error(syntax: TransferSyntax, actual: str) -> DatasetError:
    """Build the error for a Data Set that is not encoded as its transfer syntax says."""
    named = syntax.name if syntax.name == syntax.uid else f"{syntax.name} ({syntax.uid})"
    return DatasetError(f"the file is labelled {named}, but encoded as {actual}", hint=_ENCODING_HINT)


def _fits_encoding(source: Source, start: int, encoding: Encoding) -> bool:
    """Whether the first elements can be decoded."""
    position, previous = start, -1
    for _ in range(_CHECKED_ELEMENTS):
        if position == source.size and previous >= 0:
            return True
        header = read_header(source.read(position, min(source.size, position + 12)), 0, encoding)
        if header is None or header.tag <= previous:
            return False
        if not encoding.is_implicit and header.vr not in SHORT_VRS and header.vr not in LONG_VRS:
            return False
        if previous < 0 and header.tag >> 16 not in _LEADING_GROUPS:
            return False
        if header.length == UNDEFINED_LENGTH:
            return True
        position, previous = position + header.size + header.length, header.tag
        if position > source.size:
            return False
    return True


def _is_deflated(sample: bytes) -> bool:
    with suppress(zlib.error):
        head = zlib.decompressobj(-zlib.MAX_WBITS).decompress(sample, _SAMPLE_SIZE)
        # the sample may end inside an element, so append enough zeros to complete it
        return len(head) >= 16 and _fits_encoding(BytesSource(head + bytes(1 << 16)), 0, Encoding.EXPLICIT_LITTLE)
    return False


_MAX_IN_MEMORY: Final = 8 << 20
MAX_INFLATED: Final = 1 << 30
"""Size in bytes of the largest inflated Data Set to accept."""
_MAX_RATIO: Final = 200
"""The largest compression ratio to accept once the Data Set is large; with DEFLATE, a bomb reaches 1000."""
_RATIO_CHECK_SIZE: Final = 64 << 20
_TRAILER: Final = struct.Struct("<II")
"""The trailer of gzip: CRC-32 and size (RFC 1952 2.3.1)."""


class DicomFile(Struct, frozen=True, kw_only=True):
    """A DICOM file, or a Data Set without File Meta Information."""

    file: Source
    body: Source
    """The same as ``file``, or the inflated Data Set."""
    start: int
    """Where the Data Set starts in ``body``; it ends with it."""
    syntax: TransferSyntax
    meta_end: int
    """Where the File Meta Information ends in ``file``; 0 if there is none."""
    meta: FileMeta = FileMeta(end=0)
    problems: tuple[Finding, ...] = ()
    """What readers disagree about outside the Data Set, and what is unusual there (PASSED)."""

    @property
    def encoding(self) -> Encoding:
        return self.syntax.encoding

    @property
    def end(self) -> int:
        return self.body.size


def open_dicom(source: Source, *, max_inflated: int = MAX_INFLATED) -> AbstractContextManager[DicomFile]:
    """Open a DICOM file as a context manager.

    Preamble and File Meta Information may be missing; the first Data Element then shows the encoding.

    Args:
        source: The file.
        max_inflated: Size in bytes of the largest inflated Data Set to accept.

    Raises:
        NotDicom: The file is not a DICOM file.
        Malformed: The File Meta Information is damaged, or a deflated Data Set cannot be inflated.
        DatasetError: The File Meta Information cannot be read without guessing, or contradicts the Data Set.
    """
    meta, syntax = _identify(source)
    if syntax.is_deflated:
        return _open_deflated_dataset(source, meta, syntax, max_inflated)
    return nullcontext(_build_plain(source, meta, syntax))


@contextmanager
def _open_deflated_dataset(
    source: Source, meta: FileMeta, syntax: TransferSyntax, max_inflated: int
) -> Generator[DicomFile]:
    import tempfile

    with tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY) as inflated:
        size = 0
        stream = _DeflateStream(source, meta.end, syntax, max_inflated)
        for piece in stream.pieces():
            size += len(piece)
            inflated.write(piece)
        body: Source
        if size <= _MAX_IN_MEMORY:
            inflated.seek(0)
            body = BytesSource(inflated.read())
        else:
            inflated.flush()
            body = FileSource(cast("RawIOBase", inflated), size)
        check_encoding(body, 0, syntax)
        problems = (*_file_findings(meta, syntax), *stream.problems())
        yield DicomFile(file=source, body=body, start=0, syntax=syntax, meta_end=meta.end, meta=meta, problems=problems)


def open_head(source: Source) -> DicomFile:
    """Open a file to identify the instance: of a deflated Data Set, only the first bytes are inflated.

    Raises:
        NotDicom: As ``open_dicom``.
        Malformed: As ``open_dicom``.
        DatasetError: As ``open_dicom``.
    """
    meta, syntax = _identify(source)
    if not syntax.is_deflated:
        return _build_plain(source, meta, syntax)
    body = BytesSource(next(_DeflateStream(source, meta.end, syntax, MAX_INFLATED).pieces(), b""))
    return DicomFile(file=source, body=body, start=0, syntax=syntax, meta_end=meta.end, meta=meta)


def _build_plain(source: Source, meta: FileMeta, syntax: TransferSyntax) -> DicomFile:
    if meta.syntax is not None:
        check_encoding(source, meta.end, syntax)
    return DicomFile(
        file=source,
        body=source,
        start=meta.end,
        syntax=syntax,
        meta_end=meta.end,
        meta=meta,
        problems=_file_findings(meta, syntax),
    )


def _file_findings(meta: FileMeta, syntax: TransferSyntax) -> tuple[Finding, ...]:
    return (*meta.problems, *syntax_findings(syntax.uid))


def _identify(source: Source) -> tuple[FileMeta, TransferSyntax]:
    """Read the File Meta Information; the transfer syntax is guessed if it is missing there."""
    meta = read_file_meta(source)
    return meta, TransferSyntax(_guess_syntax(source, meta.end) if meta.syntax is None else meta.syntax)


def _guess_syntax(source: Source, start: int) -> str:
    """Guess the encoding from the first Data Element; raises NotDicom if that is not possible."""
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
    if start:
        # the file claims to be DICOM, because it has a preamble or File Meta Information
        message = "Transfer Syntax UID is missing, and the first Data Element does not show its encoding"
        raise DatasetError(f"{message} (at byte {start})", hint="rewrite the file with a Transfer Syntax UID")
    if not source.size:
        raise NotDicom("the file is empty", hint="fetch it again from its source")
    raise NotDicom("this is not a DICOM file", hint="give a DICOM file (PS3.10) or a bare Data Set")


_FIRST_GROUPS: Final = frozenset({0x0004, 0x0008, 0x0010})


class _DeflateStream:
    """A raw deflate stream (PS3.5 A.5), inflated in pieces of bounded size."""

    def __init__(self, source: Source, start: int, syntax: TransferSyntax, max_size: int) -> None:
        self._source = source
        self._start = start
        self._syntax = syntax
        self._max_size = max_size
        self._end = start
        self._trailer = b""

    def pieces(self) -> Iterator[bytes]:
        source, position = self._source, self._start
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        total = checksum = 0
        try:
            while position < source.size and not inflater.eof:
                pending = source.read(position, min(source.size, position + CHUNK_SIZE))
                position += len(pending)
                while not inflater.eof:
                    piece = inflater.decompress(pending, CHUNK_SIZE)
                    total += len(piece)
                    if total > self._max_size or (
                        total > _RATIO_CHECK_SIZE and total > _MAX_RATIO * (position - self._start)
                    ):
                        raise Malformed(f"the inflated Data Set has more than {total - 1} bytes", position)
                    checksum = zlib.crc32(piece, checksum)
                    yield piece
                    pending = inflater.unconsumed_tail
                    # after a full piece, the inflater may have more output even without input
                    if not pending and len(piece) < CHUNK_SIZE:
                        break
        except zlib.error as error:
            check_deflate_header(source, self._start, self._syntax)
            raise Malformed(f"the deflated Data Set cannot be inflated: {error}", position) from None
        if not inflater.eof:
            raise Malformed("the deflated Data Set is truncated", source.size)
        self._end = position - len(inflater.unused_data)
        self._trailer = _TRAILER.pack(checksum, total)

    def problems(self) -> Iterator[Finding]:
        """Report what follows the stream, after all of it was inflated.

        One NULL is allowed, for an even length. Some software writes the trailer of gzip, which is harmless if correct.
        """
        behind = self._source.size - self._end
        rest = self._source.read(self._end, min(self._source.size, self._end + len(self._trailer) + 1))
        where = f"byte {self._end}"
        if behind > len(rest) or rest not in (b"", b"\0", self._trailer, self._trailer + b"\0"):
            message = f"{behind} bytes follow the deflated Data Set, but only one NULL may (at byte {self._end})"
            yield _deflate_finding(Outcome.FAILED, "deflate-trailing", message, where)
        elif len(rest) > 1:
            message = "a checksum and a size follow the deflated Data Set, which readers ignore"
            yield _deflate_finding(Outcome.PASSED, "deflate-checksum", message, where)


def _deflate_finding(outcome: Outcome, code: str, message: str, where: str) -> Finding:
    return Finding(aspect=Aspect.FORM, outcome=outcome, code=code, message=message, where=where, clause="PS3.5 A.5")
