"""Fill in the references of a document before it is signed, so that its signature also covers the cited instances.

PS3.3 C.17.2.1 defines two kinds of reference: the signatures of an instance, or its MAC. The MAC is used if no
signature is suitable, that is, valid, made with a strong MAC algorithm, and covering everything that can be signed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal import tags
from dcmseal.dataset.critical_tags import affects_display
from dcmseal.dataset.edits import Edit, LengthField, add_length_edits, apply_edits
from dcmseal.dataset.element_writer import encode_sequence
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.transfer_syntax import EXPLICIT_LITTLE_UID, Encoding
from dcmseal.errors import DatasetError
from dcmseal.findings import Aspect, Outcome
from dcmseal.location import Location
from dcmseal.mac.stream_common import ExcessPadding
from dcmseal.macro.edit import build_insertion, group_length_edits, merge_insertions
from dcmseal.macro.levels import iter_signed_levels
from dcmseal.macro.write import build_mac_reference_item, build_signature_reference_item
from dcmseal.model.report import SignatureReport
from dcmseal.model.signature import DigitalSignature, MacParameters
from dcmseal.references.cited_instances import CitedInstance, iter_cited_instances
from dcmseal.references.instance_checks import INTEGRITY_CONTEXT, check_instance
from dcmseal.references.instance_mac import InstanceMac, compute_instance_mac
from dcmseal.sources.reference_folders import ReferenceFolders, read_instance_uid
from dcmseal.tags import PIXEL_DATA
from dcmseal.terms import MacAlgorithm
from dcmseal.verification.pipeline import verify_file

_MAX_CITED_SIGNATURES: Final = 64


class FilledReference(Struct, frozen=True, kw_only=True):
    """A reference to an instance that the document cites."""

    location: Location
    uid: str
    """SOP Instance UID."""
    file: str
    signatures: tuple[str, ...]
    """Digital Signature UIDs of the signatures that are cited."""
    has_mac: bool
    was_present: bool
    """Whether the document already had this reference, and it was valid; nothing was filled in."""
    is_padded: bool = False
    """Whether the MAC covers values with excess padding, which other software may remove."""
    broken: tuple[str, ...] = ()
    """Digital Signature UIDs of invalid signatures, which are not cited."""
    shown_uncovered: tuple[int, ...] = ()
    """Elements that affect what the instance displays but cannot be part of a MAC."""


class FilledDocument(Struct, frozen=True, kw_only=True):
    """A document with its references filled in."""

    file: DicomFile
    references: tuple[FilledReference, ...]
    evidence: frozenset[int]
    """Tags of the evidence sequences that contain the references."""


def fill_references(file: DicomFile, folders: ReferenceFolders, algorithm: MacAlgorithm) -> FilledDocument:
    """Add the signatures or the MAC of each cited instance to a document.

    Existing references are kept if they are valid.

    Args:
        file: The document.
        folders: Where to find the instances.
        algorithm: The algorithm of new MACs.

    Returns:
        The changed document; nothing is written.

    Raises:
        InstanceNotFound: An instance is not in the folders.
        InstanceAmbiguous: The folders contain different versions of an instance.
        DatasetError: The document cites nothing, an existing reference is not valid, or an existing signature would
            break.
    """
    references: list[FilledReference] = []
    changes: list[tuple[Sequence[Edit], Iterable[LengthField]]] = []
    changed: set[int] = set()
    evidence: set[int] = set()
    itself = read_instance_uid(file)
    for cited in iter_cited_instances(file):
        evidence.add(cited.evidence)
        if cited.uid == itself:
            raise DatasetError(
                "the document cites itself, but cannot contain its own MAC", hint="remove that reference"
            )
        if cited.problems:
            raise DatasetError(
                f"the reference at {cited.location} cannot be read: {cited.problems[0]}",
                hint="repair the document before you sign it",
            )
        with folders.open_instance(cited.uid) as (path, instance):
            if cited.is_protected:
                references.append(_check_existing(cited, path, instance))
                continue
            reference, inserted = _build_reference(cited, path, instance, algorithm)
        references.append(reference)
        changed.add(cited.evidence)
        changes.append((_build_edits(cited, inserted), cited.level.length_fields))
    if not references:
        raise DatasetError(
            "the data set does not cite any evidence",
            hint="omit the references: they apply to reports and key object selections",
            code="no-evidence-cited",
        )
    _check_signatures_stay_valid(file, changed)
    body = apply_edits(file.body, add_length_edits(changes))
    return FilledDocument(file=replace(file, body=body), references=tuple(references), evidence=frozenset(evidence))


def _check_existing(cited: CitedInstance, path: str, instance: DicomFile) -> FilledReference:
    for finding in check_instance(cited, path, instance):
        if finding.outcome is not Outcome.PASSED and finding.aspect is not Aspect.COVERAGE:
            raise DatasetError(
                f"the existing reference to instance {cited.uid} is not valid: {finding.message}",
                hint="add a folder with the instance that was cited, or remove the reference from the document",
            )
    return FilledReference(
        location=cited.location,
        uid=cited.uid,
        file=path,
        signatures=tuple(each.uid for each in cited.signatures),
        has_mac=cited.mac is not None,
        was_present=True,
    )


def _build_reference(
    cited: CitedInstance, path: str, instance: DicomFile, algorithm: MacAlgorithm
) -> tuple[FilledReference, list[tuple[int, bytes]]]:
    """Build the reference to an instance, and the sequences that encode it."""
    reports = verify_file(instance, INTEGRITY_CONTEXT).signatures
    intact = [each.signature for each in reports if each.is_intact][:_MAX_CITED_SIGNATURES]
    encoding = cited.level.encoding
    sequences: list[tuple[int, bytes]] = []
    if intact:
        sequences.append(_build_signature_sequence(intact, encoding))
    mac: tuple[InstanceMac, bool] | None = None
    unsignable = [each.coverage.unsignable for each in reports if each.coverage and _is_suitable(each)]
    if not unsignable:
        mac = _compute_mac(instance, algorithm)
        unsignable.append(mac[0].unsignable)
        sequences.append(_build_mac_sequence(mac[0], algorithm, _select_mac_syntax(instance, mac[0]), encoding))
    reference = FilledReference(
        location=cited.location,
        uid=cited.uid,
        file=path,
        signatures=tuple(each.uid for each in intact),
        has_mac=mac is not None,
        was_present=False,
        is_padded=mac is not None and mac[1],
        broken=tuple(each.signature.uid for each in reports if not each.is_intact),
        shown_uncovered=tuple(tag for tag, _ in unsignable[0] if affects_display(tag)),
    )
    return reference, sequences


def _is_suitable(report: SignatureReport) -> bool:
    algorithm = report.signature.mac.mac_algorithm if report.signature.mac else None
    covers_all = report.coverage is not None and not report.coverage.unsigned
    is_weak = algorithm is None or algorithm.is_weak
    return report.is_intact and covers_all and not is_weak and not report.signature.location.steps


def _compute_mac(instance: DicomFile, algorithm: MacAlgorithm) -> tuple[InstanceMac, bool]:
    """Compute the MAC over everything that can be signed, and whether values have excess padding."""
    try:
        return compute_instance_mac(instance, algorithm, check_padding=True), False
    except ExcessPadding:
        return compute_instance_mac(instance, algorithm), True


def _select_mac_syntax(instance: DicomFile, mac: InstanceMac) -> str:
    """Select the MAC Calculation Transfer Syntax: the instance's own if it is allowed."""
    syntax = instance.syntax
    if syntax.is_allowed_for_mac and syntax.is_known:
        return syntax.uid
    if syntax.is_encapsulated and PIXEL_DATA in mac.elements:
        raise DatasetError(
            f"transfer syntax {syntax.uid} of a cited instance is unknown, so its pixels could not be verified later",
            hint="transcode the instance first, or sign it",
        )
    return EXPLICIT_LITTLE_UID


def _build_signature_sequence(signatures: Iterable[DigitalSignature], encoding: Encoding) -> tuple[int, bytes]:
    tag = tags.REFERENCED_DIGITAL_SIGNATURE_SEQUENCE
    items = [build_signature_reference_item(each.uid, each.value, encoding) for each in signatures]
    return tag, encode_sequence(tag, items, encoding)


def _build_mac_sequence(
    mac: InstanceMac, algorithm: MacAlgorithm, syntax: str, encoding: Encoding
) -> tuple[int, bytes]:
    tag = tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE
    parameters = MacParameters(mac_id=None, transfer_syntax=syntax, algorithm=algorithm.value, elements=mac.elements)
    return tag, encode_sequence(tag, [build_mac_reference_item(parameters, mac.value, encoding)], encoding)


def _build_edits(cited: CitedInstance, inserted: Iterable[tuple[int, bytes]]) -> list[Edit]:
    edits: list[Edit] = []
    growth = 0
    for tag, data in inserted:
        edits.append(build_insertion(cited.item, tag, data))
        growth += len(data)
    edits.extend(group_length_edits(cited.item, tags.REFERENCED_DIGITAL_SIGNATURE_SEQUENCE, growth))
    return merge_insertions(edits)


def _check_signatures_stay_valid(file: DicomFile, changed: set[int]) -> None:
    """Refuse to change references that an existing signature covers, or that contain one."""
    for signature in _iter_signatures(file):
        steps = signature.location.steps
        if (steps[0][0] in changed) if steps else changed.intersection(signature.mac.elements if signature.mac else ()):
            raise DatasetError(
                f"filling in the references would break the existing signature {signature.uid}",
                hint="remove that signature, or sign without references",
                code="evidence-signed",
            )


def _iter_signatures(file: DicomFile) -> Iterator[DigitalSignature]:
    for signed in iter_signed_levels(file):
        for found in signed.level_signatures.signatures:
            yield found.signature
