"""The members of an evidence file: a manifest that names all others by their SHA-256, and these.

>>> from dcmseal.plugins.trust import TrustSettings
>>> settings = TrustSettings(anchors=("authority.cert.pem",))
>>> report = dcmseal.verify("signed.dcm", trust=settings, keep_evidence=True)
>>> sorted({name.partition("/")[0] for name in members_of(report.grounds, report.verdict, b"{}")})
['anchors', 'certificates', 'manifest.json', 'report.json']
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import dcmseal
from dcmseal.engine.json_values import Json, document
from dcmseal.engine.keeping import values
from dcmseal.engine.keeping.values import Table, broken, read_json
from dcmseal.errors import EvidenceError
from dcmseal.grounds import Grounds, KeptSignature, TrustMaterial
from dcmseal.report import Verdict

MANIFEST: Final = "manifest.json"
REPORT: Final = "report.json"
STAMP: Final = "manifest.tst"
"""A timestamp over the manifest, as in DICOM files."""
SCHEMA: Final = "dcmseal/1"
_PLACES: Final = {
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

    record: Grounds
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


def members_of(record: Grounds, verdict: Verdict, report: bytes) -> dict[str, bytes]:
    """The members of an evidence file, by name, but for the timestamp."""
    held = _held(record)
    manifest = document(
        "evidence",
        {
            "dcmseal": dcmseal.__version__,
            "moment": _moment(record),
            "rules": {name: [*rule] if isinstance(rule, tuple) else rule for name, rule in record.settings.items()},
            "file": {"sha256": record.file_sha256, "size": record.file_size},
            "signatures": [_signature_value(each) for each in record.signatures],
            "verdict": verdict.value,
            "report": _digest(report),
            **{kind: [*map(_digest, ders)] for kind, ders in held.items()},
        },
    )
    return {
        MANIFEST: json.dumps(manifest, indent=1, sort_keys=True).encode("ascii") + b"\n",
        REPORT: report,
        **{_name(kind, _digest(der)): der for kind, ders in held.items() for der in ders},
    }


def read_members(members: Mapping[str, bytes]) -> Evidence:
    """Read the members of an evidence file.

    Raises EvidenceError if one is missing, damaged or superfluous, or the manifest is not understood.
    """
    if MANIFEST not in members or REPORT not in members:
        raise EvidenceError("this is no evidence file", hint="name one that dcmseal verify --save-evidence wrote")
    manifest = read_json(members[MANIFEST], "manifest")
    try:
        if manifest.take("schema", values.text) != SCHEMA or manifest.take("document", values.text) != "evidence":
            raise EvidenceError("the evidence file is of another version", hint="read it with a newer dcmseal")
        manifest.take("dcmseal", values.text)
        verdict = Verdict(manifest.take("verdict", values.text))
        report = _checked(members[REPORT], manifest.take("report", values.digest))
        grounds = _grounds(manifest, members)
        manifest.check_finished()
    except ValueError:
        raise broken("manifest") from None
    return Evidence(
        record=grounds,
        verdict=verdict,
        report=report,
        manifest=members[MANIFEST],
        timestamp=members.get(STAMP, b""),
    )


def _grounds(manifest: Table, members: Mapping[str, bytes]) -> Grounds:
    """What the manifest says, and the digest of the report; raises Wrong, or EvidenceError for the other members."""
    file = Table(manifest.take("file", lambda value: value), "file")
    rules = Table(manifest.take("rules", lambda value: value), "rules").remaining()
    named = {kind: manifest.take(kind, values.digests) for kind in _PLACES}
    names = [_name(kind, each) for kind, digests in named.items() for each in digests]
    if {*names, MANIFEST, REPORT} != {*members} - {STAMP}:
        raise EvidenceError("the evidence file lacks something, or has more than it says", hint="get it again")
    held = {
        kind: tuple(_checked(members[_name(kind, each)], each) for each in digests) for kind, digests in named.items()
    }
    grounds = Grounds(
        moment=manifest.take("moment", values.moment),
        settings={name: values.rule(value) for name, value in rules.items()},
        file_sha256=file.take("sha256", values.digest),
        file_size=file.take("size", values.size),
        signatures=manifest.take("signatures", values.many(_signature)),
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


def _signature(value: object) -> KeptSignature:
    table = Table(value, "a signature")
    signature = KeptSignature(
        uid=table.take("uid", values.text),
        location=table.take("location", values.text),
        value=table.take("signature_sha256", values.digest_or_nothing),
        stream=table.take("stream_sha256", values.digest_or_nothing),
        certificate=table.take("certificate", values.digest_or_nothing),
        timestamp=table.take("timestamp", values.digest_or_nothing),
        chain=table.take("chain", values.digests),
    )
    table.check_finished()
    return signature


def _signature_value(signature: KeptSignature) -> Json:
    return {
        "uid": signature.uid,
        "location": signature.location,
        "signature_sha256": signature.value or None,
        "stream_sha256": signature.stream or None,
        "certificate": signature.certificate or None,
        "timestamp": signature.timestamp or None,
        "chain": [*signature.chain],
    }


def _held(record: Grounds) -> Mapping[str, Iterable[bytes]]:
    material = record.material
    return {
        "anchors": material.anchors,
        "certificates": material.certificates,
        "crls": material.crls,
        "ocsp_responses": material.ocsp_responses,
        "timestamp_certificates": record.timestamp_certificates,
        "timestamps": record.timestamps,
    }


def _moment(record: Grounds) -> str:
    return record.moment.isoformat().replace("+00:00", "Z")


def _name(kind: str, digest: str) -> str:
    folder, ending = _PLACES[kind]
    return f"{folder}/{digest}.{ending}"


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _checked(data: bytes, digest: str) -> bytes:
    if _digest(data) != digest:
        raise EvidenceError("the evidence file is damaged: a member is not what it was", hint="get it again")
    return data
