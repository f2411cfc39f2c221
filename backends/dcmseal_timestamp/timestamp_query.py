"""TimeStampReq of RFC 3161 2.4.1: written, and read back to hold a response against it."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Final

from asn1crypto import tsp

from dcmseal.errors import TimestampError, UsageError
from dcmseal.plugins.timestamp_backend import TimestampQuery

_POLICY: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,39})){1,40}", re.ASCII)
_NONCE_BYTES: Final = 8
_MAX_QUERY_BYTES: Final = 1 << 16

DIGESTS: Final = {"sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}
"""Digests that are computed here, and their sizes."""
WEAK_DIGESTS: Final = frozenset({"sha1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedQuery:
    """What was asked."""

    algorithm: str
    digest: bytes
    policy: str
    nonce: int | None


def build_query(value: bytes, options: TimestampQuery) -> bytes:
    """A query for a timestamp over a value; raises UsageError for a weak digest or what is no policy."""
    algorithm = options.algorithm.value.lower()
    if algorithm not in DIGESTS or algorithm in WEAK_DIGESTS:
        raise UsageError(f"no timestamp is asked for with {options.algorithm}", hint="use SHA256, SHA384 or SHA512")
    if options.policy and not _POLICY.fullmatch(options.policy):
        raise UsageError(
            f"{options.policy!r} is no object identifier", hint="a policy is written like 1.3.6.1.4.1.99999.1"
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
        # the highest bit is set, so that all nonces are of one size
        fields["nonce"] = int.from_bytes(secrets.token_bytes(_NONCE_BYTES), "big") | 1 << (8 * _NONCE_BYTES - 1)
    return bytes(tsp.TimeStampReq(fields).dump())


def parse_query(data: bytes) -> ParsedQuery:
    """Read a query, whoever wrote it; raises TimestampError."""
    try:
        if len(data) > _MAX_QUERY_BYTES:
            raise ValueError("too long")
        read = tsp.TimeStampReq.load(data, strict=True)
        imprint = read["message_imprint"]
        return ParsedQuery(
            algorithm=str(imprint["hash_algorithm"]["algorithm"].native),
            digest=bytes(imprint["hashed_message"].native),
            policy=str(read["req_policy"].dotted) if read["req_policy"].native else "",
            nonce=read["nonce"].native,
        )
    except Exception:  # noqa: BLE001 - asn1crypto raises whatever comes to hand
        raise TimestampError(
            "the query is not a timestamp query of RFC 3161",
            hint="it is what build_timestamp_query() returns",
            code="timestamp-query-unreadable",
        ) from None
