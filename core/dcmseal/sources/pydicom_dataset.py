"""pydicom Datasets: as input, and signed in place."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, cast

from msgspec.structs import replace

from dcmseal import tags
from dcmseal.dataset.edits import not_a_sequence_error
from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.source import BytesSource, Source
from dcmseal.dataset.syntax_registry import syntax_findings
from dcmseal.dataset.transfer_syntax import EXPLICIT_LITTLE_UID, IMPLICIT_LITTLE_UID, TransferSyntax
from dcmseal.dataset.vr import minimize_padding
from dcmseal.errors import DatasetError
from dcmseal.location import Location
from dcmseal.model.signature import DigitalSignature, MacParameters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom import Dataset

_NOTHING: Final = BytesSource(b"")


def to_dicom_file(dataset: Dataset) -> DicomFile:
    """Encode a Dataset as pydicom would save it.

    Elements that were never accessed stay as they were read.

    Raises:
        DatasetError: pydicom cannot write the Dataset.
    """
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    syntax = _transfer_syntax(dataset)
    output = DicomBytesIO()
    output.is_little_endian = not syntax.encoding.is_big_endian
    output.is_implicit_VR = syntax.encoding.is_implicit
    try:
        write_dataset(output, dataset)
    except Exception as error:
        raise DatasetError(
            f"pydicom cannot write this Dataset: {error}",
            hint="make sure that Dataset.save_as works before you sign it",
        ) from error
    body = BytesSource(output.getvalue())
    problems = tuple(syntax_findings(syntax.uid))
    return DicomFile(file=_NOTHING, body=body, start=0, syntax=syntax, meta_end=0, problems=problems)


def _transfer_syntax(dataset: Dataset) -> TransferSyntax:
    """Find the transfer syntax for saving: that in the meta information, or else the one it was read in."""
    meta = getattr(dataset, "file_meta", None)
    uid = str(getattr(meta, "TransferSyntaxUID", "") or "")
    if not uid:
        is_implicit, _ = dataset.original_encoding
        uid = IMPLICIT_LITTLE_UID if is_implicit else EXPLICIT_LITTLE_UID
    return TransferSyntax(uid)


def attach_to_dataset(
    dataset: Dataset, file: DicomFile, signature: DigitalSignature, replaced_tags: Iterable[int]
) -> None:
    """Attach a signature to a Dataset.

    Args:
        dataset: The Dataset to change.
        file: The Dataset as it was signed.
        signature: The signature.
        replaced_tags: Tags of elements whose values were changed for signing, and are replaced in the Dataset too.

    Raises:
        DatasetError: An element of the Digital Signatures Macro is not a sequence; nothing is changed.
    """
    level = _find_level(dataset, signature.location)
    for tag in tags.MACRO:
        # an element that was not accessed yet has the VR in the file, or none in implicit VR
        if tag in level and level.get_item(tag).VR not in (None, "SQ"):
            raise not_a_sequence_error(tag)
    replaced = set(replaced_tags)
    if replaced:
        replace_elements(dataset, file, file.body, replaced)
        level = _find_level(dataset, signature.location)
    assert signature.mac is not None
    _append_item(level, tags.MAC_PARAMETERS_SEQUENCE, _build_parameters_item(signature.mac))
    _append_item(level, tags.DIGITAL_SIGNATURES_SEQUENCE, _build_signature_item(signature))


def replace_elements(dataset: Dataset, file: DicomFile, body: Source, changed: Iterable[int]) -> None:
    """Replace the top-level elements with these tags by those in an edited body, or delete them."""
    from pydicom import dcmread  # pyright: ignore[reportUnknownVariableType] - PathLike without its parameter

    edited = dcmread(BytesIO(_to_part10(replace(file, body=body))), force=True)
    for tag in changed:
        if tag in edited:
            dataset[tag] = edited.get_item(tag)
        elif tag in dataset:
            del dataset[tag]


def _to_part10(file: DicomFile) -> bytes:
    """Build a file with just enough meta information for pydicom to know the encoding."""
    from dcmseal.dataset.element_writer import encode_element
    from dcmseal.dataset.transfer_syntax import Encoding

    syntax = file.syntax.uid if not file.syntax.is_deflated else EXPLICIT_LITTLE_UID
    meta = encode_element(0x00020010, b"UI", syntax.encode(), Encoding.EXPLICIT_LITTLE)
    return bytes(128) + b"DICM" + meta + file.body.read(0, file.body.size)


def _find_level(dataset: Dataset, location: Location) -> Dataset:
    level: Any = dataset
    for tag, index in location.steps:
        level = level[tag].value[index]
    return cast("Dataset", level)


def _append_item(level: Dataset, tag: int, item: Dataset) -> None:
    if tag in level:
        level[tag].value.append(item)
    else:
        level.add_new(tag, "SQ", [item])


def _build_parameters_item(mac: MacParameters) -> Dataset:
    item = _new_dataset()
    item.add_new(tags.MAC_ID_NUMBER, "US", mac.mac_id)
    item.add_new(tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, "UI", mac.transfer_syntax)
    item.add_new(tags.MAC_ALGORITHM, "CS", mac.algorithm)
    item.add_new(tags.DATA_ELEMENTS_SIGNED, "AT", list(mac.elements))
    return item


def _build_signature_item(signature: DigitalSignature) -> Dataset:
    item = _new_dataset()
    item.add_new(tags.MAC_ID_NUMBER, "US", signature.mac_id)
    item.add_new(tags.DIGITAL_SIGNATURE_UID, "UI", signature.uid)
    item.add_new(tags.DIGITAL_SIGNATURE_DATETIME, "DT", signature.datetime)
    item.add_new(tags.CERTIFICATE_TYPE, "CS", signature.certificate_type)
    item.add_new(tags.CERTIFICATE_OF_SIGNER, "OB", minimize_padding(b"OB", signature.certificate))
    item.add_new(tags.SIGNATURE, "OB", minimize_padding(b"OB", signature.value))
    if signature.timestamp:
        item.add_new(tags.CERTIFIED_TIMESTAMP_TYPE, "CS", signature.timestamp_type)
        item.add_new(tags.CERTIFIED_TIMESTAMP, "OB", minimize_padding(b"OB", signature.timestamp))
    if signature.purpose is not None:
        code = _new_dataset()
        code.add_new(tags.CODE_VALUE, "SH", signature.purpose.value)
        code.add_new(tags.CODING_SCHEME_DESIGNATOR, "SH", signature.purpose.scheme)
        code.add_new(tags.CODE_MEANING, "LO", signature.purpose.meaning)
        item.add_new(tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE, "SQ", [code])
    return item


def _new_dataset() -> Dataset:
    from pydicom import Dataset as NewDataset

    return NewDataset()
