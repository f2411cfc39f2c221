"""Measures dcmseal against DCMTK and against the floor of reading and hashing.

All approaches run in turn in every round of one run, so that those of a round see the same machine; what is printed
are medians, of times and of the ratios of each round. Files are made once, and are in the page cache. Exit code 0 if
every target of the kinds that ran is met, else 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.bench import bench_archives, bench_large
from tests.bench.bench_identity import make_identity
from tests.bench.bench_runner import BenchRun
from tests.bench.bench_tokens import KEYS, SIGN_BARE, SIGN_TOKEN
from tests.bench.dcmtk_loop import build
from tests.bench.request_loop import LoopError

from .corpus import KINDS, CorpusKind
from .measures import (
    FLOOR,
    FLOOR_RSA,
    HELP,
    MAP,
    MEMORY,
    PROCESS,
    PROCESS_DCMSIGN,
    SIGN,
    SIGN_DCMTK,
    SIGN_PYTHON,
    SUMMARIES,
    SYNC,
    VERIFY,
    VERIFY_DCMTK,
    VERIFY_PYTHON,
)
from .targets import TARGETS, Samples, ratio

_QUICK: Final = ("a_tiny", "a_ct", "a_mr", "a_mr_ivle", "a_mr_be", "c_emf1k")
_CUT_SHORT: Final = """\
DCMTK verifies its own signatures here. In the kinds c, d, f and g_native they leave out data of nested sequences (each
time its 16 KiB buffer is full, the sequence that is open ends for the MAC): its times there are for less hashing.
"""
_COLUMNS: Final = (
    FLOOR,
    FLOOR_RSA,
    VERIFY,
    VERIFY_PYTHON,
    VERIFY_DCMTK,
    MAP,
    SIGN,
    SIGN_PYTHON,
    SYNC,
    SIGN_DCMTK,
    PROCESS,
    PROCESS_DCMSIGN,
    MEMORY,
)
_RATIOS: Final = (
    ("v:dcmtk", VERIFY_DCMTK, VERIFY),
    ("limit:dcmtk", VERIFY_DCMTK, FLOOR),
    ("v:floor", VERIFY, FLOOR),
    ("v:rsa", VERIFY, FLOOR_RSA),
    ("v:python", VERIFY_PYTHON, VERIFY),
    ("s:dcmtk", SIGN_DCMTK, SIGN),
    ("s:python", SIGN_PYTHON, SIGN),
)


def print_figures(kinds: list[CorpusKind], samples: Samples) -> None:
    """A row for each kind, a column for each measure; and the ratios."""
    width = max(map(len, _COLUMNS)) + 1
    print("".join(["kind".ljust(14), *(name.rjust(width) for name in _COLUMNS)]))
    for kind in kinds:
        cells = [samples.get((kind.name, name)) for name in _COLUMNS]
        print("".join([kind.name.ljust(14), *((f"{median(c):.3f}" if c else "-").rjust(width) for c in cells)]))
    print()
    print("".join(["kind".ljust(14), *(name.rjust(width) for name, _, _ in _RATIOS)]))
    for kind in kinds:
        ratios = [ratio(samples, (kind.name, above), (kind.name, below)) for _, above, below in _RATIOS]
        print("".join([kind.name.ljust(14), *((f"{r:.2f}" if r else "-").rjust(width) for r in ratios)]))
    print()
    for name in _COLUMNS:
        print(f"{name.ljust(width)} {SUMMARIES[name]}")
    if start := samples.get(("", HELP)):
        print(f"{HELP.ljust(width)} {SUMMARIES[HELP]}: {median(start):.3f}")
    print("v:dcmtk, s:dcmtk: times faster than DCMTK (limit:dcmtk: the floor is); v:floor, v:rsa: times the floor;")
    print("v:python, s:python: times faster than without the compiled walker\n")


def print_token_figures(samples: Samples) -> None:
    """Signatures per second, either way."""
    for name in KEYS:
        figures = [samples.get((f"token_{name}", measure)) for measure in (SIGN_TOKEN, SIGN_BARE)]
        ours, bare = (f"{1e3 / median(figure):.0f}" if figure else "-" for figure in figures)
        print(f"{name} on SoftHSM, signatures per second of CPU: dcmseal {ours}, python-pkcs11's key.sign {bare}")
    print()


def print_archive_figures(samples: Samples) -> None:
    """Files per second, and what the batch adds to a loop."""
    for kind in (*bench_archives.KINDS, bench_archives.ARCHIVE):
        for measure, summary in bench_archives.SUMMARIES.items():
            if figures := samples.get((kind, measure)):
                rate = "" if "memory" in measure else f" ({1e3 / median(figures):.0f} files/s)"
                print(f"{kind}: {summary}: {median(figures):.3f}{rate}")
    print()


def print_large_figures(samples: Samples) -> None:
    """Wall time of large files and of remote objects."""
    for kind in (*bench_large.FILE_KINDS, bench_large.REMOTE_KIND):
        for measure, summary in bench_large.SUMMARIES.items():
            if figures := samples.get((kind, measure)):
                print(f"{kind}: {summary}: {median(figures):.0f}")
    print()


def print_targets(kinds: list[CorpusKind], samples: Samples) -> bool:
    """A line for each target; True if all those of the kinds that ran are met."""
    ran = {kind.name for kind in kinds} | {f"token_{name}" for name in KEYS}
    ran |= {bench_archives.ARCHIVE for kind, _ in samples if kind == bench_archives.ARCHIVE}
    verdicts = []
    for target in TARGETS:
        if target.key[0] not in ran:
            continue
        verdict, value = target.verdict(samples), target.value(samples)
        verdicts.append(verdict)
        figure = "" if value is None else f"{value:.2f}"
        print(f"{verdict:13}{target.key[0]:14}{target.what:36}{figure:>9} (limit {target.limit:g})")
    others = sorted({target.key[0] for target in TARGETS} - ran)
    print(f"{verdicts.count('met')} of {len(verdicts)} targets met", end="")
    print(f"; kinds that did not run: {', '.join(others)}" if others else "")
    return set(verdicts) <= {"met"}


def as_json(bench: BenchRun, kinds: list[CorpusKind], rounds: int) -> dict[str, Any]:
    """Everything measured, with what is needed to compare it."""
    return {
        "machine": {"platform": platform.platform(), "python": platform.python_version(), "cpus": os.cpu_count()},
        "rounds": rounds,
        HELP: bench.samples.get(("", HELP)),
        "kinds": {
            kind.name: {
                "bytes": (bench.folder / f"{kind.name}.dcm").stat().st_size,
                **{
                    name: bench.samples[kind.name, name]
                    for name in (*_COLUMNS, *bench_archives.SUMMARIES, *bench_large.SUMMARIES)
                    if (kind.name, name) in bench.samples
                },
            }
            for kind in kinds
        },
        "tokens": {
            name: {each: bench.samples.get((f"token_{name}", each)) for each in (SIGN_TOKEN, SIGN_BARE)}
            for name in KEYS
        },
        "targets": [
            {
                "kind": target.key[0],
                "what": target.what,
                "limit": target.limit,
                "value": target.value(bench.samples),
                "verdict": target.verdict(bench.samples),
            }
            for target in TARGETS
        ],
        "problems": bench.problems,
    }


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--kinds", metavar="NAME,...", help=f"of {', '.join(KINDS)}; or a first letter, such as c")
    parser.add_argument("--rounds", type=int, help="samples of each measure (default: 7, quick: 3)")
    parser.add_argument("--large", action="store_true", help="files of more than a gigabyte, and 200,000 files, too")
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(_QUICK)}")
    parser.add_argument("--folder", type=Path, default=Path("build/bench"), help="where files are kept (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    parser.add_argument(
        "--dcmseal",
        metavar="COMMAND",
        default=shlex.quote(str(Path(sys.executable).with_name("dcmseal"))),
        help="command line of dcmseal (default: the one beside this Python)",
    )
    chosen = parser.parse_args()
    wanted = chosen.kinds.split(",") if chosen.kinds else _QUICK if chosen.quick else list("abcdef")
    chosen.kinds = [
        kind
        for kind in KINDS.values()
        if kind.name in wanted or kind.name[0] in wanted or (chosen.large and kind.large)
    ]
    if unknown := [name for name in wanted if name not in KINDS and name not in {kind[0] for kind in KINDS}]:
        parser.error(f"no kind {', '.join(unknown)}")
    chosen.rounds = chosen.rounds or (3 if chosen.quick else 7)
    return chosen


def main() -> int:
    """Measure, print, judge."""
    chosen = options()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    dcmtk, problems = None, []
    try:
        dcmtk = build(chosen.folder)
    except LoopError as error:
        problems.append(f"DCMTK in process: {error}")
    bench = BenchRun(
        folder=chosen.folder,
        identity=make_identity(chosen.folder),
        dcmtk=dcmtk,
        command=chosen.dcmseal,
        large=chosen.large,
        problems=problems,
    )
    bench.run(chosen.kinds, chosen.rounds, progress=lambda step: print(step, file=sys.stderr, flush=True))
    print_figures(chosen.kinds, bench.samples)
    print(_CUT_SHORT)
    print_token_figures(bench.samples)
    print_archive_figures(bench.samples)
    print_large_figures(bench.samples)
    met = print_targets(chosen.kinds, bench.samples)
    for problem in bench.problems:
        print(f"NOT MEASURED {problem}")
    if chosen.json:
        chosen.json.write_text(json.dumps(as_json(bench, chosen.kinds, chosen.rounds), indent=1) + "\n")
    return 0 if met and not bench.problems else 1


if __name__ == "__main__":
    sys.exit(main())
