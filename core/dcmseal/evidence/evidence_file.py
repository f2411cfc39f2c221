"""The members of an evidence file: a manifest that names all others by their SHA-256, and these.

>>> from dcmseal.plugins.trust import TrustSettings
>>> settings = TrustSettings(anchors=("authority.cert.pem",))
>>> report = dcmseal.verify("signed.dcm", trust=settings, keep_evidence=True)
>>> sorted({name.partition("/")[0] for name in build_members(report.grounds, report.verdict, b"{}")})
['anchors', 'certificates', 'manifest.json', 'report.json']
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from dcmseal.documents import json_reader
from dcmseal.documents.json_reader import JsonObjectReader, damaged_error, parse_json
from dcmseal.documents.json_types import Json, build_document
from dcmseal.errors import EvidenceError
from dcmseal.model.evidence_record import EvidenceRecord, SignatureRecord, TrustMaterial
from dcmseal.model.report import Verdict
from dcmseal.version import __version__

MANIFEST_NAME: Final = "manifest.json"
REPORT_NAME: Final = "report.json"
TIMESTAMP_NAME: Final = "manifest.tst"
"""A timestamp over the manifest, as in DICOM files."""
SCHEMA: Final = "dcmseal/1"
_MEMBER_FOLDERS: Final = {
    "anchors": ("anchors", "cer"),
    "certificates": ("certificates", "cer"),
    "timestamp_certificates": ("certificates", "cer"),
    "crls": ("crls", "crl"),
    "ocsp_responses": ("ocsp", "ors"),
    "timestamps": ("timestamps", "tst"),
}
"""Folder and ending of each kind of member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """An evidence file that was read. It is what whoever gave it says, but for what is signed in it."""

    record: EvidenceRecord
    verdict: Verdict
    """As it was when the evidence was saved, or so it says."""
    report: bytes = field(repr=False)
    """The JSON document of that verification."""
    manifest: bytes = field(repr=False)
    """What a timestamp was made for."""
    timestamp: bytes = field(default=b"", repr=False)
    """Token of RFC 3161; empty if there is none."""
    trust_moment: bool = False
    """The user vouches for the file: the moment it states, and that nothing was taken out."""
    trust_anchors: bool = False
    """The user trusts the anchors in it."""


def build_members(record: EvidenceRecord, verdict: Verdict, report: bytes) -> dict[str, bytes]:
    """The members of an evidence file, by name, but for the timestamp."""
    held = _material_by_kind(record)
    manifest = build_document(
        "evidence",
        {
            "dcmseal": __version__,
            "moment": _format_moment(record),
            "rules": {name: [*rule] if isinstance(rule, tuple) else rule for name, rule in record.settings.items()},
            "file": {"sha256": record.file_sha256, "size": record.file_size},
            "signatures": [_signature_to_json(each) for each in record.signatures],
            "verdict": verdict.value,
            "report": _hex_digest(report),
            **{kind: [*map(_hex_digest, ders)] for kind, ders in held.items()},
        },
    )
    return {
        MANIFEST_NAME: json.dumps(manifest, indent=1, sort_keys=True).encode("ascii") + b"\n",
        REPORT_NAME: report,
        **{_member_name(kind, _hex_digest(der)): der for kind, ders in held.items() for der in ders},
    }


def read_members(members: Mapping[str, bytes]) -> Evidence:
    """Read the members of an evidence file.

    Raises EvidenceError if one is missing, damaged or superfluous, or the manifest is not understood.
    """
    if MANIFEST_NAME not in members or REPORT_NAME not in members:
        raise EvidenceError("this is not an evidence file", hint="name a file of save_evidence()", code="not-evidence")
    manifest = parse_json(members[MANIFEST_NAME], "manifest")
    try:
        if (
            manifest.take("schema", json_reader.parse_text) != SCHEMA
            or manifest.take("document", json_reader.parse_text) != "evidence"
        ):
            raise EvidenceError("the evidence file is of another version", hint="read it with a newer dcmseal")
        manifest.take("dcmseal", json_reader.parse_text)
        verdict = Verdict(manifest.take("verdict", json_reader.parse_text))
        report = _check_digest(members[REPORT_NAME], manifest.take("report", json_reader.parse_digest))
        grounds = _parse_record(manifest, members)
        manifest.check_finished()
    except ValueError:
        raise damaged_error("manifest") from None
    return Evidence(
        record=grounds,
        verdict=verdict,
        report=report,
        manifest=members[MANIFEST_NAME],
        timestamp=members.get(TIMESTAMP_NAME, b""),
    )


def _parse_record(manifest: JsonObjectReader, members: Mapping[str, bytes]) -> EvidenceRecord:
    """What the manifest says, and the digest of the report; raises Wrong, or EvidenceError for the other members."""
    file = JsonObjectReader(manifest.take("file", lambda value: value), "file")
    rules = JsonObjectReader(manifest.take("rules", lambda value: value), "rules").remaining()
    named = {kind: manifest.take(kind, json_reader.parse_digests) for kind in _MEMBER_FOLDERS}
    names = [_member_name(kind, each) for kind, digests in named.items() for each in digests]
    if {*names, MANIFEST_NAME, REPORT_NAME} != {*members} - {TIMESTAMP_NAME}:
        raise EvidenceError("the evidence file lacks something, or has more than it says", hint="get it again")
    held = {
        kind: tuple(_check_digest(members[_member_name(kind, each)], each) for each in digests)
        for kind, digests in named.items()
    }
    grounds = EvidenceRecord(
        moment=manifest.take("moment", json_reader.parse_moment),
        settings={name: json_reader.parse_setting(value) for name, value in rules.items()},
        file_sha256=file.take("sha256", json_reader.parse_digest),
        file_size=file.take("size", json_reader.parse_size),
        signatures=manifest.take("signatures", json_reader.parse_list(_parse_signature)),
        material=TrustMaterial(
            anchors=held["anchors"],
            certificates=held["certificates"],
            crls=held["crls"],
            ocsp_responses=held["ocsp_responses"],
        ),
        timestamp_certificates=held["timestamp_certificates"],
        timestamps=held["timestamps"],
    )
    file.check_finished()
    return grounds


def _parse_signature(value: object) -> SignatureRecord:
    table = JsonObjectReader(value, "a signature")
    signature = SignatureRecord(
        uid=table.take("uid", json_reader.parse_text),
        location=table.take("location", json_reader.parse_text),
        value=table.take("signature_sha256", json_reader.parse_optional_digest),
        stream=table.take("stream_sha256", json_reader.parse_optional_digest),
        certificate=table.take("certificate", json_reader.parse_optional_digest),
        timestamp=table.take("timestamp", json_reader.parse_optional_digest),
        chain=table.take("chain", json_reader.parse_digests),
    )
    table.check_finished()
    return signature


def _signature_to_json(signature: SignatureRecord) -> Json:
    return {
        "uid": signature.uid,
        "location": signature.location,
        "signature_sha256": signature.value or None,
        "stream_sha256": signature.stream or None,
        "certificate": signature.certificate or None,
        "timestamp": signature.timestamp or None,
        "chain": [*signature.chain],
    }


def _material_by_kind(record: EvidenceRecord) -> Mapping[str, Iterable[bytes]]:
    material = record.material
    return {
        "anchors": material.anchors,
        "certificates": material.certificates,
        "crls": material.crls,
        "ocsp_responses": material.ocsp_responses,
        "timestamp_certificates": record.timestamp_certificates,
        "timestamps": record.timestamps,
    }


def _format_moment(record: EvidenceRecord) -> str:
    return record.moment.isoformat().replace("+00:00", "Z")


def _member_name(kind: str, digest: str) -> str:
    folder, ending = _MEMBER_FOLDERS[kind]
    return f"{folder}/{digest}.{ending}"


def _hex_digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _check_digest(data: bytes, digest: str) -> bytes:
    if _hex_digest(data) != digest:
        raise EvidenceError("the evidence file is damaged: a member is not what it was", hint="get it again")
    return data
