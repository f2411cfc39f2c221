"""What a new signature covers and how it is made, as values that have been checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dictionary import parse_tag
from dcmseal.errors import NotSignable, ProfileViolation, UsageError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import MAIN, Location, parse_location
from dcmseal.plugins.profile import Profile, Requirements
from dcmseal.tags import format_tag
from dcmseal.terms import MacAlgorithm, SignaturePurpose

if TYPE_CHECKING:
    from dcmseal.references.reference_folders import ReferenceFolders

TagInput: TypeAlias = int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementSelection:
    """What the caller wants signed: everything, or chosen elements and what the profile demands."""

    chosen: tuple[int, ...] | None = None
    """None for everything signable."""
    only_required: bool = False
    """Nothing but what the profile demands, and the chosen elements."""

    @property
    def is_everything(self) -> bool:
        return self.chosen is None and not self.only_required

    def select_tags(self, scan: LevelScanner, requirements: Requirements) -> frozenset[int]:
        """The tags to be signed at a level that is completely scanned.

        Raises NotSignable for a chosen tag that is absent or never signed, UsageError if nothing is left.
        """
        present = frozenset(scan.tags)
        if self.is_everything:
            return present - requirements.forbidden
        for tag in self.chosen or ():
            why = exclusion_reason(tag)
            if why:
                raise NotSignable(tag, why, hint="leave it out")
            if tag not in present:
                raise NotSignable(tag, "it is not in the data set at this level", hint="leave it out, or name the item")
        wanted = present.intersection(self.chosen or ()) | (
            present & (requirements.required_tags | requirements.recommended)
        )
        if not wanted:
            raise UsageError(
                "the profile demands nothing, and no elements are chosen", hint="choose elements with --tag"
            )
        return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOptions:
    """What kind of signature is wanted."""

    location: Location = MAIN
    selection: ElementSelection = ElementSelection()
    profile: Profile | None = None
    algorithm: MacAlgorithm = MacAlgorithm.SHA256
    transfer_syntax: str | None = None
    """MAC Calculation Transfer Syntax UID; None: the file's own if allowed, else explicit VR little endian."""
    purpose: SignaturePurpose | None = None
    allow_weak: bool = False
    keep_padding: bool = False
    timestamped: bool = False
    """It will get a certified timestamp."""
    moment: datetime | None = None
    """Time of signing; None for now."""
    uid: str | None = None
    """Digital Signature UID; None for a new one."""
    references: ReferenceFolders | None = None
    """Where the instances are that the document cites as evidence; None to leave the evidence as it is."""
    require_intact: bool = False
    """Sign only where all signatures that are there already hold."""


def build_options(
    *,
    location: Location | str = "main",
    tags: Iterable[TagInput] | None = None,
    only_required: bool = False,
    profile: Profile | None = None,
    algorithm: MacAlgorithm | str = MacAlgorithm.SHA256,
    transfer_syntax: str | None = None,
    purpose: SignaturePurpose | int | str | None = None,
    allow_weak: bool = False,
    padding: str = "minimal",
    references: ReferenceFolders | None = None,
    timestamped: bool = False,
    require_intact: bool = False,
    uid: str | None = None,
) -> SignOptions:
    """What ``sign`` is asked for, read; raises UsageError for what cannot be, whatever the Data Set."""
    if padding not in ("minimal", "keep"):
        raise UsageError(f"padding {padding!r} is neither minimal nor keep", hint="leave it out for minimal")
    return SignOptions(
        location=parse_location(location) or Location(),
        selection=ElementSelection(chosen=None if tags is None else _parse_tags(tags), only_required=only_required),
        profile=profile,
        algorithm=_parse_algorithm(algorithm),
        transfer_syntax=transfer_syntax,
        purpose=None if purpose is None else parse_purpose(purpose),
        allow_weak=allow_weak,
        keep_padding=padding == "keep",
        references=references,
        timestamped=timestamped,
        require_intact=require_intact,
        uid=uid,
    )


def check_signable(
    selection: ElementSelection,
    requirements: Requirements,
    present: Collection[int],
    unsignable: Iterable[tuple[int, str]],
) -> None:
    """Refuse chosen and required elements that are there but cannot be signed.

    Raises NotSignable for a chosen one, ProfileViolation for a required one.
    """
    chosen = frozenset(selection.chosen or ())
    for tag, why in unsignable:
        if tag in chosen:
            raise NotSignable(tag, why, hint="leave it out, or have its VR set right at the source")
        if tag in requirements.required_tags and tag in present:
            message = (
                f"{format_tag(tag)} must be signed by {requirements.clause or 'the profile'}, but cannot be: {why}"
            )
            finding = Finding(
                aspect=Aspect.CONFORMANCE,
                outcome=Outcome.FAILED,
                code="required-not-signable",
                message=message,
                where=format_tag(tag),
                clause=requirements.clause,
            )
            hint = "have its VR set right at the source, or sign by another profile"
            raise ProfileViolation(message, (finding,), hint=hint)


def parse_purpose(purpose: SignaturePurpose | int | str) -> SignaturePurpose:
    """A purpose by number, member name, or Code Meaning; raises UsageError."""
    named = SignaturePurpose.parse(str(int(purpose)) if isinstance(purpose, int) else purpose)
    if named is not None:
        return named
    names = ", ".join(f"{each.value} {each.name.lower()}" for each in SignaturePurpose)
    raise UsageError(f"{purpose!r} is no signature purpose of CID 7007", hint=f"use one of {names}")


def _parse_tags(given: Iterable[TagInput]) -> tuple[int, ...]:
    return tuple(each if isinstance(each, int) else _parse_tag(each) for each in given)


def _parse_tag(text: str) -> int:
    tag = parse_tag(text)
    if tag is None:
        raise UsageError(f"{text!r} is no tag", hint="write a keyword such as PatientID, (0010,0020) or 00100020")
    return tag


def _parse_algorithm(algorithm: MacAlgorithm | str) -> MacAlgorithm:
    try:
        return MacAlgorithm(algorithm.upper())
    except ValueError:
        raise UsageError(f"{algorithm!r} is no MAC algorithm", hint=f"use one of {', '.join(MacAlgorithm)}") from None
