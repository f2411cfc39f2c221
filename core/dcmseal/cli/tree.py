"""The coverage map on the terminal: how far each element is covered, then the element, indented as it is nested."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from dcmseal.cli.exit_codes import ExitCode
from dcmseal.cli.parser import Parser

if TYPE_CHECKING:
    from dcmseal.cli.output import Screen
    from dcmseal.coverage_map import CoverageMap, MappedElement, MappedItem, MappedSignature

_COVER: Final = 18
_SHOWN: Final = 3


def add_tree_options(parser: Parser) -> None:
    """Add the options about the tree."""
    parser.add_argument(
        "--tree",
        action="store_true",
        help="show the whole data set as a tree, and which signatures cover each element; verifies integrity for that",
    )
    parser.add_argument("--every-item", action="store_true", help="with --tree, fold no items that are alike")
    parser.add_argument(
        "--show-values", action="store_true", help="with --tree, show values that might tell who the patient is, too"
    )


def show_tree(file: str, uid: str | None, options: Namespace) -> int:
    """Show the coverage map of a file; raises what verification does."""
    from dcmseal.cli.files import input_file
    from dcmseal.cli.output import screen, write_json
    from dcmseal.engine.asking import map_coverage, verify

    with input_file(file) as source:
        report = verify(source, uid=uid, integrity_only=True, name_profiles=False)
        coverage = map_coverage(source, report, show_values=options.show_values, fold=not options.every_item)
    if options.json:
        from dcmseal.engine.documents import map_document

        write_json(map_document(coverage, file))
    else:
        _show(coverage, screen())
    return ExitCode.OK if coverage.signatures else ExitCode.NO_SIGNATURE


def _show(coverage: CoverageMap, to: Screen) -> None:
    from dcmseal.cli.output import Tone
    from dcmseal.cli.text import counted
    from dcmseal.coverage_map import not_protected, protected

    for each in coverage.signatures:
        to.line(_signature(each), Tone.GOOD if each.holds else Tone.BAD)
    if any(each.holds for each in coverage.signatures) and not coverage.summary.is_complete:
        to.line(f"covers {protected(coverage.summary)}. {not_protected(coverage.summary)}", Tone.OPEN)
    totals = coverage.totals
    numbers = (
        (totals.covered, "covered"),
        (totals.broken, "with broken cover"),
        (totals.partly, "partly covered"),
        (totals.uncovered, "not covered"),
        (totals.unsignable, "not signable"),
    )
    parts = ", ".join(f"{number} {words}" for number, words in numbers if number)
    to.line(f"{counted(totals.elements, 'element')} at all levels: {parts or 'none'}", Tone.HEADING)
    if totals.open:
        to.line(f"! {totals.open} of them change what the object means or whose it is, and are not covered", Tone.OPEN)
    if coverage.left_out:
        to.line(f"{counted(coverage.left_out, 'element')} counted but not shown: the tree would be too large", Tone.BAD)
    if coverage.folded:
        to.line(f"{counted(coverage.folded, 'item')} folded into others that are alike; --every-item shows each")
    to.line()
    _elements(coverage.elements, to, 0)


def _signature(signature: MappedSignature) -> str:
    holds = "holds" if signature.holds else "does not hold"
    return f"S{signature.number} {holds}: {signature.uid or '(without UID)'} at {signature.location}"


def _elements(elements: Iterable[MappedElement], to: Screen, depth: int) -> None:
    for each in elements:
        _element(each, to, depth)
        for item in each.items:
            to.line(f"{'':{_COVER}}  {'  ' * (depth + 1)}{_item(item)}")
            _elements(item.elements, to, depth + 2)


def _element(element: MappedElement, to: Screen, depth: int) -> None:
    from dcmseal.cli.describing import tagged
    from dcmseal.cli.output import Tone
    from dcmseal.coverage_map import Cover

    tones = {Cover.COVERED: Tone.GOOD, Cover.BROKEN: Tone.BAD, Cover.UNCOVERED: Tone.OPEN, Cover.PARTLY: Tone.OPEN}
    value = "(masked)" if element.redacted else element.value
    why = f"({element.why})" if element.why else ""
    count = f"x {element.count}" if element.count > 1 else ""
    mark = "!" if element.is_open else " "
    named = f"{tagged(element.tag)} {element.vr}"
    texts = " ".join(filter(None, (named, count, value, why)))
    to.line(f"{_cover(element):{_COVER}}{mark} {'  ' * depth}{texts}", tones.get(element.cover, Tone.PLAIN))


def _cover(element: MappedElement) -> str:
    return f"{element.cover.value} {_numbers(element.covered_by or element.broken_by)}".rstrip()


def _numbers(numbers: Sequence[int]) -> str:
    more = len(numbers) - _SHOWN
    return ",".join(f"S{number}" for number in numbers[:_SHOWN]) + (f"+{more}" if more > 0 else "")


def _item(item: MappedItem) -> str:
    from dcmseal.cli.text import counted

    if not item.ranges:
        return counted(item.count, "item")
    spans = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in item.ranges)
    return f"item {spans}" if item.count == 1 else f"items {spans} ({item.count} alike)"
