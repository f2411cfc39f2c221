"""Errors and hostile text in JSON documents: errors have names, and text stays text."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import dcmseal
from dcmseal import errors, tags
from dcmseal.documents.document_builders import (
    certificate_document,
    error_document,
    report_document,
    signatures_document,
)
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.report import VerificationReport
from dcmseal.plugins.signer_backend import SecretRequest
from tests.core.documents.json_schema import load_document, sign_sample
from tests.support import builder as b
from tests.support import tags as t
from tests.support.pki import PASSPHRASE, Identity, Pki
from tests.support.real_files import real_file

ESCAPES = "\x1b[2J\u202e\x00\u2028</script>"


def wrong_passphrase(pki: Pki) -> object:
    def answer(request: SecretRequest) -> str | None:
        return None if request.attempt > 1 else PASSPHRASE[::-1]

    signer = pki["p256"]
    key = f"pem:{signer.encrypted_key_pem}?cert={signer.certificate_pem}"
    return dcmseal.sign(real_file("CT_small.dcm").data, key=key, secrets=answer)


FAILURES: dict[str, Callable[[Pki], object]] = {
    "NotDicom": lambda _: dcmseal.verify(b"no DICOM at all"),
    "Malformed": lambda _: dcmseal.verify(real_file("rtplan_truncated.dcm").data),
    "NotSignable": lambda pki: sign_sample("CT_small.dcm", pki["p256"], tags=[t.TRANSFER_SYNTAX_UID]),
    "NoSuchItem": lambda _: dcmseal.verify(real_file("CT_small.dcm").data, location="BeamSequence[0]"),
    "NoSuchSignature": lambda _: dcmseal.find_signature(real_file("CT_small.dcm").data, "1.2.3"),
    "UsageError": lambda _: dcmseal.verify(real_file("CT_small.dcm").data, location="[["),
    "ProfileViolation": lambda pki: sign_sample("CT_small.dcm", pki["p256"], profile="base-rsa"),
    "UnknownProfile": lambda pki: sign_sample("CT_small.dcm", pki["p256"], profile="no-such"),
    "ProfileFileError": lambda _: dcmseal.verify(real_file("CT_small.dcm").data, require=["/no/such.toml"]),
    "KeyNotFound": lambda pki: dcmseal.sign(real_file("CT_small.dcm").data, key=f"pem:{pki.folder}/none.pem"),
    "PinRejected": wrong_passphrase,
    "PluginNotFound": lambda _: dcmseal.sign(real_file("CT_small.dcm").data, key="nowhere:key"),
    "CertificateNotValid": lambda pki: sign_sample("CT_small.dcm", pki["expired"]),
}


@pytest.mark.parametrize("name", FAILURES)
def test_an_error_is_documented_by_its_name(pki: Pki, name: str) -> None:
    with pytest.raises(errors.SealError) as caught:
        FAILURES[name](pki)
    text = json.dumps(error_document(caught.value, 5))
    document = load_document(error_document(caught.value, 5))
    assert (document["error"], document["exit_code"]) == (name, 5)
    assert document["message"]
    assert (document["offset"] is not None) == (name == "Malformed")
    assert (document["element"] is not None) == (name == "NotSignable")
    assert bool(document["findings"]) == (name == "ProfileViolation")
    assert PASSPHRASE[::-1] not in text


def test_an_error_of_a_plugins_own_kind_has_the_name_of_ours() -> None:
    class CardIsUpsideDown(errors.DeviceUnavailable):
        pass

    document = load_document(error_document(CardIsUpsideDown(ESCAPES, hint="turn it"), 6))
    assert (document["error"], document["message"], document["hint"]) == ("DeviceUnavailable", ESCAPES, "turn it")


def with_item(data: bytes, **changes: object) -> bytes:
    """A file whose first signature item says something else."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    for keyword, value in changes.items():
        setattr(dataset.DigitalSignaturesSequence[0], keyword, value)
    out = io.BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def certificate_named(signer: Identity, name: bytes, kind: int) -> bytes:
    """The signer's certificate with another encoding of its common name, as long as the old one."""
    old = bytes([0x0C, len(signer.name)]) + signer.name.encode()
    assert len(name) == len(signer.name)
    return signer.der.replace(old, bytes([kind, len(name)]) + name)


def test_hostile_text_goes_into_json_as_it_is() -> None:
    item = b.Item(
        (
            b.us(tags.MAC_ID_NUMBER, 0),
            b.text(tags.DIGITAL_SIGNATURE_UID, "UI", "1.2\x1b[2J\x00\n<script>\xff"),
            b.text(tags.DIGITAL_SIGNATURE_DATETIME, "DT", "99991231235959.999999-1400"),
            b.text(tags.CERTIFICATE_TYPE, "CS", '"},{"'),
            b.Value(tags.CERTIFICATE_OF_SIGNER, "OB", b"\x30\x80no certificate"),
            b.text(tags.CERTIFIED_TIMESTAMP_TYPE, "CS", "\x7f"),
        )
    )
    parameters = b.Item((b.us(tags.MAC_ID_NUMBER, 0), b.text(tags.MAC_ALGORITHM, "CS", "\\u0000\x07")))
    extra = (
        b.Sequence(tags.MAC_PARAMETERS_SEQUENCE, (parameters,)),
        b.Sequence(tags.DIGITAL_SIGNATURES_SEQUENCE, (item,)),
    )
    data = b.file(b.image(*extra))
    document = load_document(report_document(dcmseal.verify(data, integrity_only=True), "caf\udce9\ud800.dcm"))
    assert document["file"] == "caf\ufffd\ufffd.dcm"
    (signature,) = document["signatures"]
    assert signature["uid"] == "1.2\x1b[2J\x00\n<script>\ufffd"
    assert signature["certificate_type"] == '"},{"'
    assert signature["timestamp"] == {"type": "\x7f"}
    assert signature["mac"]["algorithm"] == "\\u0000\x07"
    assert signature["signer"] is None
    assert signature["signing_time"] is None
    assert signature["verdict"] == "invalid"
    assert load_document(signatures_document(dcmseal.signatures(data)))["signatures"][0]["uid"] == signature["uid"]


@pytest.mark.parametrize(
    ("kind", "encoded", "subject"),
    [
        (0x0C, b"\x1b[2J\r\n\0", "CN=\x1b[2J\r\n\\00,O=dcmseal tests"),
        (0x0C, b"\xff" * 7, ""),
        (0x03, b"\0" * 7, ""),
        (0x02, b"\1" * 7, ""),
    ],
)
def test_a_certificate_with_a_strange_name_is_documented(pki: Pki, kind: int, encoded: bytes, subject: str) -> None:
    signer = pki["rsa2048"]
    strange = certificate_named(signer, encoded, kind)
    data = with_item(sign_sample("CT_small.dcm", signer), CertificateOfSigner=strange + bytes(len(strange) % 2))
    document = load_document(report_document(dcmseal.verify(data, integrity_only=True)))
    assert document["signatures"][0]["signer"]["subject"] == subject
    assert document["signatures"][0]["signer"]["issuer"] == "CN=root,O=dcmseal tests"
    (signature,) = dcmseal.signatures(data)
    assert load_document(certificate_document(signature.certificate))["subject"] == subject


@given(text=st.text(st.characters(exclude_categories=())))
def test_no_text_of_a_finding_breaks_the_document(text: str) -> None:
    finding = Finding(
        aspect=Aspect.FORM, outcome=Outcome.FAILED, code="plugin's own", message=text, where=text, clause=text
    )
    document = load_document(
        report_document(VerificationReport(signatures=(), notes=(finding, replace(finding, code=text))))
    )
    assert document["verdict"] == "invalid"
    told = document["notes"][0]["message"]
    assert len(told) == len(text)
    assert all(ours == theirs or "\ud800" <= theirs <= "\udfff" for ours, theirs in zip(told, text, strict=True))
