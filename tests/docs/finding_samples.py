"""Files that provoke the findings that the documentation lists."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

import dcmseal
from dcmseal import Policy, tags
from dcmseal.findings import Finding
from dcmseal.plugins.profile import ElementTables, ProfiledDataset, Requirements, SignatureFacts
from dcmseal.plugins.profile_rules import requirement_findings
from dcmseal.plugins.trust import TrustSettings
from dcmseal.terms import KeyType, MacAlgorithm
from tests.support import builder as b
from tests.support import cited_evidence, nonstandard_files, real_files, sample_objects
from tests.support import tags as t
from tests.support.pki import Identity, Pki


def key_of(signer: Identity) -> str:
    return f"pem:{signer.key_pem}?cert={signer.certificate_pem}"


def signed(source: bytes, signer: Identity, **options: Any) -> bytes:
    data = dcmseal.sign(source, key=key_of(signer), **options).data
    assert data is not None
    return data


def changed(data: bytes, change: Callable[[Dataset, Dataset, Dataset], object]) -> bytes:
    """The file after a change to its Data Set, its (last) signature item, or its MAC Parameters item."""
    dataset = dcmread(BytesIO(data))
    change(dataset, dataset[tags.DIGITAL_SIGNATURES_SEQUENCE][-1], dataset[tags.MAC_PARAMETERS_SEQUENCE][-1])
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def _remove_from_signature(tag: int, _: Dataset, signature: Dataset, __: Dataset) -> None:
    signature.pop(tag)


def without(*tags: int) -> Callable[[Dataset, Dataset, Dataset], None]:
    """Takes elements out, wherever they stand."""

    def change(*levels: Dataset) -> None:
        for level in levels:
            for tag in tags:
                level.pop(tag, None)

    return change


def having(tag: int, value: object) -> Callable[[Dataset, Dataset, Dataset], None]:
    """Changes the value of an element in the signature's item, or in the MAC Parameters item."""

    def change(_: Dataset, item: Dataset, mac: Dataset) -> None:
        level = item if tag in item else mac
        level[tag].value = value

    return change


def odd_surroundings(good: bytes, jpeg: bytes) -> Iterator[bytes]:
    """Files with all that can be odd around a signed data set and its pixels, and is not refused."""
    start = good.index(b"\x08\0\x16\0UI")
    standard = "1.2.840.10008.1.2"
    usual: dict[int, b.Value] = {
        t.FILE_META_INFORMATION_VERSION: b.Value(t.FILE_META_INFORMATION_VERSION, "OB", b"\0\1"),
        t.MEDIA_STORAGE_SOP_INSTANCE_UID: b.uid(t.MEDIA_STORAGE_SOP_INSTANCE_UID, "1.2.3.4"),
        t.TRANSFER_SYNTAX_UID: b.uid(t.TRANSFER_SYNTAX_UID, f"{standard}.1"),
    }

    def part10(*others: b.Value, without: int = 0, length: int | None = 0, body: bytes = good[start:]) -> bytes:
        elements = usual | {other.tag: other for other in others}
        meta = b.encode(element for tag, element in elements.items() if tag != without)
        group = b"" if length is None else b.encode((b.ul(t.FILE_META_INFORMATION_GROUP_LENGTH, len(meta) + length),))
        return bytes(128) + b"DICM" + group + meta + body

    def syntax(value: str) -> b.Value:
        return b.Value(t.TRANSFER_SYNTAX_UID, "UI", value.encode())

    def after_meta(element: b.Value, length: int = 0) -> bytes:
        return part10(body=b.encode((element,)) + good[start:], length=length)

    instance = b.uid(t.MEDIA_STORAGE_SOP_INSTANCE_UID, "1.2.3.5")
    yield from (part10(length=8), part10(length=None), part10(instance), part10(without=t.TRANSFER_SYNTAX_UID))
    yield from (part10(b.text(0x00020016, vr, "ab")) for vr in ("UT", "LO"))
    yield part10(b.text(0x00020013, "SH", "ab"), b.uid(t.IMPLEMENTATION_CLASS_UID, "1.2"))
    yield part10(b.text(0x00020200, "LO", "ab"))
    yield from (
        after_meta(usual[t.TRANSFER_SYNTAX_UID]),
        after_meta(instance, 16),
        after_meta(b.text(0x00010010, "LO", "a")),
    )
    yield from (part10(syntax(value)) for value in ("1.2.", f"{standard}.1 ", "1.2.3.4\0", f"{standard}.4.94"))
    yield part10(syntax(f"{standard}.4.50"))
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packer.compress(good[start:]) + packer.flush()
    deflated = syntax(f"{standard}.1.99")
    checksum = struct.pack("<II", zlib.crc32(good[start:]), len(good) - start)
    yield from (part10(deflated, body=body + behind) for behind in (b"x", checksum))
    yield from (part10(deflated, body=body, length=None), part10(syntax(f"{standard}.1.99  "), body=body))
    yield part10(syntax(f"{standard}.4.95"), body=body)
    yield jpeg.replace(b"1.2.840.10008.1.2.4.51", b"1.2.840.10008.1.2.4.80")


def broken_files(pki: Pki) -> Iterator[bytes]:
    """Files with all that can be wrong with signatures, made from good ones."""
    rsa, ec = pki["rsa2048"], pki["p256"]
    plain = b.file(b.image())
    good = signed(plain, rsa)
    yield from (good, signed(plain, ec, tags=["PatientName"]))
    yield signed(b.file(b.image(b.Value(0x00091001, "UN", b"??"))), rsa)
    for name in ("expired", "not-yet-valid"):
        yield signed(plain, pki[name], allow_expired=True)
    for signer in (rsa, ec):
        yield signed(plain, signer).replace(b"4711", b"0815")
    for tag in (
        tags.MAC_ID_NUMBER,
        tags.DIGITAL_SIGNATURE_UID,
        tags.DIGITAL_SIGNATURE_DATETIME,
        tags.CERTIFICATE_TYPE,
        tags.CERTIFICATE_OF_SIGNER,
        tags.SIGNATURE,
    ):
        yield changed(good, partial(_remove_from_signature, tag))
    for tag in (tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, tags.MAC_ALGORITHM, tags.DATA_ELEMENTS_SIGNED):
        yield changed(good, without(tag))
    for tag, value in (
        (tags.MAC_ID_NUMBER, 7),
        (tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, "1.2.840.10008.1.2"),
        (tags.MAC_CALCULATION_TRANSFER_SYNTAX_UID, "1.2.3.4"),
        (tags.MAC_ALGORITHM, "SHA257"),
        (tags.DATA_ELEMENTS_SIGNED, [t.PATIENT_ID, t.PATIENT_NAME]),
        (tags.DATA_ELEMENTS_SIGNED, [t.TRANSFER_SYNTAX_UID]),
        (tags.DATA_ELEMENTS_SIGNED, [t.PATIENT_SEX]),
        (tags.DIGITAL_SIGNATURE_DATETIME, "20240101"),
        (tags.CERTIFICATE_TYPE, "X509_1994_SIG"),
        (tags.CERTIFICATE_OF_SIGNER, b"\x30\x00"),
        (tags.CERTIFICATE_OF_SIGNER, pki["p384"].der + bytes(len(pki["p384"].der) % 2)),
        (tags.CERTIFICATE_OF_SIGNER, pki["rsa3072"].der + bytes(len(pki["rsa3072"].der) % 2)),
    ):
        yield changed(good, having(tag, value))
    yield changed(good, lambda _, item, __: item.add_new(tags.CERTIFIED_TIMESTAMP_TYPE, "CS", "OTHER"))
    yield changed(good, lambda dataset, _, mac: dataset[tags.MAC_PARAMETERS_SEQUENCE].value.append(mac))
    unknown = b.file(b.image(b.Value(0x00091001, "LO", b"??")))
    yield signed(unknown, rsa).replace(b"\x09\0\x01\x10LO\x02\0??", b"\x09\0\x01\x10UN\0\0\0\0\0\0")
    yield changed(good, lambda dataset, *_: dataset[t.PATIENT_ID].__setattr__("value", "4711  "))
    yield changed(
        changed(good, without(tags.MAC_ID_NUMBER)), lambda _, item, __: item.add_new(tags.MAC_ALGORITHM, "CS", "SHA256")
    )
    jpeg = signed(real_files.real_file("JPEG-lossy.dcm").data, rsa)
    yield jpeg.replace(b"1.2.840.10008.1.2.4.51", b"1.2.840.10008.1.2.4.57", 1).replace(b"MONOCHROME2", b"MONOCHROME1")
    yield signed(real_files.real_file("rtplan.dcm").data, ec, location="BeamSequence[0]", purpose="review")
    yield from (nonstandard_files.pacs_system_file(rsa), nonstandard_files.c2pa_health_file(ec))
    number = b.Item((b.us(tags.MAC_ID_NUMBER, 0),))
    macro = b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (number,)), b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (number,))
    yield signed(b.file(sample_objects.KINDS["verified SR"]), rsa, purpose="author")
    yield from odd_surroundings(good, jpeg)
    image = b.image()
    yield b.file((*image[:2], image[3], image[2], *macro))
    yield b.file((image[0], *image, *macro))
    yield b.file(
        (*image, b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (b.Item((*number.elements, *number.elements)),)))
    )
    yield b.file((*image, b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE)))
    yield b.file((*image, b.Value(tags.DIGITAL_SIGNATURES_SEQUENCE, "OB", b"??")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Strict:
    """A profile that asks for what the samples do not have."""

    name: str = "strict"
    title: str = "Strict"
    reference: str = "tests"

    def requirements(self, dataset: ProfiledDataset) -> Requirements:
        return Requirements(
            elements=frozenset(dataset.tags),
            mac_algorithms=frozenset({MacAlgorithm.SHA512}),
            mandatory=frozenset({t.ACCESSION_NUMBER}),
            forbidden=frozenset({t.PATIENT_NAME}),
            key_bits={KeyType.RSA: 4096, KeyType.EC: 521},
            purposes=frozenset({1}),
            purpose_required=True,
            timestamp_required=True,
            main_dataset_only=True,
            inapplicable="it is asked too much",
            tables=ElementTables(edition="2", origins={}, earlier="1", added=frozenset({t.PATIENT_ID})),
            clause=self.reference,
        )

    def check(self, dataset: ProfiledDataset, facts: SignatureFacts) -> tuple[Finding, ...]:
        return requirement_findings(self.requirements(dataset), dataset, facts)


def about_evidence(pki: Pki, folder: Path) -> Iterator[Finding]:
    """What is found out about evidence: of an instance as it is, changed, damaged, ambiguous and gone."""
    rsa = pki["rsa2048"]
    instance = folder / "instance.dcm"
    instance.write_bytes(b.file(b.image()))
    document = b.file(objects_with(cited_evidence.make_citation("1.2.3.4")))
    good = signed(document, rsa, references=[folder])
    broken = b.Sequence(tags.REFERENCED_SOP_INSTANCE_MAC_SEQUENCE)
    short = cited_evidence.make_mac_reference(instance.read_bytes(), syntax="1.2.840.10008.1.2")
    documents = [good, signed(document, rsa)]
    documents += [
        signed(b.file(objects_with(cited_evidence.make_citation("1.2.3.4", said))), rsa) for said in (broken, short)
    ]
    documents.append(dcmseal.remove(good).data or b"")
    for content in (b.image(), b.image(pixels=bytes(16)), b.image(b.us(tags.NUMBER_OF_FRAMES, 1))):
        instance.write_bytes(b.file(content))
        for each in documents:
            policy = Policy.build(no_unsigned_additions=True)
            yield from dcmseal.verify(each, references=[folder], policy=policy).references
    (folder / "copy.dcm").write_bytes(b.file(b.image()))
    yield from dcmseal.verify(good, references=[folder]).references
    (folder / "copy.dcm").unlink()
    instance.write_bytes(b.file(b.image())[:-4])
    yield from dcmseal.verify(good, references=[folder]).references
    instance.write_bytes(signed(b.file(b.image()), rsa))
    by_signature = signed(document, rsa, references=[folder])
    twice = changed(
        instance.read_bytes(), lambda dataset, _, mac: dataset[tags.MAC_PARAMETERS_SEQUENCE].value.append(mac)
    )
    for data in (twice, b.file(b.image())):
        instance.write_bytes(data)
        yield from dcmseal.verify(by_signature, references=[folder]).references
    instance.unlink()
    yield from dcmseal.verify(good, references=[folder]).references


def about_policies(pki: Pki) -> Iterator[Finding]:
    """What is missing of all that can be demanded."""
    author = signed(b.file(b.image()), pki["rsa2048"], tags=["PatientName"], purpose="author")
    twice = signed(author, pki["rsa2048"], purpose="review", tags=["PatientName"])
    demands = (
        *("purpose:consent", "signer:CN=nobody", f"certificate:{'0' * 64}", "covers:PatientID", "timestamp"),
        *("purpose:consent + timestamp", "purpose:author", "purpose:author"),
    )
    trust = TrustSettings(anchors=(str(pki.root.certificate_pem),))
    policies = (
        Policy.build(require=demands, covered=["PatientID"], signatures=3, no_unsigned_additions=True),
        Policy.build(require=demands[6:], signatures=2, distinct_signers=True),
    )
    for policy in policies:
        yield from dcmseal.verify(twice, policy=policy, trust=trust).unmet
        yield from dcmseal.verify(twice, policy=policy).unmet


def objects_with(item: b.Item) -> tuple[b.Node, ...]:
    return cited_evidence.make_document(
        cited_evidence.make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, item)
    )


def findings(pki: Pki, folder: Path) -> Iterator[Finding]:
    yield from about_evidence(pki, folder)
    yield from about_policies(pki)
    for data in broken_files(pki):
        report = dcmseal.verify(data, require=["base-rsa", "structured-report-rsa", Strict()])
        yield from (*report.notes, *report.unmet)
        for signature in report.signatures:
            yield from signature.findings
