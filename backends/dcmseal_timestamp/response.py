"""TimeStampResp of RFC 3161 2.4.2, held against the query it is to answer."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Any, Final

from dcmseal.errors import TimestampRejected
from dcmseal.report import Aspect, Finding, Outcome
from dcmseal_timestamp.query import Query, read_query
from dcmseal_timestamp.token import MOST_BYTES, Response, Token, UnreadableToken, is_response, read_token

_RESPONSE: Final = "RFC 3161 2.4.2"
_GRANTED: Final = frozenset({"granted", "granted_with_mods"})
_LONGEST_TEXT: Final = 200


def accept(response: bytes, query: bytes | None) -> bytes:
    """The token of a response, or a token that comes without one; raises TimestampRejected if it does not fit."""
    refusal = _refusal(response)
    if refusal:
        raise _rejected(_finding("timestamp-refused", refusal), "ask another authority, or under another policy")
    try:
        token = read_token(response)
    except UnreadableToken as error:
        raise _rejected(
            _finding("timestamp-response-unreadable", f"the response cannot be used: {error}"),
            "it must be a TimeStampResp of RFC 3161, or the token in it, in DER",
        ) from None
    if query is not None:
        for finding in _differences(token, read_query(query)):
            raise _rejected(finding, "the response belongs to another query, or somebody is playing back an old one")
    return token.der


def _refusal(response: bytes) -> str:
    """Why the authority made no timestamp; empty if it made one, or the response cannot be read."""
    if len(response) > MOST_BYTES or not is_response(response):
        return ""
    try:
        status: Any = Response.load(response)["status"]
        answer = str(status["status"].native)
        if answer in _GRANTED:
            return ""
        reasons = sorted(map(str, status["fail_info"].native or ()))
        texts = [str(each) for each in status["status_string"].native or ()]
    except Exception:  # noqa: BLE001 - asn1crypto raises whatever comes to hand
        return ""
    told = "".join(each if each.isprintable() else " " for each in "; ".join((*reasons, *texts)))[:_LONGEST_TEXT]
    return f"the authority refused ({answer[:_LONGEST_TEXT]}){f': {told}' if told else ''}"


def _differences(token: Token, query: Query) -> Iterator[Finding]:
    same = token.imprint_algorithm == query.algorithm and hmac.compare_digest(token.imprint, query.digest)
    if not same:
        yield _finding("timestamp-other-query", "the response certifies something else than the query asked for")
    if query.nonce is not None and token.nonce != query.nonce:
        yield _finding("timestamp-nonce-differs", "the response does not repeat the nonce of the query")
    if query.policy and token.policy != query.policy:
        message = f"the response was made under policy {token.policy}, not {query.policy}"
        yield _finding("timestamp-policy-differs", message)


def _rejected(finding: Finding, hint: str) -> TimestampRejected:
    return TimestampRejected(finding.message, (finding,), hint=hint)


def _finding(code: str, message: str) -> Finding:
    return Finding(aspect=Aspect.TIMESTAMP, outcome=Outcome.FAILED, code=code, message=message, clause=_RESPONSE)
