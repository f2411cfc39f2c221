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
import re
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from io import BufferedReader, BytesIO
from typing import TYPE_CHECKING, Final

from dcmseal.documents.document_builders import report_document
from dcmseal.errors import ConcurrentModification, EvidenceError, TimestampRejected, UsageError
from dcmseal.evidence.evidence_file import MANIFEST_NAME, TIMESTAMP_NAME, Evidence, build_members, read_members
from dcmseal.findings import Outcome
from dcmseal.input_files import open_input
from dcmseal.model.report import VerificationReport
from dcmseal.output.atomic_file import OutputFile, replace_file
from dcmseal.output.file_permissions import FilePermissions
from dcmseal.terms import TimestampType

if TYPE_CHECKING:
    from dcmseal.model.evidence_record import EvidenceRecord
    from dcmseal.plugins.registry import Registry
    from dcmseal.signing.timestamp_request import TimestampRequest

MAX_EVIDENCE_BYTES: Final = 256 << 20
"""The largest evidence file: some CRLs of a million entries."""
_MAX_MEMBERS: Final = 10_000
_MEMBER_NAME: Final = re.compile(
    r"manifest\.json|report\.json|manifest\.tst|((anchors|certificates)/[0-9a-f]{64}\.cer|crls/[0-9a-f]{64}\.crl|"
    r"ocsp/[0-9a-f]{64}\.ors|timestamps/[0-9a-f]{64}\.tst)",
    re.ASCII,
)
_END_RECORD: Final = struct.Struct("<4s4H2LH")
"""End of central directory record, without comment (APPNOTE.TXT 4.3.16)."""
_MAX_ENTRY_SIZE: Final = 256
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNIX_SYSTEM: Final = 3
_DAMAGED_HINT: Final = "get it again from where it is kept"


def pack_archive(members: Mapping[str, bytes]) -> bytes:
    """The bytes of an archive; the same members make the same bytes. Raises EvidenceError beyond the bounds."""
    if len(members) > _MAX_MEMBERS or sum(map(len, members.values())) > MAX_EVIDENCE_BYTES >> 1:
        raise EvidenceError("there is too much evidence for one file", hint="name the CRLs that are needed only")
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.create_system = _UNIX_SYSTEM
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    return out.getvalue()


def unpack_archive(data: bytes) -> dict[str, bytes]:
    """The members of an archive, by name; raises EvidenceError if it is none, or one that nobody here has written."""
    _check_end_record(data)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _read_archive_members(archive, len(data))
    except EvidenceError:
        raise
    except Exception:  # noqa: BLE001 - zipfile fails in many ways over archives that are damaged
        raise EvidenceError("the evidence file is damaged", hint=_DAMAGED_HINT) from None


def _check_end_record(data: bytes) -> None:
    """Look at the size of the directory before anything is allocated for it."""
    if len(data) < _END_RECORD.size or len(data) > MAX_EVIDENCE_BYTES:
        raise EvidenceError("this is not an evidence file", hint="name a file of save_evidence()", code="not-evidence")
    signature, _, _, here, members, size, _, comment = _END_RECORD.unpack(data[-_END_RECORD.size :])
    if signature != b"PK\5\6" or comment or here != members:
        raise EvidenceError("this is not an evidence file", hint="name a file of save_evidence()", code="not-evidence")
    if (
        members > _MAX_MEMBERS
        or size > members * _MAX_ENTRY_SIZE
        or b"PK\6\7" in data[-_END_RECORD.size - 20 : -_END_RECORD.size]
    ):
        raise EvidenceError("the evidence file has more members than any", hint=_DAMAGED_HINT)


def _read_archive_members(archive: zipfile.ZipFile, size: int) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    entries = archive.infolist()
    # members that share bytes would come to more than the archive itself
    if sum(each.file_size for each in entries) > size:
        raise EvidenceError("the evidence file is damaged", hint=_DAMAGED_HINT)
    for entry in entries:
        plain = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
        if not plain or not _MEMBER_NAME.fullmatch(entry.filename) or entry.filename in members:
            raise EvidenceError("the evidence file has a member that does not belong there", hint=_DAMAGED_HINT)
        members[entry.filename] = archive.read(entry)
    return members


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
    from dcmseal.evidence.replay import is_timely
    from dcmseal.plugins.registry import installed_registry
    from dcmseal.signing.timestamp_request import to_timestamp_request
    from dcmseal.signing.timestamping import try_authorities

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
