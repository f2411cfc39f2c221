"""Real DICOM files: those that come inside the pydicom package (nothing is downloaded)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import pydicom.data


class Kind(StrEnum):
    """What is special about a file."""

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


_I, _B, _J, _LS, _2K, _R = Kind.IMPLICIT, Kind.BIG_ENDIAN, Kind.JPEG, Kind.JPEG_LS, Kind.JPEG_2000, Kind.RLE
_FILES: dict[str, tuple[Kind, ...]] = {
    "CT_small.dcm": (Kind.CT, Kind.PRIVATE),
    "MR_small.dcm": (Kind.MR,),
    "MR_small_implicit.dcm": (Kind.MR, _I),
    "MR_small_bigendian.dcm": (Kind.MR, _B),
    "MR_small_padded.dcm": (Kind.MR, Kind.PADDED),
    "MR_small_RLE.dcm": (Kind.MR, _R),
    "MR_small_jp2klossless.dcm": (Kind.MR, _2K),
    "MR_small_jpeg_ls_lossless.dcm": (Kind.MR, _LS),
    "ExplVR_BigEnd.dcm": (Kind.IMAGE, _B),
    "image_dfl.dcm": (Kind.IMAGE, Kind.DEFLATED),
    "JPEG-lossy.dcm": (Kind.IMAGE, _J),
    "JPGExtended.dcm": (Kind.IMAGE, _J),
    "JPEG2000.dcm": (Kind.IMAGE, _2K),
    "JPEG2000-embedded-sequence-delimiter.dcm": (Kind.IMAGE, _2K),
    "693_J2KI.dcm": (Kind.IMAGE, _2K),
    "JPEGLSNearLossless_08.dcm": (Kind.IMAGE, _LS),
    "JPEGLSNearLossless_16.dcm": (Kind.IMAGE, _LS),
    "SC_rgb_jpeg_dcmtk.dcm": (Kind.IMAGE, _J),
    "SC_rgb_jls_lossy_line.dcm": (Kind.IMAGE, _LS),
    "SC_rgb_rle_2frame.dcm": (Kind.IMAGE, _R),
    "SC_rgb_rle_16bit_2frame.dcm": (Kind.IMAGE, _R),
    "SC_rgb_small_odd.dcm": (Kind.IMAGE,),
    "SC_rgb_small_odd_big_endian.dcm": (Kind.IMAGE, _B),
    "SC_rgb_small_odd_jpeg.dcm": (Kind.IMAGE, _J),
    "SC_ybr_full_422_uncompressed.dcm": (Kind.IMAGE,),
    "liver_1frame.dcm": (Kind.SEGMENTATION,),
    "examples_palette.dcm": (Kind.IMAGE, Kind.PALETTE),
    "examples_overlay.dcm": (Kind.IMAGE, Kind.OVERLAY),
    "waveform_ecg.dcm": (Kind.WAVEFORM,),
    "test-SR.dcm": (Kind.SR,),
    "reportsi.dcm": (Kind.SR,),
    "rtplan.dcm": (Kind.RTPLAN, _I),
    "rtstruct.dcm": (Kind.RTSTRUCT, _I),
    "rtdose.dcm": (Kind.RTDOSE, _I),
    "rtdose_1frame.dcm": (Kind.RTDOSE, _I),
    "rtdose_rle.dcm": (Kind.RTDOSE, _R),
    "UN_sequence.dcm": (Kind.UN,),
    "priv_SQ.dcm": (Kind.PRIVATE, _I),
    "nested_priv_SQ.dcm": (Kind.PRIVATE, _I, Kind.NO_META, Kind.ODD),
    "ExplVR_LitEndNoMeta.dcm": (Kind.NO_META,),
    "ExplVR_BigEndNoMeta.dcm": (Kind.NO_META, _B),
    "chrFren.dcm": (Kind.CHARSET,),
    "chrGerm.dcm": (Kind.CHARSET,),
    "chrJapMulti.dcm": (Kind.CHARSET,),
    "chrRuss.dcm": (Kind.CHARSET,),
    "chrX2.dcm": (Kind.CHARSET,),
    "DICOMDIR": (Kind.DICOMDIR,),
    "MR_truncated.dcm": (Kind.DAMAGED,),
    "rtplan_truncated.dcm": (Kind.DAMAGED, _I),
    "no_meta.dcm": (Kind.DAMAGED, Kind.NO_META),
    "badVR.dcm": (Kind.DAMAGED,),
}
"""Files by name; a name given here and missing in the package is an error, not a gap."""


@dataclass(frozen=True, slots=True)
class RealFile:
    """A file of the pydicom package."""

    path: Path
    kinds: frozenset[Kind]
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


def files_of(*kinds: Kind) -> tuple[RealFile, ...]:
    """The files that have one of the kinds."""
    return tuple(file for file in real_files() if file.kinds.intersection(kinds))


def real_file(name: str) -> RealFile:
    """One file by name; raises LookupError."""
    return next(file for file in real_files() if file.path.name == name)


def readable_files() -> tuple[RealFile, ...]:
    """The files that hold a complete data set."""
    return tuple(file for file in real_files() if not file.dcmsign or Kind.DAMAGED not in file.kinds)


def for_dcmsign() -> tuple[RealFile, ...]:
    """The files that dcmsign signs and verifies, and dcmseal too."""
    return tuple(file for file in real_files() if not file.dcmsign and Kind.ODD not in file.kinds)


def signable_files() -> tuple[RealFile, ...]:
    """The files with a main Data Set that can be signed."""
    return tuple(file for file in readable_files() if file.kinds.isdisjoint({Kind.ODD, Kind.UN, Kind.DICOMDIR}))


def _path(name: str) -> Path:
    root = Path(pydicom.data.__file__).parent
    for folder in ("test_files", "charset_files", "test_files/dicomdirtests"):
        if (root / folder / name).is_file():
            return root / folder / name
    raise LookupError(f"pydicom does not come with {name}")
