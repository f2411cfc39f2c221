"""PKCS #11 modules: by path, by name, or all that this machine has.

p11-kit's configuration says which modules there are (``*.module`` files, with lines such as
``module: opensc-pkcs11.so``); what makers install without registering it there is sought where they put it. Nothing is
loaded here.

>>> stem("/usr/lib/softhsm/libsofthsm2.so.1"), stem("OpenSC-PKCS11.dll")
('softhsm2', 'opensc-pkcs11')
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from dcmseal.errors import ModuleUnusable, UsageError
from dcmseal_pkcs11.places import Places, usual
from dcmseal_pkcs11.uri import Pkcs11Uri

_PROGRAM: Final = "dcmseal"
_MOST_BYTES: Final = 1 << 16
_MOST_MODULES: Final = 100
_AFFIXES: Final = re.compile(r"(?:lib)?(.+?)(?:\.(?:so|dylib|dll)[.0-9]*)?", re.IGNORECASE)
_LIBRARY: Final = re.compile(r".+\.(?:so[.0-9]*|dylib|dll)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file that should be a module, or the reason why it cannot be used."""

    path: str
    problem: ModuleUnusable | None = None
    is_named: bool = False
    """By the key URI: then there is no doubt that it is wanted."""


def named_or_found(uri: Pkcs11Uri, places: Places | None = None) -> tuple[Found, ...]:
    """The modules to look into for a URI; raises ModuleUnusable if there is none, and UsageError.

    ``module-path`` names a file, or a folder of modules; ``module-name`` a module without the affixes of the system
    (RFC 7512 2.3): ``softhsm2`` for ``libsofthsm2.so``.
    """
    if uri.module_path:
        return _at(os.path.expanduser(uri.module_path), uri.module_name)
    places = usual() if places is None else places
    if uri.module_name:
        return (replace(_called(uri.module_name, places), is_named=True),)
    found = tuple(_distinct(_everything(places)))[:_MOST_MODULES]
    if not found:
        raise ModuleUnusable(
            "no PKCS #11 module was found on this machine",
            hint="install the driver that came with the card or HSM, or OpenSC; or name it: ?module-path=PATH",
        )
    return found


def stem(path: str) -> str:
    """The name of a module without path, prefix and suffix, in lower case."""
    match = _AFFIXES.fullmatch(os.path.basename(path))
    return match[1].lower() if match else ""


def _at(path: str, name: str) -> tuple[Found, ...]:
    if not os.path.isdir(path):
        if name and stem(path) != stem(name):
            raise UsageError("module-path and module-name in the key URI name two modules", hint="keep one of the two")
        return (Found(path=os.path.abspath(path), is_named=True),)
    entries = sorted(entry.name for entry in os.scandir(path) if entry.is_file() and _LIBRARY.fullmatch(entry.name))
    wanted = (entry for entry in entries if not name or stem(entry) == stem(name))
    found = tuple(_distinct(Found(path=os.path.abspath(os.path.join(path, entry)), is_named=True) for entry in wanted))
    if not found:
        raise ModuleUnusable(f"there is no such PKCS #11 module in the folder {path!r}", hint="check module-path")
    return found[:_MOST_MODULES]


def _called(name: str, places: Places) -> Found:
    if os.path.basename(name) != name or "\\" in name:
        raise UsageError("module-name in the key URI has a path in it", hint="write module-path=PATH")
    configured = (found for found in _configured(places) if stem(found.path) == stem(name))
    installed = (Found(path=path) for path in _files(places) if stem(path) == stem(name))
    found = next(configured, None) or next(installed, None) or _lying_about(name, places)
    if found is None:
        raise ModuleUnusable(
            f"there is no PKCS #11 module {name!r} in the usual places",
            hint="install it, or say where it is: module-path=PATH; dcmseal keys lists the modules found",
        )
    return found


def _lying_about(name: str, places: Places) -> Found | None:
    for pattern in places.folders:
        for folder in sorted(glob.glob(pattern)):
            for entry in sorted(os.listdir(folder) if os.path.isdir(folder) else ()):
                if _LIBRARY.fullmatch(entry) and stem(entry) == stem(name):
                    return Found(path=os.path.join(folder, entry))
    return None


def _everything(places: Places) -> Iterator[Found]:
    yield from _configured(places)
    yield from (Found(path=path) for path in _files(places))


def _files(places: Places) -> Iterator[str]:
    return (path for pattern in places.files for path in sorted(glob.glob(pattern)) if os.path.isfile(path))


def _configured(places: Places) -> Iterator[Found]:
    """What p11-kit's configuration names, less what is not for us; later folders add to earlier ones."""
    merged: dict[str, dict[str, str]] = {}
    for folder in places.configurations:
        for path in sorted(glob.glob(os.path.join(glob.escape(os.path.expanduser(folder)), "*.module"))):
            merged.setdefault(os.path.basename(path), {}).update(_settings(path))
    for name, settings in merged.items():
        if _is_for_us(settings):
            yield _configured_module(name, settings, places)


def _configured_module(name: str, settings: dict[str, str], places: Places) -> Found:
    module = settings.get("module", "")
    if not module:
        how = "it is on another machine (remote:)" if "remote" in settings else "it names no module"
        return _unusable(name, f"p11-kit's configuration {name!r} cannot be used: {how}")
    if "x-init-reserved" in settings:
        return _unusable(module, f"the module {module!r} wants arguments of its own (x-init-reserved)")
    if os.path.isabs(module):
        return Found(path=module)
    for pattern in places.folders:
        for folder in sorted(glob.glob(pattern)):
            if os.path.isfile(os.path.join(folder, module)):
                return Found(path=os.path.join(folder, module))
    return _unusable(
        module, f"p11-kit's configuration {name!r} names {module!r}, which is in none of the usual folders"
    )


def _unusable(path: str, why: str) -> Found:
    hint = "reach it through p11-kit: module-name=p11-kit-proxy"
    return Found(path=path, problem=ModuleUnusable(why, hint=hint))


def _settings(path: str) -> dict[str, str]:
    try:
        with open(path, "rb") as file:
            lines = file.read(_MOST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


def _is_for_us(settings: dict[str, str]) -> bool:
    """Whether the module holds keys, and is not kept from this program."""
    programs = {name: re.split(r"[\s,]+", settings[name]) for name in ("enable-in", "disable-in") if name in settings}
    return (
        settings.get("trust-policy") != "yes"
        and _PROGRAM in programs.get("enable-in", [_PROGRAM])
        and _PROGRAM not in programs.get("disable-in", [])
    )


def _distinct(found: Iterable[Found]) -> Iterator[Found]:
    """Each file once, whatever links lead to it."""
    seen: set[str] = set()
    for each in found:
        real = os.path.realpath(each.path)
        if real not in seen:
            seen.add(real)
            yield each
