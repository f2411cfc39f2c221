"""One run: files made and signed, then every measure of every kind in turn, round by round."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import dcmseal
from dcmseal.errors import SealError
from dcmseal.model.verdict import Verdict
from tests.bench import bench_archives, bench_large, bench_tokens, measures
from tests.bench.bench_identity import BenchIdentity
from tests.bench.bench_tokens import TokenError
from tests.bench.dcmtk_loop import open_dcmtk_loop
from tests.bench.python_loop import open_python_loop
from tests.bench.request_loop import LoopError, RequestLoop
from tests.bench.slow_web_server import slow_object

from .corpus import CorpusKind, make_file
from .measures import Files, Sample
from .memory import verification_peak
from .targets import Key

_SCRATCH: Final = "scratch.dcm"
_SUMMARIES: Final = measures.SUMMARIES | bench_tokens.SUMMARIES | bench_archives.SUMMARIES | bench_large.SUMMARIES


class BenchError(Exception):
    """The approach to measure does not work."""


_FAILURES: Final = (
    BenchError,
    LoopError,
    SealError,
    OSError,
    subprocess.CalledProcessError,
    TokenError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRun:
    """Files, signer and approaches of a benchmark, and its results after a run."""

    folder: Path
    identity: BenchIdentity
    dcmtk: Path | None
    """The program that drives DCMTK, if there is one."""
    command: str
    """Command line of dcmseal."""
    large: bool = False
    """Measure what takes long, too."""
    samples: dict[Key, list[float]] = field(default_factory=dict)
    """One a round."""
    problems: list[str] = field(default_factory=list)
    """What could not be measured, and why."""

    def run(self, kinds: Sequence[CorpusKind], rounds: int, progress: Callable[[str], None]) -> None:
        """Fill ``samples`` and ``problems``."""
        planned = [*self._planned("", ((measures.HELP, lambda: measures.process_help(self.command)),))]
        with ExitStack() as loops:
            python = loops.enter_context(open_python_loop(self.folder))
            for kind in kinds:
                progress(f"preparing {kind.name}")
                # one for each kind: what another has left of the heap changes the time of the next twofold
                loop = loops.enter_context(open_dcmtk_loop(self.dcmtk, self.identity)) if self.dcmtk else None
                files = self._prepare(kind, loop)
                planned += self._planned(kind.name, self._measures(files, loop, python))
                if kind.name in bench_archives.KINDS:
                    planned += self._planned(kind.name, bench_archives.iter_measures(files.ours, self.command))
                if kind.name in bench_large.FILE_KINDS:
                    planned += self._planned(kind.name, bench_large.iter_file_measures(files, self.identity))
                if kind.name == bench_large.REMOTE_KIND:
                    url = loops.enter_context(slow_object(files.ours))
                    planned += self._planned(kind.name, bench_large.iter_remote_measures(url))
                if self.large and kind.name == bench_archives.KINDS[0]:
                    planned += self._planned(bench_archives.ARCHIVE, bench_archives.iter_memory_measures(files.ours))
                with self._noting(f"{kind.name} {_SUMMARIES[measures.MEMORY]}"):
                    self.samples[kind.name, measures.MEMORY] = [verification_peak(files.ours)]
            planned += self._on_tokens(loops)
            for number in range(rounds):
                progress(f"round {number + 1} of {rounds}")
                for key, sample in planned:
                    self.samples.setdefault(key, []).append(sample())
        (self.folder / _SCRATCH).unlink(missing_ok=True)

    def _on_tokens(self, stack: ExitStack) -> Iterator[tuple[Key, Sample]]:
        """The measures of keys on a token, which have no file."""
        with self._noting("signing on a token"):
            token = stack.enter_context(bench_tokens.softhsm())
            for name in bench_tokens.KEYS:
                key = stack.enter_context(bench_tokens.open_bench_key(token, name))
                yield from self._planned(f"token_{name}", key.measures())

    def _prepare(self, kind: CorpusKind, loop: RequestLoop | None) -> Files:
        """Make the file of a kind, and let both implementations sign it."""
        files = Files(
            unsigned=make_file(kind, self.folder),
            ours=self.folder / f"{kind.name}.dcmseal.dcm",
            dcmtk=self.folder / f"{kind.name}.dcmtk.dcm",
            scratch=self.folder / _SCRATCH,
        )
        for signed in (files.ours, files.dcmtk):
            signed.unlink(missing_ok=True)
        with self._noting(f"{kind.name} signing with dcmseal"):
            dcmseal.sign(files.unsigned, signer=self.identity, output=files.ours)
            verdict = dcmseal.verify(files.ours, integrity_only=True).verdict
            if verdict is not Verdict.VALID:
                raise BenchError(f"dcmseal calls its own signature {verdict}")
        if loop:
            with self._noting(f"{kind.name} signing with DCMTK"):
                loop.run("signsave", files.unsigned, files.dcmtk)
        return files

    def _planned(self, kind: str, makers: Iterable[tuple[str, Callable[[], Sample]]]) -> Iterator[tuple[Key, Sample]]:
        """The measures that work, each run once or twice already."""
        for name, make in makers:
            with self._noting(f"{kind} {_SUMMARIES[name]}".lstrip()):
                yield (kind, name), make()

    def _measures(
        self, files: Files, loop: RequestLoop | None, python: RequestLoop
    ) -> Iterator[tuple[str, Callable[[], Sample]]]:
        yield measures.VERIFY, lambda: measures.verify_ours(files)
        if loop:
            yield measures.VERIFY_DCMTK, lambda: measures.verify_in_loop(files.dcmtk, loop)
        yield measures.FLOOR, lambda: measures.floor(files)
        yield measures.FLOOR_RSA, lambda: measures.floor_rsa(files, self.identity)
        yield measures.VERIFY_PYTHON, lambda: measures.verify_in_loop(files.ours, python)
        yield measures.MAP, lambda: measures.map_ours(files)
        yield measures.SIGN, lambda: measures.sign_ours(files, self.identity)
        yield measures.SIGN_PYTHON, lambda: measures.sign_in_loop(files, python)
        yield measures.SYNC, lambda: measures.sync(files)
        if loop:
            yield measures.SIGN_DCMTK, lambda: measures.sign_in_loop(files, loop)
        yield measures.PROCESS, lambda: measures.process_ours(files, self.command)
        yield measures.PROCESS_DCMSIGN, lambda: measures.process_dcmsign(files, self.identity)

    @contextmanager
    def _noting(self, what: str) -> Iterator[None]:
        """Note a failure as a problem, and go on."""
        try:
            yield
        except _FAILURES as failure:
            last_words = str(getattr(failure, "stderr", "") or "").strip().rpartition("\n")[2]
            self.problems.append(f"{what}: {type(failure).__name__}: {failure} {last_words}".rstrip())
