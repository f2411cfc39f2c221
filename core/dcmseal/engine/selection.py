"""Which Data Elements a new signature covers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from dcmseal.dataset.scanner import LevelScanner
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.errors import NotSignable, ProfileViolation, UsageError
from dcmseal.plugins.guarded_profile import Requirements
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import format_tag


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
