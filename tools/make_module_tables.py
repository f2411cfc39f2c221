"""Write the attributes of the modules that PS3.15 Annex C names, one table for each available edition of PS3.3.

    pip install '.[tables]' && python tools/make_module_tables.py

Run it after updating a version in SOURCES. A test compares the result with the file in the repository. Attributes
inside sequences are left out, because a sequence is signed as a whole (PS3.3 C.12.1.1.3.1.1).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydicom.datadict import get_entry, keyword_dict, masks

from dcmseal_profiles.annex_c import CURVE, MODULES

TARGET: Final = (
    Path(__file__).resolve().parent.parent / "profiles" / "dcmseal_profiles" / "data" / "module_attributes.txt"
)
SOURCES: Final = {"dicom-standard": ("0.1.0", "PS3.3 2020a"), "highdicom": ("0.28.2", "PS3.3 2024c")}
"""The version of each distribution, and the edition of the standard that it was made from."""

Modules: TypeAlias = Mapping[str, frozenset[str]]
"""Tags of the attributes by the identifier of the module; xx stands for the digits of a repeating group."""

_OTHER_NAMES: Final = {"Implant Template": "generic-implant-template-description"}
"""C.2 names an Implant Template Module, which has another name in PS3.3."""
_RETIRED: Final = "PS3.3 2004", "groups 50xx of PS3.6"
_NOT_IN_CURVE: Final = frozenset({"50xx1001", "50xx2610", *(f"50xx{element:04X}" for element in range(0x2000, 0x2010))})
"""Curve Activation Layer, of presentation states; Curve Referenced Overlay Group, of a sequence; the Audio Module."""


def iter_lines() -> Iterator[str]:
    """Editions, oldest first, each with its modules: name, then tags."""
    yield from _iter_edition(*_RETIRED, {_module_identifier(CURVE): frozenset(_iter_curve())})
    for name, (version, edition) in SOURCES.items():
        source = distribution(name)
        if source.version != version:
            raise SystemExit(f"{name} {source.version} is installed, but {version} is required")
        yield from _iter_edition(edition, f"{name} {version}", _READERS[name](source))


def _iter_edition(name: str, source: str, modules: Modules) -> Iterator[str]:
    yield f"# {name}\t{source}\n"
    for module in MODULES:
        tags = modules.get(_module_identifier(module))
        if tags:
            yield f"{module}\t{' '.join(sorted(tags))}\n"


def _module_identifier(module: str) -> str:
    """How both sources name a module: ``Enhanced XA/XRF Image`` is ``enhanced-xa-xrf-image``."""
    return _OTHER_NAMES.get(module) or module.lower().replace(" ", "-").replace("/", "-")


def _iter_curve() -> Iterator[str]:
    """The attributes of the Curve Module, which is retired from PS3.3 and remains only in the dictionary."""
    yield from (digits for digits in map(_to_upper, masks) if digits.startswith("50xx") and digits not in _NOT_IN_CURVE)


def _to_upper(digits: str) -> str:
    return digits.upper().replace("X", "x")


def _load_highdicom(source: Distribution) -> Modules:
    groups = (digits for digits in masks if digits[3] == "x")
    repeating = {get_entry(int(digits.replace("x", "0"), 16))[4]: _to_upper(digits) for digits in groups}
    table: dict[str, list[dict[str, Any]]] = _load_json(source, "module_attribute_map.json")
    return {
        module: frozenset(
            repeating.get(row["keyword"]) or f"{keyword_dict[row['keyword']]:08X}" for row in rows if not row["path"]
        )
        for module, rows in table.items()
    }


def _load_dicom_standard(source: Distribution) -> Modules:
    modules: dict[str, set[str]] = {}
    for row in _load_json(source, "module_to_attributes.json"):
        module, *path = row["path"].split(":")
        if len(path) == 1:
            modules.setdefault(module, set()).add(_to_upper(row["tag"].strip("()").replace(",", "")))
    return {module: frozenset(tags) for module, tags in modules.items()}


def _load_json(source: Distribution, name: str) -> Any:
    (path,) = (file for file in source.files or () if file.name == name)
    return json.loads(Path(str(source.locate_file(path))).read_text(encoding="utf-8"))


_READERS: Final = {"dicom-standard": _load_dicom_standard, "highdicom": _load_highdicom}


if __name__ == "__main__":
    TARGET.write_text("".join(iter_lines()), encoding="ascii", newline="\n")
