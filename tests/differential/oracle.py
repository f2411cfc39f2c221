"""Whether what is valid is what everybody shows."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import dcmseal
from dcmseal.dataset.part10 import open_dicom
from dcmseal.dataset.source import BytesSource
from dcmseal.errors import SealError
from dcmseal.macro.levels import main_level
from tests.differential import read_dcmtk, read_gdcm, read_image, read_node, read_pydicom
from tests.differential.mutants import Mutant
from tests.differential.reader_views import View, first_tag
from tests.differential.signed_bases import Base, protected_paths

_DISPLAY: Final = (0x0028, 0x2050, 0x5000, 0x6000, 0x7FE0)
Reader = Callable[[Sequence[Path]], Sequence["View | None"]]

READERS: Final[Mapping[str, Reader]] = {
    "pydicom": lambda files: [read_pydicom.view(file.read_bytes()) for file in files],
    "DCMTK": read_dcmtk.views,
    "GDCM": read_gdcm.views,
    "DCMTK's pixels": read_image.views,
}
LONG_RUN: Final[Mapping[str, Reader]] = {
    "dicomParser": read_node.views("dicom_parser.js"),
    "dcmjs": read_node.views("dcmjs.js"),
}
"""Readers that need node, and the module of their name."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A file that is valid, and shown otherwise."""

    mutant: Mutant
    reader: str
    shown: str

    def __str__(self) -> str:
        return f"{self.mutant}\n    valid, but {self.reader} shows {self.shown}"


@dataclass(slots=True)
class Oracle:
    """Compares what readers show of mutants with what they show of the files that were signed."""

    bases: Mapping[str, Base]
    folder: Path
    readers: Mapping[str, Reader] = field(default_factory=lambda: READERS)
    accepted: int = 0
    """How many mutants were valid so far."""
    _views: dict[str, dict[str, View]] = field(default_factory=dict)

    def views(self, reader: str) -> dict[str, View]:
        """What a reader shows of the signed files, each of which it has to read."""
        if reader not in self._views:
            paths = [self._write(f"base-{name}", base.data) for name, base in self.bases.items()]
            shown = self.readers[reader](paths)
            self._views[reader] = {name: view for name, view in zip(self.bases, shown, strict=True) if view is not None}
        return self._views[reader]

    def evaluate(self, mutants: Iterable[Mutant]) -> Iterator[Disagreement]:
        """The mutants that are valid, and shown otherwise by some reader."""
        accepted = [(each, covered) for each in mutants if (covered := verify_mutant(each.data)) is not None]
        self.accepted += len(accepted)
        paths = [self._write(f"mutant-{number}", each.data) for number, (each, _) in enumerate(accepted)]
        for name, reader in self.readers.items():
            signed = self.views(name)
            for (each, covered), view in zip(accepted, reader(paths), strict=True):
                if view is None or each.base not in signed:
                    continue
                shown = difference(signed[each.base], view, covered)
                if shown:
                    yield Disagreement(each, name, shown)

    def _write(self, name: str, data: bytes) -> Path:
        path = self.folder / f"{name}.dcm"
        path.write_bytes(data)
        return path


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a valid file covers, and what there is at its main level."""

    protected: frozenset[str]
    main: frozenset[int]

    @property
    def is_shown_alike(self) -> bool:
        """Whether no element but those covered says how the pixels are to be shown."""
        return not any(tag >> 16 in _DISPLAY and f"{tag:08X}" not in self.protected for tag in self.main)


def verify_mutant(data: bytes) -> Accepted | None:
    """What is covered; None if the file is not valid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            report = dcmseal.verify(data, integrity_only=True)
        except SealError:
            return None
    if report.verdict is not dcmseal.Verdict.VALID:
        return None
    with open_dicom(BytesSource(data)) as file:
        tags = main_level(file).scanner().finish().tags
    return Accepted(protected_paths(tuple(each.signature for each in report.signatures)), frozenset(tags))


def difference(signed: View, shown: View, accepted: Accepted) -> str:
    """How a view differs from that of the signed file where it must not; empty if it does not."""
    said = []
    for path in sorted(signed.keys() | shown.keys()):
        old, new = signed.get(path), shown.get(path)
        if old == new or (path == read_image.PATH and not accepted.is_shown_alike):
            continue
        if any(path.startswith(start) for start in accepted.protected):
            said.append(f"{path}: {_text(new)} instead of {_text(old)}")
        elif new is not None and first_tag(path) not in accepted.main:
            said.append(f"{path}: {_text(new)}, which is not there")
    return "; ".join(said[:4]) + (f" and {len(said) - 4} more" if len(said) > 4 else "")


def _text(value: str | None) -> str:
    return "nothing" if value is None else repr(value[:40])
