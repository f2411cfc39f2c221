"""Permissions of files: an output must not grant more than the files that it was made from.

>>> FilePermissions.everyone().mode
438
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from struct import iter_unpack, unpack_from
from typing import Final, NamedTuple, Self, TypeAlias

ACL: Final = "system.posix_acl_access"
"""The extended attribute with the POSIX access control list (acl(5)) on Linux."""
_ACL_VERSION: Final = 2
_USER, _GROUP, _NAMED_GROUP, _MASK, _OTHERS = 0x02, 0x04, 0x08, 0x10, 0x20
_READ_WRITE: Final = 0o6
_ALL: Final = 0o7

DescriptorOrPath: TypeAlias = "int | str | os.PathLike[str]"
"""A descriptor or a path."""


class FilePermissions(NamedTuple):
    """What others than the owner may do with a file, or with all of several files."""

    gid: int | None
    """The group to which ``group`` applies; None if there is not a single one."""
    group: int
    others: int

    @classmethod
    def everyone(cls) -> Self:
        """Allow access to everyone; the umask still applies."""
        return cls(None, _READ_WRITE, _READ_WRITE)

    @classmethod
    def owner_only(cls) -> Self:
        """Allow access to the owner only."""
        return cls(None, 0, 0)

    @classmethod
    def from_file(cls, file: DescriptorOrPath) -> Self:
        """Read the permissions of a file; raises OSError."""
        status = os.stat(file)
        group, others = (status.st_mode >> 3) & _READ_WRITE, status.st_mode & _READ_WRITE
        acl = read_access_list(file)
        if acl:
            group, others = _parse_access_list(acl, group, others)
        return cls(status.st_gid, group, others)

    @classmethod
    def from_files(cls, files: Iterable[DescriptorOrPath]) -> FilePermissions:
        """Combine the permissions of files and folders, ignoring missing and special files."""
        permissions: FilePermissions | None = None
        for file in files:
            with suppress(OSError, ValueError):
                mode = os.stat(file).st_mode
                if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                    found = cls.from_file(file)
                    permissions = found if permissions is None else permissions.intersection(found)
        return cls.everyone() if permissions is None else permissions

    def intersection(self, other: FilePermissions) -> FilePermissions:
        """Return what both permissions grant."""
        if self.gid == other.gid:
            return FilePermissions(self.gid, self.group & other.group, self.others & other.others)
        common = self.group & self.others & other.group & other.others
        return FilePermissions(None, common, common)

    @property
    def mode(self) -> int:
        """The mode for a new file that belongs to the same group."""
        return stat.S_IRUSR | stat.S_IWUSR | self.group << 3 | self.others

    @property
    def mode_for_any_group(self) -> int:
        """The mode for a new file that belongs to any group."""
        common = self.group & self.others
        return stat.S_IRUSR | stat.S_IWUSR | common << 3 | common


def read_access_list(file: DescriptorOrPath) -> bytes:
    """Read the encoded access control list of a file; empty if there is none."""
    if hasattr(os, "getxattr"):
        with suppress(OSError):
            return os.getxattr(file, ACL)
    return b""


def _parse_access_list(acl: bytes, group: int, others: int) -> tuple[int, int]:
    """Parse the minimal rights of group and others, to which named users and groups might belong."""
    if len(acl) < 4 or (len(acl) - 4) % 8 or unpack_from("<I", acl)[0] != _ACL_VERSION:
        return 0, 0
    entries = [(kind, rights) for kind, rights, _ in iter_unpack("<HHI", acl[4:])]
    mask = next((rights for kind, rights in entries if kind == _MASK), _ALL)
    named = _ALL
    for kind, rights in entries:
        if kind == _GROUP:
            group &= rights & mask
        elif kind in (_USER, _NAMED_GROUP):
            named &= rights & mask
    return group & named, others & named
