"""What is particular to KMS: what is sent, which key signs, and each way in which it fails."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from conftest import SECRET_KEY, Kms, Wire, make_certificate
from dcmseal.plugins import (
    CertificateMismatch,
    CertificateNotValid,
    DeviceUnavailable,
    KeyNotFound,
    MacAlgorithm,
    MechanismUnavailable,
    SealError,
    SecretRequest,
    Signer,
    SignerError,
    UsageError,
)
from dcmseal.testing import BytesMessage, assert_verifies
from dcmseal_awskms.backend import AwsKmsBackend

CONTENT = b"Doe^Jane, who is nobody else's business " * 1000
MESSAGE = BytesMessage(algorithm=MacAlgorithm.SHA256, content=CONTENT)


def never(request: SecretRequest) -> str | None:
    raise AssertionError(f"asked for {request}")


@contextmanager
def opened(uri: str) -> Iterator[Signer]:
    with AwsKmsBackend().open(uri, never) as signer:
        yield signer


def refused(uri: str) -> SealError:
    with pytest.raises(SealError) as caught, opened(uri) as signer:
        signer.sign(MESSAGE)
    told = "".join(traceback.format_exception(caught.value)) + caught.value.hint
    assert caught.value.hint
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert SECRET_KEY not in told
    assert "jane" not in told
    return caught.value


@pytest.fixture(scope="module")
def rsa(kms: Kms) -> str:
    return kms.key("RSA_2048")


class TestSending:
    def test_only_the_digest_leaves_the_machine(self, rsa: str, wire: Wire) -> None:
        with opened(rsa) as signer:
            assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))
        about_the_key, to_sign = wire.sent
        assert about_the_key.keys() == {"KeyId"}
        assert to_sign.pop("KeyId")
        assert to_sign == {
            "Message": base64.b64encode(sha256(CONTENT).digest()).decode(),
            "MessageType": "DIGEST",
            "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256",
        }

    def test_logs_show_neither_secret_nor_data(self, rsa: str, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG), opened(rsa) as signer:
            signer.sign(MESSAGE)
        assert "MessageType" in caplog.text
        assert SECRET_KEY not in caplog.text
        assert "Jane" not in caplog.text

    def test_what_kms_cannot_do_is_not_sent(self, rsa: str, wire: Wire) -> None:
        with opened(rsa) as signer, pytest.raises(MechanismUnavailable) as caught:
            signer.sign(BytesMessage(algorithm=MacAlgorithm.RIPEMD160, content=CONTENT))
        assert caught.value.hint == "choose SHA256 or SHA384 or SHA512"
        assert len(wire.sent) == 1

    def test_the_alias_is_looked_up_once(self, kms: Kms, wire: Wire) -> None:
        old, new = (kms.key("ECC_NIST_P256") for _ in range(2))
        ids = [uri.removeprefix("awskms:").partition("?")[0] for uri in (old, new)]
        kms.client.create_alias(AliasName="alias/moving", TargetKeyId=ids[0])
        with opened(old.replace(ids[0], "alias/moving", 1)) as signer:
            kms.client.update_alias(AliasName="alias/moving", TargetKeyId=ids[1])
            assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))

    def test_the_region_of_an_arn_is_asked(self, kms: Kms, monkeypatch: pytest.MonkeyPatch) -> None:
        uri = kms.key("ECC_NIST_P256")
        key_id = uri.removeprefix("awskms:").partition("?")[0]
        arn = kms.client.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        assert isinstance(refused(uri), UsageError)
        with opened(uri.replace(key_id, arn, 1)) as signer:
            assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))


class TestCertificates:
    def test_in_der_or_after_others(self, kms: Kms, rsa: str) -> None:
        other = make_certificate(ec.generate_private_key(ec.SECP256R1()).public_key())
        uri, _, path = rsa.partition("?cert=")
        with open(path, "rb") as file:
            own = file.read()
        (kms.folder / "both.pem").write_bytes(other.public_bytes(Encoding.PEM) + own)
        with opened(f"{uri}?cert={kms.folder / 'both.pem'}") as signer:
            first, second = signer.certificate_chain
        assert second == other.public_bytes(Encoding.DER)
        (kms.folder / "own.der").write_bytes(first)
        with opened(f"{uri}?cert={kms.folder / 'own.der'}") as signer:
            assert signer.certificate_chain == (first,)

    def test_of_another_key(self, kms: Kms, rsa: str) -> None:
        cert = kms.key("RSA_2048").partition("?")[2]
        assert isinstance(refused(f"{rsa.partition('?')[0]}?{cert}"), CertificateMismatch)

    def test_none(self, kms: Kms, rsa: str) -> None:
        uri = rsa.partition("?")[0]
        (kms.folder / "text").write_text("text")
        (kms.folder / "zero").write_text("0")
        assert isinstance(refused(uri), UsageError)
        assert isinstance(refused(f"{uri}?cert={kms.folder / 'nowhere.pem'}"), KeyNotFound)
        assert isinstance(refused(f"{uri}?cert={kms.folder / 'text'}"), CertificateNotValid)
        assert isinstance(refused(f"{uri}?cert={kms.folder / 'zero'}"), CertificateNotValid)


class TestFailures:
    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("AccessDeniedException", SignerError),
            ("DisabledException", SignerError),
            ("ExpiredTokenException", SignerError),
            ("InvalidKeyUsageException", MechanismUnavailable),
            ("KMSInternalException", DeviceUnavailable),
            ("KeyUnavailableException", DeviceUnavailable),
            ("NotFoundException", KeyNotFound),
            ("ThrottlingException", DeviceUnavailable),
            ("UnheardOfException", SignerError),
            ("\x1b[31mnot a code", SignerError),
        ],
    )
    def test_of_kms(self, rsa: str, wire: Wire, code: str, kind: type[SealError]) -> None:
        wire.refuse(code)
        error = refused(rsa)
        assert type(error) is kind
        assert str(error).isprintable()

    def test_of_kms_in_the_middle(self, rsa: str, wire: Wire) -> None:
        with opened(rsa) as signer:
            wire.refuse("ThrottlingException")
            with pytest.raises(DeviceUnavailable, match="throttling"):
                signer.sign(MESSAGE)
            wire.answer, wire.status = None, 200
            assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))

    def test_of_the_service(self, rsa: str, wire: Wire) -> None:
        wire.refuse("Whatever", 503)
        assert isinstance(refused(rsa), DeviceUnavailable)

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ({}, SignerError),
            ({"KeyId": "key"}, SignerError),
            ({"KeyId": "key", "PublicKey": ""}, MechanismUnavailable),
            ({"KeyId": "key", "PublicKey": base64.b64encode(b"0\x80nonsense").decode()}, MechanismUnavailable),
            ({"KeyId": "key", "PublicKey": "not base64"}, SignerError),
        ],
    )
    def test_answers_that_are_nonsense(
        self, rsa: str, wire: Wire, answer: dict[str, str], kind: type[SealError]
    ) -> None:
        wire.answer = answer
        assert type(refused(rsa)) is kind

    def test_a_signature_that_is_missing(self, rsa: str, wire: Wire) -> None:
        with opened(rsa) as signer:
            wire.answer = {"KeyId": "key"}
            with pytest.raises(SignerError, match="lacks Signature"):
                signer.sign(MESSAGE)

    def test_of_the_network(self, rsa: str, wire: Wire) -> None:
        wire.is_cut = True
        assert isinstance(refused(rsa), DeviceUnavailable)

    def test_no_credentials(self, rsa: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        error = refused(rsa)
        assert isinstance(error, SignerError)
        assert "credentials" in str(error)

    def test_no_such_key_profile_or_region(self, rsa: str) -> None:
        cert = rsa.partition("?")[2]
        unknown = "awskms:00000000-0000-0000-0000-000000000000"
        assert isinstance(refused(f"{unknown}?{cert}"), KeyNotFound)
        assert isinstance(refused(f"awskms:alias/nobody?{cert}"), KeyNotFound)
        assert isinstance(refused(f"awskms:no%20key?{cert}"), UsageError)
        assert isinstance(refused(f"{rsa}&profile=nobody"), UsageError)
        assert isinstance(refused(f"{rsa}&region=example.com%2F"), UsageError)
        assert isinstance(refused(f"{rsa}&region=us-west-2"), KeyNotFound)

    @pytest.mark.parametrize(("spec", "usage"), [("ECC_SECG_P256K1", "SIGN_VERIFY"), ("RSA_2048", "ENCRYPT_DECRYPT")])
    def test_key_of_another_kind(self, kms: Kms, rsa: str, spec: str, usage: str) -> None:
        key_id = kms.client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        assert isinstance(refused(f"awskms:{key_id}?cert={kms.certificate(key_id)}"), MechanismUnavailable)
