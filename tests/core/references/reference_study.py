"""A folder with instances, and documents that cite them."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread

import dcmseal
from dcmseal import tags
from dcmseal.model.report import VerificationReport
from tests.support import builder as b
from tests.support.cited_evidence import make_citation, make_document, make_evidence_sequence
from tests.support.pki import Pki
from tests.support.signed_files import sign_dataset

FIRST, SECOND = "1.2.3.4.1", "1.2.3.4.2"


@dataclass(frozen=True, slots=True)
class ReferenceStudy:
    """A folder with instances, and documents about them."""

    folder: Path
    pki: Pki

    def put(self, name: str, data: bytes) -> bytes:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return data

    def sign(self, data: bytes, **options: Any) -> bytes:
        return sign_dataset(data, self.pki["rsa2048"], references=[self.folder], **options)

    def verify(self, data: bytes, **options: Any) -> VerificationReport:
        return dcmseal.verify(data, integrity_only=True, references=[self.folder], **options)

    def codes(self, data: bytes) -> list[str]:
        return [each.code for each in self.verify(data).references]

    def reference_codes(self, *said: b.Node) -> list[str]:
        """What is found out if a document says this of FIRST, and is signed then."""
        data = sign_dataset(
            b.file(
                make_document(
                    make_evidence_sequence(
                        tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(FIRST, *said)
                    )
                )
            ),
            self.pki["rsa2048"],
        )
        return self.codes(data)


def sign_both(**options: Any) -> bytes:
    return b.file(
        make_document(
            make_evidence_sequence(tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, make_citation(FIRST)),
            make_evidence_sequence(tags.PERTINENT_OTHER_EVIDENCE_SEQUENCE, make_citation(SECOND)),
            **options,
        )
    )


def read_references(data: bytes) -> list[Dataset]:
    dataset = dcmread(BytesIO(data))
    return [
        item
        for tag in (tags.CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE, tags.PERTINENT_OTHER_EVIDENCE_SEQUENCE)
        if tag in dataset
        for each in dataset[tag].value
        for series in each.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]
