"""A rule: what one and the same signature has to have, as values and as text.

>>> rule = Rule.parse("signer:CN=Dr. Example,O=Hospital + purpose:verification or review + timestamp")
>>> sorted(rule.signers), rule.timestamp
(['CN=Dr. Example,O=Hospital'], True)
>>> str(rule)
'signer:CN=Dr. Example,O=Hospital + purpose:verification or review + timestamp'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dictionary import parse_tag, tag_keyword
from dcmseal.errors import UsageError
from dcmseal.plugins.profile import Profile
from dcmseal.tags import format_tag
from dcmseal.terms import SignaturePurpose, format_purposes

RULE_KINDS: Final = ("profile", "purpose", "signer", "certificate", "covers", "timestamp")
"""What the parts of a rule may be about."""
_AND: Final = re.compile(r"(?<!\\)\s*\+(?!\s*[A-Za-z0-9.]+=)\s*")
"""A plus sign, unless it joins two attributes of a name (RFC 4514 2.2)."""
_OR: Final = re.compile(r"\s+or\s+")
_OR_NAME: Final = re.compile(r"\s+or\s+(?=[A-Za-z0-9.]+=)")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_MAX_LENGTH: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one signature has to have: everything that is named here. Raises UsageError for what nobody can have."""

    profiles: tuple[str | Profile, ...] = ()
    """It has to meet all of them."""
    purposes: frozenset[SignaturePurpose] = frozenset()
    """It has to state one of them (CID 7007)."""
    signers: frozenset[str] = frozenset()
    """The subject of its certificate has to have all attributes of one of these names (RFC 4514)."""
    certificates: frozenset[str] = frozenset()
    """Its certificate has to be one of these: SHA-256 fingerprints in hexadecimal."""
    covered: frozenset[int] = frozenset()
    """It has to cover all of these elements that are there."""
    timestamp: bool = False
    """It has to have a certified timestamp."""

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
        """Read parts joined by ``+``; a part is a profile, or ``KIND:VALUE``, where ``or`` joins alternatives.

        Raises UsageError, which repeats nothing of the text.
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
            raise UsageError(f"a rule names {kind} twice", hint="join alternatives by 'or', or make two rules")
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
        """What it is about, in the order of KINDS."""
        named = (self.profiles, self.purposes, self.signers, self.certificates, self.covered, self.timestamp)
        return tuple(kind for kind, value in zip(RULE_KINDS, named, strict=True) if value)

    def resolve_profiles(self, find_profile: Callable[[str], Profile]) -> Rule:
        """The same, with profiles in place of their names; raises whatever ``find_profile`` does."""
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
    """A fingerprint as it is compared: people write colons, and capital letters."""
    return text.replace(":", "").lower()


def parse_covered_tag(given: str | int) -> int:
    """The tag of an element to be covered; raises UsageError for a text that is none."""
    tag = parse_tag(given) if isinstance(given, str) else given
    if tag is None:
        raise UsageError(
            "the element is not a tag or keyword", hint="write keywords such as PatientID, or tags such as 00100020"
        )
    return tag


def check_coverable(covered: Iterable[int]) -> None:
    """Raise UsageError if elements are to be covered that no signature can cover."""
    for tag in covered:
        why = exclusion_reason(tag)
        if why:
            raise UsageError(f"{format_tag(tag)} cannot be required: {why}", hint="leave it out")


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
        raise UsageError("a rule names an unknown signature purpose", hint=f"use one of {format_purposes()}")
    return purpose


def _join_alternatives(values: Iterable[str]) -> str:
    return " or ".join(values)
