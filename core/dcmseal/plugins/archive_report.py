"""Reports about many files: totals, and a limited list of the files that need attention.

>>> SignatureCounts(valid=2, invalid=1).total
3
"""

from __future__ import annotations

from msgspec import Struct


class FileCounts(Struct, frozen=True, kw_only=True):
    """Numbers of files by verdict."""

    valid: int = 0
    partial: int = 0
    """Valid files in which signatures cover only some of the elements; included in ``valid``."""
    not_established: int = 0
    no_signature: int = 0
    invalid: int = 0
    failed: int = 0
    """Files that could not be verified."""

    @property
    def total(self) -> int:
        """The number of all files."""
        return self.valid + self.not_established + self.no_signature + self.invalid + self.failed


class SignatureCounts(Struct, frozen=True, kw_only=True):
    """Numbers of signatures by verdict."""

    valid: int = 0
    not_established: int = 0
    invalid: int = 0

    @property
    def total(self) -> int:
        """The number of all signatures."""
        return self.valid + self.not_established + self.invalid


class SignerTotals(Struct, frozen=True, kw_only=True):
    """The signatures with one signer's certificate."""

    subject: str
    """The subject of the certificate; empty if it has none, or cannot be parsed."""
    sha256: str
    """Fingerprint, in hexadecimal."""
    signatures: SignatureCounts


class ProfileTotals(Struct, frozen=True, kw_only=True):
    """The signatures that meet a Digital Signature Profile; a signature may meet several."""

    name: str
    signatures: SignatureCounts


class MonthTotals(Struct, frozen=True, kw_only=True):
    """The signatures of a month, by how their time is known."""

    month: str
    """The month, such as ``2026-03``."""
    certified: int = 0
    """Signatures with a time certified by a trusted authority."""
    claimed: int = 0
    """Signatures whose time only the signer claims."""


class AttentionFile(Struct, frozen=True, kw_only=True):
    """A file that needs attention."""

    name: str
    """Its path or URL."""
    verdict: str
    """``invalid``, ``failed``, ``not-established`` or ``no-signature``."""
    reason: str = ""
    """The first finding or error, in words."""
    study: str = ""
    series: str = ""
    """Study and Series Instance UID; empty if unknown, such as for unreadable files."""
    code: str = ""
    """The code of the finding, or the class name of the error."""


class ArchiveReport(Struct, frozen=True, kw_only=True):
    """The result of verifying many files; its lists are limited, and it states how much they leave out."""

    inputs: tuple[str, ...] = ()
    """The files, folders and patterns that were verified."""
    files: FileCounts
    passed_over: int = 0
    """Files in folders that are not DICOM, and not counted."""
    recorded: int = 0
    """Files with results from the journal of an earlier run; included in ``files``."""
    signatures: SignatureCounts
    signers: tuple[SignerTotals, ...] = ()
    """Signers, those with the most signatures first."""
    more_signers: SignatureCounts
    """Signatures of signers that ``signers`` leaves out."""
    profiles: tuple[ProfileTotals, ...] = ()
    no_profile: SignatureCounts
    """Signatures that meet no known profile."""
    months: tuple[MonthTotals, ...] = ()
    """Months, the earliest first."""
    more_months: int = 0
    """Signatures of months that ``months`` leaves out."""
    undated: int = 0
    """Signatures without a valid time."""
    attention: tuple[AttentionFile, ...] = ()
    """Files that need attention, the worst first, then by name."""
    more_attention: int = 0
    """Number of files that ``attention`` leaves out."""
    seconds: float = 0.0
    """Duration of the run."""
    stopped: str = ""
    """Why the run stopped early; empty if it was completed."""
