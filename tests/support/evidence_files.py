"""Files that authorities with a past have signed and stamped, verdicts about them, and evidence made by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec.structs import replace

import dcmseal
from dcmseal.documents.document_builders import report_document
from dcmseal.evidence.evidence_file import MANIFEST_NAME, TIMESTAMP_NAME, build_members
from dcmseal.evidence.evidence_store import pack_archive, parse_evidence, unpack_archive
from dcmseal.model.evidence_record import EvidenceRecord
from dcmseal.model.report import VerificationReport
from dcmseal.plugins.registry import installed_registry
from dcmseal.plugins.trust import TrustSettings
from dcmseal.signing.plan import plan_signature
from dcmseal.signing.signing_context import SigningContext
from dcmseal.signing.timestamping import accept_response, read_signer_certificate
from dcmseal.verification.timestamp_checks import timestamped_values
from dcmseal_software.software_signer import SoftwareSigner
from tests.backends.trust.trust_pki import NOW, SIGNED, PkiAuthority, make_root, utc_date
from tests.support import builder as b
from tests.support import tags as t
from tests.support.tsa import forge_token, make_response

LATER = utc_date(2046)
"""When verdicts are repeated: most certificates have expired, and no CRL is fresh."""
TIMESTAMPING_USAGE = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)


def make_lasting_root(name: str = "lasting") -> PkiAuthority:
    return make_root(name, valid=(utc_date(2020), utc_date(2060)))


def make_timestamp_authority(ca: PkiAuthority, name: str = "tsa", **options: Any) -> PkiAuthority:
    return ca.issue(name, extensions=[TIMESTAMPING_USAGE], **{"valid": (utc_date(2023), utc_date(2059)), **options})


def sign_by(
    leaf: PkiAuthority,
    *,
    at: dt.datetime = SIGNED,
    stamped_by: PkiAuthority | None = None,
    patient: str = "4711",
    embedded: tuple[bytes, ...] | None = None,
) -> bytes:
    """A file that claims to be signed at a moment; a timestamp says the same, with its certificate or ``embedded``."""
    image = b.file(b.image(b.text(t.PATIENT_ID, "LO", patient)))
    with plan_signature(image, SigningContext(moment=at)) as plan:
        signature = dcmseal.make_signature(plan, SoftwareSigner(leaf.key, (leaf.der,)), allow_expired=True)
        if stamped_by is not None:
            value, *_ = timestamped_values(signature, read_signer_certificate(signature))
            token = make_timestamp(stamped_by, value, at, embedded)
            signature = accept_response(signature, make_response(token), None, installed_registry).signature
        data = dcmseal.attach_signature(plan, signature)
    assert data is not None
    return data


def make_timestamp(
    authority: PkiAuthority, value: bytes, moment: dt.datetime, embedded: tuple[bytes, ...] | None = None
) -> bytes:
    """A token; it comes with the authority's certificate unless others are to be ``embedded``."""
    made: Any = authority  # what it takes is a key and a certificate
    return forge_token(made, value, moment=moment, embedded=embedded)


def verify_first(data: bytes, settings: TrustSettings, **question: Any) -> VerificationReport:
    """The verdict that is to be repeated, found at NOW."""
    now = settings.now or NOW
    return dcmseal.verify(data, trust=replace(settings, now=now), keep_evidence=True, **question)


def replay(
    data: bytes, settings: TrustSettings, evidence: bytes, *, moment: bool = False, anchors: bool = False, **more: Any
) -> VerificationReport:
    """The verdict repeated LATER."""
    read = replace(parse_evidence(evidence), trust_moment=moment, trust_anchors=anchors)
    return dcmseal.verify(data, trust=replace(settings, now=settings.now or LATER), evidence=read, **more)


def timestamp_evidence(evidence: bytes, authority: PkiAuthority, moment: dt.datetime = NOW) -> bytes:
    """The evidence with a timestamp by an authority."""
    members = unpack_archive(evidence)
    return pack_archive({**members, TIMESTAMP_NAME: make_timestamp(authority, members[MANIFEST_NAME], moment)})


def rebuild_evidence(evidence: bytes, change: Callable[[EvidenceRecord], EvidenceRecord]) -> bytes:
    """The evidence with changes, in valid form; its timestamp stays the same."""
    read = parse_evidence(evidence)
    members = build_members(change(read.record), read.verdict, read.report)
    return pack_archive({**members, TIMESTAMP_NAME: read.timestamp} if read.timestamp else members)


def report_without_evidence(report: VerificationReport) -> Any:
    """The document of a report without its findings about the evidence."""
    document: Any = report_document(report)
    for findings in (document["notes"], *(each["findings"] for each in document["signatures"])):
        findings[:] = [each for each in findings if not each["code"].startswith("evidence-")]
    return document


def evidence_codes(report: VerificationReport) -> set[str]:
    """The codes of findings about the evidence."""
    findings = (*report.notes, *(each for signature in report.signatures for each in signature.findings))
    return {each.code for each in findings if each.code.startswith("evidence-")}
