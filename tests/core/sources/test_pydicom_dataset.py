"""pydicom Datasets, signed in place: what is saved afterwards is what was signed, for us and for dcmsign."""

from __future__ import annotations

import copy
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

import dcmseal
from dcmseal import tags
from dcmseal.errors import DatasetError, UsageError
from dcmseal.model.verdict import Verdict
from tests.support import builder as b
from tests.support import reference
from tests.support import tags as t
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.real_files import RealFile, signable_files
from tests.support.signed_files import build_signer, finding_outcomes, integrity_verdict, sign_dataset, verify_integrity
from tests.support.strategies import portable_data_sets

NESTED = b.Sequence(
    t.REFERENCED_IMAGE_SEQUENCE,
    (b.Item((b.text(t.PATIENT_COMMENTS, "LT", "ab"), b.us(tags.ROWS, 7))), b.Item((b.us(tags.ROWS, 8),))),
)
RICH = b.image(NESTED, b.Value(t.SMALLEST_IMAGE_PIXEL_VALUE, "US", b"\1\0"), b.text(t.PATIENT_SEX, "CS", "F"))


def sign_in_place(dataset: Dataset, pki: Pki, **options: Any) -> dcmseal.SigningResult:
    result = dcmseal.sign(dataset, signer=build_signer(pki["rsa2048"]), **options)
    assert result.data is None
    return result


def saved(dataset: Dataset) -> bytes:
    output = BytesIO()
    dataset.save_as(output, enforce_file_format=hasattr(dataset, "file_meta"))
    return output.getvalue()


def read(nodes: tuple[b.Node, ...], syntax: b.Syntax = b.EXPLICIT_LE) -> Dataset:
    return dcmread(BytesIO(b.file(nodes, syntax)))


def fresh() -> Dataset:
    """Made in memory, never read."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3.4"
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Döe^Jane"
    dataset.PixelSpacing = [0.5, 0.25]
    dataset.NumberOfFrames = 3
    dataset.StudyDate = "20240601"
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3.5"
    dataset.ReferencedImageSequence = [item, Dataset()]
    dataset.add_new(0x00091010, "UN", b"abcd")
    dataset.PixelData = bytes(16)
    dataset["PixelData"].VR = "OW"
    return dataset


def compressed() -> Dataset:
    dataset = fresh()
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.PixelData = encapsulate([b"\xff\xd8abc\xff\xd9", b"\xff\xd8\xff\xd9", b"\xff\xd8ab\xff\xd9"])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def decoded(dataset: Dataset) -> Dataset:
    """All values looked at, at every level."""
    dataset.decode()
    for element in dataset.iterall():
        assert element.value is not None or element.is_empty
    return dataset


def modified() -> Dataset:
    dataset = read(RICH)
    dataset.PatientName = "Other^Name"
    dataset.ReferencedImageSequence[1].PatientComments = "added"
    del dataset.ReferencedImageSequence[0].Rows
    dataset.RescaleSlope = "0.1"
    return dataset


DATASETS: dict[str, Callable[[], Dataset]] = {
    "fresh": fresh,
    "compressed": compressed,
    "just read": lambda: read(RICH),
    "decoded": lambda: decoded(read(RICH)),
    "modified": modified,
    "copied": lambda: copy.deepcopy(read(RICH)),
    "implicit": lambda: read(RICH, b.IMPLICIT_LE),
    "implicit and decoded": lambda: decoded(read(RICH, b.IMPLICIT_LE)),
    "big endian": lambda: read(RICH, b.EXPLICIT_BE),
    "big endian and decoded": lambda: decoded(read(RICH, b.EXPLICIT_BE)),
    "deflated": lambda: read(RICH, b.DEFLATED_LE),
    "fragments just read": lambda: read(b.image(b.Fragments(fragments=(b"", b"abcd"))), b.JPEG_BASELINE),
}


@pytest.mark.parametrize("make", DATASETS.values(), ids=DATASETS)
def test_the_saved_file_matches_the_signed_data_set(
    make: Callable[[], Dataset], pki: Pki, dcmsign: Dcmtk, tmp_path: Path
) -> None:
    dataset = make()
    result = sign_in_place(dataset, pki, purpose=5)
    assert dataset[tags.MAC_PARAMETERS_SEQUENCE].value[0][tags.MAC_ID_NUMBER].value == result.signature.mac_id
    assert (
        dataset[tags.DIGITAL_SIGNATURES_SEQUENCE]
        .value[0][tags.DIGITAL_SIGNATURE_PURPOSE_CODE_SEQUENCE]
        .value[0]
        .CodeValue
        == "5"
    )
    assert integrity_verdict(dataset) is Verdict.VALID
    data = saved(dataset)
    assert integrity_verdict(data) is Verdict.VALID
    again = dcmread(BytesIO(data))
    assert integrity_verdict(again) is Verdict.VALID
    assert [signature.uid for signature in dcmseal.signatures(again)] == [result.uid]
    assert dcmseal.find_signature(dataset, result.uid).content == result.signature or result.signature.certificate
    stream = bytearray()
    dcmseal.write_mac_stream(dataset, result.uid, stream.extend)
    assert bytes(stream) == reference.mac_stream(data, result.uid)
    path = tmp_path / "saved.dcm"
    path.write_bytes(data)
    verification = dcmsign.verify(path, trust=pki.trust, require=["signature"])
    assert verification.ok, verification.text
    sign_in_place(dataset, pki)
    assert len(dcmseal.signatures(dataset)) == 2
    assert integrity_verdict(saved(dataset)) is Verdict.VALID
    dcmseal.remove(dataset, uids=[result.uid])
    assert len(verify_integrity(saved(dataset)).signatures) == 1
    dcmseal.remove(dataset)
    assert tags.MAC_PARAMETERS_SEQUENCE not in dataset
    assert tags.DIGITAL_SIGNATURES_SEQUENCE not in dataset


@pytest.mark.parametrize("syntax", b.NATIVE_SYNTAXES, ids=lambda syntax: syntax.uid)
@pytest.mark.parametrize("look", [False, True], ids=["raw", "decoded"])
def test_items(syntax: b.Syntax, look: bool, pki: Pki) -> None:
    """Signed by their place, and taken out as Datasets of their own."""
    dataset = read(RICH, syntax)
    if look:
        decoded(dataset)
    place = "ReferencedImageSequence[1]"
    sign_in_place(dataset, pki, location=place)
    item = dataset.ReferencedImageSequence[0]
    assert integrity_verdict(dataset, location=place) is Verdict.VALID
    sign_in_place(item, pki)
    assert integrity_verdict(item) is Verdict.VALID
    report = verify_integrity(saved(dataset))
    assert [str(each.signature.location) for each in report.signatures] == ["ReferencedImageSequence[0]", place]
    assert [each.integrity_verdict for each in report.signatures] == [Verdict.VALID] * 2
    removed = dcmseal.remove(dataset)
    assert len(removed.removed) == 2
    assert reference.signatures(reference.parse_file(saved(dataset)).dataset) == []


def test_padding_of_a_dataset(pki: Pki) -> None:
    """The values that were signed are put into the Dataset: those with the least padding."""
    nodes = b.image(
        b.Value(t.PATIENT_COMMENTS, "LT", b"comment     "),
        b.Sequence(
            t.REFERENCED_IMAGE_SEQUENCE, (b.Item((b.Value(t.PATIENT_ID, "LO", b"AB    "), b.us(tags.ROWS, 1))),)
        ),
    )
    for look in (False, True):
        dataset = read(nodes)
        if look:
            decoded(dataset)
        result = sign_in_place(dataset, pki)
        assert look or result.padded == ((t.REFERENCED_IMAGE_SEQUENCE, t.PATIENT_ID), (t.PATIENT_COMMENTS,))
        data = saved(dataset)
        assert integrity_verdict(data) is Verdict.VALID
        assert "matches-minimal-padding" not in finding_outcomes(verify_integrity(data))
        kept = read(nodes)
        assert sign_in_place(kept, pki, padding="keep").padded == ()
        assert integrity_verdict(saved(kept)) is Verdict.VALID


def test_private_elements_and_unknown_ones(pki: Pki) -> None:
    """pydicom finds VRs for UN when it looks at them; what was not looked at stays as it was signed."""
    unknown = b.Value(t.PATIENT_NAME, "UN", b"Doe^Jane")
    private = (
        b.text(0x00090010, "LO", "GEMS_IDEN_01"),
        b.Value(0x00091001, "UN", b"abcd"),
        b.Value(0x00091002, "SH", b"ab"),
    )
    dataset = read(b.image(unknown, *private))
    result = sign_in_place(dataset, pki)
    assert {tag for tag, _ in result.unsignable} == {t.PATIENT_NAME, 0x00091001}
    assert 0x00091002 in result.signature.mac.elements if result.signature.mac else ()
    assert integrity_verdict(saved(dataset)) is Verdict.VALID


def test_no_signature_where_something_else_stands(pki: Pki) -> None:
    for tag in (tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE):
        for vr in ("OB", "UN"):
            dataset = read(b.image(b.Value(tag, vr, b"abcd"), b.Value(t.PATIENT_COMMENTS, "LT", b"comment     ")))
            before = saved(dataset)
            with pytest.raises(DatasetError, match="does not have VR SQ"):
                sign_in_place(dataset, pki)
            assert saved(dataset) == before


@pytest.mark.filterwarnings("ignore")
def test_a_dataset_that_pydicom_cannot_write(pki: Pki) -> None:
    dataset = fresh()
    dataset.add_new(tags.ROWS, "US", 70_000)
    with pytest.raises(DatasetError, match="pydicom cannot write") as caught:
        sign_in_place(dataset, pki)
    assert caught.value.hint
    assert tags.DIGITAL_SIGNATURES_SEQUENCE not in dataset


def test_a_dataset_takes_no_output(pki: Pki, tmp_path: Path) -> None:
    dataset = fresh()
    with pytest.raises(UsageError):
        sign_in_place(dataset, pki, output=tmp_path / "out.dcm")
    assert tags.DIGITAL_SIGNATURES_SEQUENCE not in dataset
    assert list(tmp_path.iterdir()) == []
    assert integrity_verdict(dataset) is Verdict.NO_SIGNATURE


def test_a_dataset_without_meta_information(pki: Pki) -> None:
    for implicit, syntax in ((True, ImplicitVRLittleEndian), (False, ExplicitVRLittleEndian)):
        dataset = dcmread(BytesIO(b.file(RICH, b.IMPLICIT_LE if implicit else b.EXPLICIT_LE)))
        del dataset.file_meta
        sign_in_place(dataset, pki)
        assert integrity_verdict(dataset) is Verdict.VALID
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        assert integrity_verdict(saved(dataset)) is Verdict.VALID


@pytest.mark.parametrize("real", signable_files(), ids=str)
@pytest.mark.filterwarnings("ignore")
def test_real_files(real: RealFile, pki: Pki) -> None:
    dataset = dcmread(real.path, force=True)
    sign_in_place(dataset, pki)
    assert integrity_verdict(dataset) is Verdict.VALID
    output = BytesIO()
    dataset.save_as(output, enforce_file_format=False)
    assert integrity_verdict(output.getvalue()) is Verdict.VALID


@pytest.mark.filterwarnings("ignore")
@given(nodes=portable_data_sets(max_depth=3), syntax=st.sampled_from(b.NATIVE_SYNTAXES))
def test_random_data_sets(nodes: tuple[b.Node, ...], syntax: b.Syntax, pki: Pki) -> None:
    dataset = read(nodes, syntax)
    sign_in_place(dataset, pki)
    assert integrity_verdict(dataset) is Verdict.VALID
    assert integrity_verdict(saved(dataset)) is Verdict.VALID


def test_files_signed_are_verified_as_datasets(pki: Pki) -> None:
    for syntax in b.NATIVE_SYNTAXES:
        dataset = dcmread(BytesIO(sign_dataset(b.file(RICH, syntax), pki["p256"])))
        assert integrity_verdict(dataset) is Verdict.VALID
        decoded(dataset)
        assert integrity_verdict(dataset) is Verdict.VALID
