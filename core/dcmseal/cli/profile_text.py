"""The rules of a Digital Signature Profile in words, and what they come to for one file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from dcmseal.cli import describing
from dcmseal.cli.output import Screen, Tone, fields
from dcmseal.cli.text import LONGEST_LINE, counted, printable
from dcmseal.dictionary import keyword_of, name_of
from dcmseal.engine.explaining import rules_of
from dcmseal.tags import tag_text
from dcmseal.terms import SignaturePurpose

if TYPE_CHECKING:
    from dcmseal.engine.explaining import ExplainedElement, Explanation
    from dcmseal.plugins.protocols import Profile, Requirements

_FIRST_PLANES = {0x5000: "50xx", 0x6000: "60xx"}
"""Groups that stand for all that repeat them (PS3.5 7.6)."""


def show_rules(profile: Profile, to: Screen) -> None:
    """Write what a profile demands, whatever the file."""
    rules = rules_of(profile)
    to.line(f"{profile.name}: {profile.title}", Tone.HEADING)
    fields(to, _rules(profile, rules), longest=LONGEST_LINE)
    rows = [(origin, ", ".join(_names(tags))) for origin, tags in _by_origin(rules)]
    if rows:
        to.line("elements that are signed if present", Tone.HEADING)
        for origin, names in rows:
            to.line(f"  {printable(origin)}: {names}")


def _rules(profile: Profile, rules: Requirements) -> Iterator[tuple[str, str]]:
    yield "reference", rules.clause or profile.reference
    if rules.tables:
        earlier = f"; {rules.tables.earlier} for what signers before it knew" if rules.tables.earlier else ""
        yield "tables", f"{rules.tables.edition}{earlier}"
    yield "MAC algorithm", ", ".join(sorted(rules.mac_algorithms)) or "any"
    yield "key", ", ".join(sorted(_keys(rules))) or "any"
    yield "purpose", _purposes(rules)
    yield "timestamp", "required" if rules.timestamp_required else "as you like"
    yield "level", "main data set" if rules.main_dataset_only else "main data set, or an item"
    yield "must be there", ", ".join(_names(rules.mandatory))
    yield "must not be", f"signed: {', '.join(_names(rules.forbidden))}" if rules.forbidden else ""
    yield "besides", rules.left_to_caller
    yield from (("note", note) for note in rules.notes)


def _keys(rules: Requirements) -> Iterator[str]:
    for kind in rules.key_types:
        bits = rules.key_bits.get(kind, 0)
        yield f"{kind.value} of {bits} bits or more" if bits else kind.value


def _purposes(rules: Requirements) -> str:
    allowed = ", ".join(SignaturePurpose(purpose).name.lower() for purpose in sorted(rules.purposes)) or "any"
    return f"{allowed}, to be stated" if rules.purpose_required else allowed


def _by_origin(rules: Requirements) -> Iterator[tuple[str, list[int]]]:
    origins: Mapping[int, str] = rules.tables.origins if rules.tables else {}
    groups: dict[str, list[int]] = {}
    for tag in sorted(rules.required_tags):
        groups.setdefault(origins.get(tag, rules.clause), []).append(tag)
    yield from groups.items()


def _names(tags: Iterable[int]) -> Iterator[str]:
    """Keywords; of repeating groups the first, with xx for the digits that differ."""
    for tag in sorted(tags):
        group = tag >> 16
        if keyword_of(tag):
            yield describing.element(tag)
        elif group in _FIRST_PLANES:
            yield f"({_FIRST_PLANES[group]},{tag & 0xFFFF:04X}) {name_of(tag)}"
        elif group & 0xFF00 not in _FIRST_PLANES:
            yield tag_text(tag)


def show_explanation(file: str, explanation: Explanation, to: Screen) -> None:
    """Write what a signature by the profile would cover in the file, what it must, and what is left out and why."""
    signed = [each for each in explanation.elements if each.signed]
    required = [each for each in signed if each.required]
    to.line(f"{file}: {explanation.profile.title}; nothing was signed", Tone.HEADING)
    fields(
        to,
        [
            ("reference", explanation.requirements.clause or explanation.profile.reference),
            ("would sign", f"{counted(len(signed), 'element')}, {len(required)} of them required"),
            ("left out", counted(len(explanation.elements) - len(signed), "element")),
            ("besides", explanation.requirements.left_to_caller),
        ],
        longest=LONGEST_LINE,
    )
    for each in explanation.problems:
        to.line(f"  problem       {printable(each.message)} ({printable(each.code)})", Tone.BAD)
    to.table(("TAG", "NAME", "SIGNED", "WHY"), map(_row, explanation.elements))


def _row(element: ExplainedElement) -> tuple[str, str, str, str]:
    if element.signed:
        answer = "required" if element.required else "yes"
    else:
        answer = "NO, REQUIRED" if element.required else "no"
    return tag_text(element.tag), name_of(element.tag) or "(unknown)", answer, element.why
