"""The coverage map as text: a tree of elements, with the signatures that cover each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from dcmseal.cli.parser import Parser
from dcmseal.exit_codes import ExitCode

if TYPE_CHECKING:
    from dcmseal.cli.render.screens import Screen
    from dcmseal.model.coverage_map import CoverageMap, MappedElement, MappedItem, MappedSignature

_COVER_WIDTH: Final = 18
_MAX_SHOWN: Final = 3


def add_tree_options(parser: Parser) -> None:
    """Add the options for the tree."""
    parser.add_argument(
        "--tree",
        action="store_true",
        help="show the data set as a tree, with the signatures that cover each element; verifies integrity",
    )
    parser.add_argument("--every-item", action="store_true", help="with --tree, show all items, even if they are alike")
    parser.add_argument(
        "--show-values", action="store_true", help="with --tree, also show values that might identify the patient"
    )


def show_tree(file: str, uid: str | None, *, as_json: bool, show_values: bool, every_item: bool) -> int:
    """Show the coverage map of a file; raises like ``verify``.

    Args:
        file: The file, ``-`` for standard input.
        uid: The only signature to consider; None for all.
        as_json: Whether to write JSON.
        show_values: Whether to show values that might identify the patient.
        every_item: Whether to show all of several items that are alike.

    Returns:
        The exit code.
    """
    from dcmseal.api.verify import map_coverage, verify
    from dcmseal.cli.file_arguments import open_input_file
    from dcmseal.cli.render.screens import make_screen, write_json

    with open_input_file(file) as source:
        report = verify(source, uid=uid, integrity_only=True)
        coverage = map_coverage(source, report, show_values=show_values, fold=not every_item)
    if as_json:
        from dcmseal.documents.document_builders import map_document

        write_json(map_document(coverage, file))
    else:
        _show_map(coverage, make_screen(), is_folded=not every_item)
    return ExitCode.OK if coverage.signatures else ExitCode.NO_SIGNATURE


def _show_map(coverage: CoverageMap, to: Screen, *, is_folded: bool) -> None:
    from dcmseal.cli.render.text_layout import format_count
    from dcmseal.cli.render.tone import Tone
    from dcmseal.model.coverage_map import format_coverage, format_gaps

    for each in coverage.signatures:
        to.line(_format_signature(each), Tone.GOOD if each.is_valid else Tone.BAD)
    if any(each.is_valid for each in coverage.signatures) and not coverage.summary.is_complete:
        to.line(f"covers {format_coverage(coverage.summary)}. {format_gaps(coverage.summary)}", Tone.OPEN)
    totals = coverage.totals
    numbers = (
        (totals.covered, "covered"),
        (totals.broken, "covered by an invalid signature"),
        (totals.partly, "partly covered"),
        (totals.uncovered, "not covered"),
        (totals.unsignable, "not signable"),
    )
    parts = ", ".join(f"{number} {words}" for number, words in numbers if number)
    to.line(f"{format_count(totals.elements, 'element')} at all levels: {parts or 'none'}", Tone.HEADING)
    if totals.open:
        to.line(f"! {totals.open} of them are critical and not covered", Tone.OPEN)
    if coverage.omitted:
        how = "" if is_folded else "; without --every-item, items that are alike are shown as one"
        to.line(f"{format_count(coverage.omitted, 'element')} not shown: the tree is too large{how}", Tone.BAD)
    if coverage.folded:
        to.line(f"{format_count(coverage.folded, 'item')} folded into items that are alike (--every-item shows all)")
    to.line()
    _show_elements(coverage.elements, to, 0)


def _format_signature(signature: MappedSignature) -> str:
    holds = "valid" if signature.is_valid else "invalid"
    return f"S{signature.number} {holds}: {signature.uid or '(without UID)'} at {signature.location}"


def _show_elements(elements: Iterable[MappedElement], to: Screen, depth: int) -> None:
    for each in elements:
        _show_element(each, to, depth)
        for item in each.items:
            to.line(f"{'':{_COVER_WIDTH}}  {'  ' * (depth + 1)}{_format_item(item)}")
            _show_elements(item.elements, to, depth + 2)


def _show_element(element: MappedElement, to: Screen, depth: int) -> None:
    from dcmseal.cli.render.signature_format import format_tag_and_name
    from dcmseal.cli.render.tone import Tone
    from dcmseal.model.coverage_map import CoverState

    tones = {
        CoverState.COVERED: Tone.GOOD,
        CoverState.BROKEN: Tone.BAD,
        CoverState.UNCOVERED: Tone.OPEN,
        CoverState.PARTLY: Tone.OPEN,
    }
    value = "(masked)" if element.redacted else element.value
    why = f"({element.why})" if element.why else ""
    count = f"x {element.count}" if element.count > 1 else ""
    mark = "!" if element.is_open else " "
    named = f"{format_tag_and_name(element.tag)} {element.vr}"
    texts = " ".join(filter(None, (named, count, value, why)))
    to.line(
        f"{_format_cover(element):{_COVER_WIDTH}}{mark} {'  ' * depth}{texts}", tones.get(element.cover, Tone.PLAIN)
    )


def _format_cover(element: MappedElement) -> str:
    return f"{element.cover.value} {_format_numbers(element.covered_by or element.broken_by)}".rstrip()


def _format_numbers(numbers: Sequence[int]) -> str:
    more = len(numbers) - _MAX_SHOWN
    return ",".join(f"S{number}" for number in numbers[:_MAX_SHOWN]) + (f"+{more}" if more > 0 else "")


def _format_item(item: MappedItem) -> str:
    from dcmseal.cli.render.text_layout import format_count

    if not item.ranges:
        return format_count(item.count, "item")
    spans = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in item.ranges)
    return f"item {spans}" if item.count == 1 else f"items {spans} ({item.count} alike)"
