"""What a verdict about trust rests upon, so that it can be repeated: material, moment, rules, and digests of the data.

>>> TrustMaterial(crls=(b"0",)).merge(TrustMaterial(crls=(b"0", b"1"))).crls
(b'0', b'1')
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

SettingValue: TypeAlias = "bool | str | tuple[str, ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustMaterial:
    """Certificates and what is known of them, in DER. All but the anchors are held to by signatures of their own."""

    anchors: tuple[bytes, ...] = ()
    certificates: tuple[bytes, ...] = ()
    """Signers' and intermediate ones; none of them is trusted by itself."""
    crls: tuple[bytes, ...] = ()
    ocsp_responses: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        counts = ((name, len(getattr(self, name))) for name in self.__slots__)
        return f"TrustMaterial({', '.join(f'{count} {name}' for name, count in counts if count)})"

    def merge(self, other: TrustMaterial) -> TrustMaterial:
        """Both, each value once, in order."""
        return TrustMaterial(
            anchors=_unique(self.anchors, other.anchors),
            certificates=_unique(self.certificates, other.certificates),
            crls=_unique(self.crls, other.crls),
            ocsp_responses=_unique(self.ocsp_responses, other.ocsp_responses),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRecord:
    """By what a signature is known again; digests are SHA-256 in hexadecimal, empty if there is nothing to digest."""

    uid: str
    location: str
    value: str
    """Digest of the value of Signature (0400,0120)."""
    stream: str
    """Digest of the MAC byte stream: it holds where the MAC algorithm is broken by then."""
    certificate: str
    timestamp: str
    """Digest of the value of Certified Timestamp (0400,0310)."""
    chain: tuple[str, ...] = ()
    """Digests of the certificates, the signer's first, the anchor last; empty if none leads to an anchor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecord:
    """All that a verification was answered by, but for the file itself."""

    moment: dt.datetime
    """The present, as it was for the verification; whole seconds."""
    settings: Mapping[str, SettingValue]
    """What was asked, and how strictly it was judged."""
    file_sha256: str
    file_size: int
    signatures: tuple[SignatureRecord, ...]
    material: TrustMaterial = field(repr=False)
    timestamp_certificates: tuple[bytes, ...] = field(default=(), repr=False)
    """DER certificates of authorities that were given for timestamps that come without."""
    timestamps: tuple[bytes, ...] = field(default=(), repr=False)
    """The values of Certified Timestamp (0400,0310)."""


def _unique(first: tuple[bytes, ...], second: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys((*first, *second)))
