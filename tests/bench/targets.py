"""Target figures, and whether they are reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.bench.bench_archives import (
    ARCHIVE,
    ARCHIVE_1,
    ARCHIVE_2,
    ARCHIVE_BARE,
    ARCHIVE_LINES,
    ARCHIVE_MEMORY,
    ARCHIVE_MEMORY_LARGE,
    ARCHIVE_RUN,
)
from tests.bench.bench_large import (
    COPY_COLD,
    COPY_WARM,
    DOWNLOAD,
    FILE_KINDS,
    LIMIT_COLD,
    LIMIT_WARM,
    REMOTE_KIND,
    SIGN_COLD,
    SIGN_WARM,
    VERIFY_COLD,
    VERIFY_REMOTE,
    VERIFY_WARM,
)
from tests.bench.bench_tokens import SIGN_BARE, SIGN_TOKEN

from .corpus import KINDS
from .measures import FLOOR, MAP, MEMORY, PROCESS, PROCESS_DCMSIGN, SIGN, SIGN_DCMTK, VERIFY, VERIFY_DCMTK

Key = tuple[str, str]
"""A kind and a measure."""

Samples = Mapping[Key, Sequence[float]]
"""One sample a round."""


def ratio(samples: Samples, above: Key, below: Key) -> float | None:
    """Median of the ratios of each round, None if either was not measured."""
    if not samples.get(above) or not samples.get(below):
        return None
    return median(a / b for a, b in zip(samples[above], samples[below], strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure, or a ratio of two, that must stay on one side of a limit."""

    what: str
    key: Key
    over: Key | None = None
    limit: float
    at_least: bool = False

    def value(self, samples: Samples) -> float | None:
        """The measured figure, or None."""
        if self.over is not None:
            return ratio(samples, self.key, self.over)
        return median(samples[self.key]) if samples.get(self.key) else None

    def verdict(self, samples: Samples) -> str:
        """``met``, ``MISSED`` or ``not measured``."""
        value = self.value(samples)
        if value is None:
            return "not measured"
        return "met" if (value >= self.limit if self.at_least else value <= self.limit) else "MISSED"


_LARGE: Final = ("g_native", "g_wsi")

_TIMES_FLOOR: Final = {
    "a_tiny": 16.0,
    "a_ct": 2.2,
    "a_mr": 2.1,
    **dict.fromkeys(("a_mr_ivle", "a_mr_be"), 2.4),
    "b_mg": 1.08,
    "b_dx": 1.07,
    "c_emf": 1.4,
    **dict.fromkeys(("c_emf_ivle", "c_emf_be"), 1.5),
    "c_emf_und": 1.6,
    "c_emf5k_lean": 1.6,
    "d_sr": 1.8,
    **dict.fromkeys(("d_sr_ivle", "d_sr_be", "d_sr_und"), 2.0),
    "e_jpeg": 1.12,
    "f_rtss": 1.35,
    "g_native": 1.04,
    "g_wsi": 1.06,
}
_VERIFY_TIMES_DCMTK: Final = {
    "a_tiny": 1.4,
    "a_ct": 1.9,
    "a_mr": 1.5,
    "a_mr_ivle": 1.1,
    "a_mr_be": 1.3,
    "b_mg": 1.1,
    "b_dx": 1.7,
    "c_emf": 24.0,
    "c_emf_ivle": 20.0,
    "c_emf_be": 22.0,
    "c_emf_und": 18.0,
    "c_emf5k_lean": 9.0,
    "d_sr": 60.0,
    "d_sr_ivle": 55.0,
    "d_sr_be": 60.0,
    "d_sr_und": 50.0,
    "e_jpeg": 2.0,
    "f_rtss": 6.5,
    "g_native": 1.65,
    "g_wsi": 1.3,
}
_SIGN_TIMES_DCMTK: Final = {
    "a_tiny": 0.7,
    "a_ct": 1.0,
    "a_mr": 0.75,
    "a_mr_ivle": 0.65,
    "a_mr_be": 0.7,
    "b_mg": 1.0,
    "b_dx": 1.7,
    "c_emf": 16.0,
    **dict.fromkeys(("c_emf_ivle", "c_emf_be"), 14.0),
    "c_emf_und": 12.0,
    "c_emf5k_lean": 8.0,
    "d_sr": 38.0,
    "d_sr_ivle": 30.0,
    "d_sr_be": 32.0,
    "d_sr_und": 30.0,
    "e_jpeg": 1.6,
    "f_rtss": 7.0,
    "g_native": 2.2,
    "g_wsi": 1.15,
}
_WALL_TIMES_LIMIT: Final = 1.15
_REMOTE_TIMES_DOWNLOAD: Final = 1.2
_MEMORY_MB: Final = 40.0
_PROCESS_TIMES_DCMSIGN: Final = 3.7
_ARCHIVE_TIMES_DCMSIGN: Final = {("a_ct", ARCHIVE_1): 20.0, ("a_ct", ARCHIVE_2): 50.0, ("a_tiny", ARCHIVE_2): 100.0}
_ARCHIVE_TIMES_DCMTK: Final = 2.0
_BATCH_TIMES_BARE: Final = 1.1
_LINES_TIMES_QUIET: Final = 1.3
_MAP_TIMES_VERIFY: Final = {"c_emf": 2.0, "d_sr": 2.0, "d_items": 3.0}
_SIGN_TIMES_VERIFY: Final = {"d_items": 3.0}
_MEMORY_TIMES_SMALL: Final = 1.1
_TIMES_BARE: Final = {"rsa2048": 0.9, "p256": 0.9}


def _targets() -> Iterator[Target]:
    for kind, limit in _VERIFY_TIMES_DCMTK.items():
        yield Target(
            what="verify, times faster than DCMTK",
            key=(kind, VERIFY_DCMTK),
            over=(kind, VERIFY),
            limit=limit,
            at_least=True,
        )
    for kind, limit in _SIGN_TIMES_DCMTK.items():
        yield Target(
            what="sign, times faster than DCMTK", key=(kind, SIGN_DCMTK), over=(kind, SIGN), limit=limit, at_least=True
        )
    for kind, limit in _TIMES_FLOOR.items():
        yield Target(what="verify, times read + SHA-256", key=(kind, VERIFY), over=(kind, FLOOR), limit=limit)
    for name in KINDS:
        yield Target(what="verify, MB over the interpreter", key=(name, MEMORY), limit=_MEMORY_MB)
    for kind, limit in _MAP_TIMES_VERIFY.items():
        yield Target(what="coverage map, times verify", key=(kind, MAP), over=(kind, VERIFY), limit=limit)
    for kind, limit in _SIGN_TIMES_VERIFY.items():
        yield Target(what="sign, times verify", key=(kind, SIGN), over=(kind, VERIFY), limit=limit)
    yield Target(
        what="verify, whole process, times dcmsign",
        key=("a_tiny", PROCESS),
        over=("a_tiny", PROCESS_DCMSIGN),
        limit=_PROCESS_TIMES_DCMSIGN,
    )
    yield from _archive_targets()
    yield from _large_targets()
    for name, limit in _TIMES_BARE.items():
        yield Target(
            what="signatures on SoftHSM, times key.sign's",
            key=(f"token_{name}", SIGN_BARE),
            over=(f"token_{name}", SIGN_TOKEN),
            limit=limit,
            at_least=True,
        )


def _large_targets() -> Iterator[Target]:
    for kind in FILE_KINDS:
        for measure, limit in (
            (VERIFY_WARM, LIMIT_WARM),
            (VERIFY_COLD, LIMIT_COLD),
            (SIGN_WARM, COPY_WARM),
            (SIGN_COLD, COPY_COLD),
        ):
            yield Target(
                what=f"{measure}, times the longer part",
                key=(kind, measure),
                over=(kind, limit),
                limit=_WALL_TIMES_LIMIT,
            )
    yield Target(
        what="verify at 20 ms, times a download",
        key=(REMOTE_KIND, VERIFY_REMOTE),
        over=(REMOTE_KIND, DOWNLOAD),
        limit=_REMOTE_TIMES_DOWNLOAD,
    )


def _archive_targets() -> Iterator[Target]:
    for (kind, measure), limit in _ARCHIVE_TIMES_DCMSIGN.items():
        yield Target(
            what=f"{measure}, times dcmsign a file",
            key=(kind, PROCESS_DCMSIGN),
            over=(kind, measure),
            limit=limit,
            at_least=True,
        )
    for kind, measure in (("a_tiny", ARCHIVE_2), ("a_ct", ARCHIVE_1), ("a_ct", ARCHIVE_2)):
        yield Target(
            what=f"{measure}, times faster than DCMTK",
            key=(kind, VERIFY_DCMTK),
            over=(kind, measure),
            limit=_ARCHIVE_TIMES_DCMTK,
            at_least=True,
        )
    for kind in ("a_tiny", "a_ct"):
        yield Target(
            what="batch, times the bare loop",
            key=(kind, ARCHIVE_RUN),
            over=(kind, ARCHIVE_BARE),
            limit=_BATCH_TIMES_BARE,
        )
    for kind in ("a_tiny", "a_ct"):
        yield Target(
            what="JSON Lines, times no output",
            key=(kind, ARCHIVE_LINES),
            over=(kind, ARCHIVE_1),
            limit=_LINES_TIMES_QUIET,
        )
    yield Target(
        what="memory of 200,000 files, times 2,000",
        key=(ARCHIVE, ARCHIVE_MEMORY_LARGE),
        over=(ARCHIVE, ARCHIVE_MEMORY),
        limit=_MEMORY_TIMES_SMALL,
    )


TARGETS: Final = tuple(_targets())
