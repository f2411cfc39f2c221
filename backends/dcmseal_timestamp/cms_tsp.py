"""The timestamp backend ``CMS_TSP`` for the Time-Stamp Protocol of RFC 3161 (PS3.15 C.1).

>>> from dcmseal.plugins.timestamp_backend import TimestampQuery
>>> query = CmsTspBackend().build_query(b"the value of Signature", TimestampQuery(nonce=False))
>>> len(query)
59
"""

# Kept apart: listing plugins imports it, without asn1crypto.

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dcmseal.plugins.signer_backend import Secrets
from dcmseal.plugins.timestamp_backend import RetryPolicy, TimestampQuery, TimestampResult
from dcmseal.terms import TimestampType


class CmsTspBackend:
    """Builds requests, sends them to timestamp authorities over HTTP, and verifies tokens."""

    type: Final[str] = TimestampType.CMS_TSP.value
    summary: Final = "RFC 3161 timestamps from authorities with http: or https: URLs"

    def build_query(self, value: bytes, options: TimestampQuery) -> bytes:
        """Build a TimeStampReq in DER."""
        from dcmseal_timestamp.timestamp_query import build_query

        return build_query(value, options)

    def send_query(self, url: str, query: bytes, retry_policy: RetryPolicy, secrets: Secrets) -> bytes:
        """Send a TimeStampReq to an authority, and return its TimeStampResp."""
        from dcmseal_timestamp.tsa_client import send_query

        return send_query(url, query, retry_policy, secrets)

    def accept_response(self, response: bytes, query: bytes | None) -> bytes:
        """Extract the TimeStampToken from a response, as DICOM stores it."""
        from dcmseal_timestamp.timestamp_response import accept_response

        return accept_response(response, query)

    def verify(self, timestamp: bytes, values: Sequence[bytes], certificates: Sequence[bytes]) -> TimestampResult:
        """Verify a token or response, without evaluating trust in the authority."""
        from dcmseal_timestamp.verify_token import verify_token

        return verify_token(timestamp, values, certificates)
