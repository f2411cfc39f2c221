"""Save and load evidence files. Saving never overwrites a file, and loading does not make the content trusted.

>>> from dcmseal import save_evidence, verify
>>> from dcmseal.plugins.trust import RevocationMode, TrustSettings
>>> settings = TrustSettings(anchors=("authority.cert.pem",), revocation=RevocationMode.SOFT)
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
from io import BufferedReader, BytesIO
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from dcmseal.documents.document_builders import report_document
from dcmseal.errors import ConcurrentModification, EvidenceError, TimestampRejected, UsageError
from dcmseal.evidence.evidence_file import (
    MANIFEST_NAME,
    TIMESTAMP_NAME,
    Evidence,
    build_members,
    not_evidence_error,
    read_members,
)
from dcmseal.findings import Outcome
from dcmseal.input_files import open_input
from dcmseal.model.report import VerificationReport
from dcmseal.output.atomic_file import replace_file
from dcmseal.output.file_permissions import FilePermissions
from dcmseal.output.output_file import OutputFile
from dcmseal.plugins.registry_provider import RegistryProvider, no_plugins
from dcmseal.terms import TimestampType

if TYPE_CHECKING:
    from dcmseal.model.evidence_record import EvidenceRecord
    from dcmseal.signing.timestamp_request import TimestampRequest

MAX_EVIDENCE_BYTES: Final = 256 << 20
"""Maximum size of an evidence file: enough for several CRLs with a million entries."""
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
_DAMAGED_HINT: Final = "get a new copy of it"


def pack_archive(members: Mapping[str, bytes], max_bytes: int = MAX_EVIDENCE_BYTES) -> bytes:
    """Pack members into an archive. The same members always give the same bytes.

    Args:
        members: The members by name.
        max_bytes: Maximum size of an archive.

    Returns:
        The archive.

    Raises:
        EvidenceError: There are too many members, or they are too large.
    """
    if len(members) > _MAX_MEMBERS or sum(map(len, members.values())) > max_bytes >> 1:
        raise EvidenceError(
            "the evidence exceeds the maximum size of an evidence file", hint="give only the CRLs that are needed"
        )
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.create_system = _UNIX_SYSTEM
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name])
    return out.getvalue()


def unpack_archive(data: bytes, max_bytes: int = MAX_EVIDENCE_BYTES) -> dict[str, bytes]:
    """Unpack the members of an archive.

    Args:
        data: The archive.
        max_bytes: Maximum size of an archive.

    Returns:
        The members by name.

    Raises:
        EvidenceError: The bytes are not an archive as ``pack_archive`` makes it.
    """
    _check_end_record(data, max_bytes)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _read_archive_members(archive, len(data))
    except EvidenceError:
        raise
    except Exception:  # noqa: BLE001 - zipfile raises many kinds of errors for damaged archives
        raise EvidenceError("the evidence file is damaged", hint=_DAMAGED_HINT) from None


def _check_end_record(data: bytes, max_bytes: int) -> None:
    """Check the size of the central directory before memory is allocated for it."""
    if len(data) < _END_RECORD.size or len(data) > max_bytes:
        raise not_evidence_error()
    signature, _, _, here, members, size, _, comment = _END_RECORD.unpack(data[-_END_RECORD.size :])
    if signature != b"PK\5\6" or comment or here != members:
        raise not_evidence_error()
    if (
        members > _MAX_MEMBERS
        or size > members * _MAX_ENTRY_SIZE
        or b"PK\6\7" in data[-_END_RECORD.size - 20 : -_END_RECORD.size]
    ):
        raise EvidenceError("the evidence file has too many members", hint=_DAMAGED_HINT)


def _read_archive_members(archive: zipfile.ZipFile, size: int) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    entries = archive.infolist()
    # the total is larger than the archive if members overlap
    if sum(each.file_size for each in entries) > size:
        raise EvidenceError("the evidence file is damaged", hint=_DAMAGED_HINT)
    for entry in entries:
        plain = entry.compress_type == zipfile.ZIP_STORED and entry.file_size == entry.compress_size
        if not plain or not _MEMBER_NAME.fullmatch(entry.filename) or entry.filename in members:
            raise EvidenceError("the evidence file has a member that is not allowed", hint=_DAMAGED_HINT)
        members[entry.filename] = archive.read(entry)
    return members


def write_evidence(
    report: VerificationReport,
    path: str | os.PathLike[str],
    *,
    timestamp: str | Iterable[str] | TimestampRequest | None = None,
    registry: RegistryProvider = no_plugins,
) -> None:
    """Write the evidence of a verification to a new file, which only its owner can read.

    Args:
        report: The report of a verification with ``keep_evidence=True``.
        path: The file, which must not exist.
        timestamp: URL of a timestamp authority, or several, to certify the evidence. This has to happen within minutes
            of the verification.
        registry: Returns the plugins.

    Raises:
        UsageError: The file exists, or the report has no evidence.
        OutputError: The file cannot be written.
        EvidenceError: The evidence is too large.
        TimestampError: The timestamp could not be obtained or parsed, or the subclass that says why.
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
    registry: RegistryProvider = no_plugins,
    max_bytes: int = MAX_EVIDENCE_BYTES,
) -> bytes:
    """Build the evidence file of a verification as bytes.

    Args:
        report: The report of a verification with ``keep_evidence=True``.
        timestamp: URL of a timestamp authority, or several, to certify the evidence.
        registry: Returns the plugins.
        max_bytes: Maximum size of an evidence file.

    Returns:
        The content of the evidence file.

    Raises:
        UsageError: The report has no evidence.
        EvidenceError: The evidence is too large.
        TimestampError: The timestamp could not be obtained or parsed, or the subclass that says why.
        PluginError: No plugin supports timestamps.
    """
    if report.evidence is None:
        raise UsageError("the report has no evidence", hint="verify with keep_evidence=True")
    document = json.dumps(report_document(report), indent=1).encode("ascii") + b"\n"
    members = build_members(report.evidence, report.verdict, document)
    if timestamp is not None:
        members[TIMESTAMP_NAME] = _timestamp_manifest(members[MANIFEST_NAME], report.evidence, timestamp, registry)
    data = pack_archive(members, max_bytes)
    # fail now if the file exceeds a limit of the reader
    parse_evidence(data, max_bytes)
    return data


def load_evidence(path: str | os.PathLike[str], *, trust_moment: bool = False, trust_anchors: bool = False) -> Evidence:
    """Load an evidence file, to replay a verification.

    Args:
        path: The file.
        trust_moment: Trust the time in the file, and that the file is complete.
        trust_anchors: Trust the anchors in the file.

    Returns:
        The evidence.

    Raises:
        EvidenceError: The file cannot be read, is damaged, or is not an evidence file.
    """
    try:
        with BufferedReader(open_input(path)) as file:
            data = file.read(MAX_EVIDENCE_BYTES + 1)
    except OSError as error:
        raise EvidenceError(f"{os.fspath(path)} cannot be read: {error.strerror}", hint="check the path") from None
    return replace(parse_evidence(data), trust_moment=trust_moment, trust_anchors=trust_anchors)


def parse_evidence(data: bytes, max_bytes: int = MAX_EVIDENCE_BYTES) -> Evidence:
    """Parse the bytes of an evidence file.

    Args:
        data: The file.
        max_bytes: Maximum size of an evidence file.

    Returns:
        The evidence.

    Raises:
        EvidenceError: The file is damaged, or is not an evidence file.
    """
    return read_members(unpack_archive(data, max_bytes))


def _timestamp_manifest(
    manifest: bytes,
    record: EvidenceRecord,
    timestamp: str | Iterable[str] | TimestampRequest,
    registry: RegistryProvider,
) -> bytes:
    """Request a timestamp over the manifest, and verify it."""
    from dcmseal.evidence.replay import is_timely
    from dcmseal.signing.timestamp_request import to_timestamp_request
    from dcmseal.signing.timestamping import try_authorities

    backend = registry().timestamp_backend(TimestampType.CMS_TSP)
    request = to_timestamp_request(timestamp)

    def request_from(url: str) -> bytes:
        query = backend.build_query(manifest, request.query)
        token = backend.accept_response(backend.send_query(url, query, request.retry_policy, request.secrets), query)
        result = backend.verify(token, (manifest,), ())
        problems = tuple(each for each in result.findings if each.outcome is not Outcome.PASSED)
        if problems or result.time is None:
            reason = problems[0].message if problems else "the timestamp contains no time"
            raise TimestampRejected(reason, problems, hint="nothing was written: try another authority")
        if not is_timely(record.moment, result.time):
            message = f"the timestamp of {result.time.moment.isoformat()} is too far from the time of verification"
            raise TimestampRejected(message, hint="nothing was written: verify again, or check the clock")
        return token

    return try_authorities(request, request_from)


def _exists_error(path: str | os.PathLike[str]) -> UsageError:
    return UsageError(f"{os.fspath(path)} exists", hint="give another file: evidence is never overwritten")
