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
from dcmseal.engine.files.replacing import OutputFile, replace_file
from dcmseal.engine.files.rights import FilePermissions
from dcmseal.engine.keeping.container import MAX_EVIDENCE_BYTES, pack_archive, unpack_archive
from dcmseal.engine.keeping.manifest import MANIFEST_NAME, TIMESTAMP_NAME, Evidence, build_members, read_members
from dcmseal.errors import ConcurrentModification, EvidenceError, TimestampRejected, UsageError
from dcmseal.findings import Outcome
from dcmseal.input_files import open_input
from dcmseal.report import VerificationReport
from dcmseal.terms import TimestampType

if TYPE_CHECKING:
    from dcmseal.engine.stamping import TimestampRequest
    from dcmseal.grounds import EvidenceRecord
    from dcmseal.plugins.registry import Registry


def save_evidence(
    report: VerificationReport,
    path: str | os.PathLike[str],
    *,
    timestamp: str | Iterable[str] | TimestampRequest | None = None,
    registry: Registry | None = None,
) -> None:
    """Write the evidence of a verification that was asked to keep it to a new file, which its owner alone can read.

    ``timestamp`` names authorities, by URL, one of which is to certify it: that has to happen within minutes of the
    verification. Raises UsageError if the file exists, OutputError if it cannot be written, EvidenceError if there is
    too much of it, and TimestampError or one of its kinds.
    """
    if os.path.lexists(path):
        raise _exists_error(path)
    data = build_evidence(report, timestamp=timestamp, registry=registry)
    try:
        with replace_file(OutputFile(os.fspath(path), is_new=True, synced=True), FilePermissions.owner_only()) as file:
            file.write(data)
    except ConcurrentModification:
        raise _exists_error(path) from None


def build_evidence(
    report: VerificationReport,
    *,
    timestamp: str | Iterable[str] | TimestampRequest | None = None,
    registry: Registry | None = None,
) -> bytes:
    """The evidence file of a verification as bytes; raises what save_evidence raises."""
    if report.evidence is None:
        raise UsageError("the report comes without evidence", hint="verify with keep_evidence=True")
    document = json.dumps(report_document(report), indent=1).encode("ascii") + b"\n"
    members = build_members(report.evidence, report.verdict, document)
    if timestamp is not None:
        members[TIMESTAMP_NAME] = _timestamp_manifest(members[MANIFEST_NAME], report.evidence, timestamp, registry)
    data = pack_archive(members)
    # what cannot be read again, because there is too much of anything, is not worth keeping
    parse_evidence(data)
    return data


def load_evidence(path: str | os.PathLike[str], *, trust_moment: bool = False, trust_anchors: bool = False) -> Evidence:
    """Read an evidence file, to verify with.

    ``trust_moment`` says that you vouch for the file: the moment it states, and that nothing was taken out.
    ``trust_anchors`` trusts the anchors in it. Raises EvidenceError if it cannot be read, is damaged, or none.
    """
    try:
        with BufferedReader(open_input(path)) as file:
            data = file.read(MAX_EVIDENCE_BYTES + 1)
    except OSError as error:
        raise EvidenceError(f"{os.fspath(path)} cannot be read: {error.strerror}", hint="check the path") from None
    return replace(parse_evidence(data), trust_moment=trust_moment, trust_anchors=trust_anchors)


def parse_evidence(data: bytes) -> Evidence:
    """Read the bytes of an evidence file; raises EvidenceError."""
    return read_members(unpack_archive(data))


def _timestamp_manifest(
    manifest: bytes,
    record: EvidenceRecord,
    timestamp: str | Iterable[str] | TimestampRequest,
    registry: Registry | None,
) -> bytes:
    """A timestamp over the manifest, which is verified first; raises TimestampError or one of its kinds."""
    from dcmseal.engine.keeping.repeating import is_timely
    from dcmseal.engine.stamping import to_timestamp_request, try_authorities
    from dcmseal.plugins.registry import installed_registry

    backend = (registry or installed_registry()).timestamp_backend(TimestampType.CMS_TSP)
    wish = to_timestamp_request(timestamp)

    def ask(url: str) -> bytes:
        query = backend.build_query(manifest, wish.query)
        token = backend.accept_response(backend.send_query(url, query, wish.retry_policy, wish.secrets), query)
        judgement = backend.verify(token, (manifest,), ())
        doubts = tuple(each for each in judgement.findings if each.outcome is not Outcome.PASSED)
        if doubts or judgement.time is None:
            why = doubts[0].message if doubts else "it certifies no time"
            raise TimestampRejected(why, doubts, hint="nothing was written: ask another authority")
        if not is_timely(record.moment, judgement.time):
            message = f"the authority certifies {judgement.time.moment.isoformat()}, which is not when it was verified"
            raise TimestampRejected(message, hint="nothing was written: verify again, or look at the clocks")
        return token

    return try_authorities(wish, ask)


def _exists_error(path: str | os.PathLike[str]) -> UsageError:
    return UsageError(f"{os.fspath(path)} exists", hint="name another file: evidence is never overwritten")
