"""The connection to KMS: three calls of boto3, each of which fails in words of dcmseal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dcmseal.plugins import SignerError
from dcmseal_awskms.failures import in_words_of_dcmseal


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """What KMS tells of a key."""

    arn: str
    """Names this key for good, as an alias does not."""
    der: bytes
    """SubjectPublicKeyInfo."""
    algorithms: frozenset[str]
    """Signing algorithms, in the words of KMS."""


class Connection:
    """A client of boto3, which threads may share."""

    __slots__ = ("_client",)

    def __init__(self, client: Any) -> None:
        self._client = client

    def public_key(self, key_id: str) -> PublicKey:
        """Ask for the public key."""
        with in_words_of_dcmseal():
            answer = self._client.get_public_key(KeyId=key_id)
        return PublicKey(
            arn=_part(answer, "KeyId"),
            der=_part(answer, "PublicKey"),
            algorithms=frozenset(answer.get("SigningAlgorithms", ())),
        )

    def sign(self, arn: str, digest: bytes, algorithm: str) -> bytes:
        """Send a digest, and nothing else."""
        with in_words_of_dcmseal():
            answer = self._client.sign(KeyId=arn, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
        signature: bytes = _part(answer, "Signature")
        return signature

    def close(self) -> None:
        """Close the sockets."""
        self._client.close()


def _part(answer: Mapping[str, Any], name: str) -> Any:
    if name not in answer:
        raise SignerError(
            f"AWS KMS answered without {name}", hint="check that nothing between you and AWS answers for it"
        )
    return answer[name]


def connect(region: str | None, profile: str | None) -> Connection:
    """Read the AWS configuration; nothing is sent yet. Raises UsageError if it lacks something."""
    from boto3.session import Session
    from botocore.config import Config

    with in_words_of_dcmseal():
        # A session for each connection: sessions are not safe for threads, clients are.
        session = Session(region_name=region, profile_name=profile)
        return Connection(session.client("kms", config=Config(connect_timeout=10, read_timeout=30)))
