"""The PKCS #11 modules that this process has loaded: each once, and each behind one lock.

This is the one place with state that belongs to the process, because PKCS #11 has it so: C_Initialize is called once
a process and module (PKCS #11 v2.40, 5.4), login is a matter of process and token (5.6), and a child of fork has to
initialize anew. python-pkcs11 tells modules that there is one thread only, and lets go of the interpreter's lock all
the same while they work: two threads with a session each end in a crash. So whoever calls into a module holds its
lock, whichever session it uses.

    module = load("/usr/lib/softhsm/libsofthsm2.so")
    with module.lock:
        slots = module.library.get_slots()
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock, RLock
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

import pkcs11
from pkcs11._pkcs11 import lib as new_library

from dcmseal.errors import ModuleUnusable
from dcmseal.plugins.guard import to_single_line

if TYPE_CHECKING:
    from dcmseal_pkcs11.token_session import TokenSession

_ELF_MAGIC: Final = b"\x7fELF"
_PT_LOAD: Final = 1
_MAX_ELF_HEADERS: Final = 1000


def is_truncated_elf(path: str) -> bool:
    """Whether the file is ELF and ends before its segments do; raises OSError if it cannot be read."""
    with open(path, "rb") as file:
        try:
            return file.read(4) == _ELF_MAGIC and _find_segments_end(file) > os.fstat(file.fileno()).st_size
        except struct.error:
            return True


def _find_segments_end(file: BinaryIO) -> int:
    """Where the last segment that is loaded ends (System V ABI, program header)."""
    is_long, order = file.read(1) == b"\x02", "<" if file.read(1) == b"\x01" else ">"
    layout, where = (f"{order}IIQQQQ", 0x20) if is_long else (f"{order}IIIII", 0x1C)
    file.seek(where)
    (start,) = struct.unpack(f"{order}Q" if is_long else f"{order}I", file.read(8 if is_long else 4))
    file.seek(0x36 if is_long else 0x2A)
    size, count = struct.unpack(f"{order}HH", file.read(4))
    end = 0
    for number in range(min(count, _MAX_ELF_HEADERS)):
        file.seek(start + number * size)
        fields = struct.unpack(layout, file.read(struct.calcsize(layout)))
        # type, flags, offset, addresses, size in the file; in 32 bits the flags come later
        offset, length = (fields[2], fields[5]) if is_long else (fields[1], fields[4])
        if fields[0] == _PT_LOAD:
            end = max(end, offset + length)
    return end


_ALREADY_INITIALIZED: Final = "already initialized"
_HINT: Final = "install the driver that came with the card or HSM, and name it: ?module-path=PATH"


class Pkcs11Module:
    """A module that is initialized, the lock around it, and the sessions that are open."""

    __slots__ = ("inherited", "library", "lock", "path", "sessions")

    def __init__(self, path: str, library: new_library) -> None:
        self.path = path
        self.library = library
        self.lock: Final = RLock()
        self.sessions: dict[object, TokenSession] = {}
        """By token: who wants one that is open shares it."""
        self.inherited = False
        """Initialized by the process that this one was forked from: of no use here."""

    def __repr__(self) -> str:
        return f"<PKCS #11 module {self.path!r}>"

    def reinitialize(self) -> None:
        """End all sessions and begin again; python-pkcs11's errors pass."""
        # a module that has lost what it drives may fail to finalize, and is finalized all the same
        with suppress(pkcs11.PKCS11Error):
            self.library.finalize()
        self.library.initialize()

    @property
    def uri_attributes(self) -> Mapping[str, str]:
        """What attributes of a URI are compared with."""
        major, minor = self.library.library_version
        return MappingProxyType(
            {
                "library-description": self.library.library_description,
                "library-manufacturer": self.library.manufacturer_id,
                "library-version": f"{major}.{minor}",
            }
        )


class _ProcessModules:
    """What a process has loaded; a child of fork begins with one of its own."""

    __slots__ = ("guard", "inherited", "modules")

    def __init__(self, inherited: Mapping[str, Pkcs11Module]) -> None:
        self.guard: Final = Lock()
        self.modules: dict[str, Pkcs11Module] = {}
        self.inherited: Final = inherited


_process = _ProcessModules({})


def load_module(path: str) -> Pkcs11Module:
    """The module of that path, initialized if it is not yet; raises ModuleUnusable."""
    path = os.path.abspath(os.path.expanduser(path))
    # Many links lead to one file; the link is what stays when the driver is updated, and what URIs name.
    real = os.path.realpath(path)
    process = _process
    with process.guard:
        if real not in process.modules:
            parents = process.inherited.get(real)
            process.modules[real] = Pkcs11Module(
                path, _load_library(path) if parents is None else _reinitialize(parents)
            )
        return process.modules[real]


def is_loaded(path: str) -> bool:
    """Whether this process has the module already."""
    return os.path.realpath(path) in _process.modules


def _load_library(path: str) -> new_library:
    if not os.path.isfile(path):
        raise ModuleUnusable(f"there is no PKCS #11 module {path!r}", hint=_HINT)
    try:
        if is_truncated_elf(path):
            raise ModuleUnusable(f"the file of the PKCS #11 module {path!r} is cut short", hint="install it again")
        return pkcs11.lib(path)
    except OSError as error:
        raise ModuleUnusable(f"the PKCS #11 module {path!r} cannot be read: {error.strerror}", hint=_HINT) from None
    except pkcs11.PKCS11Error as error:
        raise _unusable_error(path, error) from None


def _reinitialize(parents: Pkcs11Module) -> new_library:
    # A child calls C_Initialize, and not C_Finalize first, which might end what the parent has open with the device.
    # Modules that do not notice that they are in a child refuse this, and are finalized after all.
    try:
        return new_library(parents.path)
    except pkcs11.PKCS11Error:
        pass
    try:
        parents.reinitialize()
    except pkcs11.PKCS11Error as error:
        raise _unusable_error(parents.path, error) from None
    return parents.library


def _unusable_error(path: str, error: pkcs11.PKCS11Error) -> ModuleUnusable:
    told = to_single_line(str(error).rpartition(f"{path}: ")[2])
    if _ALREADY_INITIALIZED in told:
        return ModuleUnusable(
            f"the PKCS #11 module {path!r} is in use by something else in this process",
            hint="reach it the same way as that does: through p11-kit, for instance, with module-name=p11-kit-proxy",
        )
    reason = told or type(error).__name__
    return ModuleUnusable(f"{path!r} cannot be used as a PKCS #11 module: {reason}", hint=_HINT)


def _reset_after_fork() -> None:
    # The locks of the parent may be held by threads that do not exist here: nobody waits for them again.
    global _process  # noqa: PLW0603 - see above: PKCS #11 makes it the process's
    inherited = dict(_process.inherited) | _process.modules
    for module in _process.modules.values():
        module.inherited = True
    _process = _ProcessModules(inherited)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
