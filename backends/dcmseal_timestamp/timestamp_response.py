"""Extracts the token of a TimeStampResp, and compares it with the request (RFC 3161 2.4.2)."""

# Kept apart: imports asn1crypto, which listing plugins must not do.

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Final

from dcmseal.errors import TimestampRejected
from dcmseal.findings import Aspect, Finding, Outcome
from dcmseal_timestamp.timestamp_query import ParsedQuery, parse_query
from dcmseal_timestamp.timestamp_token import RefusedToken, TimestampToken, parse_token
from dcmseal_timestamp.tst_info import UnreadableToken

_RESPONSE_CLAUSE: Final = "RFC 3161 2.4.2"


def accept_response(response: bytes, query: bytes | None) -> bytes:
    """Extract the token of a response, and compare it with the request.

    Args:
        response: A TimeStampResp, or a bare token.
        query: The request; None to skip the comparison.

    Returns:
        The token in DER.

    Raises:
        TimestampRejected: The authority refused, or the response is malformed or does not match the request.
        TimestampError: ``query`` is not a request.
    """
    try:
        token = parse_token(response)
    except RefusedToken as error:
        raise _rejected_error(
            _response_finding("timestamp-refused", str(error)), "try another authority or policy"
        ) from None
    except UnreadableToken as error:
        raise _rejected_error(
            _response_finding("timestamp-response-unreadable", f"invalid timestamp response: {error}"),
            "pass an RFC 3161 TimeStampResp or TimeStampToken in DER",
        ) from None
    if query is not None:
        for finding in _mismatch_findings(token, parse_query(query)):
            raise _rejected_error(finding, "the response belongs to another request, or is replayed")
    return token.der


def _mismatch_findings(token: TimestampToken, query: ParsedQuery) -> Iterator[Finding]:
    info = token.info
    is_same_value = info.imprint_algorithm == query.algorithm and hmac.compare_digest(info.imprint, query.digest)
    if not is_same_value:
        yield _response_finding("timestamp-other-query", "the response and the request are for different values")
    if query.nonce is not None and info.nonce != query.nonce:
        yield _response_finding("timestamp-nonce-differs", "the response and the request have different nonces")
    if query.policy and info.policy != query.policy:
        message = f"the policy of the response is {info.policy}, not {query.policy}"
        yield _response_finding("timestamp-policy-differs", message)


def _rejected_error(finding: Finding, hint: str) -> TimestampRejected:
    return TimestampRejected(finding.message, (finding,), hint=hint)


def _response_finding(code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.TIMESTAMP, outcome=Outcome.FAILED, code=code, message=message, clause=_RESPONSE_CLAUSE)
