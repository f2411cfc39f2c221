r"""Profile files: TOML files in which a site adds rules to a Digital Signature Profile of a plugin.

    name = "st-elsewhere"
    title = "Signatures at St. Elsewhere"
    base = "creator-rsa"
    required = ["PatientName", "PatientID"]      # signed if present
    mandatory = ["AccessionNumber"]              # present, and signed
    forbidden = ["SOPInstanceStatus"]            # not signed
    mac_algorithms = ["SHA256", "SHA512"]
    key_bits = { RSA = 3072 }                    # allowed key types, and their minimum sizes
    purposes = ["author"]                        # one of them must be stated; a single one is the default
    timestamp_required = false

Only ``name`` is required. Rules are added to those of the base, and never remove any.

>>> rules = parse_site_rules('name = "ours"\nrequired = ["PatientID"]')
>>> rules.name, rules.base, [f"{tag:08X}" for tag in rules.required]
('ours', 'none', ['00100020'])
"""

# Kept apart: imported only when a profile file is used.

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar, cast

from msgspec import Struct, field
from msgspec.structs import replace

from dcmseal.dictionary import parse_tag
from dcmseal.errors import ProfileFileError
from dcmseal.findings import Finding
from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.profile import DocumentProfile, Profile, ProfiledDataset, Requirements, SignatureFacts
from dcmseal.plugins.profile_rules import requirement_findings
from dcmseal.terms import KeyType, MacAlgorithm, SignaturePurpose, format_purposes
from dcmseal.text import MAX_TOML_BYTES, load_text, parse_toml

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_HINT: Final = "see the guide to profile files (docs/how-to/write-a-profile-file.md)"

K = TypeVar("K")
V = TypeVar("V")


class SiteRules(Struct, frozen=True, kw_only=True):
    """The contents of a profile file."""

    name: str
    title: str
    reference: str
    base: str = "none"
    required: frozenset[int] = frozenset()
    mandatory: frozenset[int] = frozenset()
    forbidden: frozenset[int] = frozenset()
    mac_algorithms: frozenset[MacAlgorithm] = frozenset()
    key_bits: Mapping[KeyType, int] = field(default_factory=dict[KeyType, int])
    purposes: frozenset[int] = frozenset()
    timestamp_required: bool = False


class SiteProfile(Struct, frozen=True, kw_only=True):
    """A profile that adds the rules of a site to those of a base profile."""

    rules: SiteRules
    base: Profile

    @property
    def name(self) -> str:
        return self.rules.name

    @property
    def title(self) -> str:
        return self.rules.title

    @property
    def reference(self) -> str:
        return self.rules.reference

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        """Combine the requirements of the base and of the site."""
        base, own = self.base.requirements(dataset), self._site_requirements()
        return replace(
            base,
            elements=base.elements | own.elements,
            mandatory=base.mandatory | own.mandatory,
            recommended=base.recommended - own.forbidden,
            forbidden=base.forbidden | own.forbidden,
            mac_algorithms=_intersect(base.mac_algorithms, own.mac_algorithms),
            key_types=_intersect(base.key_types, own.key_types),
            key_bits={kind: max(base.key_bits.get(kind, 0), own.key_bits.get(kind, 0)) for kind in KeyType},
            purposes=_intersect(base.purposes, own.purposes),
            purpose_required=base.purpose_required or own.purpose_required,
            default_purpose=self._default_purpose(base, own),
            timestamp_required=base.timestamp_required or own.timestamp_required,
            inapplicable=base.inapplicable or self._contradiction(base, own),
            clause=f"{self.reference}, on {base.clause or self.base.reference}",
        )

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        """Check the rules of the base, then those of the site."""
        own = self._site_requirements()
        contradiction = self._contradiction(self.base.requirements(dataset), own)
        return (
            *self.base.check(dataset, facts),
            *requirement_findings(replace(own, inapplicable=contradiction), dataset, facts),
        )

    def check_all(self, dataset: ProfiledDataset, signatures: Iterable[SignatureFacts]) -> tuple[Finding, ...]:
        """Check the rules of the base about all signatures, if it has any."""
        return self.base.check_all(dataset, tuple(signatures)) if isinstance(self.base, DocumentProfile) else ()

    def _site_requirements(self) -> Requirements:
        rules = self.rules
        return Requirements(
            elements=rules.required,
            mandatory=rules.mandatory,
            forbidden=rules.forbidden,
            mac_algorithms=rules.mac_algorithms,
            key_types=frozenset(rules.key_bits),
            key_bits=rules.key_bits,
            purposes=rules.purposes,
            purpose_required=bool(rules.purposes),
            timestamp_required=rules.timestamp_required,
            clause=rules.reference,
        )

    @staticmethod
    def _default_purpose(base: Requirements, own: Requirements) -> int | None:
        if len(own.purposes) == 1:
            return min(own.purposes)
        allowed = not own.purposes or base.default_purpose in own.purposes
        return base.default_purpose if allowed else None

    def _contradiction(self, base: Requirements, own: Requirements) -> str:
        """Why no signature can meet the rules of both base and site; empty if one can."""
        if (base.elements | base.mandatory) & own.forbidden:
            return f"the site forbids signing elements that {self.base.name} requires"
        for what, ours, theirs in (
            ("MAC algorithm", own.mac_algorithms, base.mac_algorithms),
            ("key type", own.key_types, base.key_types),
            ("purpose", own.purposes, base.purposes),
        ):
            if ours and theirs and not ours & theirs:
                return f"the site allows no {what} that {self.base.name} allows"
        return ""


def load_site_profile(path: str, find_base: Callable[[str], Profile]) -> SiteProfile:
    """Load a profile file.

    Args:
        path: The path of the file.
        find_base: Returns the base profile of a name.

    Raises:
        ProfileFileError: The file cannot be read, or is invalid.
        UnknownProfile: The base profile does not exist.
    """
    text = load_text(path, MAX_TOML_BYTES, error=ProfileFileError)
    table = parse_toml(text, path, error=ProfileFileError)
    try:
        rules = _build_rules(table)
    except ProfileFileError as error:
        raise ProfileFileError(f"{path}: {error}", hint=error.hint) from None
    return SiteProfile(rules=rules, base=find_base(rules.base))


class ProfileFilePlugin:
    """A profile file as a plugin."""

    def __init__(self, path: str, find_base: Callable[[str], Profile]) -> None:
        self.path = path
        self._find_base = find_base

    @hookimpl
    def dcmseal_profiles(self) -> tuple[Profile, ...]:
        """Contribute the profile that the file defines."""
        return (load_site_profile(self.path, self._find_base),)


def iter_profile_files(folder: str, find_base: Callable[[str], Profile]) -> Iterator[ProfileFilePlugin]:
    """Iterate over the profile files of a folder as plugins, sorted by name; raises ProfileFileError."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".toml"))
    except OSError as error:
        raise ProfileFileError(f"{folder} cannot be read: {error.strerror}", hint="check the path") from None
    return (ProfileFilePlugin(os.path.join(folder, name), find_base) for name in names)


def parse_site_rules(text: str) -> SiteRules:
    """Parse the text of a profile file; raises ProfileFileError."""
    return _build_rules(parse_toml(text, "the profile", error=ProfileFileError))


def _build_rules(table: Mapping[str, object]) -> SiteRules:
    unknown = sorted(table.keys() - _KEYS)
    if unknown:
        raise ProfileFileError(f"unknown rule {unknown[0]!r}", hint=f"use these rules: {', '.join(sorted(_KEYS))}")
    name = _parse_text(table, "name", "")
    if not _NAME.fullmatch(name):
        raise ProfileFileError(f"the name {name!r} does not match {_NAME.pattern}", hint='write name = "our-profile"')
    rules = SiteRules(
        name=name,
        title=_parse_text(table, "title", name),
        reference=_parse_text(table, "reference", f"profile {name}"),
        base=_parse_text(table, "base", "none"),
        required=_parse_tags(table, "required"),
        mandatory=_parse_tags(table, "mandatory"),
        forbidden=_parse_tags(table, "forbidden"),
        mac_algorithms=frozenset(_iter_values(table, "mac_algorithms", MacAlgorithm.parse)),
        key_bits=_parse_key_bits(table),
        purposes=frozenset(_iter_values(table, "purposes", SignaturePurpose.parse)),
        timestamp_required=_parse_flag(table, "timestamp_required"),
    )
    if (rules.required | rules.mandatory) & rules.forbidden:
        raise ProfileFileError("it requires and forbids the same element", hint="remove it from one of the lists")
    return rules


_KEYS: Final = frozenset(SiteRules.__struct_fields__)


def _intersect(base: frozenset[K], own: frozenset[K]) -> frozenset[K]:
    """Return the values that both allow; an empty set allows any."""
    return base & own or own or base


def _parse_text(table: Mapping[str, object], key: str, default: str) -> str:
    value = table.get(key, default)
    if isinstance(value, str) and value.isprintable() and len(value) <= 200:
        return value
    raise ProfileFileError(f"{key} is not one printable line of at most 200 characters", hint=_HINT)


def _parse_flag(table: Mapping[str, object], key: str) -> bool:
    value = table.get(key, False)
    if isinstance(value, bool):
        return value
    raise ProfileFileError(f"{key} is neither true nor false", hint=_HINT)


def _parse_tags(table: Mapping[str, object], key: str) -> frozenset[int]:
    return frozenset(_iter_values(table, key, parse_tag))


def _iter_values(table: Mapping[str, object], key: str, parse: Callable[[str], V | None]) -> Iterable[V]:
    """Parse the members of a list of strings."""
    members = table.get(key, [])
    if not isinstance(members, list):
        raise ProfileFileError(f"{key} is not a list", hint=f'write {key} = ["...", "..."]')
    for member in cast("list[object]", members):
        value = parse(str(member)) if type(member) in (str, int) else None
        if value is None:
            raise ProfileFileError(f"unknown value {member!r} in {key}", hint=_HINTS[key])
        yield value


_HINTS: Final = {
    **dict.fromkeys(("required", "mandatory", "forbidden"), "write a keyword such as PatientID, or 0010,0020"),
    "mac_algorithms": f"use {', '.join(MacAlgorithm)}",
    "purposes": f"use one of {format_purposes()}",
}


def _parse_key_bits(table: Mapping[str, object]) -> Mapping[KeyType, int]:
    value = table.get("key_bits", {})
    if not isinstance(value, dict):
        raise ProfileFileError("key_bits is not a table", hint="write key_bits = { RSA = 3072 }")
    sizes: dict[KeyType, int] = {}
    for kind, bits in cast("dict[str, object]", value).items():
        if kind not in KeyType.__members__ or not isinstance(bits, int) or isinstance(bits, bool) or bits < 0:
            raise ProfileFileError(f"invalid key_bits for {kind!r}", hint="write key_bits = { RSA = 3072 }")
        sizes[KeyType[kind]] = bits
    return sizes
