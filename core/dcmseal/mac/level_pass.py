"""The MACs of one Data Set level, all made in one pass over its bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dcmseal import tags
from dcmseal.dataset.fragments import FragmentLayout
from dcmseal.dataset.header import ElementKind, unknown_item_reason, unknown_vr_reason
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dataset.source import Buffer
from dcmseal.dataset.walk import find_element_end
from dcmseal.mac.digest import Digest
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.mac.stream_common import ReturnValue, UnsignableElement
from dcmseal.mac.vr_context import CONTEXT_TAGS, VrContext

_NO_JOBS: tuple[MacJob, ...] = ()


@dataclass(slots=True, kw_only=True, eq=False)
class MacJob:
    """One MAC in the making: which elements it wants, and the running digest."""

    tags: frozenset[int] | None
    """Tags to be fed if they are signable; None for all."""
    digest: Digest
    unsignable: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Wanted tags that are there but may not be signed, and why."""


@dataclass(slots=True, kw_only=True)
class LevelFacts:
    """What the pass has learned about the level."""

    unsignable: dict[int, str] = field(default_factory=dict[int, str])
    """Tags that may not be signed, and why."""
    hidden_boundaries: dict[int, str] = field(default_factory=dict[int, str])
    """Tags of sequences whose fragments hold what reads as their end, so that the MAC does not bind them, and why."""
    layouts: dict[int, FragmentLayout] = field(default_factory=dict[int, FragmentLayout])
    """Fragments of the level's own Encapsulated Pixel Data, by index."""
    with_signatures: list[int] = field(default_factory=list[int])
    """Indexes of sequences inside which the Digital Signatures Macro may stand."""
    well_formed_sequences: dict[int, int] = field(default_factory=dict[int, int])
    """Indexes of sequences in which the structure walk would find nothing, but for delimiters in values, and how many
    items of undefined length each has."""

    def coverage_predicate(self, job: MacJob) -> Callable[[int], bool]:
        """Tells of the tag of an element of the level whether that is in a MAC."""
        return lambda tag: tag not in self.unsignable and (job.tags is None or tag in job.tags)


@dataclass(slots=True, kw_only=True)
class _EncodedSequence:
    """A sequence as it enters the MAC, and what was seen on the way."""

    chunks: list[bytes]
    has_signatures: bool
    hidden_boundary: bool
    unusual: bool
    open_items: int


_MAX_CACHED: Final = 4 << 20
"""Bytes of sequences that are kept, once encoded, until the MACs are known that want them."""


class LevelPass:
    """Feeds the elements of a level to the MACs that want them, in the order they are encoded.

    Each byte is read once, whatever the number of MACs: what precedes Encapsulated Pixel Data is fed when the scan
    comes to it, for MAC Parameters Sequence (4FFE,0001) is then known, and the fragments on the way.
    """

    __slots__ = ("_encoder", "_fed", "_jobs", "_kept", "_prepare", "_room", "_scan", "facts")

    def __init__(
        self, scan: LevelScanner, encoder: MacEncoder, prepare: Callable[[LevelScanner], Sequence[MacJob]]
    ) -> None:
        self._scan = scan
        self._encoder = encoder
        self._prepare = prepare
        self._jobs: Sequence[MacJob] | None = None
        self._fed = 0
        self._kept: dict[int, _EncodedSequence] = {}
        self._room = _MAX_CACHED
        self.facts = LevelFacts()

    def run(self) -> LevelFacts:
        """Pass over the whole level; ``prepare`` is called once, when MAC Parameters Sequence must have been scanned.

        Raises Malformed, and ExcessPadding if the encoder checks for it.
        """
        scan, encoder = self._scan, self._encoder
        while not scan.scan():
            index = scan.stopped_at
            kind, tag = scan.kinds[index], scan.tags[index]
            if kind is ElementKind.ENCAPSULATED and tag > tags.MAC_PARAMETERS_SEQUENCE:
                self._feed_until(index)
                jobs = self._jobs_for(tag)
                layout = self.facts.layouts[index] = FragmentLayout()
                fragments = ReturnValue(encoder.encode_fragments(scan.starts[index], layout))
                _feed(fragments, jobs)
                scan.resume(fragments.end)
                self._fed = index + 1
            elif kind is ElementKind.SEQUENCE:
                scan.resume(self._find_sequence_end(index))
            else:
                scan.skip()
        self._feed_until(len(scan.tags))
        return self.facts

    def _find_sequence_end(self, index: int) -> int:
        """Where a sequence of undefined length ends; encoding it is the fastest way to know."""
        scan, seen = self._scan, self._encoder.notes
        start = scan.starts[index]
        seen.reset()
        steps = ReturnValue(self._encoder.encode_sequence(start))
        # in implicit VR the encoding depends on elements that may be still to come
        room = 0 if scan.encoding.is_implicit else self._room
        chunks: list[bytes] = []
        try:
            for chunk in steps:
                room -= len(chunk)
                if room >= 0:
                    chunks.append(chunk)
        except UnsignableElement:
            return find_element_end(scan.source, start, scan.encoding)
        if room >= 0:
            self._room = room
            self._kept[index] = _EncodedSequence(
                chunks=chunks,
                has_signatures=seen.has_signatures,
                hidden_boundary=seen.hidden_boundary,
                unusual=seen.unusual,
                open_items=seen.open_items,
            )
        return steps.end

    def _jobs_for(self, tag: int) -> Sequence[MacJob]:
        jobs = self._jobs or _NO_JOBS
        if len(jobs) == 1:
            wanted = jobs[0].tags
            return jobs if wanted is None or tag in wanted else _NO_JOBS
        return tuple(job for job in jobs if job.tags is None or tag in job.tags)

    def _feed_until(self, stop: int) -> None:
        """Feed the elements before index ``stop`` that were not fed yet."""
        scan = self._scan
        if self._jobs is None:
            self._jobs = self._prepare(scan)
            if scan.encoding.is_implicit:
                self._encoder.context = build_vr_context(scan, self._encoder.context)
        first = self._fed
        self._fed = stop
        for index in [index for index in scan.kinds if first <= index < stop]:
            self._feed_plain(first, index)
            self._feed_special(index, scan.kinds[index])
            first = index + 1
        self._feed_plain(first, stop)

    def _feed_plain(self, first: int, stop: int) -> None:
        """Feed the plain elements before index ``stop``, in runs that the same jobs want."""
        if first >= stop or not self._jobs:
            return
        all_tags = self._scan.tags
        if len(self._jobs) == 1:
            wanted = self._jobs[0].tags
            if wanted is None or wanted.issuperset(all_tags[first:stop]):
                _feed(self._encoder.encode_plain(self._scan, first, stop - 1), self._jobs)
                return
        run: int = first
        run_jobs: Sequence[MacJob] = _NO_JOBS
        for index in range(first, stop):
            jobs = self._jobs_for(all_tags[index])
            if jobs != run_jobs:
                self._feed_run(run, index, run_jobs)
                run, run_jobs = index, jobs
        self._feed_run(run, stop, run_jobs)

    def _feed_run(self, first: int, stop: int, jobs: Sequence[MacJob]) -> None:
        if jobs and first < stop:
            _feed(self._encoder.encode_plain(self._scan, first, stop - 1), jobs)

    def _feed_special(self, index: int, kind: ElementKind) -> None:
        scan = self._scan
        tag, start = scan.tags[index], scan.starts[index]
        jobs = self._jobs_for(tag)
        if kind is ElementKind.SEQUENCE:
            self._feed_sequence(index, tag, start, jobs)
        elif kind in (ElementKind.ENCAPSULATED, ElementKind.RESERVED_NONZERO):
            _feed(self._encoder.encode_element(scan, index), jobs)
        elif kind is ElementKind.UNKNOWN:
            self._mark_unsignable(tag, unknown_vr_reason(tag, scan.encoding), jobs)
        else:
            self._mark_unsignable(tag, exclusion_reason(tag), () if any(job.tags is None for job in jobs) else jobs)

    def _feed_sequence(self, index: int, tag: int, start: int, jobs: Sequence[MacJob]) -> None:
        seen = self._encoder.notes
        seen.reset()
        # a UN element further on takes back what was fed: feed copies
        digests = [job.digest.copy() for job in jobs]
        kept = self._kept.pop(index, None)
        if kept is not None:
            seen.has_signatures, seen.hidden_boundary = kept.has_signatures, kept.hidden_boundary
            seen.unusual, seen.open_items = kept.unusual, kept.open_items
        try:
            for chunk in self._encoder.encode_sequence(start) if kept is None else kept.chunks:
                for digest in digests:
                    digest.update(chunk)
        except UnsignableElement as unknown:
            self._mark_unsignable(tag, unknown_item_reason(unknown.tag, self._scan.encoding), jobs)
            seen.has_signatures = True
        else:
            for job, digest in zip(jobs, digests, strict=True):
                job.digest = digest
            if not seen.unusual:
                self.facts.well_formed_sequences[index] = seen.open_items
        if seen.hidden_boundary:
            self.facts.hidden_boundaries[tag] = "a fragment inside it holds bytes that read as the end of a fragment"
        if seen.has_signatures:
            self.facts.with_signatures.append(index)

    def _mark_unsignable(self, tag: int, why: str, jobs: Iterable[MacJob]) -> None:
        self.facts.unsignable[tag] = why
        for job in jobs:
            if job.tags is not None:
                job.unsignable.append((tag, why))


def _feed(pieces: Iterable[Buffer], jobs: Sequence[MacJob]) -> None:
    """Feed pieces to the digests of all jobs."""
    if len(jobs) == 1:
        update = jobs[0].digest.update
        for piece in pieces:
            update(piece)
        return
    for piece in pieces:
        for job in jobs:
            job.digest.update(piece)


def build_vr_context(scan: LevelScanner, context: VrContext) -> VrContext:
    """What the context-dependent VRs of a level depend on; ``context`` is that of the enclosing level."""
    for tag in CONTEXT_TAGS:
        index = scan.index(tag)
        if index is not None:
            context = context.with_element(tag, scan.value(index, 64))
    return context
