"""A level hashed for a signature to be: all that has to be known of the data before the rest can be decided."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from dcmseal import tags
from dcmseal.dataset.edits import apply_edits
from dcmseal.dataset.padding import PaddedElement, has_excess_padding, minimise
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.scanner import LevelScanner
from dcmseal.errors import UsageError
from dcmseal.location import MAIN
from dcmseal.mac.digest import new_digest
from dcmseal.mac.level_pass import LevelFacts, LevelPass, MacJob
from dcmseal.mac.mac_encoder import MacEncoder
from dcmseal.mac.stream_common import ExcessPadding
from dcmseal.macro.level_macs import MAX_MACS, MacJobs, mac_key
from dcmseal.macro.levels import Level, find_level, iter_nested_signed_levels, iter_signed_levels, main_level
from dcmseal.macro.profile_view import LevelView
from dcmseal.macro.read import (
    MAX_LISTED_TAGS,
    MAX_SIGNATURES,
    LevelSignatures,
    MacParametersItem,
    count_listed_tags,
    read_parameters,
    read_signatures,
)
from dcmseal.plugins.profile import Requirements
from dcmseal.signing.context import SigningContext
from dcmseal.signing.options import PaddingMode, select_tags
from dcmseal.verification.mac_binding import FragmentBoundaries, check_structure


@dataclass(slots=True, kw_only=True)
class PreparedLevel:
    """A level, scanned and hashed."""

    file: DicomFile
    level: Level
    scan: LevelScanner
    job: MacJob
    facts: LevelFacts
    requirements: Requirements
    level_signatures: LevelSignatures
    """The signatures that the level has already."""
    existing: MacJobs
    """Their MACs."""
    is_signed: bool
    """There are signatures, at this level or another."""
    ambiguous: bool
    """The VRs of some elements were chosen by their context."""
    padded: tuple[PaddedElement, ...] = ()
    padding_kept: bool = False
    mac_ids: frozenset[int] = frozenset()


def prepare_level(file: DicomFile, context: SigningContext) -> PreparedLevel:
    """Scan and hash the level, its padding minimal unless that would harm signatures that are there already."""
    if context.options.padding is PaddingMode.KEEP:
        return _hash_level(file, context, check_padding=False)
    with suppress(ExcessPadding):
        return _hash_level(file, context, check_padding=True)
    edits, padded = minimise(file.body, file.start, file.end, file.encoding)
    if any(True for _ in iter_signed_levels(file)):
        kept = _hash_level(file, context, check_padding=False)
        kept.padding_kept = True
        return kept
    minimal = _hash_level(replace(file, body=apply_edits(file.body, edits)), context, check_padding=False)
    minimal.padded = tuple(padded)
    return minimal


def _hash_level(file: DicomFile, context: SigningContext, *, check_padding: bool) -> PreparedLevel:
    options, profile = context.options, context.profile
    main = main_level(file)
    level = main if options.location == MAIN else find_level(file, options.location)
    if level.in_original_attributes:
        raise UsageError(
            "what stands in Original Attributes Sequence is a former state of the data set",
            hint="sign the main data set, or another item",
        )
    if any(tag in tags.MACRO for tag, _ in level.location.steps):
        raise UsageError("a signature cannot stand inside another", hint="sign the data set that holds it")
    scan = level.scanner()
    view = LevelView(scan=scan, location=level.location)
    if profile is not None or not options.signs_everything:
        scan.finish()  # what is wanted depends on all that is there
    job = MacJob(tags=None, digest=new_digest(options.algorithm))
    requirements = Requirements()
    parameters: tuple[MacParametersItem, ...] = ()
    existing = MacJobs()

    def prepare(scanned: LevelScanner) -> Sequence[MacJob]:
        nonlocal requirements, parameters, existing
        parameters = read_parameters(scanned)
        existing = MacJobs.build(parameters)
        if profile is not None:
            requirements = profile.requirements(view)
        if requirements.forbidden or not options.signs_everything:
            job.tags = select_tags(options, scanned, requirements)
        return (job, *existing.by_key.values())

    encoder = MacEncoder(source=level.source, encoding=level.encoding, check_padding=check_padding)
    facts = LevelPass(scan, encoder, prepare).run()
    if check_padding and has_excess_padding(scan):
        raise ExcessPadding
    if level is main:
        check_structure(file, scan, FragmentBoundaries(scan, facts), facts.are_in(job), facts.sound_sequences)
    else:
        check_structure(file, main.scanner().finish(), FragmentBoundaries(scan, facts))
    found = read_signatures(scan, level.location, parameters)
    _check_capacity(scan, found)
    # MAC ID Numbers must be unique in the whole SOP Instance (PS3.3 Table C.12-6)
    others = tuple(iter_nested_signed_levels(main, scan, facts) if level is main else iter_signed_levels(file))
    return PreparedLevel(
        file=file,
        level=level,
        scan=scan,
        job=job,
        facts=facts,
        requirements=requirements,
        level_signatures=found,
        existing=existing,
        is_signed=any(each.signatures for each in (found, *(other.level_signatures for other in others))),
        ambiguous=encoder.notes.ambiguous,
        mac_ids=frozenset(_mac_ids([found, *(each.level_signatures for each in others)])),
    )


def _check_capacity(scan: LevelScanner, found: LevelSignatures) -> None:
    """Refuse a level that could not be verified with one more signature; reading its signatures raises Malformed."""
    lists = {mac_key(each.parameters) for each in found.parameters}
    if (
        len(found.signatures) >= MAX_SIGNATURES
        or len(lists) >= MAX_MACS
        or count_listed_tags(found.signatures) + len(scan.tags) > MAX_LISTED_TAGS
    ):
        raise UsageError("the level has as many signatures as are verified", hint="remove those that are not needed")


def _mac_ids(levels: Iterable[LevelSignatures]) -> Iterator[int]:
    """MAC ID Numbers in use at these levels."""
    for found in levels:
        # a signature that has lost its parameters must not come by new ones
        numbers = {one.parameters.mac_id for one in found.parameters}
        numbers.update(one.signature.mac_id for one in found.signatures)
        yield from (number for number in numbers if number is not None)
