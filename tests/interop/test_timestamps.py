"""Timestamps go both ways between dcmseal and dcmsign, and both say the same of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography.x509 import KeyUsage, ObjectIdentifier
from cryptography.x509.oid import ExtendedKeyUsageOID

import dcmseal
from dcmseal import tags
from dcmseal.cli.main import main
from dcmseal.macro.uid_file import read_uid_file
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import TrustSettings
from tests.support.dcmsign import Dcmtk
from tests.support.pki import Pki
from tests.support.real_files import real_file
from tests.support.signed_files import build_signer, sign_dataset
from tests.support.timestamped import insert_token, signature_value
from tests.support.tsa import NOW, RunningAuthority, TimestampAuthority, accepts

SIGNERS = ("rsa2048", "p256", "p384", "dsa2048")

NOBODY = asn1_x509.GeneralName("directory_name", asn1_x509.Name.build({"common_name": "nobody"}))
WRONG_V1 = {
    "type": "signing_certificate",
    "values": [tsp.SigningCertificate({"certs": [tsp.ESSCertID({"cert_hash": bytes(20)})]})],
}
CA_USAGE = KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


@pytest.fixture(scope="session")
def authority(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(pki, tmp_path_factory.mktemp("tsa"), key="rsa2048")


@pytest.fixture
def served(authority: TimestampAuthority) -> Iterator[RunningAuthority]:
    with authority.serving() as served:
        yield served


def says_ok(dcmsign: Dcmtk, pki: Pki, file: Path) -> bool:
    verified = dcmsign.verify(file, trust=pki.trust, require=["timestamp"])
    return verified.ok and "Timestamp Verification : OK" in verified.text


@pytest.mark.parametrize("signer", SIGNERS)
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm"])
def test_dcmsign_accepts_a_timestamp_made_while_signing(
    dcmsign: Dcmtk, pki: Pki, served: RunningAuthority, tmp_path: Path, signer: str, name: str
) -> None:
    file = tmp_path / "signed.dcm"
    dcmseal.sign(real_file(name).path, signer=build_signer(pki[signer]), timestamp=served.url, output=file)
    assert says_ok(dcmsign, pki, file)


def test_dcmsign_accepts_a_padded_value_that_was_stamped_later(
    dcmsign: Dcmtk, pki: Pki, served: RunningAuthority, tmp_path: Path
) -> None:
    """DCMTK stamps a DER value without its padding."""
    plain = real_file("MR_small.dcm").data
    data = sign_dataset(plain, pki["p256"])
    while dcmseal.signatures(data)[0].content.value[-1:] != b"\0":
        data = sign_dataset(plain, pki["p256"])
    file = tmp_path / "signed.dcm"
    dcmseal.add_timestamp(data, served.url, output=file)
    assert says_ok(dcmsign, pki, file)


def test_a_timestamp_in_an_item_is_accepted(dcmsign: Dcmtk, pki: Pki, served: RunningAuthority, tmp_path: Path) -> None:
    file = tmp_path / "signed.dcm"
    source = real_file("rtplan.dcm").path
    key = build_signer(pki["rsa2048"])
    dcmseal.sign(source, signer=key, location="BeamSequence[0]", timestamp=served.url, output=file)
    assert says_ok(dcmsign, pki, file)


@pytest.mark.parametrize("signer", SIGNERS)
def test_timestamps_of_dcmsign_are_verified(
    dcmsign: Dcmtk, pki: Pki, authority: TimestampAuthority, tmp_path: Path, signer: str
) -> None:
    identity = pki[signer]
    query, answer, uid = tmp_path / "q.tsq", tmp_path / "r.tsr", tmp_path / "uid.dcm"
    plain, unstamped, stamped = real_file("CT_small.dcm").path, tmp_path / "signed.dcm", tmp_path / "stamped.dcm"
    made = dcmsign.sign(plain, unstamped, identity.key_pem, identity.certificate_pem, timestamp_query=(query, uid))
    answer.write_bytes(authority.reply(query.read_bytes()))
    dcmsign.insert_timestamp(unstamped, stamped, query, answer, uid)
    assert read_uid_file(uid) == made
    report = dcmseal.verify(stamped, integrity_only=True, timestamp="require")
    assert report.verdict is Verdict.VALID
    # and with dcmsign's query and files the second step is ours as well, to the byte of the token
    ours = dcmseal.attach_timestamp(
        unstamped, answer.read_bytes(), query=query.read_bytes(), uid=read_uid_file(uid), output=tmp_path / "ours.dcm"
    )
    stored, token = report.signatures[0].signature.timestamp, ours.signature.timestamp
    assert stored[: len(token)] == token
    assert stored[len(token) :] in (b"", b"\0")
    assert says_ok(dcmsign, pki, tmp_path / "ours.dcm")


def test_dcmsign_takes_our_query_and_uid_file(
    dcmsign: Dcmtk, pki: Pki, authority: TimestampAuthority, tmp_path: Path
) -> None:
    unstamped, stamped = tmp_path / "signed.dcm", tmp_path / "stamped.dcm"
    unstamped.write_bytes(sign_dataset(real_file("CT_small.dcm").data, pki["rsa2048"]))
    query, answer, uid = tmp_path / "q.tsq", tmp_path / "r.tsr", tmp_path / "uid.dcm"
    words = ["timestamp", "request", unstamped, "-o", query, "--write-uid-file", uid]
    assert main([str(word) for word in words]) == 0
    answer.write_bytes(authority.reply(query.read_bytes()))
    dcmsign.insert_timestamp(unstamped, stamped, query, answer, uid)
    assert says_ok(dcmsign, pki, stamped)
    assert dcmseal.verify(stamped, integrity_only=True, timestamp="require").verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("usage", "changes", "dcmsign_says", "we_say"),
    [
        ((ExtendedKeyUsageOID.TIME_STAMPING,), {}, True, Verdict.VALID),
        ((ExtendedKeyUsageOID.TIME_STAMPING,), {"value": b"another value"}, False, Verdict.INVALID),
        ((ExtendedKeyUsageOID.TIME_STAMPING,), {"message_digest": bytes(32)}, False, Verdict.INVALID),
        ((ExtendedKeyUsageOID.TIME_STAMPING,), {"ess_of": b"another"}, False, Verdict.INVALID),
        ((ExtendedKeyUsageOID.CODE_SIGNING,), {}, False, Verdict.INVALID),
        # dcmsign does not hold the certified time against the claimed one
        ((ExtendedKeyUsageOID.TIME_STAMPING,), {"moment": NOW - dt.timedelta(days=1)}, True, Verdict.INVALID),
    ],
)
def test_both_say_the_same_of_wrong_timestamps(
    dcmsign: Dcmtk,
    pki: Pki,
    tmp_path: Path,
    usage: tuple[ObjectIdentifier, ...],
    changes: dict[str, Any],
    dcmsign_says: bool,
    we_say: Verdict,
) -> None:
    """The tokens are put into the file by hand, without a check."""
    data = sign_dataset(real_file("CT_small.dcm").data, pki["rsa2048"])
    stamped = TimestampAuthority(pki, tmp_path, key="rsa2048", usage=usage)
    value = dcmseal.signatures(data)[0].content.value
    token = stamped.token(**{"value": value, **changes})
    dataset = pydicom.dcmread(BytesIO(data))
    item = dataset[tags.DIGITAL_SIGNATURES_SEQUENCE][0]
    item.add_new(tags.CERTIFIED_TIMESTAMP_TYPE, "CS", "CMS_TSP")
    item.add_new(tags.CERTIFIED_TIMESTAMP, "OB", token + bytes(len(token) % 2))
    file = tmp_path / "stamped.dcm"
    dataset.save_as(file)
    assert says_ok(dcmsign, pki, file) == dcmsign_says
    assert dcmseal.verify(file, integrity_only=True, timestamp="require").verdict is we_say


@pytest.mark.parametrize(
    ("wrong", "made"),
    [
        ({}, {}),
        ({"more_info": {"version": "v2"}}, {}),
        ({"more_info": {"tsa": NOBODY}}, {}),
        ({"names": {"issuer_serial": {"issuer": [NOBODY], "serial_number": 9}}}, {}),
        ({"more_attributes": [WRONG_V1]}, {}),
        ({"ess": None}, {}),
        ({"ess_of": b"another"}, {}),
        ({"signers": 2}, {}),
        ({"message_digest": bytes(32)}, {}),
        ({}, {"usage": ()}),
        ({}, {"critical": False}),
        ({}, {"usage": (ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.CODE_SIGNING)}),
        ({}, {"ca": True, "extensions": [(CA_USAGE, True)]}),
    ],
)
def test_tokens_that_openssl_refuses_are_refused(
    pki: Pki, tmp_path: Path, wrong: dict[str, Any], made: dict[str, Any]
) -> None:
    authority = TimestampAuthority(pki, tmp_path, **made)
    data = sign_dataset(real_file("CT_small.dcm").data, pki["rsa2048"])
    token = authority.token(signature_value(data), **wrong)
    (tmp_path / "value").write_bytes(signature_value(data))
    (tmp_path / "token").write_bytes(token)
    says = ("ts", "-verify", "-data", tmp_path / "value", "-in", tmp_path / "token", "-token_in")
    trust = TrustSettings(anchors=(str(pki.root.certificate_pem),))
    verdict = dcmseal.verify(insert_token(data, token), trust=trust).verdict
    is_accepted = accepts(*says, "-CAfile", pki.root.certificate_pem)
    assert (verdict is Verdict.VALID) == is_accepted == (not wrong and not made)
