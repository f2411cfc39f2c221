"""The short document about a verification."""

from __future__ import annotations

import json

import dcmseal
from dcmseal.documents.document_builders import report_document
from dcmseal.documents.verdict_document import format_verdict_line, verdict_document
from tests.core.documents.json_schema import load_document, sign_sample
from tests.support import builder
from tests.support.pki import Pki


def test_it_says_what_the_full_document_says(pki: Pki) -> None:
    data = sign_sample("CT_small.dcm", pki["p256"], tags=["PatientID", "PixelData"])
    changed = data.replace(b"1CT1", b"1CT2")
    report = dcmseal.verify(changed, integrity_only=True, count_coverage=True)
    short, full = load_document(verdict_document(report, "ct.dcm")), load_document(report_document(report, "ct.dcm"))
    for name in ("file", "verdict", "integrity_only", "object_signed", "reasons"):
        assert short[name] == full[name]
    assert short["verdict"] == "invalid"
    for name in ("complete", "covered", "elements", "critical", "others"):
        assert short["coverage"][name] == full["coverage"][name]
    assert (
        short["coverage"]["critical_not_covered"]
        == [each for each in full["coverage"]["not_covered"] if each["critical"]][:20]
    )
    ((one,), (other,)) = short["signatures"], full["signatures"]
    for name in ("uid", "location", "index", "verdict", "signer", "signing_time", "aspects", "required"):
        assert one[name] == other[name]
    assert one["findings"] == [each for each in other["findings"] if each["outcome"] in ("failed", "unknown")]
    assert one["coverage"]["critical"] == other["coverage"]["critical"]
    for name in ("signed", "unsigned", "unsignable", "absent"):
        assert one["coverage"][name] == len(other["coverage"][name])


def test_findings_about_the_file_stand_in_one_list(pki: Pki) -> None:
    data = sign_sample("CT_small.dcm", pki["p256"])
    report = dcmseal.verify(data, integrity_only=True, require=["purpose:author"])
    document = load_document(verdict_document(report))
    assert document["coverage"] is None
    assert [each["code"] for each in document["findings"]] == [each.code for each in report.unmet]


def test_a_line_is_the_document(pki: Pki) -> None:
    report = dcmseal.verify(sign_sample("CT_small.dcm", pki["p256"]), integrity_only=True)
    for name in ("ct.dcm", "caf\udce9.dcm", "\\ud800.dcm"):
        assert json.loads(format_verdict_line(report, name)) == verdict_document(report, name)
    assert load_document(verdict_document(report, "caf\udce9.dcm"))["file"] == "caf\ufffd.dcm"


def test_no_signature_is_a_verdict() -> None:
    document = load_document(verdict_document(dcmseal.verify(builder.file(builder.image()))))
    assert (document["verdict"], document["signatures"]) == ("no-signature", [])
