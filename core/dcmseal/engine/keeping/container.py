"""An evidence file as bytes: a ZIP archive whose members are stored as they are, so that anybody can take it apart.

>>> unpacked(packed({"manifest.json": b"{}"}))
{'manifest.json': b'{}'}
"""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Final

from dcmseal.errors import EvidenceError

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
        raise EvidenceError("this is no evidence file", hint="name one that dcmseal verify --save-evidence wrote")
    signature, _, _, here, members, size, _, comment = _END_RECORD.unpack(data[-_END_RECORD.size :])
    if signature != b"PK\5\6" or comment or here != members:
        raise EvidenceError("this is no evidence file", hint="name one that dcmseal verify --save-evidence wrote")
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
