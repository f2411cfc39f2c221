"""Evidence files written and read: nothing is overwritten, and nothing in one is trusted because it is there.

>>> from dcmseal import verify
>>> from dcmseal.plugins.trust import Revocation, TrustSettings
>>> settings = TrustSettings(anchors=("authority.cert.pem",), revocation=Revocation.SOFT)
>>> save_evidence(verify("signed.dcm", trust=settings, keep_evidence=True), "signed.evidence")
>>> verify("signed.dcm", trust=settings, evidence=load_evidence("signed.evidence")).verdict
<Verdict.NOT_ESTABLISHED: 'not-established'>
>>> verify("signed.dcm", trust=settings, evidence=load_evidence("signed.evidence", trust_moment=True)).verdict
<Verdict.VALID: 'valid'>
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import replace
from io import BufferedReader
from typing import TYPE_CHECKING

from dcmseal.engine.documents import report_document
from dcmseal.engine.files.replacing import OutputFile, replacing
from dcmseal.engine.files.rights import Rights
from dcmseal.engine.keeping.container import MOST_BYTES, packed, unpacked
from dcmseal.engine.keeping.manifest import MANIFEST, STAMP, Evidence, members_of, read_members
from dcmseal.errors import ChangedMeanwhile, EvidenceError, TimestampRejected, UsageError
from dcmseal.input_files import open_input
from dcmseal.report import Outcome, VerificationReport
from dcmseal.terms import TimestampType

if TYPE_CHECKING:
    from dcmseal.engine.stamping import TimestampWish
    from dcmseal.grounds import Grounds
    from dcmseal.plugins.registry import Registry


def save_evidence(
    report: VerificationReport,
    path: str | os.PathLike[str],
    *,
    timestamp: str | Iterable[str] | TimestampWish | None = None,
    registry: Registry | None = None,
) -> None:
    """Write the evidence of a verification that was asked to keep it to a new file, which its owner alone can read.

    ``timestamp`` names authorities, by URL, one of which is to certify it: that has to happen within minutes of the
    verification. Raises UsageError if the file exists, OutputError if it cannot be written, EvidenceError if there is
    too much of it, and TimestampError or one of its kinds.
    """
    if os.path.lexists(path):
        raise _exists(path)
    data = evidence_bytes(report, timestamp=timestamp, registry=registry)
    try:
        with replacing(OutputFile(os.fspath(path), is_new=True, synced=True), Rights.owner_only()) as file:
            file.write(data)
    except ChangedMeanwhile:
        raise _exists(path) from None


def evidence_bytes(
    report: VerificationReport,
    *,
    timestamp: str | Iterable[str] | TimestampWish | None = None,
    registry: Registry | None = None,
) -> bytes:
    """The evidence file of a verification as bytes; raises what save_evidence raises."""
    if report.evidence is None:
        raise UsageError("the report comes without evidence", hint="verify with keep_evidence=True")
    document = json.dumps(report_document(report), indent=1).encode("ascii") + b"\n"
    members = members_of(report.evidence, report.verdict, document)
    if timestamp is not None:
        members[STAMP] = _stamp(members[MANIFEST], report.evidence, timestamp, registry)
    data = packed(members)
    # what cannot be read again, because there is too much of anything, is not worth keeping
    evidence_of(data)
    return data


def load_evidence(path: str | os.PathLike[str], *, trust_moment: bool = False, trust_anchors: bool = False) -> Evidence:
    """Read an evidence file, to verify with.

    ``trust_moment`` says that you vouch for the file: the moment it states, and that nothing was taken out.
    ``trust_anchors`` trusts the anchors in it. Raises EvidenceError if it cannot be read, is damaged, or none.
    """
    try:
        with BufferedReader(open_input(path)) as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise EvidenceError(f"{os.fspath(path)} cannot be read: {error.strerror}", hint="check the path") from None
    return replace(evidence_of(data), trust_moment=trust_moment, trust_anchors=trust_anchors)


def evidence_of(data: bytes) -> Evidence:
    """Read the bytes of an evidence file; raises EvidenceError."""
    return read_members(unpacked(data))


def _stamp(
    manifest: bytes, record: Grounds, timestamp: str | Iterable[str] | TimestampWish, registry: Registry | None
) -> bytes:
    """A timestamp over the manifest, which is verified first; raises TimestampError or one of its kinds."""
    from dcmseal.engine.keeping.repeating import is_prompt
    from dcmseal.engine.stamping import in_turn, wish_of
    from dcmseal.plugins.registry import installed

    backend = (registry or installed()).timestamp_backend(TimestampType.CMS_TSP)
    wish = wish_of(timestamp)

    def ask(url: str) -> bytes:
        query = backend.build_query(manifest, wish.query)
        token = backend.accept_response(backend.send_query(url, query, wish.retry_policy, wish.secrets), query)
        judgement = backend.verify(token, (manifest,), ())
        doubts = tuple(each for each in judgement.findings if each.outcome is not Outcome.PASSED)
        if doubts or judgement.time is None:
            why = doubts[0].message if doubts else "it certifies no time"
            raise TimestampRejected(why, doubts, hint="nothing was written: ask another authority")
        if not is_prompt(record.moment, judgement.time):
            message = f"the authority certifies {judgement.time.moment.isoformat()}, which is not when it was verified"
            raise TimestampRejected(message, hint="nothing was written: verify again, or look at the clocks")
        return token

    return in_turn(wish, ask)


def _exists(path: str | os.PathLike[str]) -> UsageError:
    return UsageError(f"{os.fspath(path)} exists", hint="name another file: evidence is never overwritten")
