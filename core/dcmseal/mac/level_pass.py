"""One pass over a Data Set level, which computes all of its MACs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct, field

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
from dcmseal.mac.vr_context import VrContext

_NO_JOBS: tuple[MacJob, ...] = ()


class MacJob(Struct, kw_only=True, eq=False):
    """A MAC that is being computed."""

    tags: frozenset[int] | None
    """Tags of the elements to include if they are signable; None for all."""
    digest: Digest
    unsignable: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    """Tags of elements that should be included but are not signable, and why."""


class LevelFacts(Struct, kw_only=True):
    """What the pass found out about the level."""

    unsignable: dict[int, str] = field(default_factory=dict[int, str])
    """Tags of elements that cannot be signed, and why."""
    hidden_boundaries: dict[int, str] = field(default_factory=dict[int, str])
    """Tags of sequences with fragments whose boundaries the MAC does not protect, and why."""
    layouts: dict[int, FragmentLayout] = field(default_factory=dict[int, FragmentLayout])
    """The fragments of Encapsulated Pixel Data at this level, by index."""
    with_signatures: list[int] = field(default_factory=list[int])
    """Indexes of sequences that may contain the Digital Signatures Macro."""
    well_formed_sequences: dict[int, int] = field(default_factory=dict[int, int])
    """Sequences in which only delimiters in values can be wrong, by index.

    The number is that of items of undefined length whose delimiters have to be counted.
    """

    def coverage_predicate(self, job: MacJob) -> Callable[[int], bool]:
        """Return a function that tells whether the element with a tag is in a MAC."""
        return lambda tag: tag not in self.unsignable and (job.tags is None or tag in job.tags)


class _EncodedSequence(Struct, kw_only=True):
    """An encoded sequence, and the notes about it."""

    chunks: list[bytes]
    has_signatures: bool
    hidden_boundary: bool
    unusual: bool
    open_items: int
    uncounted: bool


_MAX_CACHED: Final = 4 << 20
"""Bytes of encoded sequences to keep until the MACs are known."""


class LevelPass:
    """Feeds the elements of a level to all MACs that include them, in the order of their encoding.

    Each byte is read once, for any number of MACs. When the scan comes to Encapsulated Pixel Data, MAC Parameters
    Sequence (4FFE,0001) is known. Then the preceding elements are fed, and the fragments during the scan.

    Args:
        scan: A new scan of the level.
        encoder: Encodes the elements.
        prepare: Returns the MACs to compute. It is called once, after the scan has passed MAC Parameters Sequence.
    """

    __slots__ = ("_encoded", "_encoder", "_fed", "_jobs", "_prepare", "_room", "_scan", "facts")

    def __init__(
        self, scan: LevelScanner, encoder: MacEncoder, prepare: Callable[[LevelScanner], Sequence[MacJob]]
    ) -> None:
        self._scan = scan
        self._encoder = encoder
        self._prepare = prepare
        self._jobs: Sequence[MacJob] | None = None
        self._fed = 0
        self._encoded: dict[int, _EncodedSequence] = {}
        self._room = _MAX_CACHED
        self.facts = LevelFacts()

    def run(self) -> LevelFacts:
        """Pass over the whole level.

        Raises:
            Malformed: The encoding violates PS3.5.
            ExcessPadding: The encoder checks padding, and a value has more than minimal padding.
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
        """Find the end of a sequence of undefined length; encoding it is the fastest way."""
        scan, notes = self._scan, self._encoder.notes
        start = scan.starts[index]
        notes.reset()
        steps = ReturnValue(self._encoder.encode_sequence(start))
        # in implicit VR the result may depend on elements that are not scanned yet
        room = 0 if scan.encoding.is_implicit else self._room
        chunks: list[bytes] = []
        try:
            for chunk in steps:
                room -= len(chunk)
                if room >= 0:
                    chunks.append(bytes(chunk))
        except UnsignableElement:
            return find_element_end(scan.source, start, scan.encoding)
        if room >= 0:
            self._room = room
            self._encoded[index] = _EncodedSequence(
                chunks=chunks,
                has_signatures=notes.has_signatures,
                hidden_boundary=notes.hidden_boundary,
                unusual=notes.unusual,
                open_items=notes.open_items,
                uncounted=notes.uncounted,
            )
        return steps.end

    def _jobs_for(self, tag: int) -> Sequence[MacJob]:
        jobs = self._jobs or _NO_JOBS
        if len(jobs) == 1:
            wanted = jobs[0].tags
            return jobs if wanted is None or tag in wanted else _NO_JOBS
        return tuple(job for job in jobs if job.tags is None or tag in job.tags)

    def _feed_until(self, stop: int) -> None:
        """Feed the remaining elements before index ``stop``."""
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
        """Feed plain elements before index ``stop``, in runs for the same jobs."""
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
        notes = self._encoder.notes
        notes.reset()
        # feed copies, because a UN element later in the sequence makes all of it unsignable
        digests = [job.digest.copy() for job in jobs]
        encoded = self._encoded.pop(index, None)
        if encoded is not None:
            notes.has_signatures, notes.hidden_boundary = encoded.has_signatures, encoded.hidden_boundary
            notes.unusual, notes.open_items = encoded.unusual, encoded.open_items
            notes.uncounted = encoded.uncounted
        try:
            for chunk in self._encoder.encode_sequence(start) if encoded is None else encoded.chunks:
                for digest in digests:
                    digest.update(chunk)
        except UnsignableElement as unknown:
            self._mark_unsignable(tag, unknown_item_reason(unknown.tag, self._scan.encoding), jobs)
            notes.has_signatures = True
        else:
            for job, digest in zip(jobs, digests, strict=True):
                job.digest = digest
            if not notes.unusual:
                self.facts.well_formed_sequences[index] = notes.open_items if notes.uncounted else 0
        if notes.hidden_boundary:
            self.facts.hidden_boundaries[tag] = (
                "a fragment inside it contains bytes that look like the end of a fragment"
            )
        if notes.has_signatures:
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
    """Find the elements of a level that decide the VRs of others.

    Args:
        scan: A complete scan of the level.
        context: The context of the enclosing level.
    """
    for tag in tags.VR_CONTEXT:
        index = scan.index(tag)
        if index is not None:
            context = context.with_element(tag, scan.value(index, 64))
    return context
