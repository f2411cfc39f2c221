"""Check that the signed data is unchanged, and was signed with the certificate's key (PS3.3 C.12.1.1.3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final

from dcmseal.dataset.part10 import DicomFile
from dcmseal.dataset.signable import exclusion_reason
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.mac.digest import is_digest_available
from dcmseal.macro.level_macs import LevelMacs
from dcmseal.macro.levels import Level
from dcmseal.macro.public_key import SignatureMatch, match_signature
from dcmseal.macro.read import SignatureItem
from dcmseal.macro.signer_certificate import Certificate
from dcmseal.tags import format_tag, format_tags

if TYPE_CHECKING:
    from dcmseal.verification.mac_variants import VariantMatch, VariantMatcher


class HashingBudget:
    """The number of bytes that may still be hashed beyond the first pass over the Data Set.

    Each signed level is hashed together with everything nested in it, and again for each MAC variant if a signature
    does not match.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def try_consume(self, size: int) -> bool:
        """Consume ``size`` bytes; return False and consume nothing if fewer are left."""
        if size > self._left:
            return False
        self._left -= size
        return True


_MAX_VARIANTS: Final = 17
"""Maximum number of times a level is hashed for one signature: choices of VRs, with and without padding, and DCMTK."""


class LazyVariantMatcher:
    """Computes the MAC variants of a level only when a signature does not match, because few files need them."""

    def __init__(self, file: DicomFile, level: Level, macs: LevelMacs, hashing_budget: HashingBudget) -> None:
        self._arguments = file, level, macs
        self._hashing_budget = hashing_budget

    @cached_property
    def _matcher(self) -> VariantMatcher | None:
        from dcmseal.verification.mac_variants import VariantMatcher

        _, level, macs = self._arguments
        max_passes = _MAX_VARIANTS if macs.ambiguous else 3
        if not self._hashing_budget.try_consume((macs.scan.end - level.start) * max_passes):
            return None
        return VariantMatcher(*self._arguments)

    def find_match(self, signature_item: SignatureItem, matches: Callable[[bytes], bool]) -> VariantMatch | None:
        """Find the MAC variant that a signature matches.

        Args:
            signature_item: The signature.
            matches: Whether a MAC is the signed one.

        Returns:
            The match; None if no variant matches, or the hashing budget is used up.
        """
        return None if self._matcher is None else self._matcher.find_match(signature_item, matches)


_SIGNING: Final = "PS3.15 C.1"
_MAC: Final = "PS3.3 C.12.1.1.3.1.2"


def integrity_findings(
    macs: LevelMacs,
    variants: LazyVariantMatcher,
    signature_item: SignatureItem,
    certificate: Certificate | None,
    *,
    accept_old_format: bool,
) -> Iterator[Finding]:
    """Check the integrity of the data that a signature lists, and the authenticity of the signature.

    Args:
        macs: The MACs of the signature's level.
        variants: Finds a MAC variant if the MAC does not match.
        signature_item: The signature.
        certificate: The signer's certificate; None if it cannot be read.
        accept_old_format: Accept signatures in the fragment format of DCMTK before 3.5.4.

    Returns:
        Findings of aspects INTEGRITY and AUTHENTICITY.
    """
    signature = signature_item.signature
    algorithm = signature.mac.mac_algorithm if signature.mac else None
    job = macs.find_job(signature.mac)
    complete = macs.complete_mac(signature_item)
    if signature.mac is None:
        yield _unknown_finding("no-mac-parameters", "the signature has no MAC parameters")
    elif algorithm is None or (complete is None and not is_digest_available(algorithm)):
        message = f"MAC Algorithm {signature.mac.algorithm!r} is not supported"
        yield _unknown_finding("mac-algorithm-unsupported", message)
    elif complete is None or job is None:
        yield _unknown_finding("too-many-macs", "the level requires more different MACs than dcmseal computes")
    elif certificate is None or not signature.value:
        message = "the certificate or the signature value is missing or cannot be read"
        yield _unknown_finding("nothing-to-compare", message)
    elif job.unsignable:
        tag, why = job.unsignable[0]
        where = format_tags([tag for tag, _ in job.unsignable])
        yield _unknown_finding("unsignable-listed", f"{format_tag(tag)} is listed as signed, but {why}", where)
    elif foreign := [(tag, why) for tag, why in complete.unsignable if not exclusion_reason(tag)]:
        tag, why = foreign[0]
        message = f"{format_tag(tag)} in the signature's item is not in the MAC because {why}; it may have been added"
        yield _unknown_finding("unsignable-in-item", message, format_tags([tag for tag, _ in foreign]))
    else:
        match = match_signature(certificate, algorithm, complete.digest.digest(), signature.value)
        if match is SignatureMatch.MATCHES:
            yield _MAC_MATCHES
            yield _KEY_MATCHES
        elif match is SignatureMatch.OTHER_KEY:
            yield _unknown_finding(
                "not-comparable", "the signed MAC cannot be recovered without the key that signed it"
            )
            message = "the signature was not made with the certificate's key, or is damaged"
            yield _finding(Aspect.AUTHENTICITY, Outcome.FAILED, "another-key", message, _SIGNING)
        elif match is SignatureMatch.UNSUPPORTED:
            message = f"signatures with keys for {certificate.algorithm.name} are not supported"
            yield _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, "key-unsupported", message, _SIGNING)
        else:
            alternative = variants.find_match(
                signature_item, lambda other: _is_signature_match(certificate, signature_item, other)
            )
            yield from _mismatch_findings(match, alternative, accept_old_format=accept_old_format)


def _is_signature_match(certificate: Certificate, signature_item: SignatureItem, digest: bytes) -> bool:
    algorithm = signature_item.signature.mac.mac_algorithm if signature_item.signature.mac else None
    if algorithm is None:
        return False
    return match_signature(certificate, algorithm, digest, signature_item.signature.value) is SignatureMatch.MATCHES


def _mismatch_findings(
    match: SignatureMatch, alternative: VariantMatch | None, *, accept_old_format: bool
) -> Iterator[Finding]:
    if alternative is not None:
        accepted = alternative.is_equivalent or (accept_old_format and alternative.is_old_format)
        outcome = Outcome.PASSED if accepted else alternative.outcome
        yield _finding(Aspect.INTEGRITY, outcome, alternative.code, alternative.message, alternative.clause)
        if alternative.shows_key:
            yield _KEY_MATCHES
            return
    else:
        message = "the signed data has changed; the MAC does not show which element"
        if match is SignatureMatch.NO_MATCH:
            message = "the signed data, the signature or the certificate has changed; the MAC does not show which"
        yield _finding(Aspect.INTEGRITY, Outcome.FAILED, "mac-differs", message)
    if match is SignatureMatch.OTHER_DATA:
        yield _KEY_MATCHES
    else:
        message = "it cannot be established whether the certificate's key made the signature, because the MAC differs"
        yield _finding(Aspect.AUTHENTICITY, Outcome.UNKNOWN, "key-not-shown", message, _SIGNING)


def _finding(aspect: Aspect, outcome: Outcome, code: str, message: str, clause: str = _MAC, where: str = "") -> Finding:
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _unknown_finding(code: str, message: str, where: str = "") -> Finding:
    return _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, code, message, where=where)


_MAC_MATCHES: Final = _finding(Aspect.INTEGRITY, Outcome.PASSED, "mac-matches", "the signed data is unchanged")
_KEY_MATCHES: Final = _finding(
    Aspect.AUTHENTICITY, Outcome.PASSED, "key-matches", "the signature was made with the certificate's key", _SIGNING
)
