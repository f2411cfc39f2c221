"""What a new signature covers and how it is made: the options of ``sign`` and ``sign_many``.

>>> SignOptions(tags="PatientID", purpose="verification")
SignOptions(tags=(1048608,), purpose=<SignaturePurpose.VERIFICATION: 5>)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypedDict, Unpack

from msgspec import Struct

from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dictionary import parse_tag
from dcmseal.errors import NotSignable, ProfileViolation, UsageError
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.location import MAIN, Location, parse_location
from dcmseal.option_values import build_options, format_options, parse_options, to_tuple
from dcmseal.plugins.profile import Profile, Requirements
from dcmseal.sources.reference_folders import ReferenceFolders, References, to_reference_folders
from dcmseal.tags import format_tag
from dcmseal.terms import MacAlgorithm, SignaturePurpose, parse_algorithm, parse_purpose

if TYPE_CHECKING:
    from dcmseal.signing.timestamp_request import TimestampInput, TimestampRequest

TagInput: TypeAlias = int | str


class PaddingMode(StrEnum):
    """What happens to padding of text values beyond the minimum (PS3.5 6.2)."""

    MINIMAL = "minimal"
    """It is removed, because verifiers disagree about it."""
    KEEP = "keep"


class SignKeywords(TypedDict, total=False):
    """The options of ``sign`` and ``sign_many`` as callers may write them; see SignOptions."""

    location: Location | str
    tags: TagInput | Iterable[TagInput] | None
    only_required: bool
    profile: str | Profile | None
    algorithm: MacAlgorithm | str
    transfer_syntax: str | None
    purpose: SignaturePurpose | int | str | None
    padding: PaddingMode | str
    references: References | None
    timestamp: TimestampInput | None
    require_intact: bool
    allow_weak: bool
    allow_expired: bool


class SignOptions(Struct, frozen=True, kw_only=True):
    """The options of ``sign`` and ``sign_many``, read and checked.

    Raises:
        UsageError: A value cannot be read, whatever the Data Set.
    """

    location: Location = MAIN
    """The main Data Set or an item, such as ``BeamSequence[0]``."""
    tags: tuple[int, ...] | None = None
    """The elements to sign, given as keywords, ``(gggg,eeee)`` or numbers; None signs everything that can be signed."""
    only_required: bool = False
    """Sign what the profile requires, and the elements in ``tags``."""
    profile: str | Profile | None = None
    """The Digital Signature Profile to meet: its name, the path of a profile file (``*.toml``), or the profile."""
    algorithm: MacAlgorithm = MacAlgorithm.SHA256
    """The MAC algorithm."""
    transfer_syntax: str | None = None
    """The MAC Calculation Transfer Syntax UID; None for the file's own if allowed, or else explicit
    VR little endian."""
    purpose: SignaturePurpose | None = None
    """The purpose of the signature (CID 7007), given as number, name or Code Meaning."""
    padding: PaddingMode = PaddingMode.MINIMAL
    """Whether excess padding of text values is removed or kept."""
    references: ReferenceFolders | None = None
    """Folders with the instances that the document cites as evidence: their signatures or MACs are filled in first, so
    that the signature covers them (PS3.3 C.17.2.1)."""
    timestamp: TimestampRequest | None = None
    """The timestamp authorities to ask, given as URL, as several that are asked in turn, or as TimestampRequest.
    Without a valid timestamp nothing is written."""
    require_intact: bool = False
    """Refuse to sign if an existing signature is not valid, instead of warning."""
    allow_weak: bool = False
    """Allow RIPEMD160, MD5 and SHA1."""
    allow_expired: bool = False
    """Allow a certificate that is not valid now."""

    if TYPE_CHECKING:

        def __init__(self, **keywords: Unpack[SignKeywords]) -> None: ...

    def __post_init__(self) -> None:
        parse_options(self, _PARSERS)

    @classmethod
    def build(cls, options: SignOptions | None, keywords: SignKeywords) -> SignOptions:
        """Build options from other options and keywords, which take precedence."""
        return build_options(cls, options, keywords)

    def replace(self, **keywords: Unpack[SignKeywords]) -> SignOptions:
        """Copy the options, with those in ``keywords`` replaced."""
        return build_options(SignOptions, self, keywords)

    @property
    def signs_everything(self) -> bool:
        """Whether every element is signed that can be signed."""
        return self.tags is None and not self.only_required

    def __repr__(self) -> str:
        return format_options(self)


def select_tags(options: SignOptions, scan: LevelScanner, requirements: Requirements) -> frozenset[int]:
    """The tags to sign at a level that is completely scanned.

    Raises:
        NotSignable: A chosen tag is absent or never signed.
        UsageError: Nothing is selected.
    """
    present = frozenset(scan.tags)
    if options.signs_everything:
        return present - requirements.forbidden
    for tag in options.tags or ():
        why = exclusion_reason(tag)
        if why:
            raise NotSignable(tag, why, hint="leave it out")
        if tag not in present:
            raise NotSignable(tag, "it is not in the data set at this level", hint="leave it out, or name the item")
    selected = present.intersection(options.tags or ()) | (
        present & (requirements.required_tags | requirements.recommended)
    )
    if not selected:
        raise UsageError(
            "the profile requires no elements, and no elements are chosen",
            hint="choose elements: tags=[...]",
            code="no-tags",
        )
    return selected


def check_signable(
    chosen: Collection[int],
    requirements: Requirements,
    present: Collection[int],
    unsignable: Iterable[tuple[int, str]],
) -> None:
    """Refuse chosen and required elements that are there but cannot be signed.

    Raises NotSignable for a chosen one, ProfileViolation for a required one.
    """
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


def _parse_tags(given: TagInput | Iterable[TagInput] | None) -> tuple[int, ...] | None:
    return None if given is None else tuple(map(_parse_tag, to_tuple(given, single=(int, str))))


def _parse_tag(given: TagInput) -> int:
    tag = given if isinstance(given, int) else parse_tag(given)
    if tag is None:
        raise UsageError(f"unknown tag {given!r}", hint="write a keyword such as PatientID, (0010,0020) or 00100020")
    return tag


def _parse_profile(profile: str | Profile | None) -> str | Profile | None:
    if profile is None or isinstance(profile, str) or hasattr(profile, "requirements"):
        return profile
    raise TypeError


def _parse_text(text: object) -> str | None:
    if text is None or isinstance(text, str):
        return text
    raise TypeError


def _parse_padding(padding: PaddingMode | str) -> PaddingMode:
    try:
        return PaddingMode(padding)
    except ValueError:
        raise UsageError(f"unknown padding mode {padding!r}", hint="use minimal or keep") from None


def _parse_timestamp(timestamp: TimestampInput | None) -> TimestampRequest | None:
    if timestamp is None:
        return None
    from dcmseal.signing.timestamp_request import to_timestamp_request

    return to_timestamp_request(timestamp)


_PARSERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "location": lambda given: parse_location(given) or MAIN,
    "tags": _parse_tags,
    "profile": _parse_profile,
    "algorithm": parse_algorithm,
    "transfer_syntax": _parse_text,
    "purpose": lambda given: None if given is None else parse_purpose(given),
    "padding": _parse_padding,
    "references": to_reference_folders,
    "timestamp": _parse_timestamp,
}
