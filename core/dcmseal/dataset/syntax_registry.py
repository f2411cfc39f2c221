"""Registry of transfer syntaxes: PS3.6 Table A-1 and common private ones, and how readers treat them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dcmseal.findings import Aspect, Finding, Outcome

_STANDARD: Final = "1.2.840.10008.1.2"

REGISTERED: Final = {
    _STANDARD: "Implicit VR Little Endian",
    f"{_STANDARD}.1": "Explicit VR Little Endian",
    f"{_STANDARD}.1.98": "Encapsulated Uncompressed Explicit VR Little Endian",
    f"{_STANDARD}.1.99": "Deflated Explicit VR Little Endian",
    f"{_STANDARD}.2": "Explicit VR Big Endian",
    f"{_STANDARD}.4.50": "JPEG Baseline (Process 1)",
    f"{_STANDARD}.4.51": "JPEG Extended (Process 2 and 4)",
    f"{_STANDARD}.4.52": "JPEG Extended (Process 3 and 5)",
    f"{_STANDARD}.4.53": "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)",
    f"{_STANDARD}.4.54": "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)",
    f"{_STANDARD}.4.55": "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)",
    f"{_STANDARD}.4.56": "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)",
    f"{_STANDARD}.4.57": "JPEG Lossless, Non-Hierarchical (Process 14)",
    f"{_STANDARD}.4.58": "JPEG Lossless, Non-Hierarchical (Process 15)",
    f"{_STANDARD}.4.59": "JPEG Extended, Hierarchical (Process 16 and 18)",
    f"{_STANDARD}.4.60": "JPEG Extended, Hierarchical (Process 17 and 19)",
    f"{_STANDARD}.4.61": "JPEG Spectral Selection, Hierarchical (Process 20 and 22)",
    f"{_STANDARD}.4.62": "JPEG Spectral Selection, Hierarchical (Process 21 and 23)",
    f"{_STANDARD}.4.63": "JPEG Full Progression, Hierarchical (Process 24 and 26)",
    f"{_STANDARD}.4.64": "JPEG Full Progression, Hierarchical (Process 25 and 27)",
    f"{_STANDARD}.4.65": "JPEG Lossless, Hierarchical (Process 28)",
    f"{_STANDARD}.4.66": "JPEG Lossless, Hierarchical (Process 29)",
    f"{_STANDARD}.4.70": "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
    f"{_STANDARD}.4.80": "JPEG-LS Lossless",
    f"{_STANDARD}.4.81": "JPEG-LS Lossy (Near-Lossless)",
    f"{_STANDARD}.4.90": "JPEG 2000 (Lossless Only)",
    f"{_STANDARD}.4.91": "JPEG 2000",
    f"{_STANDARD}.4.92": "JPEG 2000 Part 2 Multi-component (Lossless Only)",
    f"{_STANDARD}.4.93": "JPEG 2000 Part 2 Multi-component",
    f"{_STANDARD}.4.94": "JPIP Referenced",
    f"{_STANDARD}.4.95": "JPIP Referenced Deflate",
    f"{_STANDARD}.4.100": "MPEG2 Main Profile / Main Level",
    f"{_STANDARD}.4.100.1": "Fragmentable MPEG2 Main Profile / Main Level",
    f"{_STANDARD}.4.101": "MPEG2 Main Profile / High Level",
    f"{_STANDARD}.4.101.1": "Fragmentable MPEG2 Main Profile / High Level",
    f"{_STANDARD}.4.102": "MPEG-4 AVC/H.264 High Profile / Level 4.1",
    f"{_STANDARD}.4.102.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1",
    f"{_STANDARD}.4.103": "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    f"{_STANDARD}.4.103.1": "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    f"{_STANDARD}.4.104": "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    f"{_STANDARD}.4.104.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    f"{_STANDARD}.4.105": "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    f"{_STANDARD}.4.105.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    f"{_STANDARD}.4.106": "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
    f"{_STANDARD}.4.106.1": "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
    f"{_STANDARD}.4.107": "HEVC/H.265 Main Profile / Level 5.1",
    f"{_STANDARD}.4.108": "HEVC/H.265 Main 10 Profile / Level 5.1",
    f"{_STANDARD}.4.110": "JPEG XL Lossless",
    f"{_STANDARD}.4.111": "JPEG XL JPEG Recompression",
    f"{_STANDARD}.4.112": "JPEG XL",
    f"{_STANDARD}.4.201": "High-Throughput JPEG 2000 (Lossless Only)",
    f"{_STANDARD}.4.202": "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)",
    f"{_STANDARD}.4.203": "High-Throughput JPEG 2000",
    f"{_STANDARD}.4.204": "JPIP HTJ2K Referenced",
    f"{_STANDARD}.4.205": "JPIP HTJ2K Referenced Deflate",
    f"{_STANDARD}.5": "RLE Lossless",
    f"{_STANDARD}.6.1": "RFC 2557 MIME encapsulation",
    f"{_STANDARD}.6.2": "XML Encoding",
    f"{_STANDARD}.7.1": "SMPTE ST 2110-20 Uncompressed Progressive Active Video",
    f"{_STANDARD}.7.2": "SMPTE ST 2110-20 Uncompressed Interlaced Active Video",
    f"{_STANDARD}.7.3": "SMPTE ST 2110-30 PCM Digital Audio",
    f"{_STANDARD}.8.1": "Deflated Image Frame Compression",
    "1.2.840.10008.1.20": "Papyrus 3 Implicit VR Little Endian",
}
"""Names of all transfer syntaxes of PS3.6 Table A-1, including retired ones."""

_PRIVATE: Final = {
    "1.2.840.113619.5.2": "GE private: implicit VR little endian with big endian pixels",
    "1.3.46.670589.33.1.4.1": "Philips private: explicit VR little endian",
}

DEFLATED: Final = frozenset(f"{_STANDARD}.{each}" for each in ("1.99", "4.95", "4.205"))
"""Transfer syntaxes whose Data Set is a deflated stream."""
IMPLICIT: Final = frozenset({_STANDARD, "1.2.840.10008.1.20", "1.2.840.113619.5.2"})
"""Transfer syntaxes in implicit VR little endian."""
REFERENCED: Final = frozenset(f"{_STANDARD}.{each}" for each in ("4.94", "4.95", "4.204", "4.205"))
"""Transfer syntaxes with a URL instead of pixels (PS3.5 A.6, A.7)."""
_STREAMED: Final = frozenset(f"{_STANDARD}.7.{each}" for each in (1, 2, 3))
_NOT_PART10: Final = frozenset(f"{_STANDARD}.6.{each}" for each in (1, 2))
NOT_ENCAPSULATED: Final = (
    frozenset({f"{_STANDARD}.1", f"{_STANDARD}.2"}) | DEFLATED | IMPLICIT | REFERENCED | _STREAMED | _NOT_PART10
)
"""Transfer syntaxes whose Pixel Data, if any, is not in fragments."""

_AMBIGUOUS: Final = {
    **dict.fromkeys(
        (f"{_STANDARD}.4.95", f"{_STANDARD}.4.205"),
        "some readers inflate the data set, others read the same bytes without inflating them",
    ),
    "1.2.840.10008.1.20": "some readers assume implicit VR, others explicit VR",
    "1.2.840.113619.5.2": "some readers swap the bytes of its pixels, others do not, or assume explicit VR",
}
_UNDEFINED_IN_FILES: Final = dict.fromkeys(_NOT_PART10, "the standard does not define it for files")


def syntax_name(uid: str) -> str:
    """Look up the name of a transfer syntax; returns the UID if it has none."""
    return REGISTERED.get(uid) or _PRIVATE.get(uid) or uid


def syntax_findings(uid: str) -> Iterator[Finding]:
    """Report why readers may disagree about files in a transfer syntax, or why such files do not contain the pixels."""
    if why := _AMBIGUOUS.get(uid):
        yield _finding(Outcome.FAILED, "file-syntax-ambiguous", uid, why)
    elif uid not in REGISTERED or uid in _UNDEFINED_IN_FILES:
        why = _UNDEFINED_IN_FILES.get(uid, "PS3.6 does not list it: other software may read a different data set")
        yield _finding(Outcome.UNKNOWN, "file-syntax-unknown", uid, why)
    elif uid in REFERENCED or uid in _STREAMED:
        why = "the pixels are not in the file, so a signature cannot protect them"
        yield _finding(Outcome.UNKNOWN, "pixels-elsewhere", uid, why)


def _finding(outcome: Outcome, code: str, uid: str, why: str) -> Finding:
    name = syntax_name(uid)
    return Finding(
        aspect=Aspect.FORM,
        outcome=outcome,
        code=code,
        message=f"transfer syntax {uid}{'' if name == uid else f' ({name})'}: {why}",
        where="(0002,0010)",
        clause="PS3.5 10",
    )
