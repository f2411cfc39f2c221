"""Every kind of JSON document, made from real results, is what docs/reference/report.schema.json says."""

from __future__ import annotations

import hashlib
import io

import jsonschema
import pydicom
import pytest

import dcmseal
from dcmseal import errors, tags
from dcmseal.documents import document_builders
from dcmseal.documents.document_builders import (
    certificate_document,
    error_document,
    files_document,
    plan_document,
    plugins_document,
    profiles_document,
    removal_document,
    report_document,
    signature_document,
    signatures_document,
    signing_document,
)
from dcmseal.documents.json_types import SCHEMA_VERSION
from dcmseal.findings import Aspect
from dcmseal.plugins.registry import Registry
from tests.core.documents.json_schema import SCHEMA, listed_tags, load_document, sign_sample, signer_uri, validator
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import NOT_AFTER, NOT_BEFORE, Pki
from tests.support.real_files import real_file

ONLY_BATCHES = {"verdict", "skipped", "summary", "journal-entry", "journal"}
ONLY_COMMANDS = {"configuration", "configuration-path", "completion", "demo", "purposes", "query", "stream"}
"""Kinds that are not results of a verification or signature."""


def test_the_schema_is_one(pki: Pki) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    document = load_document(report_document(dcmseal.verify(sign_sample("CT_small.dcm", pki["p256"]))))
    assert SCHEMA["$id"] == f"urn:dcmseal:report:{SCHEMA_VERSION}"
    for wrong in (
        {"verdict": "good"},
        {"file": None},
        {"more": 1},
        {"document": "signatures"},
        {"schema": "dcmseal/1"},
    ):
        assert not validator().is_valid({**document, **wrong})
    broken = {**document["signatures"][0], "more": 1}
    assert not validator().is_valid({**document, "signatures": [broken]})


def test_every_kind_has_its_function() -> None:
    kinds = {each["$ref"].rpartition("/")[2] for each in SCHEMA["oneOf"]}
    functions = {name.removesuffix("_document") for name in vars(document_builders) if name.endswith("_document")} - {
        ""
    }
    assert kinds - ONLY_COMMANDS - ONLY_BATCHES == functions - {"report"} | {"verification"}


@pytest.mark.parametrize(("name", "key_type"), [("rsa2048", "RSA"), ("p256", "EC"), ("dsa2048", "DSA")])
def test_a_verification_document_names_signer_coverage_and_options(pki: Pki, name: str, key_type: str) -> None:
    signer = pki[name]
    data = sign_sample("CT_small.dcm", signer, purpose="author")
    report = dcmseal.verify(data, integrity_only=True, name_profiles=True)
    document = load_document(report_document(report, "ct.dcm"))
    assert (document["schema"], document["document"], document["file"]) == ("dcmseal/2", "verification", "ct.dcm")
    assert (document["verdict"], document["integrity_only"]) == ("valid", True)
    (signature,) = document["signatures"]
    (expected,) = report.signatures
    assert (signature["uid"], signature["location"], signature["index"]) == (expected.signature.uid, "main", 0)
    assert signature["verdict"] == "valid"
    assert signature["aspects"] == {aspect.value: expected.outcome(aspect).value for aspect in Aspect}
    assert signature["aspects"]["integrity"] == "passed"
    assert signature["signer"] == {
        "subject": f"CN={name},O=dcmseal tests",
        "issuer": "CN=root,O=dcmseal tests",
        "serial": f"{signer.certificate.serial_number:x}",
        "not_before": NOT_BEFORE.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "not_after": NOT_AFTER.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "key_type": key_type,
        "key_bits": 256 if key_type == "EC" else 2048,
        "sha256": hashlib.sha256(signer.der).hexdigest(),
    }
    assert signature["purpose"]["meaning"] == "Author's Signature"
    assert signature["timestamp"] is None
    assert signature["datetime"] == expected.signature.datetime
    digits = signature["signing_time"].translate(str.maketrans("", "", "-:TZ"))
    assert digits.partition(".")[0] == expected.signature.datetime[:14]
    assert "none" in signature["profiles"]
    assert ("base-rsa" in signature["profiles"]) == (key_type == "RSA")
    mac, coverage = signature["mac"], signature["coverage"]
    assert expected.signature.mac is not None
    assert (mac["id"], mac["algorithm"]) == (expected.signature.mac.mac_id, "SHA256")
    assert listed_tags(mac["elements"]) == list(expected.signature.mac.elements)
    assert {"tag": "00100020", "keyword": "PatientID"} in coverage["signed"]
    assert coverage["unsigned"] == coverage["critical"] == coverage["absent"] == []


def test_a_verdict_is_that_of_its_question(pki: Pki) -> None:
    data = sign_sample("CT_small.dcm", pki["p256"])
    document = load_document(report_document(dcmseal.verify(data)))
    assert document["verdict"] == document["signatures"][0]["verdict"] == "not-established"
    assert document["file"] == ""
    assert not document["integrity_only"]


def test_a_required_profile_decides(pki: Pki) -> None:
    data = sign_sample("CT_small.dcm", pki["p256"])
    document = load_document(report_document(dcmseal.verify(data, integrity_only=True, require=["base-rsa"])))
    (signature,) = document["signatures"]
    assert (document["verdict"], signature["verdict"]) == ("invalid", "valid")
    assert signature["aspects"]["conformance"] == "failed"
    assert signature["required"] == [{"profile": "base-rsa", "outcome": "failed"}]
    assert [finding["code"] for finding in document["unmet"]] == ["profile-not-met"]
    assert "key-type-not-allowed" in [finding["code"] for finding in signature["findings"]]


def test_tampering_is_a_finding(pki: Pki) -> None:
    data = bytearray(sign_sample("CT_small.dcm", pki["rsa2048"], tags=["PatientID", "SOPInstanceUID", "PixelData"]))
    at = data.index(b"\xe0\x7f\x10\x00")
    data[at + 200] ^= 1
    document = load_document(report_document(dcmseal.verify(bytes(data), integrity_only=True)))
    (signature,) = document["signatures"]
    assert document["verdict"] == signature["verdict"] == "invalid"
    (finding,) = [each for each in signature["findings"] if each["aspect"] == "integrity"]
    assert (finding["code"], finding["outcome"]) == ("mac-differs", "failed")
    assert finding["clause"].startswith("PS3.3")
    assert listed_tags(signature["coverage"]["signed"]) == [tags.SOP_INSTANCE_UID, t.PATIENT_ID, tags.PIXEL_DATA]
    assert {"tag": "00100010", "keyword": "PatientName"} in signature["coverage"]["critical"]
    private = [each for each in signature["coverage"]["unsigned"] if int(each["tag"][:4], 16) & 1]
    assert private
    assert all(each["keyword"] == "" for each in private)


def test_signatures_in_items_have_a_location(pki: Pki) -> None:
    once = sign_sample("rtplan.dcm", pki["p256"], location="BeamSequence[0]")
    twice = dcmseal.sign(once, key=signer_uri(pki["rsa2048"])).data
    assert twice is not None
    document = load_document(report_document(dcmseal.verify(twice, integrity_only=True)))
    assert [each["location"] for each in document["signatures"]] == ["main", "BeamSequence[0]"]
    assert [each["verdict"] for each in document["signatures"]] == ["valid", "valid"]


def test_several_files_are_one_document(pki: Pki) -> None:
    good = report_document(dcmseal.verify(sign_sample("CT_small.dcm", pki["p256"]), integrity_only=True), "good.dcm")
    bad = error_document(errors.NotDicom("no DICOM"), 5, "bad\udcff.txt")
    document = load_document(files_document([good, bad]))
    assert [each["document"] for each in document["files"]] == ["verification", "error"]
    assert [each["file"] for each in document["files"]] == ["good.dcm", "bad\ufffd.txt"]


def test_no_signature_is_a_verdict() -> None:
    document = load_document(report_document(dcmseal.verify(real_file("CT_small.dcm").data)))
    assert (document["verdict"], document["signatures"], document["notes"]) == ("no-signature", [], [])


def test_signatures_in_original_attributes_are_reported_as_skipped(pki: Pki) -> None:
    inner = pydicom.dcmread(io.BytesIO(sign_sample("MR_small.dcm", pki["p256"], tags=["PatientID"])))
    outer = pydicom.dcmread(real_file("MR_small.dcm").path)
    old = pydicom.Dataset()
    for tag in (t.PATIENT_ID, tags.MAC_PARAMETERS_SEQUENCE, tags.DIGITAL_SIGNATURES_SEQUENCE):
        old.add(inner[tag])
    change = pydicom.Dataset()
    change.ModifiedAttributesSequence = pydicom.Sequence([old])
    outer.OriginalAttributesSequence = pydicom.Sequence([change])
    document = load_document(report_document(dcmseal.verify(outer)))
    assert document["skipped"] == ["OriginalAttributesSequence[0].ModifiedAttributesSequence[0]"]
    assert document["verdict"] == "no-signature"


def test_unsignable_elements_have_a_reason(pki: Pki) -> None:
    unknown = b.Value(0x00091001, "UN", b"??")
    result = dcmseal.sign(b.file(b.image(unknown)), key=signer_uri(pki["p256"]))
    document = load_document(signing_document(result))
    assert document["unsignable"] == [{"tag": "00091001", "keyword": "", "reason": "its VR is UN"}]
    assert "vr-un-not-signed" in [warning["code"] for warning in document["warnings"]]
    assert result.data is not None
    verified = load_document(report_document(dcmseal.verify(result.data)))
    assert verified["signatures"][0]["coverage"]["unsignable"] == document["unsignable"]


def test_signatures_are_listed_and_shown(pki: Pki) -> None:
    once = sign_sample("CT_small.dcm", pki["p256"], tags=["PatientID", "PixelData"])
    twice = dcmseal.sign(once, key=signer_uri(pki["rsa2048"]), purpose=7).data
    assert twice is not None
    found = dcmseal.signatures(twice)
    document = load_document(signatures_document(list(found), "ct.dcm"))
    assert [each["uid"] for each in document["signatures"]] == [each.uid for each in found]
    assert [each["index"] for each in document["signatures"]] == [0, 1]
    first = document["signatures"][0]
    pixels = {"tag": "7FE00010", "keyword": "PixelData", "name": "Pixel Data", "vr": "OW", "present": True}
    assert first["elements"][-1] == pixels
    assert "verdict" not in first
    shown = load_document(signature_document(found[1]))
    assert shown.pop("schema") == "dcmseal/2"
    assert (shown.pop("document"), shown.pop("file")) == ("signature", "")
    assert shown == document["signatures"][1]
    assert shown["purpose"]["value"] == "7"
    assert load_document(signatures_document([]))["signatures"] == []


def test_a_signing_document_does_not_contain_the_file(pki: Pki) -> None:
    code = b.Item((b.text(tags.CODE_MEANING, "LO", "padded  "),))
    padded = b.image(b.Sequence(0x00081032, (code,)))
    result = dcmseal.sign(b.file(padded), key=signer_uri(pki["p256"]))
    document = load_document(signing_document(result))
    assert document["signature"]["uid"] == result.uid
    assert document["signature"]["signer"]["subject"] == "CN=p256,O=dcmseal tests"
    assert [listed_tags(path) for path in document["padded"]] == [[0x00081032, tags.CODE_MEANING]]
    with dcmseal.plan_signing(b.file(padded)) as plan:
        assert load_document(plan_document(plan))["padded"] == document["padded"]


def test_a_plan_has_no_signer_and_the_uid_to_come() -> None:
    with dcmseal.plan_signing(real_file("CT_small.dcm").data, profile="base-rsa", purpose="review") as plan:
        document = load_document(plan_document(plan))
        assert document["signature"]["uid"] == plan.signature.uid
        assert listed_tags(document["signature"]["mac"]["elements"]) == list(plan.elements)
    assert document["signature"]["signer"] is None
    assert document["profile"]["name"] == "base-rsa"
    assert "private-signed" in [warning["code"] for warning in document["warnings"]]
    with dcmseal.plan_signing(real_file("CT_small.dcm").data) as plan:
        assert load_document(plan_document(plan))["profile"] is None


def test_a_removal_names_the_removed_signatures(pki: Pki) -> None:
    data = sign_sample("CT_small.dcm", pki["p256"])
    (uid,) = [each.uid for each in dcmseal.signatures(data)]
    document = load_document(removal_document(dcmseal.remove(data)))
    assert [each["uid"] for each in document["removed"]] == [uid]
    assert load_document(removal_document(dcmseal.remove(real_file("CT_small.dcm").data)))["removed"] == []


def test_a_certificate_is_documented_with_its_pem(pki: Pki) -> None:
    (signature,) = dcmseal.signatures(sign_sample("CT_small.dcm", pki["p384"]))
    document = load_document(certificate_document(signature.certificate))
    assert document["pem"] == pki["p384"].certificate_pem.read_text()
    assert document["key_bits"] == 384


def test_plugins_and_profiles_are_listed_broken_ones_too() -> None:
    installed = Registry.discover()
    document = load_document(plugins_document(installed.plugins()))
    contributed = {what for plugin in document["plugins"] for what in plugin["contributes"]}
    assert {"signer:pem", "profile:base-rsa"} <= contributed
    (broken,) = load_document(plugins_document(Registry.from_plugins(object()).plugins()))["plugins"]
    assert broken["problem"]
    assert (broken["contributes"], broken["distribution"]) == ([], "")
    document = load_document(profiles_document(installed.profiles()))
    assert {"name": "base-rsa", "title": "Base RSA Digital Signature Profile", "reference": "PS3.15 C.1"} in document[
        "profiles"
    ]
