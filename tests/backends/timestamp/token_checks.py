"""Verifies timestamp tokens, and builds attributes for them."""

from __future__ import annotations

import hashlib
from typing import Any

from asn1crypto import tsp

from dcmseal.findings import Outcome
from dcmseal.plugins.timestamp_backend import TimestampBackend, TimestampResult
from dcmseal_timestamp.cms_tsp import CmsTspBackend

VALUE = b"the value of Signature"
BACKEND: TimestampBackend = CmsTspBackend()
ACCURACY = {"seconds": 1, "millis": 500}
SOUND = {"timestamp-imprint-matches", "timestamp-signature-valid"}


def by_v1(digest: bytes) -> dict[str, Any]:
    """The signed attribute of RFC 2634, with the digest of a certificate."""
    identifier = tsp.ESSCertID({"cert_hash": digest})
    return {"type": "signing_certificate", "values": [tsp.SigningCertificate({"certs": [identifier]})]}


def by_v2(*certificates: bytes) -> dict[str, Any]:
    """The signed attribute of RFC 5816, with the digests of certificates."""
    identifiers = [tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(each).digest()}) for each in certificates]
    return {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": identifiers})]}


def verify_token(token: bytes, *values: bytes, certificates: tuple[bytes, ...] = ()) -> TimestampResult:
    return BACKEND.verify(token, values or (VALUE,), certificates)


def codes(judgement: TimestampResult, outcome: Outcome | None = None) -> set[str]:
    return {each.code for each in judgement.findings if outcome in (None, each.outcome)}
