"""Existing signatures are verified before signing; warnings come first, and valid ones may be required."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pydicom
import pytest

import dcmseal
from dcmseal.documents.document_builders import signing_document
from dcmseal.errors import NotIntact
from dcmseal.findings import EXISTING_INVALID
from dcmseal.model.verdict import Verdict
from dcmseal.signing.existing_signatures import EXISTING_NOT_ESTABLISHED
from dcmseal.terms import KeyType
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import UnusedSigner, build_signer, integrity_verdict


def with_items(syntax: b.Syntax | None = None) -> bytes:
    items = (b.Item((b.text(t.BEAM_NAME, "LO", "AP"),)), b.Item((b.text(t.BEAM_NAME, "LO", "PA"),)))
    nodes = b.image(b.Sequence(t.BEAM_SEQUENCE, items))
    return b.file(nodes) if syntax is None else b.file(nodes, syntax)


def codes(data: bytes, pki: Pki, **options: Any) -> list[str]:
    result = dcmseal.sign(data, signer=build_signer(pki["p256"]), **options)
    with dcmseal.plan_signing(data, **options) as plan:
        planned = [each.code for each in plan.warnings if each.code in (EXISTING_INVALID, EXISTING_NOT_ESTABLISHED)]
    made = [each.code for each in result.warnings if each.code in (EXISTING_INVALID, EXISTING_NOT_ESTABLISHED)]
    assert planned == made
    return made


@pytest.fixture(params=["main", "BeamSequence[0]"])
def signed(request: pytest.FixtureRequest, pki: Pki) -> tuple[bytes, bytes]:
    """A file with a signature at a level, and the same with another value there."""
    location = request.param
    data = dcmseal.sign(with_items(), signer=build_signer(pki["p256"]), location=location).data or b""
    old, new = (b"AP", b"PP") if location != "main" else (b"4711", b"4712")
    at = data.index(old)
    return data, data[:at] + new + data[at + len(new) :]


@pytest.mark.parametrize("location", ["main", "BeamSequence[0]", "BeamSequence[1]"])
def test_an_invalid_signature_is_reported_first(signed: tuple[bytes, bytes], pki: Pki, location: str) -> None:
    good, bad = signed
    assert integrity_verdict(bad) is Verdict.INVALID
    assert codes(good, pki, location=location) == []
    assert codes(bad, pki, location=location) == [EXISTING_INVALID]
    result = dcmseal.sign(bad, signer=build_signer(pki["p256"]), location=location)
    first = result.warnings[0]
    uid = dcmseal.signatures(bad)[0].uid
    assert first.code == EXISTING_INVALID
    assert first.is_obstacle
    assert f"signature {uid} at" in first.message
    assert "mac-differs" in first.message
    assert json.loads(json.dumps(signing_document(result, "a", "b")))["warnings"][0]["code"] == EXISTING_INVALID


@pytest.mark.parametrize("location", ["main", "BeamSequence[0]"])
def test_it_may_be_demanded_that_all_hold(signed: tuple[bytes, bytes], pki: Pki, location: str) -> None:
    good, bad = signed
    untouched = UnusedSigner((pki["p256"].der,), KeyType.EC)
    assert dcmseal.sign(good, signer=build_signer(pki["p256"]), location=location, require_intact=True).data
    with pytest.raises(NotIntact, match="is invalid"):
        dcmseal.sign(bad, signer=untouched, location=location, require_intact=True)
    with pytest.raises(NotIntact):
        dcmseal.plan_signing(bad, location=location, require_intact=True)


def test_an_undecided_signature_is_not_known_to_be_valid(pki: Pki) -> None:
    good = dcmseal.sign(with_items(), signer=build_signer(pki["p256"])).data or b""
    odd = good.replace(b"SHA256", b"SHA9  ")
    assert integrity_verdict(odd) is Verdict.NOT_ESTABLISHED
    assert codes(odd, pki) == [EXISTING_NOT_ESTABLISHED]
    (warning,) = [
        each
        for each in dcmseal.sign(odd, signer=build_signer(pki["p256"])).warnings
        if each.code == EXISTING_NOT_ESTABLISHED
    ]
    assert not warning.is_obstacle
    assert "is not established: MAC Algorithm 'SHA9' is not supported (mac-algorithm-unsupported)" in warning.message
    with pytest.raises(NotIntact, match="is not established"):
        dcmseal.sign(odd, signer=UnusedSigner((pki["p256"].der,), KeyType.EC), require_intact=True)


def test_a_pydicom_dataset_is_asked_about_too(pki: Pki) -> None:
    data = dcmseal.sign(real_file("CT_small.dcm").data, signer=build_signer(pki["p256"])).data or b""
    dataset = pydicom.dcmread(BytesIO(data))
    dataset.PatientName = "Somebody^Else"
    result = dcmseal.sign(dataset, signer=build_signer(pki["p256"]))
    assert result.warnings[0].code == EXISTING_INVALID


def test_a_deflated_file_is_asked_about_too(pki: Pki) -> None:
    data = dcmseal.sign(with_items(b.DEFLATED_LE), signer=build_signer(pki["p256"])).data or b""
    assert codes(data, pki) == []


def test_all_signatures_are_made_in_one_pass(pki: Pki, level_passes: list[int]) -> None:
    data = with_items()
    for identity in ("p256", "rsa2048"):
        data = dcmseal.sign(data, signer=build_signer(pki[identity])).data or b""
    level_passes.clear()
    dcmseal.sign(data, signer=build_signer(pki["p256"]))
    assert level_passes.count(max(level_passes)) == 1
