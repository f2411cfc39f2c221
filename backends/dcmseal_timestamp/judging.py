"""What a token proves about the value of a Signature, as findings of aspect TIMESTAMP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Final

from dcmseal.model import CertifiedTime
from dcmseal.plugins.timestamping import TimestampJudgement
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal_timestamp.proof import Authority, Proof, find_authority, is_bound, prove
from dcmseal_timestamp.query import DIGESTS, WEAK_DIGESTS
from dcmseal_timestamp.token import Token, UnreadableToken, read_token

_STAMP: Final = "RFC 3161 2.4.2"
_AUTHORITY: Final = "RFC 3161 2.3"
_STRONG_BITS: Final = 2048


def judge(timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampJudgement:
    """Verify a token, or a response with one; the authority's trust is left to others."""
    try:
        token = read_token(timestamp)
    except UnreadableToken as error:
        return TimestampJudgement(findings=(_unknown("timestamp-unreadable", str(error)),))
    authority = find_authority(token, certificates)
    proofs = (*_imprint(token, values), *_signature(token, authority))
    if authority is None:
        return TimestampJudgement(findings=proofs)
    findings = (*proofs, *_usage(token, authority), *_strength(token, authority))
    is_proven = all(finding.outcome is Outcome.PASSED for finding in proofs)
    if not is_proven or any(finding.outcome is Outcome.FAILED for finding in findings):
        return TimestampJudgement(findings=findings)
    time = CertifiedTime(
        moment=token.moment,
        accuracy=token.accuracy,
        policy=token.policy,
        serial_number=token.serial_number,
        authority=authority.der,
        others=tuple(each for each in (*token.certificates, *certificates) if each != authority.der),
    )
    return TimestampJudgement(findings=findings, time=time)


def _imprint(token: Token, values: Sequence[bytes]) -> Iterator[Finding]:
    """Whether it is this signature that the token is about (PS3.3 C.12.1.1.3.1.3)."""
    algorithm = token.imprint_algorithm
    if algorithm not in DIGESTS:
        yield _unknown("timestamp-imprint-unsupported", f"the digest {algorithm} of the timestamp is not supported")
    elif any(hmac.compare_digest(hashlib.new(algorithm, value).digest(), token.imprint) for value in values):
        yield _passed("timestamp-imprint-matches", "the timestamp was made for this signature")
    else:
        yield _failed("timestamp-imprint-differs", "the timestamp was made for something else than this signature")


def _signature(token: Token, authority: Authority | None) -> Iterator[Finding]:
    if authority is None:
        message = "the certificate of the timestamp authority is neither in the timestamp nor was it given"
        yield _unknown("tsa-certificate-missing", message)
        return
    proof = prove(token, authority)
    if proof is Proof.WRONG:
        yield _failed(
            "timestamp-signature-wrong", "the timestamp is damaged, or was not made by the authority it names"
        )
    elif proof is Proof.UNSUPPORTED:
        yield _unknown("timestamp-signature-unsupported", "the timestamp is signed in a way that is not supported")
    else:
        yield _passed("timestamp-signature-valid", "the timestamp was made with the key of its authority")
    if not is_bound(token, authority):
        message = "the timestamp does not say under its signature which certificate it was made with"
        yield _failed("tsa-certificate-not-bound", message)


def _usage(token: Token, authority: Authority) -> Iterator[Finding]:
    """Whether the certificate was good for timestamps, and at that time."""
    if not authority.is_for_timestamps_only:
        yield _failed("tsa-usage-wrong", "the authority's certificate is not one for timestamps only", _AUTHORITY)
    elif not authority.is_marked_critical:
        message = "the authority's certificate does not mark as critical that it is for timestamps only"
        yield _failed("tsa-usage-not-critical", message, _AUTHORITY)
    # certificates count whole seconds
    second = token.moment.replace(microsecond=0)
    if not authority.parsed.not_valid_before_utc <= second <= authority.parsed.not_valid_after_utc:
        message = f"the authority's certificate was not valid at {second.isoformat()}, the time it certified"
        yield _failed("tsa-certificate-out-of-date", message, "RFC 5280 4.1.2.5")


def _strength(token: Token, authority: Authority) -> Iterator[Finding]:
    used = {token.imprint_algorithm, token.digest_algorithm, token.scheme.digest}
    weak = [f"the digest {each}" for each in sorted(used & WEAK_DIGESTS)]
    if 0 < authority.key_bits < _STRONG_BITS:
        weak.append(f"the authority's key of {authority.key_bits} bits")
    if weak:
        yield _unknown("timestamp-weak", f"{' and '.join(weak)}: the timestamp may have been forged")


def _passed(code: str, message: str) -> Finding:
    return _finding(Outcome.PASSED, code, message, _STAMP)


def _failed(code: str, message: str, clause: str = _STAMP) -> Finding:
    return _finding(Outcome.FAILED, code, message, clause)


def _unknown(code: str, message: str) -> Finding:
    return _finding(Outcome.UNKNOWN, code, message, _STAMP)


def _finding(outcome: Outcome, code: str, message: str, clause: str) -> Finding:
    return Finding(aspect=Aspect.TIMESTAMP, outcome=outcome, code=code, message=message, clause=clause)
