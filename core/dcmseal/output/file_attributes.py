"""Attributes that a file keeps when it is edited: owner, group, mode, ACL and extended attributes."""

# Kept apart: attributes are independent of how a file is replaced.

from __future__ import annotations

import os
import stat
from typing import Final, Self

from msgspec import Struct

from dcmseal.output.file_permissions import ACL, FilePermissions
from dcmseal.output.folder import UNSUPPORTED

_CONTENT_ATTRIBUTES: Final = frozenset({"security.ima", "security.evm", "security.capability"})
"""Attributes that depend on the old content, and must not be copied."""
_LISTS: Final = frozenset({ACL, "system.nfs4_acl", "system.richacl"})
_SYSTEM: Final = "system."


class AttributeNotKept(Exception):
    """An attribute cannot be preserved; the text names it, and ``error`` is the reason."""

    def __init__(self, what: str, error: OSError) -> None:
        super().__init__(what)
        self.error = error


class FileAttributes(Struct, frozen=True, kw_only=True):
    """The attributes of a file, except those that depend on its content, such as time stamps."""

    uid: int
    gid: int
    mode: int
    extended: dict[str, bytes]

    @classmethod
    def read(cls, descriptor: int) -> Self:
        """Read the attributes of an open file; raises OSError."""
        status = os.fstat(descriptor)
        names = [each for each in _names(descriptor) if _is_kept(each)]
        return cls(
            uid=status.st_uid,
            gid=status.st_gid,
            mode=stat.S_IMODE(status.st_mode),
            extended={name: os.getxattr(descriptor, name) for name in names},
        )

    @property
    def mode_for_any_group(self) -> int:
        """The mode for a temporary file with any owner and group, which grants no more than this file to anyone."""
        # with an access control list, the group bits are its mask, and named users may have fewer rights than others
        group_and_others = 0 if self.extended.keys() & _LISTS else self.mode
        return FilePermissions(None, (group_and_others >> 3) & 0o6, group_and_others & 0o6).mode_for_any_group

    def apply(self, descriptor: int, status: os.stat_result) -> None:
        """Apply the attributes to a new file.

        The mode comes last, so that at no time the new file grants more than the old one.

        Args:
            descriptor: The new file, which only its owner can read.
            status: Its current status.

        Raises:
            AttributeNotKept: An attribute cannot be applied.
        """
        if (self.uid, self.gid) != (status.st_uid, status.st_gid):
            self._apply_owner(descriptor, status)
            status = os.fstat(descriptor)
        has_list = self._apply_extended_attributes(descriptor)
        if has_list:
            status = os.fstat(descriptor)
        if stat.S_IMODE(status.st_mode) != self.mode:
            self._apply_mode(descriptor, stat.S_IMODE(status.st_mode))

    def _apply_owner(self, descriptor: int, status: os.stat_result) -> None:
        try:
            os.fchown(
                descriptor,
                -1 if self.uid == status.st_uid else self.uid,
                -1 if self.gid == status.st_gid else self.gid,
            )
        except OSError as error:
            what = "owner" if self.uid != status.st_uid else "group"
            raise AttributeNotKept(f"the {what}", error) from None

    def _apply_extended_attributes(self, descriptor: int) -> bool:
        """Apply the extended attributes; returns whether an access control list may have changed the mode."""
        inherited = _names(descriptor)
        if not inherited and not self.extended:
            return False
        name = ""
        try:
            for name in _LISTS.intersection(inherited) - self.extended.keys():
                os.removexattr(descriptor, name)
            for name, value in self.extended.items():
                if name not in inherited or os.getxattr(descriptor, name) != value:
                    os.setxattr(descriptor, name, value)
        except OSError as error:
            raise AttributeNotKept(f"the attribute {name}", error) from None
        return not _LISTS.isdisjoint((*inherited, *self.extended))

    def _apply_mode(self, descriptor: int, has: int) -> None:
        try:
            os.fchmod(descriptor, self.mode)
        except OSError as error:
            # the file system has no modes, or those of its mount; accept that if it grants no more than before
            if (error.errno in UNSUPPORTED or isinstance(error, PermissionError)) and not has & ~self.mode:
                return
            raise AttributeNotKept("the mode", error) from None


def _names(descriptor: int) -> list[str]:
    if not hasattr(os, "listxattr"):
        return []
    try:
        return os.listxattr(descriptor)
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return []
        raise


def _is_kept(name: str) -> bool:
    return name in _LISTS if name.startswith(_SYSTEM) else name not in _CONTENT_ATTRIBUTES
