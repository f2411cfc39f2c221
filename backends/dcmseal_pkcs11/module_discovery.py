"""Finds PKCS #11 modules by path, by name, or all modules of the machine, without loading them.

The configuration of p11-kit lists modules (``*.module`` files, with lines such as ``module: opensc-pkcs11.so``). Others
are searched in the usual folders of their vendors.

>>> module_stem("/usr/lib/softhsm/libsofthsm2.so.1"), module_stem("OpenSC-PKCS11.dll")
('softhsm2', 'opensc-pkcs11')
"""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dcmseal.errors import ModuleUnusable, UsageError
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri

_LINUX_FOLDERS: Final = ("/usr/lib/*-linux-gnu*", "/usr/lib64", "/usr/lib", "/usr/local/lib64", "/usr/local/lib")
_MAC_FOLDERS: Final = ("/opt/homebrew/lib", "/usr/local/lib", "/Library/OpenSC/lib")

_LINUX_FILES: Final = (
    # smart cards and keys to plug in
    "opensc-pkcs11.so",  # OpenSC
    "libykcs11.so",  # Yubico
    "libykcs11.so.2",
    "libeToken.so",  # SafeNet (Thales) Authentication Client
    "libIDPrimePKCS11.so",
    "libaetpkss.so.3",  # AET SafeSign
    "libASEP11.so",  # Athena
    "libbit4xpki.so",  # Bit4id
    "libbeidpkcs11.so.0",  # Belgian identity card
    "libcps3_pkcs11_lux.so",  # French card of health professionals
    "libcastle.so",  # Feitian
    # HSMs
    "softhsm/libsofthsm2.so",
    "opencryptoki/libopencryptoki.so",
    "pkcs11/yubihsm_pkcs11.so",
)
_LINUX_ELSEWHERE: Final = (
    "/usr/safenet/lunaclient/lib/libCryptoki2_64.so",  # Thales Luna
    "/opt/safenet/protecttoolkit*/ptk/lib/libcryptoki.so",
    "/opt/nfast/toolkits/pkcs11/libcknfast.so",  # Entrust nShield (nCipher)
    "/opt/utimaco/lib/libcs_pkcs11_R[23].so",
    "/opt/utimaco/p11/libcs_pkcs11_R[23].so",
    "/opt/cloudhsm/lib/libcloudhsm_pkcs11.so",  # AWS CloudHSM
    "/usr/local/primus/lib/libprimusP11.so",  # Securosys
)
_MAC_FILES: Final = (
    "opensc-pkcs11.so",
    "libykcs11.dylib",
    "softhsm/libsofthsm2.so",
    "libeToken.dylib",
    "libaetpkss.dylib",
    "libbit4xpki.dylib",
    "libbeidpkcs11.dylib",
)
_MAC_ELSEWHERE: Final = (
    "/Library/Frameworks/eToken.framework/Versions/A/libeToken.dylib",
    "/usr/safenet/lunaclient/lib/libCryptoki2.dylib",
)
_WINDOWS_ELSEWHERE: Final = (
    r"%ProgramFiles%\OpenSC Project\OpenSC\pkcs11\opensc-pkcs11.dll",
    r"%ProgramFiles%\Yubico\Yubico PIV Tool\bin\libykcs11.dll",
    r"%ProgramFiles%\YubiHSM Shell\bin\pkcs11\yubihsm_pkcs11.dll",
    r"%SystemRoot%\System32\eTPKCS11.dll",
    r"%ProgramFiles%\SafeNet\LunaClient\cryptoki.dll",
    r"%SystemRoot%\System32\aetpkss1.dll",
    r"%SystemRoot%\System32\bit4xpki.dll",
    r"%SystemRoot%\System32\beidpkcs11.dll",
    r"%SystemRoot%\System32\cps3_pkcs11_w64.dll",
    r"%ProgramFiles%\nCipher\nfast\toolkits\pkcs11\cknfast.dll",
    r"%ProgramFiles%\Utimaco\*\Lib\cs_pkcs11_R[23].dll",
    r"%SystemDrive%\SoftHSM2\lib\softhsm2-x64.dll",
)


class ModuleLocations(Struct, frozen=True, kw_only=True):
    """Where to search, as glob patterns."""

    configurations: tuple[str, ...]
    """Folders of the configuration of p11-kit; later ones take precedence."""
    folders: tuple[str, ...]
    """Folders to search for modules that are named without a path."""
    files: tuple[str, ...]
    """Modules that no configuration lists."""


def default_locations(platform: str = sys.platform) -> ModuleLocations:
    """Return the usual locations of modules on a platform."""
    settings = os.environ.get("XDG_CONFIG_HOME") or os.path.join("~", ".config")
    own = os.path.join(settings, "pkcs11", "modules")
    if platform == "win32":
        files = tuple(os.path.expandvars(pattern) for pattern in _WINDOWS_ELSEWHERE)
        return ModuleLocations(
            configurations=(), folders=tuple(dict.fromkeys(map(os.path.dirname, files))), files=files
        )
    if platform == "darwin":
        bases = ("/opt/homebrew", "/usr/local")
        folders = [f"{base}/{folder}" for folder in ("share/p11-kit/modules", "etc/pkcs11/modules") for base in bases]
        return _unix_locations((*folders, own), _MAC_FOLDERS, _MAC_FILES, _MAC_ELSEWHERE)
    configurations = ("/usr/share/p11-kit/modules", "/usr/local/share/p11-kit/modules", "/etc/pkcs11/modules")
    return _unix_locations((*configurations, own), _LINUX_FOLDERS, _LINUX_FILES, _LINUX_ELSEWHERE)


def _unix_locations(
    configurations: tuple[str, ...], folders: tuple[str, ...], files: tuple[str, ...], elsewhere: tuple[str, ...]
) -> ModuleLocations:
    beneath = dict.fromkeys(os.path.dirname(file) for file in ("pkcs11/", *files, ""))
    # os.path.join adds a trailing separator if the second part is empty
    return ModuleLocations(
        configurations=configurations,
        folders=(
            *(os.path.join(folder, each).rstrip("/") for each in beneath for folder in folders),
            *dict.fromkeys(map(os.path.dirname, elsewhere)),
        ),
        files=(*(f"{folder}/{file}" for file in files for folder in folders), *elsewhere),
    )


_PROGRAM: Final = "dcmseal"
_MAX_BYTES: Final = 1 << 16
_MAX_MODULES: Final = 100
_AFFIXES: Final = re.compile(r"(?:lib)?(.+?)(?:\.(?:so|dylib|dll)[.0-9]*)?", re.IGNORECASE)
_LIBRARY: Final = re.compile(r".+\.(?:so[.0-9]*|dylib|dll)", re.IGNORECASE)


class ModuleCandidate(Struct, frozen=True, kw_only=True):
    """The file of a module, or the reason why it cannot be used."""

    path: str
    problem: ModuleUnusable | None = None
    is_named: bool = False
    """Whether the key URI names it."""


def find_modules(uri: Pkcs11Uri, places: ModuleLocations | None = None) -> tuple[ModuleCandidate, ...]:
    """Find the modules for a URI.

    ``module-path`` is a file, or a folder of modules; ``module-name`` is a module without prefix and suffix (RFC 7512
    2.3), such as ``softhsm2`` for ``libsofthsm2.so``.

    Args:
        uri: The key URI.
        places: Where to search; None for the default of the platform.

    Raises:
        ModuleUnusable: The module does not exist.
        UsageError: ``module-path`` and ``module-name`` contradict each other.
    """
    if uri.module_path:
        return _find_at_path(os.path.expanduser(uri.module_path), uri.module_name)
    places = default_locations() if places is None else places
    if uri.module_name:
        return (replace(_find_by_name(uri.module_name, places), is_named=True),)
    found = tuple(_iter_distinct(_iter_all(places)))[:_MAX_MODULES]
    if not found:
        raise ModuleUnusable(
            "no PKCS #11 module was found on this machine",
            hint="install the driver of the card or HSM, or OpenSC; or name the module: ?module-path=PATH",
        )
    return found


def module_stem(path: str) -> str:
    """Return the name of a module without path, prefix and suffix, in lower case."""
    match = _AFFIXES.fullmatch(os.path.basename(path))
    return match[1].lower() if match else ""


def _find_at_path(path: str, name: str) -> tuple[ModuleCandidate, ...]:
    if not os.path.isdir(path):
        if name and module_stem(path) != module_stem(name):
            raise UsageError(
                "module-path and module-name in the key URI name different modules", hint="keep one of them"
            )
        return (ModuleCandidate(path=os.path.abspath(path), is_named=True),)
    entries = sorted(entry.name for entry in os.scandir(path) if entry.is_file() and _LIBRARY.fullmatch(entry.name))
    wanted = (entry for entry in entries if not name or module_stem(entry) == module_stem(name))
    found = tuple(
        _iter_distinct(
            ModuleCandidate(path=os.path.abspath(os.path.join(path, entry)), is_named=True) for entry in wanted
        )
    )
    if not found:
        raise ModuleUnusable(f"no matching PKCS #11 module in the folder {path!r}", hint="check module-path")
    return found[:_MAX_MODULES]


def _find_by_name(name: str, places: ModuleLocations) -> ModuleCandidate:
    if os.path.basename(name) != name or "\\" in name:
        raise UsageError("module-name in the key URI contains a path", hint="write module-path=PATH")
    configured = (found for found in _iter_p11kit_modules(places) if module_stem(found.path) == module_stem(name))
    installed = (ModuleCandidate(path=path) for path in _iter_files(places) if module_stem(path) == module_stem(name))
    found = next(configured, None) or next(installed, None) or _find_in_folders(name, places)
    if found is None:
        raise ModuleUnusable(
            f"no PKCS #11 module {name!r} in the usual folders",
            hint="install it, or name its path: module-path=PATH",
            code="module-not-found",
        )
    return found


def _find_in_folders(name: str, places: ModuleLocations) -> ModuleCandidate | None:
    for pattern in places.folders:
        for folder in sorted(glob.glob(pattern)):
            for entry in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
                if _LIBRARY.fullmatch(entry) and module_stem(entry) == module_stem(name):
                    return ModuleCandidate(path=os.path.join(folder, entry))
    return None


def _iter_all(places: ModuleLocations) -> Iterator[ModuleCandidate]:
    yield from _iter_p11kit_modules(places)
    yield from (ModuleCandidate(path=path) for path in _iter_files(places))


def _iter_files(places: ModuleLocations) -> Iterator[str]:
    return (path for pattern in places.files for path in sorted(glob.glob(pattern)) if os.path.isfile(path))


def _iter_p11kit_modules(places: ModuleLocations) -> Iterator[ModuleCandidate]:
    """Yield modules that p11-kit's configuration enables for this program; later folders override earlier ones."""
    merged: dict[str, dict[str, str]] = {}
    for folder in places.configurations:
        for path in sorted(glob.glob(os.path.join(glob.escape(os.path.expanduser(folder)), "*.module"))):
            merged.setdefault(os.path.basename(path), {}).update(_load_settings(path))
    for name, settings in merged.items():
        if _is_enabled(settings):
            yield _build_candidate(name, settings, places)


def _build_candidate(name: str, settings: dict[str, str], places: ModuleLocations) -> ModuleCandidate:
    module = settings.get("module", "")
    if not module:
        reason = "the module is on another machine (remote:)" if "remote" in settings else "it names no module"
        return _unusable_candidate(name, f"the p11-kit configuration {name!r} cannot be used: {reason}")
    if "x-init-reserved" in settings:
        return _unusable_candidate(module, f"the module {module!r} needs initialization arguments (x-init-reserved)")
    if os.path.isabs(module):
        return ModuleCandidate(path=module)
    for pattern in places.folders:
        for folder in sorted(glob.glob(pattern)):
            if os.path.isfile(os.path.join(folder, module)):
                return ModuleCandidate(path=os.path.join(folder, module))
    return _unusable_candidate(
        module, f"the module {module!r} of the p11-kit configuration {name!r} is not in the usual folders"
    )


def _unusable_candidate(path: str, problem: str) -> ModuleCandidate:
    hint = "use it through p11-kit: module-name=p11-kit-proxy"
    return ModuleCandidate(path=path, problem=ModuleUnusable(problem, hint=hint))


def _load_settings(path: str) -> dict[str, str]:
    try:
        with open(path, "rb") as file:
            lines = file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _is_enabled(settings: dict[str, str]) -> bool:
    """Whether the module may contain keys, and is enabled for this program."""
    programs = {name: re.split(r"[\s,]+", settings[name]) for name in ("enable-in", "disable-in") if name in settings}
    return (
        settings.get("trust-policy") != "yes"
        and _PROGRAM in programs.get("enable-in", [_PROGRAM])
        and _PROGRAM not in programs.get("disable-in", [])
    )


def _iter_distinct(found: Iterable[ModuleCandidate]) -> Iterator[ModuleCandidate]:
    """Yield each file once, even if several links point to it."""
    seen: set[str] = set()
    for each in found:
        real = os.path.realpath(each.path)
        if real not in seen:
            seen.add(real)
            yield each
