"""The SOP Instances that are measured: made once, the same bytes every time, from small CT images to whole slides.

The letter of a kind says what costs time in it: a few elements (a), plain pixel data (b), functional groups of an
enhanced image (c), a content tree (d), fragments (e), long text values (f), or gigabytes (g). A file that is there is
taken as it is: remove it after a change of what makes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, DigitalXRayImageStorageForPresentation

from tests.bench.bench_dataset import (
    BIG_ENDIAN,
    EXPLICIT,
    IMPLICIT,
    JPEG_BASELINE,
    UNDEFINED_LENGTHS,
    BenchEncoding,
    write_file,
)
from tests.bench.bench_documents import many_items, report, structure_set
from tests.bench.common_modules import BenchContent

from .functional_groups import enhanced_mr
from .images import ct, mr, radiograph, tiny, ultrasound, whole_slide


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusKind:
    """A kind of file; ``base`` is the kind whose content it has in another encoding."""

    name: str
    make: Callable[[Random], BenchContent]
    encoding: BenchEncoding = EXPLICIT
    base: str = ""
    large: bool = False


_MG = radiograph(DigitalMammographyXRayImageStorageForPresentation, "MG", 4096, 3328)
_DX = radiograph(DigitalXRayImageStorageForPresentation, "DX", 6000, 5000)

KINDS: Final = {
    kind.name: kind
    for kind in (
        CorpusKind(name="a_tiny", make=tiny),
        CorpusKind(name="a_ct", make=ct),
        CorpusKind(name="a_mr", make=mr),
        CorpusKind(name="a_mr_ivle", make=mr, encoding=IMPLICIT, base="a_mr"),
        CorpusKind(name="a_mr_be", make=mr, encoding=BIG_ENDIAN, base="a_mr"),
        CorpusKind(name="b_mg", make=_MG),
        CorpusKind(name="b_dx", make=_DX),
        CorpusKind(name="c_emf1k", make=enhanced_mr(1000)),
        CorpusKind(name="c_emf", make=enhanced_mr(2500)),
        CorpusKind(name="c_emf5k_lean", make=enhanced_mr(5000, lean=True)),
        CorpusKind(name="c_emf_ivle", make=enhanced_mr(2500), encoding=IMPLICIT, base="c_emf"),
        CorpusKind(name="c_emf_be", make=enhanced_mr(2500), encoding=BIG_ENDIAN, base="c_emf"),
        CorpusKind(name="c_emf_und", make=enhanced_mr(2500), encoding=UNDEFINED_LENGTHS, base="c_emf"),
        CorpusKind(name="d_sr", make=report),
        CorpusKind(name="d_sr_ivle", make=report, encoding=IMPLICIT, base="d_sr"),
        CorpusKind(name="d_sr_be", make=report, encoding=BIG_ENDIAN, base="d_sr"),
        CorpusKind(name="d_sr_und", make=report, encoding=UNDEFINED_LENGTHS, base="d_sr"),
        CorpusKind(name="d_items", make=many_items),
        CorpusKind(name="e_jpeg", make=ultrasound, encoding=JPEG_BASELINE),
        CorpusKind(name="f_rtss", make=structure_set),
        CorpusKind(name="g_native", make=enhanced_mr(100, side=512, frames=2100), large=True),
        CorpusKind(name="g_wsi", make=whole_slide, encoding=JPEG_BASELINE, large=True),
    )
}


def make_file(kind: CorpusKind, folder: Path) -> Path:
    """The unsigned file of a kind, made if it is not there yet."""
    path = folder / f"{kind.name}.dcm"
    if not path.exists():
        content = kind.make(Random(kind.base or kind.name))
        elements = content.elements
        if kind.encoding.implicit:  # without a VR a private element is UN, and nothing would be left to measure
            elements = [one for one in elements if not one.tag >> 16 & 1]
        write_file(path, elements, kind.encoding, content.pixels(kind.encoding))
    return path
