"""What a report about many files says of them all: numbers, and the files that need attention; it never grows large.

>>> SignatureCounts(valid=2, invalid=1).total
3
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """Files by what verification came to."""

    valid: int = 0
    partial: int = 0
    """Those of the valid ones in which signatures cover a part of the elements only."""
    not_established: int = 0
    no_signature: int = 0
    invalid: int = 0
    failed: int = 0
    """Those that could not be verified at all."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.valid + self.not_established + self.no_signature + self.invalid + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureCounts:
    """Signatures by what verification came to."""

    valid: int = 0
    not_established: int = 0
    invalid: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.valid + self.not_established + self.invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerTotals:
    """The signatures that name one certificate as their signer's."""

    subject: str
    """As the certificate says; empty if it has no name, or cannot be read."""
    sha256: str
    """Fingerprint, in hexadecimal."""
    signatures: SignatureCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileTotals:
    """The signatures that meet one Digital Signature Profile; a signature may meet several."""

    name: str
    signatures: SignatureCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthTotals:
    """The signatures of one month, by how their time is known."""

    month: str
    """As in ``2026-03``."""
    certified: int = 0
    """A trusted authority certifies that the signature was there."""
    claimed: int = 0
    """The signer says so, and nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionFile:
    """A file that somebody has to look at."""

    name: str
    """Path or URL, as it was found."""
    verdict: str
    """``invalid``, ``failed``, ``not-established`` or ``no-signature``."""
    reason: str = ""
    """The first finding or error in words."""
    study: str = ""
    series: str = ""
    """UIDs; empty if they are not known, as of files that cannot be read."""
    code: str = ""
    """The code of the finding, or the class of the error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveReport:
    """What verification of many files came to; lists are bounded, and say how much they leave out."""

    inputs: tuple[str, ...] = ()
    """What was asked for: files, folders, patterns."""
    files: FileCounts
    passed_over: int = 0
    """Files in folders that are no DICOM files, and not counted."""
    recorded: int = 0
    """Those of ``files`` whose results an earlier run had in its journal."""
    signatures: SignatureCounts
    signers: tuple[SignerTotals, ...] = ()
    """Those with most signatures first."""
    more_signers: SignatureCounts
    """Signatures of all other signers."""
    profiles: tuple[ProfileTotals, ...] = ()
    no_profile: SignatureCounts
    """Signatures that meet no profile that is known."""
    months: tuple[MonthTotals, ...] = ()
    """The earliest first."""
    more_months: int = 0
    """Signatures of months that are left out."""
    undated: int = 0
    """Signatures without a time that can be read."""
    attention: tuple[AttentionFile, ...] = ()
    """The worst first, then by name."""
    more_attention: int = 0
    """Files that need attention and are not named."""
    seconds: float = 0.0
    """How long it took."""
    stopped: str = ""
    """Why the run stopped early; empty if it came to its end."""
