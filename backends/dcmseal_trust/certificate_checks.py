"""Checks of single certificates: pins, key usages, critical extensions, algorithms and key sizes."""

# Kept apart: these checks do not depend on paths.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Final

from msgspec.structs import replace

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.plugins.trust import TrustPurpose, TrustSettings
from dcmseal_trust.certification_paths import subject_name
from dcmseal_trust.trust_anchors import KNOWN_EXTENSIONS
from dcmseal_trust.x509_certificates import X509Certificate, unknown_critical_extensions

RFC: Final = "RFC 5280"
_WEAK_DIGESTS: Final = frozenset({"md2", "md5", "sha1"})
_STRONG_BITS: Final = {"rsa": 2048, "dsa": 2048, "ec": 224}


def trust_finding(outcome: Outcome, code: str, message: str, *, where: str = "", clause: str = RFC) -> Finding:
    """Build a finding of aspect TRUST."""
    return Finding(aspect=Aspect.TRUST, outcome=outcome, code=code, message=message, where=where, clause=clause)


def fitness_findings(leaf: X509Certificate, settings: TrustSettings, purpose: TrustPurpose) -> Iterator[Finding]:
    """Check pins and key usages of a certificate against the settings and the purpose."""
    if purpose is TrustPurpose.SIGNING:
        yield from _pin_findings(leaf, settings)
        yield from _usage_findings(leaf, settings)
    else:
        # RFC 3161 2.3
        yield from _usage_findings(leaf, replace(settings, extended_key_usages=frozenset({"time_stamping"})))


def _pin_findings(leaf: X509Certificate, settings: TrustSettings) -> Iterator[Finding]:
    pins = {pin.replace(":", "").lower() for pin in settings.pinned_certificates}
    if pins and sha256(leaf.dump()).hexdigest() not in pins:
        message = "the certificate is not one of the pinned certificates"
        yield trust_finding(Outcome.FAILED, "certificate-not-pinned", message, clause="")
    if settings.pinned_subjects and subject_name(leaf) not in settings.pinned_subjects:
        message = f"the subject {subject_name(leaf)} is not one of the pinned subjects"
        yield trust_finding(Outcome.FAILED, "subject-not-pinned", message, clause="")


def _usage_findings(leaf: X509Certificate, settings: TrustSettings) -> Iterator[Finding]:
    # PS3.15 leaves it to the site which key usages a signer needs
    stated = leaf.key_usage_value
    if stated is not None and settings.key_usages and not settings.key_usages & set(stated.native):
        usages, required = _format_names(stated.native), _format_names(settings.key_usages)
        message = f"the key usage of the certificate is {usages}, not {required}"
        yield trust_finding(Outcome.FAILED, "wrong-key-usage", message, clause=f"{RFC} 4.2.1.3")
    if settings.extended_key_usages:
        extended = leaf.extended_key_usage_value
        purposes = {purpose.native for purpose in extended or ()} | {purpose.dotted for purpose in extended or ()}
        if not settings.extended_key_usages & purposes:
            usages = _format_names(purpose.native for purpose in extended or ())
            required = _format_names(settings.extended_key_usages)
            message = f"the extended key usage of the certificate is {usages}, not {required}"
            yield trust_finding(Outcome.FAILED, "wrong-extended-key-usage", message, clause=f"{RFC} 4.2.1.12")
    if unknown := sorted(unknown_critical_extensions(leaf["tbs_certificate"]["extensions"], KNOWN_EXTENSIONS)):
        message = "the certificate contains an unsupported critical extension"
        yield trust_finding(
            Outcome.FAILED, "critical-extension-unknown", message, where=", ".join(unknown), clause=f"{RFC} 4.2"
        )


def weakness_findings(chain: Sequence[X509Certificate], settings: TrustSettings) -> Iterator[Finding]:
    """Find certificates of the chain with weak signatures; the anchor itself is not checked."""
    for certificate, issuer in pairwise(chain):
        weakness = _weakness(certificate, issuer)
        if weakness:
            message = (
                f"the certificate of {subject_name(certificate)} may be forged: its issuer signed it with {weakness}"
            )
            yield trust_finding(settings.weak.outcome, "weak-certificate", message, where=subject_name(certificate))


def _weakness(certificate: X509Certificate, issuer: X509Certificate) -> str:
    try:
        digest = str(certificate.hash_algo)
    except ValueError:
        digest = ""
    if digest in _WEAK_DIGESTS:
        return digest.upper()
    key = issuer.public_key
    if key.bit_size < _STRONG_BITS.get(key.algorithm, 0):
        return f"a key of {key.bit_size} bits"
    return ""


def _format_names(names: Iterable[str]) -> str:
    return ", ".join(sorted(name.replace("_", " ") for name in names)) or "empty"
