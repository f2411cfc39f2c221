"""The look-alikes are readable files of the shape described, and no signatures to DCMTK."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmseal import tags
from tests.support import reference
from tests.support.dcmsign import Dcmtk
from tests.support.nonstandard_files import c2pa_health_file, pacs_system_file
from tests.support.pki import Pki


def test_c2pa_health_style(dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    data = c2pa_health_file(pki["p256"])
    (signature,) = reference.signatures(reference.parse_file(data).dataset)
    assert signature.mac_parameters is None
    assert reference.text(reference.find(signature.item, tags.CERTIFICATE_TYPE) or signature.item[0]) == "X509"
    path = tmp_path / "c2pa.dcm"
    path.write_bytes(data)
    assert dcmsign.verify(path, trust=pki.trust).returncode == 101


@pytest.mark.parametrize("with_sequence", [False, True])
def test_pacs_system_style(with_sequence: bool, dcmsign: Dcmtk, pki: Pki, tmp_path: Path) -> None:
    data = pacs_system_file(pki["rsa2048"], with_sequence=with_sequence)
    dataset = reference.parse_file(data).dataset
    assert reference.signatures(dataset) == []
    level = reference.level(dataset, ((tags.ORIGINAL_ATTRIBUTES_SEQUENCE, 0),)) if with_sequence else dataset
    assert {element.tag for element in level} >= {
        tags.MAC_ALGORITHM,
        tags.DATA_ELEMENTS_SIGNED,
        tags.DIGITAL_SIGNATURE_UID,
        tags.CERTIFICATE_OF_SIGNER,
        tags.SIGNATURE,
    }
    path = tmp_path / "pacs.dcm"
    path.write_bytes(data)
    assert dcmsign.verify(path, require=["signature"]).returncode == 100
