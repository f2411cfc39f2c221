"""Check the claimed signing time against the certificate, and the strength of key and algorithm (PS3.15 C.1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.macro.signer_certificate import Certificate
from dcmseal.model.signature import DigitalSignature

_SIGNING: Final = "PS3.15 C.1"
_DATETIME: Final = "PS3.3 Table C.12-6"
CLOCK_SKEW: Final = timedelta(minutes=5)
"""Maximum difference to tolerate between the clocks of signer, timestamp authority and verifier."""


def claimed_time_findings(signature: DigitalSignature, now: datetime) -> Iterator[Finding]:
    """Check that the claimed signing time is not in the future.

    The outcome is UNKNOWN, because either clock may be wrong.

    Args:
        signature: The signature.
        now: The time of verification.
    """
    moment = signature.moment
    if moment is not None and moment - now > CLOCK_SKEW:
        message = (
            f"the claimed signing time {moment.isoformat()} is in the future: "
            f"the verifier's clock shows {now.isoformat('T', 'seconds')}"
        )
        yield _authenticity_finding(Outcome.UNKNOWN, "signing-time-in-future", message, _DATETIME)


def validity_findings(signature: DigitalSignature, certificate: Certificate) -> Iterator[Finding]:
    """Check that the certificate was valid at the claimed signing time (RFC 5280 4.1.2.5)."""
    moment = signature.moment
    if moment is None:
        if signature.datetime:
            message = f"Digital Signature DateTime {signature.datetime!r} is not a complete DT value with UTC offset"
            yield _authenticity_finding(Outcome.UNKNOWN, "signing-time-unreadable", message, _DATETIME)
        return
    # certificates state whole seconds
    second = moment.replace(microsecond=0)
    if second < certificate.not_before:
        message = f"the claimed signing time {second.isoformat()} is before the certificate became valid"
        yield _authenticity_finding(Outcome.FAILED, "certificate-not-yet-valid", message)
    elif second > certificate.not_after:
        message = f"the claimed signing time {second.isoformat()} is after the certificate expired"
        yield _authenticity_finding(Outcome.FAILED, "certificate-expired", message)
    else:
        yield _CERTIFICATE_IN_TIME


def strength_findings(
    signature: DigitalSignature, certificate: Certificate, outcome: Outcome = Outcome.UNKNOWN
) -> Iterator[Finding]:
    """Report algorithms and keys that are too weak for new signatures (PS3.15 C.1, note).

    Args:
        signature: The signature.
        certificate: The signer's certificate.
        outcome: The outcome of the findings, which depends on the trust settings.
    """
    algorithm = signature.mac.mac_algorithm if signature.mac else None
    if algorithm is not None and algorithm.is_weak:
        message = f"MAC Algorithm {algorithm} is weak: collisions can be found"
        yield _trust_finding(outcome, "weak-mac-algorithm", message)
    bits = certificate.key_bits
    if certificate.key_type is not None and bits < certificate.key_type.min_bits:
        message = f"the certificate's key has only {bits} bits and may have been broken"
        yield _trust_finding(outcome, "weak-key", message)
        if bits < certificate.key_type.insecure_bits:
            yield _authenticity_finding(Outcome.FAILED, "key-too-small", message, _SIGNING)


def _authenticity_finding(outcome: Outcome, code: str, message: str, clause: str = "RFC 5280 4.1.2.5") -> Finding:
    return Finding(aspect=Aspect.AUTHENTICITY, outcome=outcome, code=code, message=message, clause=clause)


def _trust_finding(outcome: Outcome, code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.TRUST, outcome=outcome, code=code, message=message, clause=_SIGNING)


_CERTIFICATE_IN_TIME: Final = _authenticity_finding(
    Outcome.PASSED, "certificate-in-time", "the certificate was valid at the claimed signing time"
)
