"""KMS as moto pretends it, with keys and certificates, and a wire to it that can be cut and listened to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from boto3.session import Session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError
from botocore.loaders import Loader
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from moto import mock_aws

from dcmseal_awskms import connection

REGION = "eu-central-1"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/secret-of-nobody"


@dataclass
class Wire:
    """All that goes from boto3 to KMS passes here."""

    is_cut: bool = False
    answer: dict[str, str] | None = None
    """What comes back in place of the answer of KMS."""
    status: int = 200
    sent: list[dict[str, Any]] = field(default_factory=list)

    def refuse(self, code: str, status: int = 400) -> None:
        """Let KMS answer with an error that tells too much."""
        self.answer = {"__type": code, "message": f"arn:aws:iam::1:user/jane with {SECRET_KEY}"}
        self.status = status

    def pass_on(self, request: Any, **_: object) -> AWSResponse | None:
        self.sent.append(json.loads(request.body))
        if self.is_cut:
            raise EndpointConnectionError(endpoint_url=request.url)
        if self.answer is None:
            return None
        body = json.dumps(self.answer).encode()
        raw = SimpleNamespace(stream=lambda **_: iter([body]))
        return AWSResponse(request.url, self.status, {"Content-Type": "application/x-amz-json-1.1"}, raw)


@dataclass(frozen=True)
class Kms:
    folder: Path
    wire: Wire
    client: Any

    def key(self, spec: str) -> str:
        """A new key with a certificate: its key URI."""
        key_id: str = self.client.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        return f"awskms:{key_id}?cert={self.certificate(key_id)}"

    def certificate(self, key_id: str) -> Path:
        public_key = load_der_public_key(self.client.get_public_key(KeyId=key_id)["PublicKey"])
        assert isinstance(public_key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey))
        path = self.folder / f"{key_id}.pem"
        path.write_bytes(make_certificate(public_key).public_bytes(Encoding.PEM))
        return path


def make_certificate(public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Nobody, not to be trusted")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=public_key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=1),
        not_valid_after=now + timedelta(days=1),
    )
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


@pytest.fixture(scope="session")
def kms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kms]:
    """moto in place of AWS, for all tests."""
    wire, folder, connect = Wire(), tmp_path_factory.mktemp("kms"), connection.connect
    loader = Loader()  # shared, because every new session would read megabytes of JSON

    def connect_through_wire(region: str | None, profile: str | None) -> connection.Connection:
        made = connect(region, profile)
        made._client.meta.events.register_first("before-send.kms.*", wire.pass_on)
        return made

    # KMS signs the digest that it gets; moto would hash it again (it knows no MessageType).
    prehashed = {hash_.__name__: _prehashed(hash_()) for hash_ in (hashes.SHA256, hashes.SHA384, hashes.SHA512)}
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setattr("moto.kms.utils.hashes", SimpleNamespace(**prehashed))
        patch.setattr(connection, "connect", connect_through_wire)
        patch.setattr("botocore.session.create_loader", lambda *_: loader)
        for name, value in {
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        yield Kms(folder, wire, Session().client("kms", region_name=REGION))


def _prehashed(hash_: hashes.HashAlgorithm) -> Any:
    return lambda: utils.Prehashed(hash_)


@pytest.fixture
def wire(kms: Kms) -> Iterator[Wire]:
    """The wire, whole again after each test."""
    kms.wire.sent.clear()
    yield kms.wire
    kms.wire.is_cut, kms.wire.answer, kms.wire.status = False, None, 200
