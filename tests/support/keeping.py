"""Files that authorities with a past have signed and stamped, verdicts about them, and evidence made by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

import dcmseal
from dcmseal.engine.documents import report_document
from dcmseal.engine.drafting import Wish
from dcmseal.engine.keeping.container import packed, unpacked
from dcmseal.engine.keeping.manifest import MANIFEST, STAMP, members_of
from dcmseal.engine.keeping.saving import evidence_of
from dcmseal.engine.planning import plan_signature
from dcmseal.engine.stamping import certificate_of, stamped_with
from dcmseal.engine.timestamps import stamped_values
from dcmseal.grounds import Grounds
from dcmseal.plugins.trust import TrustSettings
from dcmseal.report import VerificationReport
from dcmseal_software.signer import SoftwareSigner
from tests.backends.trust.authority import NOW, SIGNED, Authority, on, root
from tests.support import builder
from tests.support.tsa import forged, response

LATER = on(2046)
"""When verdicts are repeated: most certificates have expired, and no CRL is fresh."""
STAMPING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)


def lasting_root(name: str = "lasting") -> Authority:
    return root(name, valid=(on(2020), on(2060)))


def authority_of_time(ca: Authority, name: str = "tsa", **options: Any) -> Authority:
    return ca.issue(name, extensions=[STAMPING], **{"valid": (on(2023), on(2059)), **options})


def signed_by(
    leaf: Authority,
    *,
    at: dt.datetime = SIGNED,
    stamped_by: Authority | None = None,
    patient: str = "4711",
    embedded: tuple[bytes, ...] | None = None,
) -> bytes:
    """A file that claims to be signed at a moment; a timestamp says the same, with its certificate or ``embedded``."""
    image = builder.file(builder.image(builder.text(0x00100020, "LO", patient)))
    with plan_signature(image, Wish(moment=at)) as plan:
        signature = dcmseal.make_signature(plan, SoftwareSigner(leaf.key, (leaf.der,)), allow_expired=True)
        if stamped_by is not None:
            value, *_ = stamped_values(signature, certificate_of(signature))
            token = timestamp(stamped_by, value, at, embedded)
            signature = stamped_with(signature, response(token), None).signature
        data = dcmseal.attach(plan, signature)
    assert data is not None
    return data


def timestamp(
    authority: Authority, value: bytes, moment: dt.datetime, embedded: tuple[bytes, ...] | None = None
) -> bytes:
    """A token; it comes with the authority's certificate unless others are to be ``embedded``."""
    made: Any = authority  # what it takes is a key and a certificate
    return forged(made, value, moment=moment, embedded=embedded)


def first(data: bytes, settings: TrustSettings, **question: Any) -> VerificationReport:
    """The verdict that is to be repeated, found at NOW."""
    now = settings.now or NOW
    return dcmseal.verify(data, trust=replace(settings, now=now), keep_evidence=True, **question)


def repeated(
    data: bytes, settings: TrustSettings, evidence: bytes, *, moment: bool = False, anchors: bool = False, **more: Any
) -> VerificationReport:
    """The verdict repeated LATER."""
    read = replace(evidence_of(evidence), trust_moment=moment, trust_anchors=anchors)
    return dcmseal.verify(data, trust=replace(settings, now=settings.now or LATER), evidence=read, **more)


def stamped(evidence: bytes, authority: Authority, moment: dt.datetime = NOW) -> bytes:
    """The evidence with a timestamp by an authority."""
    members = unpacked(evidence)
    return packed({**members, STAMP: timestamp(authority, members[MANIFEST], moment)})


def remade(evidence: bytes, change: Callable[[Grounds], Grounds]) -> bytes:
    """The evidence as somebody else would have it, in due form; a timestamp stays as it was."""
    read = evidence_of(evidence)
    members = members_of(change(read.record), read.verdict, read.report)
    return packed({**members, STAMP: read.timestamp} if read.timestamp else members)


def found(report: VerificationReport) -> Any:
    """The document of a report, less what is said of the evidence."""
    document: Any = report_document(report)
    for findings in (document["notes"], *(each["findings"] for each in document["signatures"])):
        findings[:] = [each for each in findings if not each["code"].startswith("repeat-")]
    return document


def said(report: VerificationReport) -> set[str]:
    """The codes of what is said of the evidence."""
    findings = (*report.notes, *(each for signature in report.signatures for each in signature.findings))
    return {each.code for each in findings if each.code.startswith("repeat-")}
