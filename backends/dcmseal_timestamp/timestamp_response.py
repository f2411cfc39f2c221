"""TimeStampResp of RFC 3161 2.4.2, held against the query it is to answer."""

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

_RESPONSE: Final = "RFC 3161 2.4.2"


def accept_response(response: bytes, query: bytes | None) -> bytes:
    """The token of a response, or a token that comes without one; raises TimestampRejected if it does not fit."""
    try:
        token = parse_token(response)
    except RefusedToken as error:
        raise _rejected_error(
            _response_finding("timestamp-refused", str(error)), "ask another authority, or under another policy"
        ) from None
    except UnreadableToken as error:
        raise _rejected_error(
            _response_finding("timestamp-response-unreadable", f"the response cannot be used: {error}"),
            "it must be a TimeStampResp of RFC 3161, or the token in it, in DER",
        ) from None
    if query is not None:
        for finding in _mismatch_findings(token, parse_query(query)):
            raise _rejected_error(
                finding, "the response belongs to another query, or somebody is playing back an old one"
            )
    return token.der


def _mismatch_findings(token: TimestampToken, query: ParsedQuery) -> Iterator[Finding]:
    info = token.info
    same = info.imprint_algorithm == query.algorithm and hmac.compare_digest(info.imprint, query.digest)
    if not same:
        yield _response_finding(
            "timestamp-other-query", "the response certifies something else than the query asked for"
        )
    if query.nonce is not None and info.nonce != query.nonce:
        yield _response_finding("timestamp-nonce-differs", "the response does not repeat the nonce of the query")
    if query.policy and info.policy != query.policy:
        message = f"the response was made under policy {info.policy}, not {query.policy}"
        yield _response_finding("timestamp-policy-differs", message)


def _rejected_error(finding: Finding, hint: str) -> TimestampRejected:
    return TimestampRejected(finding.message, (finding,), hint=hint)


def _response_finding(code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.TIMESTAMP, outcome=Outcome.FAILED, code=code, message=message, clause=_RESPONSE)
