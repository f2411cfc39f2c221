"""What a token proves about the value of a Signature, as findings of aspect TIMESTAMP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from typing import Final

from dcmseal.model import CertifiedTime
from dcmseal.plugins.timestamping import TimestampJudgement
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal_timestamp.authority import Authority, Binding, UnreadableCertificate, binding, find_authority
from dcmseal_timestamp.info import UnreadableToken
from dcmseal_timestamp.proof import Proof, prove
from dcmseal_timestamp.query import DIGESTS, WEAK_DIGESTS
from dcmseal_timestamp.token import RefusedToken, Token, read_token

_STAMP: Final = "RFC 3161 2.4.2"
_AUTHORITY: Final = "RFC 3161 2.3"
_DOUBTS: Final = frozenset({"timestamp-weak"})
"""Codes of findings that leave a time certified, for a site to take or not."""


def judge(timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampJudgement:
    """Verify a token, or a response with one; the authority's trust is left to others."""
    try:
        token = read_token(timestamp)
    except UnreadableToken as error:
        return TimestampJudgement(findings=(_unknown("timestamp-unreadable", str(error)),))
    except RefusedToken as error:
        return TimestampJudgement(findings=(_failed("timestamp-refused", str(error)),))
    authority = find_authority(token, certificates)
    if authority is None:
        message = "no certificate that can be read, in the timestamp or among those given, is the authority's"
        return TimestampJudgement(findings=(*_imprint(token, values), _unknown("tsa-certificate-missing", message)))
    findings = [*_imprint(token, values), *_signature(token, authority), *_binding(token, authority, certificates)]
    try:
        authority.check_extensions()
        findings += [*_usage(authority), *_name(token, authority)]
    except UnreadableCertificate as error:
        message = f"the certificate of the timestamp authority cannot be understood: {error}"
        findings.append(_unknown("tsa-certificate-unreadable", message, "RFC 5280 4.2"))
    findings += [*_validity(token, authority), *_strength(token, authority)]
    if any(each.outcome is not Outcome.PASSED and each.code not in _DOUBTS for each in findings):
        return TimestampJudgement(findings=tuple(findings))
    info = token.info
    time = CertifiedTime(
        moment=info.moment,
        accuracy=info.accuracy,
        policy=info.policy,
        serial_number=info.serial_number,
        authority=authority.der,
        others=tuple(each for each in (*token.certificates, *certificates) if each != authority.der),
    )
    return TimestampJudgement(findings=tuple(findings), time=time)


def _imprint(token: Token, values: Sequence[bytes]) -> Iterator[Finding]:
    """Whether it is this signature that the token is about (PS3.3 C.12.1.1.3.1.3)."""
    algorithm = token.info.imprint_algorithm
    if algorithm not in DIGESTS:
        yield _unknown("timestamp-imprint-unsupported", f"the digest {algorithm} of the timestamp is not supported")
    elif any(hmac.compare_digest(hashlib.new(algorithm, value).digest(), token.info.imprint) for value in values):
        yield _passed("timestamp-imprint-matches", "the timestamp was made for this signature")
    else:
        yield _failed("timestamp-imprint-differs", "the timestamp was made for something else than this signature")


def _signature(token: Token, authority: Authority) -> Iterator[Finding]:
    match prove(token, authority):
        case Proof.WRONG:
            message = "the timestamp is damaged, or was not made by the authority it names"
            yield _failed("timestamp-signature-wrong", message)
        case Proof.UNSUPPORTED:
            message = "the timestamp is signed in a way that is not supported"
            yield _unknown("timestamp-signature-unsupported", message)
        case Proof.VALID:
            yield _passed("timestamp-signature-valid", "the timestamp was made with the key of its authority")


def _binding(token: Token, authority: Authority, certificates: Sequence[bytes]) -> Iterator[Finding]:
    """Whether the certificate is the one that the authority meant (RFC 5816 2.2.1)."""
    match binding(token, authority, certificates):
        case Binding.MISSING:
            message = "the timestamp does not say under its signature which certificate it was made with"
            yield _failed("tsa-certificate-not-bound", message)
        case Binding.OTHER:
            message = "the timestamp names another certificate than its authority's under its signature"
            yield _failed("tsa-certificate-not-bound", message)
        case Binding.UNSUPPORTED:
            message = "the timestamp names its authority's certificate by a digest that is not supported"
            yield _unknown("tsa-binding-unsupported", message)
        case Binding.CHAIN_UNKNOWN:
            message = "the timestamp names certificates of its authority's chain that are not at hand"
            yield _unknown("tsa-chain-missing", message)
        case Binding.BOUND:
            pass


def _usage(authority: Authority) -> Iterator[Finding]:
    """Whether the certificate is one for timestamps."""
    if not authority.is_for_timestamps_only:
        yield _failed("tsa-usage-wrong", "the authority's certificate is not one for timestamps only", _AUTHORITY)
    elif not authority.is_marked_critical:
        message = "the authority's certificate does not mark as critical that it is for timestamps only"
        yield _failed("tsa-usage-not-critical", message, _AUTHORITY)
    if authority.is_ca:
        yield _failed("tsa-is-ca", "the authority's certificate is that of a certification authority", _AUTHORITY)
    if not authority.is_for_signatures_only:
        message = "the authority's key is for something else than signatures"
        yield _failed("tsa-usage-wrong", message, _AUTHORITY)


def _name(token: Token, authority: Authority) -> Iterator[Finding]:
    """Whether the authority calls itself as its certificate does."""
    name = token.info.tsa
    if name is not None and not authority.is_named(name):
        message = "the timestamp says that it was made by another authority than its certificate's"
        yield _failed("tsa-name-differs", message)


def _validity(token: Token, authority: Authority) -> Iterator[Finding]:
    # certificates count whole seconds
    second = token.info.moment.replace(microsecond=0)
    if not authority.parsed.not_valid_before_utc <= second <= authority.parsed.not_valid_after_utc:
        message = f"the authority's certificate was not valid at {second.isoformat()}, the time it certified"
        yield _failed("tsa-certificate-out-of-date", message, "RFC 5280 4.1.2.5")


def _strength(token: Token, authority: Authority) -> Iterator[Finding]:
    used = {token.info.imprint_algorithm, token.digest_algorithm, token.scheme.digest}
    weak = [f"the digest {each}" for each in sorted(used & WEAK_DIGESTS)]
    if authority.has_weak_key:
        weak.append(f"the authority's key of {authority.key_bits} bits")
    if weak:
        yield _unknown("timestamp-weak", f"{' and '.join(weak)}: the timestamp may have been forged")


def _passed(code: str, message: str) -> Finding:
    return _finding(Outcome.PASSED, code, message, _STAMP)


def _failed(code: str, message: str, clause: str = _STAMP) -> Finding:
    return _finding(Outcome.FAILED, code, message, clause)


def _unknown(code: str, message: str, clause: str = _STAMP) -> Finding:
    return _finding(Outcome.UNKNOWN, code, message, clause)


def _finding(outcome: Outcome, code: str, message: str, clause: str) -> Finding:
    return Finding(aspect=Aspect.TIMESTAMP, outcome=outcome, code=code, message=message, clause=clause)
