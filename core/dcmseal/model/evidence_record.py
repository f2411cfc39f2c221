"""Everything a verdict is based on, so that it can be reproduced: trust material, time, settings and digests.

>>> TrustMaterial(crls=(b"0",)).merge(TrustMaterial(crls=(b"0", b"1"))).crls
(b'0', b'1')
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from dcmseal.representation import format_fields

SettingValue: TypeAlias = "bool | str | tuple[str, ...]"


class TrustMaterial(Struct, frozen=True, kw_only=True):
    """Certificates and revocation data in DER. Everything except the anchors is itself signed."""

    anchors: tuple[bytes, ...] = ()
    """Trust anchors."""
    certificates: tuple[bytes, ...] = ()
    """Certificates of signers and intermediate authorities; they are not trusted by themselves."""
    crls: tuple[bytes, ...] = ()
    ocsp_responses: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        counts = ((name, len(getattr(self, name))) for name in self.__struct_fields__)
        return f"TrustMaterial({', '.join(f'{count} {name}' for name, count in counts if count)})"

    def merge(self, other: TrustMaterial) -> TrustMaterial:
        """Combine two sets of material in order, without duplicates."""
        return TrustMaterial(
            anchors=_unique(self.anchors, other.anchors),
            certificates=_unique(self.certificates, other.certificates),
            crls=_unique(self.crls, other.crls),
            ocsp_responses=_unique(self.ocsp_responses, other.ocsp_responses),
        )


class SignatureRecord(Struct, frozen=True, kw_only=True):
    """What identifies a signature; digests are SHA-256 in hexadecimal, or empty if the value is missing."""

    uid: str
    location: str
    value: str
    """Digest of the value of Signature (0400,0120)."""
    stream: str
    """Digest of the MAC byte stream, which stays reliable if the MAC algorithm is broken later."""
    certificate: str
    """Digest of the signer's certificate."""
    timestamp: str
    """Digest of the value of Certified Timestamp (0400,0310)."""
    chain: tuple[str, ...] = ()
    """Digests of the certificate chain, from the signer to the anchor; empty if it leads to no anchor."""


class EvidenceRecord(Struct, frozen=True, kw_only=True):
    """Everything a verification is based on, except the file itself."""

    moment: dt.datetime
    """The time of verification, in whole seconds."""
    settings: Mapping[str, SettingValue]
    """The options of the verification that affect the verdict."""
    file_sha256: str
    file_size: int
    signatures: tuple[SignatureRecord, ...]
    material: TrustMaterial
    timestamp_certificates: tuple[bytes, ...] = ()
    """DER certificates of authorities that were given for timestamps without a certificate."""
    timestamps: tuple[bytes, ...] = ()
    """The values of Certified Timestamp (0400,0310)."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("material", "timestamp_certificates", "timestamps"))


def _unique(first: tuple[bytes, ...], second: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys((*first, *second)))
