"""The connection to KMS: calls of boto3 that raise errors of dcmseal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcmseal.plugins import SignerError
from dcmseal_awskms.failures import translate_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key, as KMS describes it."""

    arn: str
    """Identifies the key permanently, unlike an alias."""
    der: bytes
    """SubjectPublicKeyInfo."""
    algorithms: frozenset[str]
    """Names of signing algorithms."""


class Connection:
    """A client of boto3, which threads can share."""

    __slots__ = ("_client",)

    def __init__(self, client: Any) -> None:
        self._client = client

    def public_key(self, key_id: str) -> PublicKey:
        """Fetch the public key."""
        with translate_errors():
            answer = self._client.get_public_key(KeyId=key_id)
        return PublicKey(
            arn=_get_member(answer, "KeyId"),
            der=_get_member(answer, "PublicKey"),
            algorithms=frozenset(answer.get("SigningAlgorithms", ())),
        )

    def sign(self, arn: str, digest: bytes, algorithm: str) -> bytes:
        """Have a digest signed; nothing else is sent."""
        with translate_errors():
            answer = self._client.sign(KeyId=arn, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
        signature: bytes = _get_member(answer, "Signature")
        return signature

    def close(self) -> None:
        """Close the sockets."""
        self._client.close()


def _get_member(answer: Mapping[str, Any], name: str) -> Any:
    if name not in answer:
        raise SignerError(
            f"the response of AWS KMS lacks {name}", hint="check for a proxy that changes responses of AWS"
        )
    return answer[name]


def connect(region: str | None, profile: str | None) -> Connection:
    """Load the AWS configuration, without sending anything yet; raises UsageError if it is incomplete."""
    from boto3.session import Session
    from botocore.config import Config

    with translate_errors():
        # One session for each connection: sessions are not thread-safe, clients are.
        session = Session(region_name=region, profile_name=profile)
        return Connection(session.client("kms", config=Config(connect_timeout=10, read_timeout=30)))
