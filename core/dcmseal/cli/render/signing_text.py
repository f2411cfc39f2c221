"""A planned or finished signature as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmseal.cli.render import signature_format
from dcmseal.cli.render.screens import Screen, write_fields
from dcmseal.cli.render.text_layout import format_count, join_names
from dcmseal.cli.render.tone import Tone
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.dictionary import tag_name
from dcmseal.findings import EXISTING_INVALID
from dcmseal.tags import format_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dcmseal.model.signature import DigitalSignature
    from dcmseal.references.fill_references import FilledReference
    from dcmseal.signing.plan import Plan
    from dcmseal.signing.signing_result import SigningResult
    from dcmseal.signing.warnings import SigningWarning


def show_plan(name: str, plan: Plan, to: Screen) -> None:
    """Write what would be signed, element by element."""
    show_broken(name, plan.warnings, to)
    to.line(f"{name}: would be signed (dry run)", Tone.HEADING)
    write_fields(to, [("profile", plan.profile.title if plan.profile else "")])
    _show_signature(plan.signature, plan.unsignable, [each.path for each in plan.padded], to, verbose=True)
    _show_references(plan.references, to)
    show_warnings(plan.warnings, to)
    to.table(("TAG", "NAME", "SIGNED"), _iter_element_rows(plan))


def _iter_element_rows(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Every element of the level, and whether it would be signed."""
    signed, unsignable = frozenset(plan.elements), dict(plan.unsignable)
    for tag in plan.scan.tags:
        if tag in signed:
            answer = "yes, required" if tag in plan.requirements.required_tags else "yes"
        else:
            by_profile = "excluded by the profile" if tag in plan.requirements.forbidden else "not selected"
            answer = f"no: {unsignable.get(tag) or exclusion_reason(tag) or by_profile}"
        yield format_tag(tag), tag_name(tag) or "(unknown)", answer


def show_result(name: str, result: SigningResult, to: Screen, *, verbose: bool) -> None:
    """Write what was signed."""
    show_broken(name, result.warnings, to)
    to.line(f"{name}: signed", Tone.GOOD)
    write_fields(to, [("UID", result.uid), ("signer", signature_format.format_signer(result.signature))])
    _show_signature(result.signature, result.unsignable, result.padded, to, verbose=verbose)
    _show_references(result.references, to)
    if result.certified is not None:
        write_fields(to, [("certified", signature_format.format_certified_time(result.certified.time))])
    if verbose and result.signature.mac:
        write_fields(
            to, [("elements", tag) for tag in map(signature_format.format_tag_and_name, result.signature.mac.elements)]
        )
    show_warnings(result.warnings, to)


def _show_signature(
    signature: DigitalSignature,
    unsignable: Sequence[tuple[int, str]],
    padded: Sequence[tuple[int, ...]],
    to: Screen,
    *,
    verbose: bool,
) -> None:
    assert signature.mac is not None
    signed = signature.mac.elements
    write_fields(
        to,
        [
            ("location", str(signature.location)),
            ("time", signature_format.format_signing_time(signature)),
            ("purpose", signature_format.format_purpose(signature.purpose)),
            ("MAC algorithm", signature_format.format_mac_algorithm(signature)),
            ("MAC syntax", signature_format.format_transfer_syntax(signature.mac.transfer_syntax, with_uid=verbose)),
        ],
    )
    to.line(f"  {'signed':14}{format_count(len(signed), 'element')}")
    if unsignable:
        reasons = join_names(signature_format.format_reasons(unsignable), show_all=verbose)
        to.line(f"  {'not signable':14}{format_count(len(unsignable), 'element')}: {reasons}")
    if padded:
        paths = join_names([signature_format.format_path(each) for each in padded], show_all=verbose)
        to.line(f"  {'padding':14}reduced in {format_count(len(padded), 'element')}: {paths}")


def _show_references(references: Sequence[FilledReference], to: Screen) -> None:
    """Show how many instances are cited, by signature and by MAC."""
    if references:
        signatures = sum(bool(each.signatures) for each in references)
        macs = sum(each.has_mac for each in references)
        text = f"{format_count(len(references), 'instance')}: {signatures} referenced by signature, {macs} by MAC"
        to.line(f"  {'references':14}{text}")


def show_broken(name: str, warnings: Iterable[SigningWarning], to: Screen) -> None:
    """Write a warning for each existing signature that is invalid."""
    for each in warnings:
        if each.code == EXISTING_INVALID:
            to.line(f"{name}: WARNING: {signature_format.format_warning(each)}", Tone.BAD)


def show_warnings(warnings: Iterable[SigningWarning], to: Screen) -> None:
    """Write one line for each warning, except those of ``show_broken``."""
    for each in warnings:
        if each.code != EXISTING_INVALID:
            to.line(f"  {'warning':14}{signature_format.format_warning(each)}", Tone.OPEN)
