"""Runs the signatures of C2SP/wycheproof against verification: ``run(folder)``.

Each is verified as the value of Signature (0400,0120), with the padding that odd ones get, and as an authority's on a
timestamp. None may be accepted that the suite calls invalid; one that is refused needs a reason in EXPLAINED.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

from cryptography.x509 import load_der_x509_certificate

from dcmseal.macro.public_key import SignatureMatch, match_signature
from dcmseal.macro.signer_certificate import Certificate, read_certificate
from dcmseal.terms import KeyType, MacAlgorithm
from dcmseal_timestamp.timestamp_token import SignatureScheme
from dcmseal_timestamp.verify_token import SignatureStatus, verify_signature
from tests.support.raw_certificates import certificate
from tests.vectors.suite_result import SuiteResult

_ALGORITHMS: Final = {
    "SHA-1": MacAlgorithm.SHA1,
    "SHA-256": MacAlgorithm.SHA256,
    "SHA-384": MacAlgorithm.SHA384,
    "SHA-512": MacAlgorithm.SHA512,
}
"""Hashes that MAC Algorithm (0400,0015) may name."""
_SCHEMES: Final = {KeyType.RSA: "rsassa_pkcs1v15", KeyType.EC: "ecdsa", KeyType.DSA: "dsa"}


_TYPES: Final = frozenset({"RsassaPkcs1Verify", "EcdsaVerify", "DsaVerify"})
"""Kinds of tests: the others are of other schemes, encodings or rules than DICOM has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A difference that is meant: what the suite says of which signatures, and why they are refused all the same."""

    flag: str
    result: str
    reason: str
    clause: str


EXPLAINED: Final = (
    Explained(
        flag="MissingNull",
        result="acceptable",
        reason="the encoding of DigestInfo is compared whole; another one, without NULL, is not the one that is made",
        clause="RFC 8017 9.2 and A.2.4",
    ),
    Explained(
        flag="MissingZero",
        result="acceptable",
        reason="the integer is negative as it is encoded: DER has one encoding of each number",
        clause="RFC 3279 2.2.2, X.690 8.3",
    ),
)


def run(folder: str | Path) -> SuiteResult:
    """Verify all signatures in the JSON files of a folder, or of ``wycheproof`` in it.

    Signatures are counted as ``skipped`` for their scheme or hash, and as ``key not supported``, where verification
    says so itself.
    """
    place = Path(folder)
    vectors = SuiteResult("Wycheproof")
    for path in sorted((place / "wycheproof" if (place / "wycheproof").is_dir() else place).glob("*.json")):
        document = json.loads(path.read_text("utf-8"))
        for group in document["testGroups"]:
            _run_group(path.name, group, vectors)
    return vectors


def _run_group(name: str, group: dict[str, Any], vectors: SuiteResult) -> None:
    algorithm = _ALGORITHMS.get(group.get("sha", ""))
    info = group.get("publicKeyDer") or group.get("keyDer")
    if algorithm is None or info is None or group["type"] not in _TYPES:
        vectors.counts["skipped"] += len(group["tests"])
        return
    key = read_certificate(certificate(bytes.fromhex(info)))
    if key.key_type is None:
        vectors.counts["key not supported"] += len(group["tests"])
        return
    for test in group["tests"]:
        message, value = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
        for way, accepts in _WAYS.items():
            accepted = accepts(key, algorithm, message, value)
            if accepted is not None:
                _count(vectors, f"{name} {test['tcId']} ({test['comment']})", test, way, accepted=accepted)


def _count(vectors: SuiteResult, name: str, test: dict[str, Any], way: str, *, accepted: bool) -> None:
    vectors.counts["run"] += 1
    result = test["result"]
    if result != "acceptable" and accepted is (result == "valid"):
        vectors.counts["agree"] += 1
    elif not accepted and any(each.flag in test["flags"] and each.result == result for each in EXPLAINED):
        vectors.counts["explained"] += 1
    else:
        vectors.counts["wrongly accepted" if accepted else "wrongly refused"] += 1
        vectors.unexplained.append(f"{name}, {result}, {'accepted' if accepted else 'refused'} as {way}")


def _as_signature(key: Certificate, algorithm: MacAlgorithm, message: bytes, value: bytes) -> bool:
    digest = hashlib.new(algorithm.value, message, usedforsecurity=False).digest()
    return match_signature(key, algorithm, digest, value) is SignatureMatch.MATCHES


def _as_padded_signature(key: Certificate, algorithm: MacAlgorithm, message: bytes, value: bytes) -> bool | None:
    """OB values are of even length, with a trailing byte 00 if need be (PS3.5 6.2)."""
    return _as_signature(key, algorithm, message, value + b"\0") if len(value) & 1 else None


def _as_timestamp(key: Certificate, algorithm: MacAlgorithm, message: bytes, value: bytes) -> bool:
    """As an authority's, with the message for the signed attributes."""
    assert key.key_type is not None
    digest = algorithm.value.lower()
    token = SimpleNamespace(
        content=b"",
        content_type="tst_info",
        message_digest=hashlib.new(digest, b"", usedforsecurity=False).digest(),
        digest_algorithm=digest,
        scheme=SignatureScheme(kind=_SCHEMES[key.key_type], digest=digest),
        signed_attributes=message,
        signature=value,
    )
    authority = SimpleNamespace(der=key.der, parsed=load_der_x509_certificate(key.der))
    return verify_signature(cast("Any", token), cast("Any", authority)) is SignatureStatus.VALID


_WAYS: Final[dict[str, Callable[[Certificate, MacAlgorithm, bytes, bytes], bool | None]]] = {
    "signature": _as_signature,
    "padded signature": _as_padded_signature,
    "timestamp": _as_timestamp,
}
