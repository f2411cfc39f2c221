"""Scan and hash a level before a signature is planned."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from dcmseal import tags
from dcmseal.dataset.edits import apply_edits
from dcmseal.dataset.padding import PaddedElement, build_padding_edits, has_excess_padding
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
from dcmseal.signing.signing_context import SigningContext
from dcmseal.signing.signing_options import PaddingMode, select_tags
from dcmseal.verification.mac_binding import FragmentBoundaries, check_structure


class PreparedLevel(Struct, kw_only=True):
    """A level, scanned and hashed."""

    file: DicomFile
    level: Level
    scan: LevelScanner
    job: MacJob
    facts: LevelFacts
    requirements: Requirements
    level_signatures: LevelSignatures
    """The existing signatures of the level."""
    existing: MacJobs
    """The MACs of the existing signatures."""
    is_signed: bool
    """Whether the file has signatures, at this level or another."""
    ambiguous: bool
    """Whether the VRs of some elements were derived from their context."""
    padded: tuple[PaddedElement, ...] = ()
    padding_kept: bool = False
    mac_ids: frozenset[int] = frozenset()


def prepare_level(file: DicomFile, context: SigningContext) -> PreparedLevel:
    """Scan and hash a level, with minimal padding unless that could break existing signatures.

    Args:
        file: The Data Set to sign.
        context: What to sign, and how.

    Returns:
        The level; its ``file`` has the padding that will be signed.

    Raises:
        DatasetError: The Data Set cannot be parsed or signed, or the subclass that says why.
        UsageError: The level must not be signed, or has too many signatures.
    """
    if context.options.padding is PaddingMode.KEEP:
        return _hash_level(file, context, check_padding=False)
    with suppress(ExcessPadding):
        return _hash_level(file, context, check_padding=True)
    edits, padded = build_padding_edits(file.body, file.start, file.end, file.encoding)
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
            "items of Original Attributes Sequence are a former state of the data set and cannot be signed",
            hint="sign the main data set, or another item",
        )
    if any(tag in tags.MACRO for tag, _ in level.location.steps):
        raise UsageError("items of a signature cannot be signed", hint="sign the data set that contains the signature")
    scan = level.scanner()
    view = LevelView(scan=scan, location=level.location)
    if profile is not None or not options.signs_everything:
        scan.finish()  # the selection depends on which elements are present
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
        check_structure(
            file, scan, FragmentBoundaries(scan, facts), facts.coverage_predicate(job), facts.well_formed_sequences
        )
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
        mac_ids=frozenset(_iter_mac_ids([found, *(each.level_signatures for each in others)])),
    )


def _check_capacity(scan: LevelScanner, found: LevelSignatures) -> None:
    """Refuse a level that would exceed the verifier's limits with one more signature."""
    lists = {mac_key(each.parameters) for each in found.parameters}
    if (
        len(found.signatures) >= MAX_SIGNATURES
        or len(lists) >= MAX_MACS
        or count_listed_tags(found.signatures) + len(scan.tags) > MAX_LISTED_TAGS
    ):
        raise UsageError(
            "the level has too many signatures: verifiers would not read another one",
            hint="remove signatures that are not needed",
        )


def _iter_mac_ids(levels: Iterable[LevelSignatures]) -> Iterator[int]:
    """Iterate over the MAC ID Numbers in use at these levels."""
    for found in levels:
        # a signature that has lost its parameters must not be assigned those of the new one
        numbers = {one.parameters.mac_id for one in found.parameters}
        numbers.update(one.signature.mac_id for one in found.signatures)
        yield from (number for number in numbers if number is not None)
