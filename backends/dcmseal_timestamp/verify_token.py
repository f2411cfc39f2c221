"""Verifies a token against the value of a Signature, and reports findings of aspect TIMESTAMP."""

# Kept apart: imports cryptography, which listing plugins must not do.

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import PublicKeyAlgorithmOID

from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal.model.signature import CertifiedTime
from dcmseal.plugins.timestamp_backend import TimestampResult
from dcmseal_timestamp.authority_certificate import (
    AuthorityCertificate,
    CertificateBinding,
    UnreadableCertificate,
    find_authority,
    find_binding,
)
from dcmseal_timestamp.timestamp_query import DIGESTS, WEAK_DIGESTS
from dcmseal_timestamp.timestamp_token import RefusedToken, TimestampToken, parse_token
from dcmseal_timestamp.tst_info import UnreadableToken

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - old timestamps use it
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_WITH_OWN_DIGEST: Final = frozenset({"ed25519", "ed448"})
_MAX_RSA_BITS: Final = 16384
_MAX_SALT_LENGTH: Final = 512


class SignatureStatus(Enum):
    """The result of verifying a signature."""

    VALID = "valid"
    WRONG = "wrong"
    UNSUPPORTED = "unsupported"


def verify_signature(token: TimestampToken, authority: AuthorityCertificate) -> SignatureStatus:
    """Verify the signature of a token with the key of the authority (RFC 5652 5.6)."""
    if token.digest_algorithm not in DIGESTS:
        return SignatureStatus.UNSUPPORTED
    if token.scheme.digest not in ("", token.digest_algorithm) and token.scheme.kind not in _WITH_OWN_DIGEST:
        # different digests for content and attributes (RFC 8933 3.1)
        return SignatureStatus.UNSUPPORTED
    digest = hashlib.new(token.digest_algorithm, token.content).digest()
    if token.content_type != "tst_info" or not hmac.compare_digest(token.message_digest, digest):
        return SignatureStatus.WRONG
    hash_ = _HASHES.get(token.scheme.digest or token.digest_algorithm)
    if hash_ is None:
        return SignatureStatus.UNSUPPORTED
    try:
        return SignatureStatus.VALID if _verify_with_key(token, authority, hash_) else SignatureStatus.UNSUPPORTED
    except InvalidSignature:
        return SignatureStatus.WRONG
    except Exception:  # noqa: BLE001 - the library rejects the key or the parameters
        return SignatureStatus.UNSUPPORTED


def _verify_with_key(token: TimestampToken, authority: AuthorityCertificate, hash_: hashes.HashAlgorithm) -> bool:
    """Verify the signature; return False if its type is unsupported, and raise InvalidSignature if it is wrong."""
    key = authority.parsed.public_key()
    kind, signature, signed = token.scheme.kind, token.signature, token.signed_attributes
    if isinstance(key, rsa.RSAPublicKey) and key.key_size <= _MAX_RSA_BITS:
        # an id-RSASSA-PSS key must not make other signatures (RFC 4055 1.2)
        is_for_pss = authority.parsed.public_key_algorithm_oid == PublicKeyAlgorithmOID.RSASSA_PSS
        if kind == "rsassa_pkcs1v15" and not is_for_pss:
            key.verify(signature, signed, padding.PKCS1v15(), hash_)
            return True
        mask = _HASHES.get(token.scheme.mask_digest)
        if kind == "rsassa_pss" and mask is not None and 0 <= token.scheme.salt_length <= _MAX_SALT_LENGTH:
            key.verify(signature, signed, padding.PSS(padding.MGF1(mask), token.scheme.salt_length), hash_)
            return True
    elif isinstance(key, ec.EllipticCurvePublicKey) and kind == "ecdsa":
        key.verify(signature, signed, ec.ECDSA(hash_))
        return True
    elif isinstance(key, dsa.DSAPublicKey) and kind == "dsa":
        key.verify(signature, signed, hash_)
        return True
    elif isinstance(key, (ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)) and kind in ("ed25519", "ed448"):
        key.verify(signature, signed)
        return True
    return False


_RESPONSE_CLAUSE: Final = "RFC 3161 2.4.2"
_AUTHORITY_CLAUSE: Final = "RFC 3161 2.3"
_ACCEPTABLE: Final = frozenset({"timestamp-weak"})
"""Codes of findings that do not prevent a certified time; the settings decide whether it is accepted."""


def verify_token(timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampResult:
    """Verify a token, or a response with a token, without evaluating trust in the authority.

    Args:
        timestamp: The token or response, in DER.
        values: Possible encodings of the signature value that the token is for.
        certificates: Further certificates, such as that of the authority.

    Returns:
        The findings, and the certified time if none of them prevents it.
    """
    try:
        token = parse_token(timestamp)
    except UnreadableToken as error:
        message = f"the timestamp cannot be used: {error}"
        return TimestampResult(findings=(_unknown_finding("timestamp-unreadable", message),))
    except RefusedToken as error:
        return TimestampResult(findings=(_failed_finding("timestamp-refused", str(error)),))
    authority = find_authority(token, certificates)
    if authority is None:
        message = "the certificate of the timestamp authority is missing or cannot be parsed"
        return TimestampResult(
            findings=(*_imprint_findings(token, values), _unknown_finding("tsa-certificate-missing", message))
        )
    findings = [
        *_imprint_findings(token, values),
        *_signature_findings(token, authority),
        *_binding_findings(token, authority, certificates),
    ]
    try:
        authority.check_extensions()
        findings += [*_usage_findings(authority), *_name_findings(token, authority)]
    except UnreadableCertificate as error:
        message = f"the certificate of the timestamp authority cannot be evaluated: {error}"
        findings.append(_unknown_finding("tsa-certificate-unreadable", message, "RFC 5280 4.2"))
    findings += [*_validity_findings(token, authority), *_strength_findings(token, authority)]
    if any(each.outcome is not Outcome.PASSED and each.code not in _ACCEPTABLE for each in findings):
        return TimestampResult(findings=tuple(findings))
    info = token.info
    time = CertifiedTime(
        moment=info.moment,
        accuracy=info.accuracy,
        policy=info.policy,
        serial_number=info.serial_number,
        authority=authority.der,
        others=tuple(each for each in (*token.certificates, *certificates) if each != authority.der),
    )
    return TimestampResult(findings=tuple(findings), time=time)


def _imprint_findings(token: TimestampToken, values: Sequence[bytes]) -> Iterator[Finding]:
    """Check whether the token is for this signature (PS3.3 C.12.1.1.3.1.3)."""
    algorithm = token.info.imprint_algorithm
    if algorithm not in DIGESTS:
        yield _unknown_finding(
            "timestamp-imprint-unsupported", f"the digest {algorithm} of the timestamp is not supported"
        )
    elif any(hmac.compare_digest(hashlib.new(algorithm, value).digest(), token.info.imprint) for value in values):
        yield _passed_finding("timestamp-imprint-matches", "the timestamp was made for this signature")
    else:
        yield _failed_finding("timestamp-imprint-differs", "the timestamp was not made for this signature")


def _signature_findings(token: TimestampToken, authority: AuthorityCertificate) -> Iterator[Finding]:
    match verify_signature(token, authority):
        case SignatureStatus.WRONG:
            message = "the timestamp is damaged, or was not made by the authority it names"
            yield _failed_finding("timestamp-signature-wrong", message)
        case SignatureStatus.UNSUPPORTED:
            message = "the signature algorithm of the timestamp is not supported"
            yield _unknown_finding("timestamp-signature-unsupported", message)
        case SignatureStatus.VALID:
            yield _passed_finding("timestamp-signature-valid", "the signature of the timestamp is valid")


def _binding_findings(
    token: TimestampToken, authority: AuthorityCertificate, certificates: Sequence[bytes]
) -> Iterator[Finding]:
    """Check whether the signed part of the token identifies the certificate (RFC 5816 2.2.1)."""
    match find_binding(token, authority, certificates):
        case CertificateBinding.MISSING:
            message = "the signed part of the timestamp does not identify the certificate of the authority"
            yield _failed_finding("tsa-certificate-not-bound", message)
        case CertificateBinding.OTHER:
            message = "the signed part of the timestamp identifies another certificate than that of the authority"
            yield _failed_finding("tsa-certificate-not-bound", message)
        case CertificateBinding.UNSUPPORTED:
            message = "the timestamp identifies the certificate of the authority by an unsupported digest"
            yield _unknown_finding("tsa-binding-unsupported", message)
        case CertificateBinding.CHAIN_UNKNOWN:
            message = "the timestamp identifies certificates in the chain of the authority that are not available"
            yield _unknown_finding("tsa-chain-missing", message)
        case CertificateBinding.BOUND:
            pass


def _usage_findings(authority: AuthorityCertificate) -> Iterator[Finding]:
    """Check the key usages of the certificate (RFC 3161 2.3)."""
    if not authority.is_for_timestamps_only:
        yield _failed_finding(
            "tsa-usage-wrong",
            "the extended key usage of the authority's certificate is not timeStamping only",
            _AUTHORITY_CLAUSE,
        )
    elif not authority.is_marked_critical:
        message = "the extended key usage of the authority's certificate is not critical"
        yield _failed_finding("tsa-usage-not-critical", message, _AUTHORITY_CLAUSE)
    if authority.is_ca:
        yield _failed_finding("tsa-is-ca", "the authority's certificate is a CA certificate", _AUTHORITY_CLAUSE)
    if not authority.is_for_signatures_only:
        message = "the key usage of the authority's certificate is not restricted to signatures"
        yield _failed_finding("tsa-usage-wrong", message, _AUTHORITY_CLAUSE)


def _name_findings(token: TimestampToken, authority: AuthorityCertificate) -> Iterator[Finding]:
    """Check whether the name in the token is that of the certificate."""
    name = token.info.tsa
    if name is not None and not authority.is_named(name):
        message = "the timestamp and the authority's certificate contain different names of the authority"
        yield _failed_finding("tsa-name-differs", message)


def _validity_findings(token: TimestampToken, authority: AuthorityCertificate) -> Iterator[Finding]:
    # validity periods have a resolution of one second
    second = token.info.moment.replace(microsecond=0)
    if not authority.parsed.not_valid_before_utc <= second <= authority.parsed.not_valid_after_utc:
        message = f"the authority's certificate was not valid at the certified time, {second.isoformat()}"
        yield _failed_finding("tsa-certificate-out-of-date", message, "RFC 5280 4.1.2.5")


def _strength_findings(token: TimestampToken, authority: AuthorityCertificate) -> Iterator[Finding]:
    used = {token.info.imprint_algorithm, token.digest_algorithm, token.scheme.digest}
    weak = [f"the digest {each}" for each in sorted(used & WEAK_DIGESTS)]
    if authority.has_weak_key:
        weak.append(f"a key of {authority.key_bits} bits")
    if weak:
        yield _unknown_finding("timestamp-weak", f"the timestamp may be forged: it relies on {' and '.join(weak)}")


def _passed_finding(code: str, message: str) -> Finding:
    return _timestamp_finding(Outcome.PASSED, code, message, _RESPONSE_CLAUSE)


def _failed_finding(code: str, message: str, clause: str = _RESPONSE_CLAUSE) -> Finding:
    return _timestamp_finding(Outcome.FAILED, code, message, clause)


def _unknown_finding(code: str, message: str, clause: str = _RESPONSE_CLAUSE) -> Finding:
    return _timestamp_finding(Outcome.UNKNOWN, code, message, clause)


def _timestamp_finding(outcome: Outcome, code: str, message: str, clause: str) -> Finding:
    return Finding(aspect=Aspect.TIMESTAMP, outcome=outcome, code=code, message=message, clause=clause)
