"""A rule: requirements that one signature must meet, as values and as text.

>>> rule = Rule.parse("signer:CN=Dr. Example,O=Hospital + purpose:verification or review + timestamp")
>>> sorted(rule.signers), rule.timestamp
(['CN=Dr. Example,O=Hospital'], True)
>>> str(rule)
'signer:CN=Dr. Example,O=Hospital + purpose:verification or review + timestamp'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dictionary import parse_tag, tag_keyword
from dcmseal.errors import UsageError
from dcmseal.plugins.profile import Profile
from dcmseal.tags import format_tag
from dcmseal.terms import SignaturePurpose, format_purposes

RULE_KINDS: Final = ("profile", "purpose", "signer", "certificate", "covers", "timestamp")
"""The kinds of parts that a rule can have."""
_AND: Final = re.compile(r"(?<!\\)\s*\+(?!\s*[A-Za-z0-9.]+=)\s*")
"""A plus sign, unless it joins two attributes of a distinguished name (RFC 4514 2.2)."""
_OR: Final = re.compile(r"\s+or\s+")
_OR_NAME: Final = re.compile(r"\s+or\s+(?=[A-Za-z0-9.]+=)")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_MAX_LENGTH: Final = 4096


class Rule(Struct, frozen=True, kw_only=True):
    """Requirements that one signature must meet, all of them.

    Raises:
        UsageError: A requirement is invalid, or no signature can meet it.
    """

    profiles: tuple[str | Profile, ...] = ()
    """Profiles, all of which it must meet."""
    purposes: frozenset[SignaturePurpose] = frozenset()
    """Purposes, one of which it must state (CID 7007)."""
    signers: frozenset[str] = frozenset()
    """Names as RFC 4514 strings; the subject of its certificate must have all attributes of one of them."""
    certificates: frozenset[str] = frozenset()
    """SHA-256 fingerprints in hexadecimal; its certificate must have one of them."""
    covered: frozenset[int] = frozenset()
    """Tags of elements that it must cover if they are present."""
    timestamp: bool = False
    """Whether it must have a certified timestamp."""

    def __post_init__(self) -> None:
        check_coverable(self.covered)
        if not all(_FINGERPRINT.fullmatch(normalize_fingerprint(each)) for each in self.certificates):
            raise UsageError("the certificate is not a SHA-256 fingerprint", hint="write the 64 hexadecimal digits")
        if self.signers:
            from dcmseal.policy.distinguished_names import parse_name

            for each in self.signers:
                parse_name(each)

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Parse a rule.

        Args:
            text: Parts joined by ``+``. A part is the name of a profile, ``timestamp``, or ``KIND:VALUE``, in which
                ``or`` joins alternatives.

        Raises:
            UsageError: The text is not a rule; the message does not repeat it.
        """
        if len(text) > _MAX_LENGTH:
            raise UsageError(f"the rule is longer than {_MAX_LENGTH} characters", hint="split it into several rules")
        rule = cls()
        for part in _AND.split(text.strip()):
            kind, value = _split_part(part)
            rule = rule._with_part(kind, value)
        return rule

    def _with_part(self, kind: str, value: str) -> Rule:
        if kind != "profile" and kind in self.kinds:
            raise UsageError(f"the rule has {kind} twice", hint="join alternatives with 'or', or write two rules")
        match kind:
            case "profile":
                return replace(self, profiles=(*self.profiles, value))
            case "purpose":
                return replace(self, purposes=frozenset(map(_parse_purpose, _OR.split(value))))
            case "signer":
                return replace(self, signers=frozenset(_OR_NAME.split(value)))
            case "certificate":
                return replace(self, certificates=frozenset(_OR.split(value)))
            case "covers":
                return replace(self, covered=frozenset(map(parse_covered_tag, re.split(r"[,\s]+", value))))
            case _:
                return replace(self, timestamp=True)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of its parts, in the order of RULE_KINDS."""
        parts = (self.profiles, self.purposes, self.signers, self.certificates, self.covered, self.timestamp)
        return tuple(kind for kind, part in zip(RULE_KINDS, parts, strict=True) if part)

    def resolve_profiles(self, find_profile: Callable[[str], Profile]) -> Rule:
        """Return a rule with profiles instead of their names; raises the errors of ``find_profile``."""
        return replace(
            self, profiles=tuple(find_profile(each) if isinstance(each, str) else each for each in self.profiles)
        )

    def __str__(self) -> str:
        parts = [f"signer:{_join_alternatives(sorted(self.signers))}"] if self.signers else []
        if self.certificates:
            parts.append(f"certificate:{_join_alternatives(sorted(self.certificates))}")
        if self.purposes:
            parts.append(
                f"purpose:{_join_alternatives(each.name.lower().replace('_', '-') for each in sorted(self.purposes))}"
            )
        parts += [each if isinstance(each, str) else each.name for each in self.profiles]
        if self.covered:
            parts.append(f"covers:{','.join(tag_keyword(tag) or format_tag(tag) for tag in sorted(self.covered))}")
        return " + ".join([*parts, *(["timestamp"] if self.timestamp else [])])


def normalize_fingerprint(text: str) -> str:
    """Normalize a fingerprint for comparison: without colons, in lower case."""
    return text.replace(":", "").lower()


def parse_covered_tag(element: str | int) -> int:
    """Parse the keyword or tag of an element.

    Raises:
        UsageError: The text is neither a keyword nor a tag.
    """
    tag = parse_tag(element) if isinstance(element, str) else element
    if tag is None:
        raise UsageError(
            "the element is not a keyword or tag", hint="write keywords such as PatientID, or tags such as 00100020"
        )
    return tag


def check_coverable(covered: Iterable[int]) -> None:
    """Check that signatures can cover elements.

    Raises:
        UsageError: No signature can cover one of the elements.
    """
    for tag in covered:
        reason = exclusion_reason(tag)
        if reason:
            raise UsageError(f"{format_tag(tag)} cannot be required: {reason}", hint="omit it")


def _split_part(part: str) -> tuple[str, str]:
    kind, colon, value = part.partition(":")
    kind, value = kind.strip(), value.strip()
    if part == "timestamp":
        return part, ""
    if colon and value and kind in RULE_KINDS[:-1]:
        return kind, value
    # a Windows drive letter is not a kind
    if not part or kind in RULE_KINDS or (colon and len(kind) > 1):
        near = get_close_matches(kind, RULE_KINDS, 1)
        meant = f"did you mean {near[0]}? " if near and near[0] != kind else ""
        raise UsageError(
            "unknown kind of rule",
            hint=f"{meant}use the name of a profile, "
            f"{', '.join(f'{each}:...' for each in RULE_KINDS[:-1])} or timestamp",
        )
    return "profile", part


def _parse_purpose(text: str) -> SignaturePurpose:
    purpose = SignaturePurpose.parse(text)
    if purpose is None:
        raise UsageError("the rule has an unknown signature purpose", hint=f"use one of {format_purposes()}")
    return purpose


def _join_alternatives(values: Iterable[str]) -> str:
    return " or ".join(values)
