"""TimeStampReq of RFC 3161 2.4.1: builds requests, and parses them to compare them with responses."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import Final

from asn1crypto import tsp
from msgspec import Struct

from dcmseal.errors import TimestampError, UsageError
from dcmseal.plugins.timestamp_backend import TimestampQuery

_POLICY: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,39})){1,40}", re.ASCII)
_NONCE_BYTES: Final = 8
_MAX_QUERY_BYTES: Final = 1 << 16

DIGESTS: Final = {"sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
"""Supported digests, and their sizes in bytes."""
WEAK_DIGESTS: Final = frozenset({"sha1"})


class ParsedQuery(Struct, frozen=True, kw_only=True):
    """The fields of a request that a response must match."""

    algorithm: str
    digest: bytes
    policy: str
    nonce: int | None


def build_query(value: bytes, options: TimestampQuery) -> bytes:
    """Build a TimeStampReq for a value.

    Args:
        value: The bytes to timestamp.
        options: Digest, policy, nonce, and whether to request certificates.

    Returns:
        The request in DER.

    Raises:
        UsageError: The digest is too weak, or the policy is not an object identifier.
    """
    algorithm = options.algorithm.value.lower()
    if algorithm not in DIGESTS or algorithm in WEAK_DIGESTS:
        raise UsageError(f"{options.algorithm} is too weak for a timestamp", hint="use SHA256, SHA384 or SHA512")
    if options.policy and not _POLICY.fullmatch(options.policy):
        raise UsageError(
            f"{options.policy!r} is not an object identifier",
            hint="use an object identifier such as 1.3.6.1.4.1.99999.1",
        )
    fields = {
        "version": "v1",
        "message_imprint": {
            "hash_algorithm": {"algorithm": algorithm},
            "hashed_message": hashlib.new(algorithm, value).digest(),
        },
        "cert_req": options.certificates,
    }
    if options.policy:
        fields["req_policy"] = options.policy
    if options.nonce:
        # set the highest bit, so that all nonces have the same size
        fields["nonce"] = int.from_bytes(secrets.token_bytes(_NONCE_BYTES), "big") | 1 << (8 * _NONCE_BYTES - 1)
    return bytes(tsp.TimeStampReq(fields).dump())


def parse_query(data: bytes) -> ParsedQuery:
    """Parse a TimeStampReq, possibly from other software.

    Raises:
        TimestampError: The data is not a request.
    """
    try:
        if len(data) > _MAX_QUERY_BYTES:
            raise ValueError("too long")
        request = tsp.TimeStampReq.load(data, strict=True)
        imprint = request["message_imprint"]
        return ParsedQuery(
            algorithm=str(imprint["hash_algorithm"]["algorithm"].native),
            digest=bytes(imprint["hashed_message"].native),
            policy=str(request["req_policy"].dotted) if request["req_policy"].native else "",
            nonce=request["nonce"].native,
        )
    except Exception:  # noqa: BLE001 - asn1crypto raises many exceptions
        raise TimestampError(
            "the data is not an RFC 3161 timestamp request",
            hint="pass the request that build_timestamp_query() returned",
            code="timestamp-query-unreadable",
        ) from None
