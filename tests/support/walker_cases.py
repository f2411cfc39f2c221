"""Compares the compiled walker with the loops in Python, which are the reference, on data sets changed at random."""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, cast

from dcmseal.dataset import header, padding, scanner
from dcmseal.dataset.header_cache import HeaderCache
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.source import BytesSource, FileSource, Source
from dcmseal.dataset.structure import StructureWalker
from dcmseal.dataset.transfer_syntax import Encoding
from dcmseal.errors import Malformed
from dcmseal.mac import explicit_headers, header_codes
from dcmseal.mac.level_pass import LevelPass, MacJob
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.mac.stream_common import ExcessPadding
from dcmseal.mac.vr_context import VrContext, VrRules
from dcmseal.walker.compiled import Walker
from tests.support import builder as b

SYNTAXES: Final = {
    Encoding.EXPLICIT_LITTLE: b.EXPLICIT_LE,
    Encoding.IMPLICIT_LITTLE: b.IMPLICIT_LE,
    Encoding.EXPLICIT_BIG: b.EXPLICIT_BE,
}
_CODE: Final = b.Item(
    (b.text(0x00080100, "SH", "T-04000"), b.text(0x00080102, "SH", "SRT"), b.text(0x00080104, "LO", "Breast"))
)
_REFERENCE: Final = b.Item((b.uid(0x00081150, "1.2.840.10008.5.1.4.1.1.2"), b.uid(0x00081155, "1.2.3.4.5.6")))
_PIXELS: Final = (
    b.Value(0x00189004, "CS", b"PRODUCT "),
    b.us(0x00280002, 1),
    b.Value(0x00280106, "US", b"\0\1"),
    b.us(0x00280100, 8),
    b.us(0x00280103, 1),
    b.Value(0x00280106, "US", b"\0\1"),
    b.Value(0x00281101, "US", bytes(6)),
    b.Value(0x00283006, "OW", bytes(20)),
    b.Value(0x54001004, "US", b"\x10\0"),
    b.Value(0x54001010, "OW", bytes(12)),
    b.Value(0x60003000, "OW", bytes(8)),
    b.Value(0x7FE00010, "OW", bytes(range(16))),
)


def _content(number: int, *, undefined: bool) -> b.Sequence:
    """A content tree (PS3.3 C.17.3), in which small sequences are repeated."""
    inner = () if number < 1 else (_content(number - 1, undefined=undefined),)
    item = b.Item(
        (
            b.Sequence(0x0040A043, (_CODE,), undefined=undefined),
            b.Value(0x0040A123, "PN", b"Doe^Jane"),
            b.Sequence(0x0040A168, (_CODE, _CODE)),
            b.Value(0x0040A30A, "DS", b"1.25"),
            *inner,
        ),
        undefined=undefined,
    )
    return b.Sequence(0x0040A730, (item, item), undefined=undefined)


_DATA_SETS: Final[tuple[tuple[b.Node, ...], ...]] = (
    b.image(b.Sequence(0x00081140, (_REFERENCE,) * 3), _content(2, undefined=False), b.trailing_padding(4)),
    b.image(b.Sequence(0x00081140, (_REFERENCE,), undefined=True), _content(2, undefined=True)),
    b.all_vrs(),
    (b.Sequence(0x00081140, (b.Item(b.all_vrs()), b.Item(b.all_vrs(), undefined=True))),),
    (b.us(0x00280103, 1), b.Sequence(0x00880200, (b.Item(_PIXELS), b.Item(_PIXELS))), *_PIXELS),
    b.with_group_lengths((b.Sequence(0x00081140, (b.Item(b.image()[:9]),)), b.text(0x00104000, "LT", "text"))),
    b.image(b.Sequence(0x00880200, (b.Item((b.Fragments(fragments=(b"", b"ab")),)),))),
    (b.Sequence(0x00081140, (b.Item((b.text(0x00090010, "LO", "ME"), b.Value(0x00091001, "UN", b"12"))), _CODE)),),
    (b.Sequence(0x00081140, (b.Item((b.Sequence(0x04000561, (b.Item((b.us(0x04000005, 1),)),)),)), _CODE)),),
    (b.Sequence(0x00081140, (b.Item((b.Sequence(0xFFFAFFFA, (b.Item((b.us(0x04000005, 1),)),)),)),)),),
    (b.Sequence(0x00081140, (b.Item((b.Value(0x0040A160, "UT", b""), b.Value(0x00081190, "UR", b"urn:a "))),)),),
)
SEEDS: Final = tuple(
    (encoding, b.encode(nodes, syntax)) for encoding, syntax in SYNTAXES.items() for nodes in _DATA_SETS
)

_BYTES: Final = (0, 1, 2, 4, 7, 8, 9, 0x20, 0x7F, 0x80, 0xFE, 0xFF)
_VRS: Final = ("SQ", "UN", "OB", "OW", "UI", "LO", "US", "SS", "AT", "FD", "UT", "UC", "OV", "SV", "ZZ", "sq", "\0\0")
_TAGS: Final = (
    *(0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0x00280103, 0x00280100, 0x00280106, 0x7FE00010, 0x60003000, 0x60023000),
    *(0x54001010, 0x54001004, 0x00080000, 0x00080001, 0x4FFE0001, 0xFFFAFFFA, 0xFFFCFFFC, 0x00090010, 0x00091001),
    *(0x00020010, 0x00281101, 0x00283006, 0x00189004, 0x50003000, 0x10100010, 0x002031AA, 0xFFFF0001, 0),
)
_DEPTHS: Final = (3, 100, 180, 191, 192, 193, 223, 224, 225, 255, 256, 257)
"""Depths around the limits of both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkerCase:
    """A data set, and how to process it."""

    data: bytes
    encoding: Encoding
    check_padding: bool = False
    rules: VrRules = VrRules()
    context: VrContext = VrContext()
    window_size: int = 1 << 17
    is_file: bool = False
    jobs: tuple[frozenset[int] | None, ...] = (None,)

    def _open(self) -> Source:
        if not self.is_file:
            return BytesSource(self.data)
        return FileSource(cast("io.RawIOBase", io.BytesIO(self.data)), len(self.data))

    def outcome(self, walker: Walker | None) -> tuple[Any, ...]:
        """Everything that is found in the data set, or the error."""
        source = self._open()
        scan = LevelScanner(source, 0, len(self.data), self.encoding, walker=walker)
        encoder = MacEncoder(
            source=source,
            encoding=self.encoding,
            rules=self.rules,
            context=self.context,
            check_padding=self.check_padding,
            window_size=self.window_size,
            walker=walker,
        )
        jobs = [MacJob(tags=each, digest=hashlib.sha256()) for each in self.jobs]
        try:
            facts = LevelPass(scan, encoder, lambda _: jobs).run()
        except Malformed as error:
            return "malformed", str(error), error.offset, error.hint
        except ExcessPadding:
            return ("padding",)
        layouts = [(index, layout.holds_boundary, layout.last_size) for index, layout in facts.layouts.items()]
        return (
            [(job.digest.digest(), job.unsignable) for job in jobs],
            *(scan.tags, scan.starts, scan.kinds, scan.ambiguous_lengths, scan.position, layouts),
            *(facts.unsignable, facts.hidden_boundaries, facts.with_signatures, [*facts.well_formed_sequences]),
            encoder.notes.ambiguous,
            padding.has_excess_padding(scan) if self.check_padding else None,
            _structure(source, scan, facts.well_formed_sequences),
        )


def _structure(source: Source, scan: LevelScanner, well_formed: dict[int, int]) -> tuple[Any, ...]:
    walk = StructureWalker(source, scan.encoding, is_encapsulated=None)
    walk.walk_level(scan, well_formed)
    return walk.problems.findings(()).problems


def random_case(random: Random) -> WalkerCase:
    """A case: a seed with some changes."""
    encoding, data = random.choice(SEEDS)
    if random.random() < 0.1:
        encoding = random.choice(list(Encoding))
    flags = [random.random() < 0.3 for _ in range(6)]
    wanted = frozenset(random.sample(_TAGS, 3)) | {0x0040A730, 0x00081140}
    return WalkerCase(
        data=change(random, data, encoding),
        encoding=encoding,
        check_padding=random.random() < 0.5,
        rules=VrRules(inherit_pixel_representation=flags[0], signed_descriptors=flags[1], bytes_for_8_bits=flags[2]),
        context=VrContext(signed=flags[3], eight_bits=flags[4], wide_waveform=flags[5]),
        window_size=random.choice((1 << 17, 1 << 17, random.randrange(1, 600))),
        is_file=random.random() < 0.5,
        jobs=random.choice(((None,), (None,), (), (wanted,), (None, wanted))),
    )


def change(random: Random, data: bytes, encoding: Encoding) -> bytes:
    """Change some places of a data set."""
    changed = bytearray(data)
    order = ">" if encoding.is_big_endian else "<"
    for _ in range(random.choice((0, 1, 1, 2, 3, 6, 12))):
        size = len(changed)
        if not size:
            break
        at = random.randrange(size)
        match random.randrange(10):
            case 0:
                changed[at] = random.choice(_BYTES)
            case 1:
                changed[at] ^= 1 << random.randrange(8)
            case 2:
                changed[at : at + 2] = random.choice(_VRS).encode()
            case 3:
                tag = random.choice(_TAGS)
                changed[at : at + 4] = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
            case 4:
                length = random.choice((0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 65536, 0, 1, 2, 8, 12, 13, size, size - at))
                changed[at : at + 4] = struct.pack(order + "I", length)
            case 5:
                del changed[at : at + random.randrange(1, 40)]
            case 6:
                piece = random.randrange(size)
                changed[at:at] = changed[piece : piece + random.randrange(1, 200)]
            case 7:
                del changed[at:]
            case 8:
                changed = bytearray(nest(bytes(changed), encoding, random.choice(_DEPTHS)))
            case _:
                changed[at : at + 8] = random.randbytes(8)
    return bytes(changed)


def nest(data: bytes, encoding: Encoding, depth: int) -> bytes:
    """Put a data set, or the start of one, into sequences of undefined length."""
    for _ in range(depth):
        node = b.Sequence(0x0040A730, (b.Item((b.Raw(data),), undefined=True),), undefined=True)
        data = b.encode((node,), SYNTAXES[encoding])
    return data


def forget_headers() -> None:
    """Empty all caches of headers, as in a new process."""
    for module in (header, scanner, padding, header_codes, explicit_headers):
        for value in vars(module).values():
            for cache in value.values() if isinstance(value, dict) else ():
                if isinstance(cache, HeaderCache):
                    cache.clear()


def with_windows(case: WalkerCase) -> list[WalkerCase]:
    """The case with windows of every size, so that every offset is the end of one."""
    return [replace(case, window_size=size) for size in range(1, len(case.data) + 2)]
