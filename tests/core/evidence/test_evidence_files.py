"""Evidence files: one format, no overwriting, and hostile contents are refused within bounds."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace
from pydicom import dcmread

import dcmseal
from dcmseal.documents.document_builders import report_document
from dcmseal.errors import EvidenceError, OutputError, UsageError
from dcmseal.evidence.evidence_store import (
    MAX_EVIDENCE_BYTES,
    build_evidence,
    pack_archive,
    parse_evidence,
    unpack_archive,
)
from dcmseal.model.report import VerificationReport
from dcmseal.model.verdict import Verdict
from dcmseal.plugins.trust import RevocationMode, TrustSettings
from tests.backends.trust.trust_pki import PkiAuthority, Site
from tests.docs.source_codes import ROOT
from tests.support import builder as b
from tests.support import tags as t
from tests.support.evidence_files import (
    LATER,
    evidence_codes,
    make_lasting_root,
    make_timestamp_authority,
    sign_by,
    verify_first,
)
from tests.support.pki import Pki

REFERENCE = ROOT / "docs" / "reference"
SCHEMA = json.loads((REFERENCE / "evidence.schema.json").read_text("utf-8"))
REPORT_SCHEMA = json.loads((REFERENCE / "report.schema.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def ca() -> PkiAuthority:
    return make_lasting_root()


@pytest.fixture(scope="module")
def data(ca: PkiAuthority) -> bytes:
    return sign_by(ca.issue("leaf"), stamped_by=make_timestamp_authority(ca))


@pytest.fixture(scope="module")
def report(ca: PkiAuthority, data: bytes, tmp_path_factory: pytest.TempPathFactory) -> VerificationReport:
    settings = Site(tmp_path_factory.mktemp("site")).settings(ca, crls=[ca.crl()])
    return verify_first(data, settings, timestamp_certificates=(ca.issue("given").der,))


def test_the_form_is_the_published_one(report: VerificationReport, data: bytes) -> None:
    members = unpack_archive(build_evidence(report))
    manifest = json.loads(members["manifest.json"])
    jsonschema.validate(manifest, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert manifest["file"] == {"sha256": sha256(data).hexdigest(), "size": len(data)}
    assert manifest["verification_time"] == "2026-01-01T00:00:00Z"
    assert manifest["verdict"] == "valid"
    jsonschema.validate(json.loads(members["report.json"]), REPORT_SCHEMA, cls=jsonschema.Draft202012Validator)
    assert json.loads(members["report.json"]) == json.loads(json.dumps(report_document(report)))
    for name, content in members.items():
        if "/" in name:
            assert Path(name).stem == sha256(content).hexdigest()
    folders = sorted(name.partition("/")[0] for name in members if "/" in name)
    assert folders == ["anchors", *["certificates"] * 3, "crls", "timestamps"]
    (signature,) = manifest["signatures"]
    assert signature["timestamp_sha256"] == manifest["timestamps"][0]
    assert signature["chain_sha256"] == [signature["certificate_sha256"], manifest["anchors"][0]]


def test_the_stream_is_digested_with_sha256_for_every_mac(pki: Pki) -> None:
    signer = pki["rsa2048"]
    key = f"pem:{signer.key_pem}?cert={signer.certificate_pem}"
    made = dcmseal.sign(b.file(b.image()), key=key, algorithm="SHA512")
    trust = TrustSettings(anchors=(str(pki.root.certificate_pem),))
    grounds = dcmseal.verify(made.data or b"", trust=trust, keep_evidence=True).evidence
    stream = sha256()
    dcmseal.write_mac_stream(made.data or b"", made.uid, stream.update)
    assert grounds is not None
    assert [each.stream for each in grounds.signatures] == [stream.hexdigest()]


@pytest.mark.parametrize("syntax", [b.DEFLATED_LE, b.IMPLICIT_LE, b.EXPLICIT_BE])
def test_every_source_and_level(pki: Pki, syntax: b.Syntax) -> None:
    """A signature in an item and one of all, in any encoding, as bytes and as pydicom data set."""
    item = b.Item((b.us(t.BEAM_NUMBER, 1), b.text(t.BEAM_NAME, "LO", "beam")))
    plan = b.file(b.image(b.Sequence(t.BEAM_SEQUENCE, (item,))), syntax)
    signer = pki["p256"]
    key = f"pem:{signer.key_pem}?cert={signer.certificate_pem}"
    data = dcmseal.sign(plan, key=key, location="BeamSequence[0]").data or b""
    data = dcmseal.sign(data, key=key, tags=["PatientID"]).data or b""
    trust = TrustSettings(anchors=(str(pki.root.certificate_pem),), revocation=RevocationMode.SOFT)
    report = dcmseal.verify(data, trust=trust, keep_evidence=True)
    evidence = replace(parse_evidence(build_evidence(report)), trust_moment=True)
    assert evidence.record.file_sha256 == sha256(data).hexdigest()
    assert len({each.stream for each in evidence.record.signatures} - {""}) == 2
    again = dcmseal.verify(data, trust=trust, evidence=evidence)
    assert again.verdict is Verdict.VALID
    assert {"evidence-file-matches", "evidence-signature-matches"} < evidence_codes(again)
    (only,) = dcmseal.verify(data, trust=trust, evidence=evidence, location="BeamSequence[0]").signatures
    assert only.verdict is Verdict.VALID
    as_dataset = dcmseal.verify(dcmread(io.BytesIO(data)), trust=trust, evidence=evidence)
    assert as_dataset.verdict is Verdict.VALID


def test_evidence_round_trips(report: VerificationReport) -> None:
    written = build_evidence(report)
    assert written == build_evidence(report)
    read = parse_evidence(written)
    assert read.record == report.evidence
    assert read.verdict is Verdict.VALID
    assert (read.timestamp, read.trust_moment, read.trust_anchors) == (b"", False, False)


def test_it_is_saved_to_a_new_file_only(report: VerificationReport, tmp_path: Path) -> None:
    path = tmp_path / "evidence"
    dcmseal.save_evidence(report, path)
    assert path.read_bytes() == build_evidence(report)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(UsageError, match="exists"):
        dcmseal.save_evidence(report, path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="exists"):
        dcmseal.save_evidence(report, tmp_path / "dangling")
    with pytest.raises(OutputError, match="cannot be written"):
        dcmseal.save_evidence(report, tmp_path / "no" / "folder")
    assert dcmseal.load_evidence(path, trust_moment=True).trust_moment


def test_it_is_complete_or_not_there(
    report: VerificationReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OutputError, match="No space left"):
        dcmseal.save_evidence(report, tmp_path / "evidence")
    assert not list(tmp_path.iterdir())


def test_file_systems_without_links_do(
    report: VerificationReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", fail)
    dcmseal.save_evidence(report, tmp_path / "evidence")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [build_evidence(report)]


@pytest.mark.parametrize("options", [{}, {"integrity_only": True}])
def test_without_trust_there_is_no_evidence(data: bytes, report: VerificationReport, options: Any) -> None:
    with pytest.raises(UsageError):
        dcmseal.verify(data, keep_evidence=True, **options)
    with pytest.raises(UsageError, match=r"trust anchors|integrity"):
        dcmseal.verify(data, evidence=parse_evidence(build_evidence(report)), **options)
    with pytest.raises(UsageError, match="has no evidence"):
        build_evidence(dcmseal.verify(data))


def test_a_verdict_is_found_or_repeated(
    data: bytes, report: VerificationReport, ca: PkiAuthority, tmp_path: Path
) -> None:
    evidence = parse_evidence(build_evidence(report))
    with pytest.raises(UsageError, match="in one verification"):
        dcmseal.verify(data, trust=Site(tmp_path).settings(ca), evidence=evidence, keep_evidence=True)


HOSTILE_MANIFESTS: dict[str, Any] = {
    "no object": [],
    "of another version": {"schema": "dcmseal/3"},
    "another document": {"document": "verification"},
    "no moment": {"verification_time": "yesterday"},
    "an impossible moment": {"verification_time": "2026-02-30T00:00:00Z"},
    "local time": {"verification_time": "2026-01-01T00:00:00"},
    "another digest": {"report_sha256": "0" * 64},
    "no verdict": {"verdict": "good"},
    "a path": {"crls": ["../../etc/passwd"]},
    "a member that is not there": {"crls": ["0" * 64]},
    "a number": {"crls": 7},
    "a negative size": {"file": {"sha256": "0" * 64, "size": -1}},
    "true for a size": {"file": {"sha256": "0" * 64, "size": True}},
    "too many signatures": {"signatures": [{}] * 20_000},
    "a signature of nothing": {"signatures": [{}]},
    "nested settings": {"settings": {"revocation": {"a": "b"}}},
    "something else": {"else": 1},
    "null": {"settings": None},
}


@pytest.mark.parametrize("name", HOSTILE_MANIFESTS)
def test_manifests_that_are_refused(report: VerificationReport, name: str) -> None:
    members = unpack_archive(build_evidence(report))
    change = HOSTILE_MANIFESTS[name]
    manifest = {**json.loads(members["manifest.json"]), **change} if isinstance(change, dict) else change
    with pytest.raises(EvidenceError) as refused:
        parse_evidence(pack_archive({**members, "manifest.json": json.dumps(manifest).encode()}))
    assert refused.value.hint


@pytest.mark.parametrize("version", ["dcmseal/1", "dcmseal/3"])
def test_evidence_of_another_version_is_refused_with_both_versions(report: VerificationReport, version: str) -> None:
    members = unpack_archive(build_evidence(report))
    manifest = {**json.loads(members["manifest.json"]), "schema": version, "moment": "2026-01-01T00:00:00Z"}
    with pytest.raises(
        EvidenceError, match=f"format {version}, and this version of dcmseal reads dcmseal/2"
    ) as refused:
        parse_evidence(pack_archive({**members, "manifest.json": json.dumps(manifest).encode()}))
    assert "version of dcmseal that wrote it" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b'{"schema": ' + b"9" * 10_000 + b"}",
        b'{"schema": NaN}',
        b'{"schema": "dcmseal/2", "schema": "dcmseal/2"}',
    ],
)
def test_manifests_that_are_not_json(report: VerificationReport, text: bytes) -> None:
    with pytest.raises(EvidenceError, match="manifest"):
        parse_evidence(pack_archive({**unpack_archive(build_evidence(report)), "manifest.json": text}))


def zipped(*entries: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def crowd(_: VerificationReport) -> bytes:
    """A directory of many members, or so it says."""
    return struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 46 * 0xFFFF, 0, 0)


ARCHIVES: dict[str, Any] = {
    "nothing": lambda _: b"",
    "no archive": lambda _: bytes(1000),
    "no members": lambda _: zipped(),
    "compressed": lambda report: zipped(
        *unpack_archive(build_evidence(report)).items(), compression=zipfile.ZIP_DEFLATED
    ),
    "a path": lambda report: zipped(*unpack_archive(build_evidence(report)).items(), ("../../etc/cron.d/x", b"")),
    "a folder": lambda report: zipped(*unpack_archive(build_evidence(report)).items(), ("crls/", b"")),
    "a comment": lambda report: build_evidence(report)[:-2] + b"\2\0hi",
    "a crowd": crowd,
    "too large": build_evidence,
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives_that_are_refused(report: VerificationReport, name: str) -> None:
    data = ARCHIVES[name](report)
    max_bytes = len(data) - 1 if name == "too large" else MAX_EVIDENCE_BYTES
    with pytest.raises(EvidenceError) as refused:
        parse_evidence(data, max_bytes)
    assert refused.value.hint


def test_members_that_share_their_bytes_are_refused() -> None:
    """Each contains all that follow, so that together they are far larger than the archive."""
    data, directory = b"0" * 1000, b""
    local: list[tuple[bytes, int, int]] = []
    for number in range(200):
        name = f"crls/{number:064x}.crl".encode()
        check, size = zlib.crc32(data), len(data)
        data = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 33, check, size, size, len(name), 0) + name + data
        local.append((name, check, size))
    for name, check, size in local:
        at = len(data) - size - len(name) - 30
        common = (20, 20, 0, 0, 0, 33, check, size, size, len(name), 0, 0, 0, 0, 0, at)
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", *common) + name
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 200, 200, len(directory), len(data), 0)
    with zipfile.ZipFile(io.BytesIO(data + directory + end)) as archive:
        assert sum(each.file_size for each in archive.infolist()) > 50 * len(data)
    with pytest.raises(EvidenceError, match="damaged"):
        unpack_archive(data + directory + end)


def test_a_crowd_is_refused_by_its_number(report: VerificationReport) -> None:
    with pytest.raises(EvidenceError, match="too many members"):
        unpack_archive(crowd(report))


def test_a_name_that_is_there_twice_is_refused(report: VerificationReport) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped(*unpack_archive(build_evidence(report)).items(), ("manifest.json", b"{}"))
    with pytest.raises(EvidenceError, match="not allowed"):
        parse_evidence(twice)


def test_too_much_is_not_written(report: VerificationReport) -> None:
    with pytest.raises(EvidenceError, match="maximum size"):
        build_evidence(report, max_bytes=1000)


def test_nothing_is_fetched_when_a_verdict_is_repeated(ca: PkiAuthority, tmp_path: Path) -> None:
    data = sign_by(ca.issue("leaf", crl_at="http://crl.example/crl"))
    site = Site(tmp_path)
    evidence = parse_evidence(build_evidence(verify_first(data, site.settings(ca))))
    asked: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dcmseal_trust.fetcher.Fetcher._download", lambda *words: asked.append(words))
        settings = site.settings(ca, now=LATER, fetch=True)
        again = dcmseal.verify(data, trust=settings, evidence=replace(evidence, trust_moment=True))
    assert asked == []
    assert again.verdict is Verdict.NOT_ESTABLISHED
