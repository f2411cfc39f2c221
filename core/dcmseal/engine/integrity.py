"""Whether the signed data is what was signed, and by the certificate's key (PS3.3 C.12.1.1.3.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from dcmseal.dataset.signable import exclusion
from dcmseal.engine.certificate import Certificate
from dcmseal.engine.macs import LevelMacs
from dcmseal.engine.other_readings import OtherReadings
from dcmseal.engine.public_key import Match, check_signature
from dcmseal.engine.reading import FoundSignature
from dcmseal.mac.digest import is_available
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal.tags import tag_text, tags_text

if TYPE_CHECKING:
    from dcmseal.engine.alternatives import Alternative

_SIGNING: Final = "PS3.15 C.1"
_MAC: Final = "PS3.3 C.12.1.1.3.1.2"


def integrity_findings(
    macs: LevelMacs,
    variants: OtherReadings,
    signature_item: FoundSignature,
    certificate: Certificate | None,
    *,
    accept_old_format: bool,
) -> Iterator[Finding]:
    """INTEGRITY of the data that a signature lists, and AUTHENTICITY of the signature.

    Args:
        macs: those of the signature's level.
        readings: other ways to read the level, asked if the MAC does not match.
        found: the signature.
        certificate: that of its signer, None if it cannot be read.
        accept_old_format: whether signatures in the fragment format of DCMTK before 3.5.4 pass.
    """
    signature = signature_item.signature
    algorithm = signature.mac.mac_algorithm if signature.mac else None
    job = macs.find_job(signature.mac)
    complete = macs.complete_mac(signature_item)
    if signature.mac is None:
        yield _unknown_integrity("no-mac-parameters", "there are no MAC parameters to compute the MAC with")
    elif algorithm is None or (complete is None and not is_available(algorithm)):
        message = f"MAC Algorithm {signature.mac.algorithm!r} is not supported"
        yield _unknown_integrity("mac-algorithm-unsupported", message)
    elif complete is None or job is None:
        yield _unknown_integrity("too-many-macs", "the level has more MAC parameters than are computed")
    elif certificate is None or not signature.value:
        yield _unknown_integrity("nothing-to-compare", "without certificate and signature value there is no telling")
    elif job.unsignable:
        tag, why = job.unsignable[0]
        where = tags_text([tag for tag, _ in job.unsignable])
        yield _unknown_integrity("unsignable-listed", f"{tag_text(tag)} is listed as signed, but {why}", where)
    elif foreign := [(tag, why) for tag, why in complete.unsignable if not exclusion(tag)]:
        tag, why = foreign[0]
        message = f"{tag_text(tag)} in the signature's item is in no MAC, for {why}: anybody may have put it there"
        yield _unknown_integrity("unsignable-in-item", message, tags_text([tag for tag, _ in foreign]))
    else:
        match = check_signature(certificate, algorithm, complete.digest.digest(), signature.value)
        if match is Match.MATCHES:
            yield _MATCHES
            yield _AUTHENTIC
        elif match is Match.OTHER_KEY:
            yield _unknown_integrity("not-comparable", "without the right key the signed MAC cannot be seen")
            message = "the signature was not made with the certificate's key, or was damaged"
            yield _finding(Aspect.AUTHENTICITY, Outcome.FAILED, "another-key", message, _SIGNING)
        elif match is Match.UNSUPPORTED:
            message = f"the certificate's key is for {certificate.algorithm.name}: such signatures are not verified"
            yield _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, "key-unsupported", message, _SIGNING)
        else:
            alternative = variants.find_match(
                signature_item, lambda other: _matches(certificate, signature_item, other)
            )
            yield from _mismatch(match, alternative, accept_old_format=accept_old_format)


def _matches(certificate: Certificate, found: FoundSignature, digest: bytes) -> bool:
    algorithm = found.signature.mac.mac_algorithm if found.signature.mac else None
    if algorithm is None:
        return False
    return check_signature(certificate, algorithm, digest, found.signature.value) is Match.MATCHES


def _mismatch(match: Match, alternative: Alternative | None, *, accept_old_format: bool) -> Iterator[Finding]:
    if alternative is not None:
        accepted = alternative.is_sound or (accept_old_format and alternative.is_old_format)
        outcome = Outcome.PASSED if accepted else alternative.outcome
        yield _finding(Aspect.INTEGRITY, outcome, alternative.code, alternative.message, alternative.clause)
        if alternative.shows_key:
            yield _AUTHENTIC
            return
    else:
        message = "the signed data is not what was signed; one MAC cannot tell which element changed"
        if match is Match.NO_MATCH:
            message = "the data, the signature or the key is not the one of signing; which of them cannot be told"
        yield _finding(Aspect.INTEGRITY, Outcome.FAILED, "mac-differs", message)
    if match is Match.OTHER_DATA:
        yield _AUTHENTIC
    else:
        message = "whether the key signed cannot be told while the MAC differs"
        yield _finding(Aspect.AUTHENTICITY, Outcome.UNKNOWN, "key-not-shown", message, _SIGNING)


def _finding(aspect: Aspect, outcome: Outcome, code: str, message: str, clause: str = _MAC, where: str = "") -> Finding:
    return Finding(aspect=aspect, outcome=outcome, code=code, message=message, where=where, clause=clause)


def _unknown_integrity(code: str, message: str, where: str = "") -> Finding:
    return _finding(Aspect.INTEGRITY, Outcome.UNKNOWN, code, message, where=where)


_MATCHES: Final = _finding(Aspect.INTEGRITY, Outcome.PASSED, "mac-matches", "the signed data is as it was signed")
_AUTHENTIC: Final = _finding(
    Aspect.AUTHENTICITY, Outcome.PASSED, "key-matches", "the signature was made with the certificate's key", _SIGNING
)
