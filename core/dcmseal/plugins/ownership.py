"""Check whether another user could write a file that dcmseal relies on, by its owner, its mode, and its folder.

A user who can write the configuration can choose the driver that gets the PIN; one who can write a journal can choose
the verdicts of files that are not opened again; one who can write a trust anchor can choose whom to trust. Root is
trusted, because it can do all of that anyway.

Access control lists (POSIX.1e) need no separate check: the group bits of the mode are then the mask, the maximum
permission of any named user or group.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import NamedTuple

_ACL = "system.posix_acl_access"


class ForeignWriter(NamedTuple):
    """Who else can write a file, and what to do about it."""

    message: str
    hint: str


def find_foreign_writer(path: str | os.PathLike[str], status: os.stat_result | None = None) -> ForeignWriter | None:
    """Find out whether anyone but the user and root can write a file, or a folder and the files directly in it.

    Args:
        path: A file, a folder, or a link, which is checked together with its target.
        status: The status of the file, if it is already open.

    Returns:
        None if no other user can write it, if it does not exist or cannot be checked, and on systems without POSIX
        owners and modes.
    """
    return _find_foreign_writer(os.path.abspath(path), status) if os.name == "posix" else None


def find_replacer(path: str | os.PathLike[str]) -> ForeignWriter | None:
    """Find out whether anyone but the user and root can replace a file, which need not exist yet."""
    return _find_replacer(os.path.realpath(path)) if os.name == "posix" else None


def _find_foreign_writer(
    named: str, status: os.stat_result | None, *, spare_private_group: bool = False
) -> ForeignWriter | None:
    try:
        status = status or os.stat(named)
    except (OSError, ValueError):  # a path must not contain NUL
        return None
    is_folder = stat.S_ISDIR(status.st_mode)
    found = _find_writer(named, status, spare_private_group=spare_private_group or is_folder)
    if found is None and (is_folder or stat.S_ISREG(status.st_mode)):
        places = dict.fromkeys((named, os.path.realpath(named)))
        found = next((found for place in places if (found := _find_replacer(place))), None)
    if found is None and is_folder:
        return _find_writer_in_folder(named)
    return found


def _find_writer(path: str, status: os.stat_result, *, spare_private_group: bool) -> ForeignWriter | None:
    if not _is_trusted_uid(status.st_uid):
        return ForeignWriter(
            f"{path} belongs to another user", f"check its contents, then make it yours: chown $USER '{path}'"
        )
    if _is_open_to_others(path, status, spare_private_group=spare_private_group):
        return ForeignWriter(f"others can write {path}", f"chmod go-w '{path}'")
    return None


def _find_replacer(path: str) -> ForeignWriter | None:
    folder = os.path.dirname(path)
    try:
        status = os.stat(folder)
    except OSError:
        return None
    if not _is_trusted_uid(status.st_uid):
        return ForeignWriter(
            f"{path} is in a folder of another user", f"move it to a folder that only you can write, not {folder}"
        )
    # in a sticky folder such as /tmp, only the owner can replace a file
    if status.st_mode & stat.S_ISVTX or not _is_open_to_others(folder, status, spare_private_group=True):
        return None
    return ForeignWriter(
        f"others can write the folder {folder}, and thereby replace {os.path.basename(path)}", f"chmod go-w '{folder}'"
    )


def _find_writer_in_folder(folder: str) -> ForeignWriter | None:
    try:
        paths = sorted(entry.path for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return None
    return next(
        (found for path in paths if (found := _find_foreign_writer(path, None, spare_private_group=True))), None
    )


def _is_trusted_uid(uid: int) -> bool:
    return uid in (0, os.geteuid())


def _is_open_to_others(path: str, status: os.stat_result, *, spare_private_group: bool) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    if not status.st_mode & stat.S_IWGRP:
        return False
    return not (spare_private_group and _is_private_group(status) and not _has_acl(path))


def _is_private_group(status: os.stat_result) -> bool:
    """Whether it is the private group of the user, which may write new folders on such systems."""
    import grp
    import pwd

    if status.st_uid == 0:
        return False
    try:
        owner, group = pwd.getpwuid(status.st_uid), grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    return group.gr_gid == owner.pw_gid and group.gr_name == owner.pw_name and not set(group.gr_mem) - {owner.pw_name}


def _has_acl(path: str) -> bool:
    """Whether there may be an access control list, which gives the group bits another meaning."""
    if sys.platform != "linux":
        return False
    import errno

    try:
        os.getxattr(path, _ACL)
    except OSError as error:
        return error.errno not in (errno.ENODATA, errno.ENOTSUP)
    return True
