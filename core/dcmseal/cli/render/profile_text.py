"""The rules of a Digital Signature Profile as text, and their effect on one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from dcmseal.cli.render import signature_format
from dcmseal.cli.render.screens import Screen, write_fields
from dcmseal.cli.render.text_layout import MAX_LINE, escape_unprintable, format_count
from dcmseal.cli.render.tone import Tone
from dcmseal.dictionary import tag_keyword, tag_name
from dcmseal.signing.profile_explanation import profile_requirements
from dcmseal.tags import format_tag
from dcmseal.terms import SignaturePurpose

if TYPE_CHECKING:
    from dcmseal.plugins.profile import Profile, Requirements
    from dcmseal.signing.profile_explanation import ExplainedElement, ProfileExplanation

_REPEATING_GROUPS = {0x5000: "50xx", 0x6000: "60xx"}
"""Groups that represent all their repeating groups (PS3.5 7.6)."""


def show_rules(profile: Profile, to: Screen) -> None:
    """Write the requirements of a profile."""
    rules = profile_requirements(profile)
    to.line(f"{profile.name}: {profile.title}", Tone.HEADING)
    write_fields(to, _iter_rules(profile, rules), longest=MAX_LINE)
    rows = [(origin, ", ".join(_iter_element_names(tags))) for origin, tags in _group_by_origin(rules)]
    if rows:
        to.line("signed if present", Tone.HEADING)
        for origin, names in rows:
            to.line(f"  {escape_unprintable(origin)}: {names}")


def _iter_rules(profile: Profile, rules: Requirements) -> Iterator[tuple[str, str]]:
    yield "reference", rules.clause or profile.reference
    if rules.tables:
        earlier = f"; {rules.tables.earlier} for older signers" if rules.tables.earlier else ""
        yield "tables", f"{rules.tables.edition}{earlier}"
    yield "MAC algorithm", ", ".join(sorted(rules.mac_algorithms)) or "any"
    yield "key", ", ".join(sorted(_iter_key_types(rules))) or "any"
    yield "purpose", _format_purposes(rules)
    yield "timestamp", "required" if rules.timestamp_required else "optional"
    yield "level", "main data set" if rules.main_dataset_only else "main data set or item"
    yield "must be present", ", ".join(_iter_element_names(rules.mandatory))
    yield "never signed", ", ".join(_iter_element_names(rules.forbidden))
    yield "your choice", rules.left_to_caller
    yield from (("note", note) for note in rules.notes)


def _iter_key_types(rules: Requirements) -> Iterator[str]:
    for kind in rules.key_types:
        bits = rules.key_bits.get(kind, 0)
        yield f"{kind.value} of {bits} bits or more" if bits else kind.value


def _format_purposes(rules: Requirements) -> str:
    allowed = ", ".join(SignaturePurpose(purpose).name.lower() for purpose in sorted(rules.purposes)) or "any"
    return f"{allowed} (required)" if rules.purpose_required else allowed


def _group_by_origin(rules: Requirements) -> Iterator[tuple[str, list[int]]]:
    origins: Mapping[int, str] = rules.tables.origins if rules.tables else {}
    groups: dict[str, list[int]] = {}
    for tag in sorted(rules.required_tags):
        groups.setdefault(origins.get(tag, rules.clause), []).append(tag)
    yield from groups.items()


def _iter_element_names(tags: Iterable[int]) -> Iterator[str]:
    """Keywords; of repeating groups only the first, with xx for the digits that differ."""
    for tag in sorted(tags):
        group = tag >> 16
        if tag_keyword(tag):
            yield signature_format.format_element(tag)
        elif group in _REPEATING_GROUPS:
            yield f"({_REPEATING_GROUPS[group]},{tag & 0xFFFF:04X}) {tag_name(tag)}"
        elif group & 0xFF00 not in _REPEATING_GROUPS:
            yield format_tag(tag)


def show_explanation(file: str, explanation: ProfileExplanation, to: Screen) -> None:
    """Write which elements of a file a signature with the profile would and must cover, and why others are left out."""
    signed = [each for each in explanation.elements if each.signed]
    required = [each for each in signed if each.required]
    to.line(f"{file}: {explanation.profile.title} (not signed)", Tone.HEADING)
    write_fields(
        to,
        [
            ("reference", explanation.requirements.clause or explanation.profile.reference),
            ("would sign", f"{format_count(len(signed), 'element')}, {len(required)} of them required"),
            ("not signed", format_count(len(explanation.elements) - len(signed), "element")),
            ("your choice", explanation.requirements.left_to_caller),
        ],
        longest=MAX_LINE,
    )
    for each in explanation.problems:
        to.line(f"  problem       {escape_unprintable(each.message)} ({escape_unprintable(each.code)})", Tone.BAD)
    to.table(("TAG", "NAME", "SIGNED", "WHY"), map(_explanation_row, explanation.elements))


def _explanation_row(element: ExplainedElement) -> tuple[str, str, str, str]:
    if element.signed:
        answer = "required" if element.required else "yes"
    else:
        answer = "NO (required)" if element.required else "no"
    return format_tag(element.tag), tag_name(element.tag) or "(unknown)", answer, element.why
