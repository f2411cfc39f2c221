"""Whether the signed data is what was signed, and by the certificate's key (PS3.3 C.12.1.1.3.1.2)."""

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
    """Bytes that may still be hashed beyond the data set itself.

    Each signed level is hashed with all that is nested in it, and again for other readings if a signature does not
    match.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def try_consume(self, size: int) -> bool:
        """Whether so much is left; it is then taken."""
        if size > self._left:
            return False
        self._left -= size
        return True


_MAX_VARIANTS: Final = 17
"""Times a level may be hashed to explain a signature: choices of VRs, with padding and without, and DCMTK's MACs."""


class LazyVariantMatcher:
    """The other readings of a level, made when a signature does not match: few files need them."""

    def __init__(self, file: DicomFile, level: Level, macs: LevelMacs, hashing_budget: HashingBudget) -> None:
        self._arguments = file, level, macs
        self._patience = hashing_budget

    @cached_property
    def _matcher(self) -> VariantMatcher | None:
        from dcmseal.verification.mac_variants import VariantMatcher

        _, level, macs = self._arguments
        if not self._patience.try_consume((macs.scan.end - level.start) * (_MAX_VARIANTS if macs.ambiguous else 3)):
            return None
        return VariantMatcher(*self._arguments)

    def find_match(self, signature_item: SignatureItem, matches: Callable[[bytes], bool]) -> VariantMatch | None:
        """The reading under which a signature matches; None if there is none, or too much was tried already."""
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
    """INTEGRITY of the data that a signature lists, and AUTHENTICITY of the signature.

    Args:
        macs: those of the signature's level.
        variants: other ways to read the level, asked if the MAC does not match.
        signature_item: the signature.
        certificate: that of its signer, None if it cannot be read.
        accept_old_format: whether signatures in the fragment format of DCMTK before 3.5.4 pass.
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
        yield _unknown_finding("too-many-macs", "the level has more MAC parameters than are computed")
    elif certificate is None or not signature.value:
        yield _unknown_finding("nothing-to-compare", "the certificate or the signature value is missing")
    elif job.unsignable:
        tag, why = job.unsignable[0]
        where = format_tags([tag for tag, _ in job.unsignable])
        yield _unknown_finding("unsignable-listed", f"{format_tag(tag)} is listed as signed, but {why}", where)
    elif foreign := [(tag, why) for tag, why in complete.unsignable if not exclusion_reason(tag)]:
        tag, why = foreign[0]
        message = f"{format_tag(tag)} in the signature's item is not in the MAC, because {why}: it may have been added"
        yield _unknown_finding("unsignable-in-item", message, format_tags([tag for tag, _ in foreign]))
    else:
        match = match_signature(certificate, algorithm, complete.digest.digest(), signature.value)
        if match is SignatureMatch.MATCHES:
            yield _MAC_MATCHES
            yield _KEY_MATCHES
        elif match is SignatureMatch.OTHER_KEY:
            yield _unknown_finding("not-comparable", "the signed MAC cannot be read without the right key")
            message = "the signature was not made with the certificate's key, or was damaged"
            yield _finding(Aspect.AUTHENTICITY, Outcome.FAILED, "another-key", message, _SIGNING)
        elif match is SignatureMatch.UNSUPPORTED:
            message = f"signatures with keys for {certificate.algorithm.name} are not supported"
            yield _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, "key-unsupported", message, _SIGNING)
        else:
            alternative = variants.find_match(
                signature_item, lambda other: _is_signature_match(certificate, signature_item, other)
            )
            yield from _mismatch_findings(match, alternative, accept_old_format=accept_old_format)


def _is_signature_match(certificate: Certificate, found: SignatureItem, digest: bytes) -> bool:
    algorithm = found.signature.mac.mac_algorithm if found.signature.mac else None
    if algorithm is None:
        return False
    return match_signature(certificate, algorithm, digest, found.signature.value) is SignatureMatch.MATCHES


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
        message = "the signed data has changed; a MAC cannot show which element"
        if match is SignatureMatch.NO_MATCH:
            message = "the data, the signature or the key is not the original one; the MAC cannot show which"
        yield _finding(Aspect.INTEGRITY, Outcome.FAILED, "mac-differs", message)
    if match is SignatureMatch.OTHER_DATA:
        yield _KEY_MATCHES
    else:
        message = "the certificate's key cannot be checked because the MAC differs"
        yield _finding(Aspect.AUTHENTICITY, Outcome.UNKNOWN, "key-not-shown", message, _SIGNING)


def _finding(aspect: Aspect, outcome: Outcome, code: str, message: str, clause: str = _MAC, where: str = "") -> Finding:
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _unknown_finding(code: str, message: str, where: str = "") -> Finding:
    return _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, code, message, where=where)


_MAC_MATCHES: Final = _finding(Aspect.INTEGRITY, Outcome.PASSED, "mac-matches", "the signed data is unchanged")
_KEY_MATCHES: Final = _finding(
    Aspect.AUTHENTICITY, Outcome.PASSED, "key-matches", "the signature was made with the certificate's key", _SIGNING
)
