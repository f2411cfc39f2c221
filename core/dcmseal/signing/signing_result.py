"""The result of signing, which can be sent between processes.

>>> from dcmseal import sign
>>> sign("image.dcm", key="pem:signer.key.pem?cert=signer.cert.pem", tags=["PatientID"]).warnings
()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from dcmseal.representation import format_fields

if TYPE_CHECKING:
    from dcmseal.model.signature import DigitalSignature
    from dcmseal.references.fill_references import FilledReference
    from dcmseal.signing.warnings import SigningWarning
    from dcmseal.verification.timestamp_checks import TimestampVerification


class SigningResult(Struct, frozen=True, kw_only=True):
    """A signature that was made and written."""

    signature: DigitalSignature
    warnings: tuple[SigningWarning, ...]
    padded: tuple[tuple[int, ...], ...]
    """Elements whose padding was reduced to the minimum, each as a path of tags."""
    unsignable: tuple[tuple[int, str], ...]
    """Elements that could not be signed, with reasons."""
    data: bytes | None
    """The signed file, if no output was given."""
    references: tuple[FilledReference, ...] = ()
    """The instances that the document cites, if references were filled in."""
    manifest: bytes | None = None
    """The change manifest, if one was requested."""
    certified: TimestampVerification | None = None
    """The verification of the timestamp, if one was requested; no finding of it failed."""

    @property
    def uid(self) -> str:
        """Digital Signature UID of the new signature."""
        return self.signature.uid

    def __repr__(self) -> str:
        return format_fields(self, hidden=("data", "manifest"))
