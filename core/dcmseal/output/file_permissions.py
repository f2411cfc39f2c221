"""Who may read a file: what is made from it must not be read by anybody else.

>>> FilePermissions.unrestricted().mode
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
"""The extended attribute that holds a POSIX access control list (acl(5)), as Linux writes it."""
_ACL_VERSION: Final = 2
_USER, _GROUP, _NAMED_GROUP, _MASK, _OTHERS = 0x02, 0x04, 0x08, 0x10, 0x20
_READ_WRITE: Final = 0o6
_ALL: Final = 0o7

DescriptorOrPath: TypeAlias = "int | str | os.PathLike[str]"
"""A descriptor or a path."""


class FilePermissions(NamedTuple):
    """What others than the owner may do with a file, or with each of several."""

    gid: int | None
    """The group that has the group's rights; None if there is no one such group."""
    group: int
    others: int

    @classmethod
    def unrestricted(cls) -> Self:
        """What comes from no file: anybody may read it whom the umask lets."""
        return cls(None, _READ_WRITE, _READ_WRITE)

    @classmethod
    def owner_only(cls) -> Self:
        """What nobody else may read."""
        return cls(None, 0, 0)

    @classmethod
    def from_file(cls, file: DescriptorOrPath) -> Self:
        """Of a file that is there; raises OSError."""
        status = os.stat(file)
        group, others = (status.st_mode >> 3) & _READ_WRITE, status.st_mode & _READ_WRITE
        acl = read_access_list(file)
        if acl:
            group, others = _parse_access_list(acl, group, others)
        return cls(status.st_gid, group, others)

    @classmethod
    def from_files(cls, files: Iterable[DescriptorOrPath]) -> FilePermissions:
        """What each of several regular files and folders grants; what is none of these, or not there, says nothing."""
        rights: FilePermissions | None = None
        for file in files:
            with suppress(OSError, ValueError):
                mode = os.stat(file).st_mode
                if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
                    rights = cls.from_file(file) if rights is None else rights.intersection(cls.from_file(file))
        return cls.unrestricted() if rights is None else rights

    def intersection(self, other: FilePermissions) -> FilePermissions:
        """What two files grant."""
        if self.gid == other.gid:
            return FilePermissions(self.gid, self.group & other.group, self.others & other.others)
        common = self.group & self.others & other.group & other.others
        return FilePermissions(None, common, common)

    @property
    def mode(self) -> int:
        """Of a new file that belongs to the same group."""
        return stat.S_IRUSR | stat.S_IWUSR | self.group << 3 | self.others

    @property
    def mode_for_any_group(self) -> int:
        """Of a new file, whichever group it belongs to."""
        common = self.group & self.others
        return stat.S_IRUSR | stat.S_IWUSR | common << 3 | common


def read_access_list(file: DescriptorOrPath) -> bytes:
    """The access control list of a file as the system has it; empty if there is none."""
    if hasattr(os, "getxattr"):
        with suppress(OSError):
            return os.getxattr(file, ACL)
    return b""


def _parse_access_list(acl: bytes, group: int, others: int) -> tuple[int, int]:
    """What group and others may do at least: those who are named might belong to either."""
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
