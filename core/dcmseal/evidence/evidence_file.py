"""Build and read the members of an evidence file: a manifest, and the members that it lists by SHA-256.

>>> from dcmseal import verify
>>> from dcmseal.plugins.trust import TrustSettings
>>> settings = TrustSettings(anchors=("authority.cert.pem",))
>>> report = verify("signed.dcm", trust=settings, keep_evidence=True)
>>> sorted({name.partition("/")[0] for name in build_members(report.evidence, report.verdict, b"{}")})
['anchors', 'certificates', 'manifest.json', 'report.json']
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from msgspec import Struct

from dcmseal.documents.json_reader import (
    InvalidJson,
    JsonObjectReader,
    load_json,
    parse_digest,
    parse_digests,
    parse_integer,
    parse_list,
    parse_optional_digest,
    parse_setting,
    parse_text,
    parse_time,
)
from dcmseal.documents.json_types import SCHEMA, Json, build_document
from dcmseal.errors import EvidenceError
from dcmseal.model.evidence_record import EvidenceRecord, SignatureRecord, TrustMaterial
from dcmseal.model.verdict import Verdict
from dcmseal.representation import format_fields
from dcmseal.version import __version__

MANIFEST_NAME: Final = "manifest.json"
REPORT_NAME: Final = "report.json"
TIMESTAMP_NAME: Final = "manifest.tst"
"""A timestamp over the manifest."""
_SCHEMA_PATTERN: Final = re.compile(r"dcmseal/[0-9]{1,4}", re.ASCII)
_MEMBER_FOLDERS: Final = {
    "anchors": ("anchors", "cer"),
    "certificates": ("certificates", "cer"),
    "timestamp_certificates": ("certificates", "cer"),
    "crls": ("crls", "crl"),
    "ocsp_responses": ("ocsp", "ors"),
    "timestamps": ("timestamps", "tst"),
}
"""Folder and file extension of each kind of member."""
_READER_HINT: Final = "get a new copy of it"


class Evidence(Struct, frozen=True, kw_only=True):
    """A parsed evidence file. Nothing in it is authentic, except what is signed itself."""

    record: EvidenceRecord
    verdict: Verdict
    """The verdict of the first verification, as the file states it."""
    report: bytes
    """The JSON document of the first verification."""
    manifest: bytes
    """The bytes of the manifest, which a timestamp covers."""
    timestamp: bytes = b""
    """TimeStampToken (RFC 3161) over the manifest; empty if there is none."""
    trust_moment: bool = False
    """Whether the caller trusts the time in the file, and that the file is complete."""
    trust_anchors: bool = False
    """Whether the caller trusts the anchors in the file."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("report", "manifest", "timestamp"))


def build_members(record: EvidenceRecord, verdict: Verdict, report: bytes) -> dict[str, bytes]:
    """Build the members of an evidence file, except for the timestamp.

    Args:
        record: The evidence of a verification.
        verdict: Its verdict.
        report: Its JSON document.

    Returns:
        The members by name.
    """
    material = _material_by_kind(record)
    manifest = build_document(
        "evidence",
        {
            "dcmseal_version": __version__,
            "verification_time": _format_moment(record),
            "settings": {name: [*rule] if isinstance(rule, tuple) else rule for name, rule in record.settings.items()},
            "file": {"sha256": record.file_sha256, "size": record.file_size},
            "signatures": [_signature_to_json(each) for each in record.signatures],
            "verdict": verdict.value,
            "report_sha256": _hex_digest(report),
            **{kind: [*map(_hex_digest, ders)] for kind, ders in material.items()},
        },
    )
    return {
        MANIFEST_NAME: json.dumps(manifest, indent=1, sort_keys=True).encode("ascii") + b"\n",
        REPORT_NAME: report,
        **{_member_name(kind, _hex_digest(der)): der for kind, ders in material.items() for der in ders},
    }


def read_members(members: Mapping[str, bytes]) -> Evidence:
    """Read the members of an evidence file.

    Args:
        members: The members by name.

    Returns:
        The evidence.

    Raises:
        EvidenceError: A member is missing, damaged or unknown, or the manifest is invalid or of another version.
    """
    if MANIFEST_NAME not in members or REPORT_NAME not in members:
        raise not_evidence_error()
    try:
        manifest = JsonObjectReader(load_json(members[MANIFEST_NAME], "the manifest"), "the manifest")
        _check_version(manifest)
        manifest.take("dcmseal_version", parse_text)
        verdict = manifest.take("verdict", _parse_verdict)
        report = _check_digest(members[REPORT_NAME], manifest.take("report_sha256", parse_digest))
        record = _parse_record(manifest, members)
        manifest.reject_unknown_members()
    except InvalidJson as error:
        raise EvidenceError(f"the evidence file is damaged: {error}", hint=_READER_HINT) from None
    return Evidence(
        record=record,
        verdict=verdict,
        report=report,
        manifest=members[MANIFEST_NAME],
        timestamp=members.get(TIMESTAMP_NAME, b""),
    )


def not_evidence_error() -> EvidenceError:
    """Build the error for files that are not evidence files."""
    return EvidenceError(
        "the file is not an evidence file", hint="give a file that save_evidence wrote", code="not-evidence"
    )


def _check_version(manifest: JsonObjectReader) -> None:
    version = manifest.take("schema", parse_text)
    if not _SCHEMA_PATTERN.fullmatch(version) or manifest.take("document", parse_text) != "evidence":
        raise not_evidence_error()
    if version != SCHEMA:
        raise EvidenceError(
            f"the evidence file has format {version}, and this version of dcmseal reads {SCHEMA}",
            hint="read it with the version of dcmseal that wrote it",
        )


def _parse_verdict(value: object) -> Verdict:
    try:
        return Verdict(parse_text(value))
    except ValueError:
        raise InvalidJson("a verdict is expected") from None


def _parse_record(manifest: JsonObjectReader, members: Mapping[str, bytes]) -> EvidenceRecord:
    """Parse the rest of the manifest; raise InvalidJson, or EvidenceError for the other members."""
    file = manifest.take_object("file")
    settings = manifest.take_object("settings").remaining()
    listed = {kind: manifest.take(kind, parse_digests) for kind in _MEMBER_FOLDERS}
    names = [_member_name(kind, each) for kind, digests in listed.items() for each in digests]
    if {*names, MANIFEST_NAME, REPORT_NAME} != {*members} - {TIMESTAMP_NAME}:
        raise EvidenceError(
            "the evidence file is damaged: its members are not those that the manifest lists", hint=_READER_HINT
        )
    material = {
        kind: tuple(_check_digest(members[_member_name(kind, each)], each) for each in digests)
        for kind, digests in listed.items()
    }
    record = EvidenceRecord(
        moment=manifest.take("verification_time", parse_time),
        settings={name: parse_setting(value) for name, value in settings.items()},
        file_sha256=file.take("sha256", parse_digest),
        file_size=file.take("size", parse_integer),
        signatures=manifest.take("signatures", parse_list(_parse_signature)),
        material=TrustMaterial(
            anchors=material["anchors"],
            certificates=material["certificates"],
            crls=material["crls"],
            ocsp_responses=material["ocsp_responses"],
        ),
        timestamp_certificates=material["timestamp_certificates"],
        timestamps=material["timestamps"],
    )
    file.reject_unknown_members()
    return record


def _parse_signature(value: object) -> SignatureRecord:
    reader = JsonObjectReader(value, "a signature")
    signature = SignatureRecord(
        uid=reader.take("uid", parse_text),
        location=reader.take("location", parse_text),
        value=reader.take("value_sha256", parse_optional_digest),
        stream=reader.take("mac_stream_sha256", parse_optional_digest),
        certificate=reader.take("certificate_sha256", parse_optional_digest),
        timestamp=reader.take("timestamp_sha256", parse_optional_digest),
        chain=reader.take("chain_sha256", parse_digests),
    )
    reader.reject_unknown_members()
    return signature


def _signature_to_json(signature: SignatureRecord) -> Json:
    return {
        "uid": signature.uid,
        "location": signature.location,
        "value_sha256": signature.value or None,
        "mac_stream_sha256": signature.stream or None,
        "certificate_sha256": signature.certificate or None,
        "timestamp_sha256": signature.timestamp or None,
        "chain_sha256": [*signature.chain],
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
        raise EvidenceError("the evidence file is damaged: the digest of a member differs", hint=_READER_HINT)
    return data
