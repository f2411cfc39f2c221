"""Reports and selections of key objects that cite evidence, byte by byte and made with pydicom."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from io import BytesIO
from typing import Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from dcmseal import tags
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.sample_objects import KINDS

_BASIC_TEXT: Final = "1.2.840.10008.5.1.4.1.1.88.11"
_KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"


def make_citation(instance: str, *said: b.Node) -> b.Item:
    """An item of Referenced SOP Sequence."""
    return b.Item(
        (
            b.uid(t.REFERENCED_SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.7"),
            b.uid(tags.REFERENCED_SOP_INSTANCE_UID, instance),
            *said,
        )
    )


def make_evidence_sequence(tag: int, *instances: b.Item, undefined: bool = False) -> b.Sequence:
    """An evidence sequence with one study and one series."""
    series = b.Item(
        (b.Sequence(tags.REFERENCED_SOP_SEQUENCE, instances, undefined), b.uid(tags.SERIES_INSTANCE_UID, "1.2.3.1")),
        undefined,
    )
    study = b.Item(
        (b.Sequence(tags.REFERENCED_SERIES_SEQUENCE, (series,), undefined), b.uid(tags.STUDY_INSTANCE_UID, "1.2.3")),
        undefined,
    )
    return b.Sequence(tag, (study,), undefined)


def make_document(*sequences: b.Node, kind: str = "SR") -> tuple[b.Node, ...]:
    """A document of a kind in ``objects.KINDS`` with these evidence sequences."""
    kept = [
        node
        for node in KINDS[kind]
        if not isinstance(node, b.Sequence) or node.tag != tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE
    ]
    return b.in_order(*kept, *sequences)


def reference_mac(instance: bytes, algorithm: str = "SHA256", elements: Iterable[int] | None = None) -> bytes:
    """The MAC of an instance by the reference encoder: no part of the engine."""
    dataset = reference.parse_file(instance).dataset
    listed = tuple(reference.signable_tags(dataset) if elements is None else elements)
    return hashlib.new(algorithm.lower(), reference.data_stream(dataset, listed)).digest()


def make_mac_reference(
    instance: bytes, syntax: str = "1.2.840.10008.1.2.1", elements: Iterable[int] | None = None
) -> b.Sequence:
    """The reference to an instance without a suitable signature."""
    listed = tuple(reference.signable_tags(reference.parse_file(instance).dataset) if elements is None else elements)
    content = (
        b.uid(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, syntax),
        b.text(tags.MAC_ALGORITHM, "CS", "SHA256"),
        b.at(tags.DATA_ELEMENTS_SIGNED, *listed),
        b.Value(tags.MAC, "OB", reference_mac(instance, elements=listed)),
    )
    return b.Sequence(tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE, (b.Item(content),))


def make_signature_reference(*signatures: tuple[str, bytes]) -> b.Sequence:
    """The reference to an instance with these signatures: UID and value of each."""
    items = tuple(
        b.Item((b.uid(tags.DIGITAL_SIGNATURE_UID, name), b.Value(tags.SIGNATURE, "OB", value)))
        for name, value in signatures
    )
    return b.Sequence(tags.REFERENCED_DIGITAL_SIGNATURE_SEQUENCE, items)


def pydicom_document(instances: Iterable[Dataset], *, key_objects: bool = False) -> bytes:
    """A Basic Text SR or a Key Object Selection document about instances, as an application makes it."""
    report = Dataset()
    report.SpecificCharacterSet = "ISO_IR 192"
    report.SOPClassUID = _KEY_OBJECTS if key_objects else _BASIC_TEXT
    report.SOPInstanceUID = generate_uid()
    report.ContentDate, report.ContentTime = "20260301", "101500"
    report.Modality = "KO" if key_objects else "SR"
    report.Manufacturer = "Works"
    report.PatientName, report.PatientID = "Yamada^Tarou", "4711"
    report.StudyInstanceUID, report.SeriesInstanceUID = generate_uid(), generate_uid()
    report.InstanceNumber = 1
    report.ValueType, report.ContinuityOfContent = "CONTAINER", "SEPARATE"
    report.ConceptNameCodeSequence = [_code("113000" if key_objects else "18748-4", "DCM" if key_objects else "LN")]
    if not key_objects:
        report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    cited_here = tuple(instances)
    study, series = Dataset(), Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = "1.2.3.1", [_referenced(each) for each in cited_here]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = "1.2.3", [series]
    report.CurrentRequestedProcedureEvidenceSequence = [study]
    report.ContentSequence = [_finding(each) for each in cited_here]
    report.file_meta = FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    written = BytesIO()
    report.save_as(written, enforce_file_format=True)
    return written.getvalue()


def _code(value: str, scheme: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, "Report"
    return code


def _referenced(instance: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = instance.SOPClassUID, instance.SOPInstanceUID
    return item


def _finding(instance: Dataset) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "IMAGE"
    item.ReferencedSOPSequence = [_referenced(instance)]
    return item
