"""What comes of signing: a value that is sent between processes, and kept in reports.

>>> from dcmseal import sign
>>> sign("image.dcm", key="pem:signer.key.pem?cert=signer.cert.pem", tags=["PatientID"]).warnings
()
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcmseal.model.signature import DigitalSignature
    from dcmseal.references.fill_references import FilledReference
    from dcmseal.signing.warnings import SigningWarning
    from dcmseal.verification.timestamp_checks import TimestampVerification


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningResult:
    """A signature that was made and put in its place."""

    signature: DigitalSignature
    warnings: tuple[SigningWarning, ...]
    padded: tuple[tuple[int, ...], ...]
    """Elements, by their path of tags, whose padding was brought to the minimum."""
    left_out: tuple[tuple[int, str], ...]
    """Elements that could not be signed, and why."""
    data: bytes | None = field(repr=False)
    """The signed file, if no output was named."""
    references: tuple[FilledReference, ...] = ()
    """The instances that the document cites, and what it now says of them, if that was asked for."""
    manifest: bytes | None = field(default=None, repr=False)
    """The manifest, if one was asked for."""
    certified: TimestampVerification | None = None
    """What verification says about the timestamp, if one was asked for; none of it failed."""

    @property
    def uid(self) -> str:
        """Digital Signature UID of the new signature."""
        return self.signature.uid
