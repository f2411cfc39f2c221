"""Real DICOM files: those that come inside the pydicom package (nothing is downloaded)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import pydicom.data


class FileKind(StrEnum):
    """The special properties of a file."""

    CT = "ct"
    MR = "mr"
    IMAGE = "image"
    IMPLICIT = "implicit"
    BIG_ENDIAN = "big-endian"
    DEFLATED = "deflated"
    JPEG = "jpeg"
    JPEG_LS = "jpeg-ls"
    JPEG_2000 = "jpeg-2000"
    RLE = "rle"
    SR = "sr"
    RTPLAN = "rtplan"
    RTSTRUCT = "rtstruct"
    RTDOSE = "rtdose"
    SEGMENTATION = "segmentation"
    WAVEFORM = "waveform"
    PALETTE = "palette"
    OVERLAY = "overlay"
    CHARSET = "charset"
    PRIVATE = "private"
    UN = "un"
    PADDED = "padded"
    NO_META = "no-meta"
    DICOMDIR = "dicomdir"
    DAMAGED = "damaged"
    ODD = "odd"
    """Its structure has more than one reading, so that it is not signed."""


_I, _B, _J, _LS, _2K, _R = (
    FileKind.IMPLICIT,
    FileKind.BIG_ENDIAN,
    FileKind.JPEG,
    FileKind.JPEG_LS,
    FileKind.JPEG_2000,
    FileKind.RLE,
)
_FILES: dict[str, tuple[FileKind, ...]] = {
    "CT_small.dcm": (FileKind.CT, FileKind.PRIVATE),
    "MR_small.dcm": (FileKind.MR,),
    "MR_small_implicit.dcm": (FileKind.MR, _I),
    "MR_small_bigendian.dcm": (FileKind.MR, _B),
    "MR_small_padded.dcm": (FileKind.MR, FileKind.PADDED),
    "MR_small_RLE.dcm": (FileKind.MR, _R),
    "MR_small_jp2klossless.dcm": (FileKind.MR, _2K),
    "MR_small_jpeg_ls_lossless.dcm": (FileKind.MR, _LS),
    "ExplVR_BigEnd.dcm": (FileKind.IMAGE, _B),
    "image_dfl.dcm": (FileKind.IMAGE, FileKind.DEFLATED),
    "JPEG-lossy.dcm": (FileKind.IMAGE, _J),
    "JPGExtended.dcm": (FileKind.IMAGE, _J),
    "JPEG2000.dcm": (FileKind.IMAGE, _2K),
    "JPEG2000-embedded-sequence-delimiter.dcm": (FileKind.IMAGE, _2K),
    "693_J2KI.dcm": (FileKind.IMAGE, _2K),
    "JPEGLSNearLossless_08.dcm": (FileKind.IMAGE, _LS),
    "JPEGLSNearLossless_16.dcm": (FileKind.IMAGE, _LS),
    "SC_rgb_jpeg_dcmtk.dcm": (FileKind.IMAGE, _J),
    "SC_rgb_jls_lossy_line.dcm": (FileKind.IMAGE, _LS),
    "SC_rgb_rle_2frame.dcm": (FileKind.IMAGE, _R),
    "SC_rgb_rle_16bit_2frame.dcm": (FileKind.IMAGE, _R),
    "SC_rgb_small_odd.dcm": (FileKind.IMAGE,),
    "SC_rgb_small_odd_big_endian.dcm": (FileKind.IMAGE, _B),
    "SC_rgb_small_odd_jpeg.dcm": (FileKind.IMAGE, _J),
    "SC_ybr_full_422_uncompressed.dcm": (FileKind.IMAGE,),
    "liver_1frame.dcm": (FileKind.SEGMENTATION,),
    "examples_palette.dcm": (FileKind.IMAGE, FileKind.PALETTE),
    "examples_overlay.dcm": (FileKind.IMAGE, FileKind.OVERLAY),
    "waveform_ecg.dcm": (FileKind.WAVEFORM,),
    "test-SR.dcm": (FileKind.SR,),
    "reportsi.dcm": (FileKind.SR,),
    "rtplan.dcm": (FileKind.RTPLAN, _I),
    "rtstruct.dcm": (FileKind.RTSTRUCT, _I),
    "rtdose.dcm": (FileKind.RTDOSE, _I),
    "rtdose_1frame.dcm": (FileKind.RTDOSE, _I),
    "rtdose_rle.dcm": (FileKind.RTDOSE, _R),
    "UN_sequence.dcm": (FileKind.UN,),
    "priv_SQ.dcm": (FileKind.PRIVATE, _I),
    "nested_priv_SQ.dcm": (FileKind.PRIVATE, _I, FileKind.NO_META, FileKind.ODD),
    "ExplVR_LitEndNoMeta.dcm": (FileKind.NO_META,),
    "ExplVR_BigEndNoMeta.dcm": (FileKind.NO_META, _B),
    "chrFren.dcm": (FileKind.CHARSET,),
    "chrGerm.dcm": (FileKind.CHARSET,),
    "chrJapMulti.dcm": (FileKind.CHARSET,),
    "chrRuss.dcm": (FileKind.CHARSET,),
    "chrX2.dcm": (FileKind.CHARSET,),
    "DICOMDIR": (FileKind.DICOMDIR,),
    "MR_truncated.dcm": (FileKind.DAMAGED,),
    "rtplan_truncated.dcm": (FileKind.DAMAGED, _I),
    "no_meta.dcm": (FileKind.DAMAGED, FileKind.NO_META),
    "badVR.dcm": (FileKind.DAMAGED,),
}
"""Files by name; a name given here and missing in the package is an error, not a gap."""


@dataclass(frozen=True, slots=True)
class RealFile:
    """A file of the pydicom package."""

    path: Path
    kinds: frozenset[FileKind]
    dcmsign: str
    """Why dcmsign cannot sign it and verify its own signature; empty if it can."""

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()

    def __str__(self) -> str:
        return self.path.name


_DCMSIGN_CANNOT = {
    "DICOMDIR": "all of it is below group 0008: the list of signed elements comes out empty",
    "MR_truncated.dcm": "pixel data is cut short",
    "rtplan_truncated.dcm": "a sequence is cut short",
    "no_meta.dcm": "a stray byte stands before the first element",
}


@cache
def real_files() -> tuple[RealFile, ...]:
    """All of them."""
    return tuple(
        RealFile(_path(name), frozenset(kinds), _DCMSIGN_CANNOT.get(name, "")) for name, kinds in _FILES.items()
    )


def find_files(*kinds: FileKind) -> tuple[RealFile, ...]:
    """The files that have one of the kinds."""
    return tuple(file for file in real_files() if file.kinds.intersection(kinds))


def real_file(name: str) -> RealFile:
    """One file by name; raises LookupError."""
    return next(file for file in real_files() if file.path.name == name)


def readable_files() -> tuple[RealFile, ...]:
    """The files with a complete data set."""
    return tuple(file for file in real_files() if not file.dcmsign or FileKind.DAMAGED not in file.kinds)


def for_dcmsign() -> tuple[RealFile, ...]:
    """The files that dcmsign signs and verifies, and dcmseal too."""
    return tuple(file for file in real_files() if not file.dcmsign and FileKind.ODD not in file.kinds)


def signable_files() -> tuple[RealFile, ...]:
    """The files with a main Data Set that can be signed."""
    return tuple(
        file for file in readable_files() if file.kinds.isdisjoint({FileKind.ODD, FileKind.UN, FileKind.DICOMDIR})
    )


def _path(name: str) -> Path:
    root = Path(pydicom.data.__file__).parent
    for folder in ("test_files", "charset_files", "test_files/dicomdirtests"):
        if (root / folder / name).is_file():
            return root / folder / name
    raise LookupError(f"pydicom does not come with {name}")
