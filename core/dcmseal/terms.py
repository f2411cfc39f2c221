"""Defined Terms of the Digital Signatures Macro (PS3.3 C.12.1.1.3, PS3.15 Annex C, PS3.16 CID 7007).

>>> MacAlgorithm("SHA256").digest_size, MacAlgorithm.MD5.is_weak
(32, True)
>>> SignaturePurpose(5).meaning
'Verification Signature'
"""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum

from dcmseal.errors import UsageError


class MacAlgorithm(StrEnum):
    """Message digests that MAC Algorithm (0400,0015) may name (PS3.3 Table C.12-6, PS3.15 C.1)."""

    RIPEMD160 = "RIPEMD160"
    MD5 = "MD5"
    SHA1 = "SHA1"
    SHA256 = "SHA256"
    SHA384 = "SHA384"
    SHA512 = "SHA512"

    @classmethod
    def parse(cls, text: str) -> MacAlgorithm | None:
        """Read the name of an algorithm, in any case; None for any other text.

        >>> MacAlgorithm.parse("sha256")
        <MacAlgorithm.SHA256: 'SHA256'>
        """
        return cls.__members__.get(text.upper())

    @property
    def digest_size(self) -> int:
        """Length of the digest in bytes."""
        return _DIGEST_SIZES[self]

    @property
    def is_weak(self) -> bool:
        """Whether a new signature uses it only if that is explicitly allowed (PS3.15 C.1 and C.2, notes)."""
        return self in _WEAK


_DIGEST_SIZES = {
    MacAlgorithm.RIPEMD160: 20,
    MacAlgorithm.MD5: 16,
    MacAlgorithm.SHA1: 20,
    MacAlgorithm.SHA256: 32,
    MacAlgorithm.SHA384: 48,
    MacAlgorithm.SHA512: 64,
}
_WEAK = frozenset({MacAlgorithm.RIPEMD160, MacAlgorithm.MD5, MacAlgorithm.SHA1})


class KeyType(Enum):
    """Types of keys; the profiles of PS3.15 Annex C allow RSA only."""

    RSA = "RSA"
    EC = "EC"
    DSA = "DSA"

    @property
    def min_bits(self) -> int:
        """Size in bits of the smallest key for new signatures: 112 bits of security (NIST SP 800-131A)."""
        return 224 if self is KeyType.EC else 2048

    @property
    def insecure_bits(self) -> int:
        """Size in bits below which a key is broken: under 80 bits of security (NIST SP 800-57 part 1, 5.6.1)."""
        return 160 if self is KeyType.EC else 1024


class CertificateType(StrEnum):
    """Defined Terms for Certificate Type (0400,0110)."""

    X509_1993_SIG = "X509_1993_SIG"


class TimestampType(StrEnum):
    """Defined Terms for Certified Timestamp Type (0400,0305)."""

    CMS_TSP = "CMS_TSP"


class SignaturePurpose(IntEnum):
    """Digital signature purposes of CID 7007, coding scheme ASTM-sigpurpose (ASTM E 2084)."""

    AUTHOR = 1
    COAUTHOR = 2
    CO_PARTICIPANT = 3
    TRANSCRIPTIONIST = 4
    VERIFICATION = 5
    VALIDATION = 6
    CONSENT = 7
    SIGNATURE_WITNESS = 8
    EVENT_WITNESS = 9
    IDENTITY_WITNESS = 10
    CONSENT_WITNESS = 11
    INTERPRETER = 12
    REVIEW = 13
    SOURCE = 14
    ADDENDUM = 15
    MODIFICATION = 16
    ADMINISTRATIVE = 17
    TIMESTAMP = 18

    @property
    def meaning(self) -> str:
        """Code Meaning in CID 7007."""
        return _MEANINGS[self]

    @classmethod
    def parse(cls, text: str) -> SignaturePurpose | None:
        """Parse a number, member name or Code Meaning, in any case; None for any other text.

        >>> SignaturePurpose.parse("verification"), SignaturePurpose.parse("Verification Signature")
        (<SignaturePurpose.VERIFICATION: 5>, <SignaturePurpose.VERIFICATION: 5>)
        """
        wanted = _normalize(text.lstrip("0"))
        for each in cls:
            if wanted in (str(each.value), _normalize(each.name), _normalize(each.meaning)):
                return each
        return None


def _normalize(words: str) -> str:
    return words.casefold().replace("-", " ").replace("_", " ")


PURPOSE_CODING_SCHEME = "ASTM-sigpurpose"

_MEANINGS = {
    SignaturePurpose.AUTHOR: "Author's Signature",
    SignaturePurpose.COAUTHOR: "Coauthor's Signature",
    SignaturePurpose.CO_PARTICIPANT: "Co-participant's Signature",
    SignaturePurpose.TRANSCRIPTIONIST: "Transcriptionist/Recorder Signature",
    SignaturePurpose.VERIFICATION: "Verification Signature",
    SignaturePurpose.VALIDATION: "Validation Signature",
    SignaturePurpose.CONSENT: "Consent Signature",
    SignaturePurpose.SIGNATURE_WITNESS: "Signature Witness Signature",
    SignaturePurpose.EVENT_WITNESS: "Event Witness Signature",
    SignaturePurpose.IDENTITY_WITNESS: "Identity Witness Signature",
    SignaturePurpose.CONSENT_WITNESS: "Consent Witness Signature",
    SignaturePurpose.INTERPRETER: "Interpreter Signature",
    SignaturePurpose.REVIEW: "Review Signature",
    SignaturePurpose.SOURCE: "Source Signature",
    SignaturePurpose.ADDENDUM: "Addendum Signature",
    SignaturePurpose.MODIFICATION: "Modification Signature",
    SignaturePurpose.ADMINISTRATIVE: "Administrative (Error/Edit) Signature",
    SignaturePurpose.TIMESTAMP: "Timestamp Signature",
}


def parse_algorithm(algorithm: MacAlgorithm | str) -> MacAlgorithm:
    """Read a MAC algorithm that may be given by its name, in any case.

    Raises:
        UsageError: There is no such algorithm.
    """
    found = MacAlgorithm.parse(algorithm)
    if found is None:
        raise UsageError(f"unknown MAC algorithm {algorithm!r}", hint=f"use one of {', '.join(MacAlgorithm)}")
    return found


def parse_purpose(purpose: SignaturePurpose | int | str) -> SignaturePurpose:
    """Read a signature purpose that may be given by its number, member name or Code Meaning.

    Raises:
        UsageError: CID 7007 has no such purpose.
    """
    found = SignaturePurpose.parse(str(int(purpose)) if isinstance(purpose, int) else purpose)
    if found is None:
        from difflib import get_close_matches

        names = [each.name.lower().replace("_", "-") for each in SignaturePurpose]
        near = get_close_matches(str(purpose).lower(), names, 1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"unknown signature purpose {purpose!r}", hint=f"{meant}use one of {format_purposes()}")
    return found


def format_purposes() -> str:
    """The numbers and names of all signature purposes, for messages."""
    return ", ".join(f"{each.value} {each.name.lower().replace('_', '-')}" for each in SignaturePurpose)
