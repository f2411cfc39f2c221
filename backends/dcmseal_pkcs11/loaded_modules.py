"""The PKCS #11 modules that this process has loaded, each once and with a lock.

This state belongs to the process because PKCS #11 requires it: C_Initialize is called once for each process and module
(PKCS #11 v2.40, 5.4), a login belongs to process and token (5.6), and a forked child has to initialize again.
python-pkcs11 tells modules that there is only one thread, but releases the global interpreter lock while they work: two
threads with a session each would crash. So hold the lock of a module for every call into it.

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
from typing import BinaryIO, Final

import pkcs11
from pkcs11._pkcs11 import lib as new_library

from dcmseal.errors import ModuleUnusable
from dcmseal.plugins.guard import to_single_line

_ELF_MAGIC: Final = b"\x7fELF"
_PT_LOAD: Final = 1
_MAX_ELF_HEADERS: Final = 1000


def is_truncated_elf(path: str) -> bool:
    """Whether the file is ELF and ends before its last segment; raises OSError."""
    with open(path, "rb") as file:
        try:
            return file.read(4) == _ELF_MAGIC and _find_segments_end(file) > os.fstat(file.fileno()).st_size
        except struct.error:
            return True


def _find_segments_end(file: BinaryIO) -> int:
    """Return the end of the last loaded segment (System V ABI, program header)."""
    is_long, order = file.read(1) == b"\x02", "<" if file.read(1) == b"\x01" else ">"
    layout, position = (f"{order}IIQQQQ", 0x20) if is_long else (f"{order}IIIII", 0x1C)
    file.seek(position)
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
_HINT: Final = "install the driver of the card or HSM, and name it: ?module-path=PATH"


class Pkcs11Module:
    """An initialized module, its lock, and its open sessions."""

    __slots__ = ("inherited", "library", "lock", "path", "sessions")

    def __init__(self, path: str, library: new_library) -> None:
        self.path = path
        self.library = library
        self.lock: Final = RLock()
        self.sessions: dict[object, object] = {}
        """Open sessions by token, which ``token_session`` shares between the keys of a token."""
        self.inherited = False
        """Whether the parent process initialized it, so that this process cannot use it."""

    def __repr__(self) -> str:
        return f"<PKCS #11 module {self.path!r}>"

    def reinitialize(self) -> None:
        """End all sessions and initialize again; raises the errors of python-pkcs11."""
        # a module without its device may fail to finalize, but is finalized nevertheless
        with suppress(pkcs11.PKCS11Error):
            self.library.finalize()
        self.library.initialize()

    @property
    def uri_attributes(self) -> Mapping[str, str]:
        """The values that attributes of a URI must match."""
        major, minor = self.library.library_version
        return MappingProxyType(
            {
                "library-description": self.library.library_description,
                "library-manufacturer": self.library.manufacturer_id,
                "library-version": f"{major}.{minor}",
            }
        )


class _ProcessModules:
    """The modules of a process; a forked child starts with none."""

    __slots__ = ("guard", "inherited", "modules")

    def __init__(self, inherited: Mapping[str, Pkcs11Module]) -> None:
        self.guard: Final = Lock()
        self.modules: dict[str, Pkcs11Module] = {}
        self.inherited: Final = inherited


_process = _ProcessModules({})


def load_module(path: str) -> Pkcs11Module:
    """Load and initialize a module, or return it if it is already loaded.

    Raises:
        ModuleUnusable: The module does not exist, or cannot be initialized.
    """
    path = os.path.abspath(os.path.expanduser(path))
    # Several links may point to one file. Keep the link: it stays when the driver is updated, and URIs name it.
    real = os.path.realpath(path)
    process = _process
    with process.guard:
        if real not in process.modules:
            inherited = process.inherited.get(real)
            process.modules[real] = Pkcs11Module(
                path, _load_library(path) if inherited is None else _reinitialize(inherited)
            )
        return process.modules[real]


def is_loaded(path: str) -> bool:
    """Whether this process has loaded the module."""
    return os.path.realpath(path) in _process.modules


def _load_library(path: str) -> new_library:
    if not os.path.isfile(path):
        raise ModuleUnusable(f"the PKCS #11 module {path!r} does not exist", hint=_HINT)
    try:
        if is_truncated_elf(path):
            raise ModuleUnusable(f"the file of the PKCS #11 module {path!r} is truncated", hint="install it again")
        return pkcs11.lib(path)
    except OSError as error:
        raise ModuleUnusable(f"the PKCS #11 module {path!r} cannot be read: {error.strerror}", hint=_HINT) from None
    except pkcs11.PKCS11Error as error:
        raise _unusable_error(path, error) from None


def _reinitialize(inherited: Pkcs11Module) -> new_library:
    # A child calls C_Initialize without C_Finalize, which might end the sessions of the parent with the device. Modules
    # that do not detect the fork reject that; they are finalized after all.
    try:
        return new_library(inherited.path)
    except pkcs11.PKCS11Error:
        pass
    try:
        inherited.reinitialize()
    except pkcs11.PKCS11Error as error:
        raise _unusable_error(inherited.path, error) from None
    return inherited.library


def _unusable_error(path: str, error: pkcs11.PKCS11Error) -> ModuleUnusable:
    text = to_single_line(str(error).rpartition(f"{path}: ")[2])
    if _ALREADY_INITIALIZED in text:
        return ModuleUnusable(
            f"the PKCS #11 module {path!r} is already in use by other code in this process",
            hint="use it in the same way as that code, for example through p11-kit: module-name=p11-kit-proxy",
        )
    reason = text or type(error).__name__
    return ModuleUnusable(f"{path!r} cannot be used as a PKCS #11 module: {reason}", hint=_HINT)


def _reset_after_fork() -> None:
    # Threads that do not exist in the child may hold the locks of the parent: never wait for those.
    global _process  # noqa: PLW0603 - PKCS #11 state belongs to the process
    inherited = dict(_process.inherited) | _process.modules
    for module in _process.modules.values():
        module.inherited = True
    _process = _ProcessModules(inherited)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
