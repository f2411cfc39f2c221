"""Whether another user could have written what is relied upon: its owner, its mode, and the folder that it lies in.

Whoever writes the configuration chooses the driver that is loaded and is given the PIN; whoever writes a journal, the
verdicts of files that are not opened again; whoever writes a trust anchor, whom to trust. Root is believed: it could do
all of that anyway.

Access control lists (POSIX.1e) need no look of their own: where there is one, the group bits of the mode are its mask,
which is the most that any named user or group has.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import NamedTuple

_ACL = "system.posix_acl_access"


class ForeignWriter(NamedTuple):
    """Who else could have written it, and what to do about it."""

    message: str
    hint: str


def find_foreign_writer(path: str | os.PathLike[str], status: os.stat_result | None = None) -> ForeignWriter | None:
    """Who but the user and root can write a file, or a folder and the files right in it; None if nobody can.

    Args:
        path: What is relied upon. If it is a link, that and what it leads to are looked at.
        status: Of the file, if it is open already.

    Returns:
        None also for what does not exist or cannot be looked at, and where there are no owners and modes as in POSIX.
    """
    return _find_foreign_writer(os.path.abspath(path), status) if os.name == "posix" else None


def find_replacer(path: str | os.PathLike[str]) -> ForeignWriter | None:
    """Who but the user and root can put another file in the place of a given one, which need not exist yet."""
    return _find_replacer(os.path.realpath(path)) if os.name == "posix" else None


def _find_foreign_writer(
    named: str, status: os.stat_result | None, *, spare_private_group: bool = False
) -> ForeignWriter | None:
    try:
        status = status or os.stat(named)
    except (OSError, ValueError):  # a NUL is none of a path's characters
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
            f"{path} belongs to another user", f"if you know what is in it, make it yours: chown $USER '{path}'"
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
            f"{path} lies in a folder of another user", f"keep it in a folder that only you can write, not in {folder}"
        )
    # in a sticky folder such as /tmp nobody replaces the file of another
    if status.st_mode & stat.S_ISVTX or not _is_open_to_others(folder, status, spare_private_group=True):
        return None
    return ForeignWriter(
        f"others can write the folder {folder}, and so replace {os.path.basename(path)}", f"chmod go-w '{folder}'"
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
    """Whether the group is one that a system made for its owner alone: there, new folders can be written by it."""
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
    """Whether somebody else may have what the group bits say."""
    if sys.platform != "linux":
        return False
    import errno

    try:
        os.getxattr(path, _ACL)
    except OSError as error:
        return error.errno not in (errno.ENODATA, errno.ENOTSUP)
    return True
