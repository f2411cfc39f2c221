"""Which key is opened, with which certificate, and what is refused before a PIN is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pkcs11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from pkcs11 import _pkcs11

from dcmseal.errors import (
    CertificateMismatch,
    CertificateNotValid,
    DeviceUnavailable,
    KeyNotFound,
    MechanismUnavailable,
    ModuleUnusable,
    SealError,
    UsageError,
    WeakAlgorithm,
)
from dcmseal.plugins.signer_backend import SecretRequest
from dcmseal_pkcs11 import loaded_modules
from dcmseal_pkcs11.loaded_modules import load_module
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from tests.support import raw_certificates as raw
from tests.support.pki import Identity, Pki
from tests.support.softhsm_token import PIN, SoftHsm, SoftToken

BACKEND = Pkcs11Backend()


class Asked:
    """Answers with the PIN, and records the requests."""

    def __init__(self, answer: str | None = PIN) -> None:
        self.answer = answer
        self.requests: list[SecretRequest] = []

    def __call__(self, request: SecretRequest) -> str | None:
        self.requests.append(request)
        return self.answer


def refused(uri: str, kind: type[SealError], *, asking: bool = True) -> str:
    """The error of opening, which has to have a hint; ``asking``: whether the PIN may be asked for before."""
    asked = Asked()
    with pytest.raises(kind) as caught, BACKEND.open(uri, asked):
        pass
    assert type(caught.value) is kind
    assert caught.value.hint
    assert bool(asked.requests) == asking
    return f"{caught.value} | {caught.value.hint}"


def chain_of(uri: str) -> tuple[bytes, ...]:
    with BACKEND.open(uri, Asked()) as signer:
        return signer.certificate_chain


def self_signed(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, like: x509.Certificate) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(like.subject)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc - timedelta(days=400))
        .sign(key, hashes.SHA256())
    )


def rsa_numbers(identity: Identity) -> rsa.RSAPublicNumbers:
    key = identity.key.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key.public_numbers()


@pytest.fixture(scope="module")
def odd(softhsm: SoftHsm, pki: Pki) -> SoftToken:
    """A token with keys and certificates that do not work."""
    made = softhsm.token("odd")
    template = pki["p256"]
    small = rsa.generate_private_key(65537, 1024)
    for name, key in (("small", small), ("koblitz", ec.generate_private_key(ec.SECP256K1()))):
        certificate = self_signed(key, template.certificate)
        made.add(name, Identity(name, key, certificate, template.folder))
    made.add_key("encrypts", pki["rsa2048"], sign=False)
    made.add_key("bare", pki["p384"])
    made.add_key("certified", pki["rsa2048"])
    numbers = rsa_numbers(pki["rsa2048"])
    pss = raw.certificate(raw.rsa_info(numbers.n, numbers.e, raw.RSASSA_PSS, b""))
    made.add_certificate("certified", x509.load_der_x509_certificate(pss))
    made.add_key("mistaken", pki["p256"])
    made.add_certificate("mistaken", self_signed(ec.generate_private_key(ec.SECP256R1()), template.certificate))
    made.add("renewed", pki["rsa3072"])
    renewed = pki["rsa3072"].key
    assert isinstance(renewed, rsa.RSAPrivateKey)
    made.add_certificate("renewed", self_signed(renewed, pki["rsa3072"].certificate))
    return made


def test_ambiguity_is_an_error_that_lists_the_candidates(token: SoftToken) -> None:
    told = refused(token.uri(), KeyNotFound)
    candidates = told.partition("use one of: ")[2].split()
    assert len(candidates) == 6
    for uri in candidates:
        assert chain_of(uri)


def test_several_tokens_are_an_error_that_lists_them(token: SoftToken, other_token: SoftToken) -> None:
    told = refused(f"pkcs11:object=p256?module-path={token.module}", KeyNotFound, asking=False)
    assert f"token={token.label}" in told
    assert f"token={other_token.label}" in told


def test_missing_objects(token: SoftToken, tmp_path: Path) -> None:
    assert "object=p256" in refused(token.uri("nobodys"), KeyNotFound)
    refused(f"{token.uri()}&cert={tmp_path}/missing.pem", KeyNotFound, asking=False)
    refused(f"pkcs11:token=nobodys?module-path={token.module}", DeviceUnavailable, asking=False)
    refused("pkcs11:token=nobodys", DeviceUnavailable, asking=False)


def test_files_that_are_not_modules(token: SoftToken, tmp_path: Path) -> None:
    (tmp_path / "text.so").write_text("no library")
    (tmp_path / "empty.so").write_bytes(b"")
    whole = Path(token.module).read_bytes()
    for length in (5, 30, 60, 70, 5000, len(whole) // 2):
        (tmp_path / f"cut-{length}.so").write_bytes(whole[:length])
    for path in (*tmp_path.iterdir(), tmp_path / "missing.so", _pkcs11.__file__):
        refused(f"pkcs11:?module-path={path}", ModuleUnusable, asking=False)
    refused("pkcs11:?module-name=nobodys", ModuleUnusable, asking=False)


def test_a_module_that_others_have_initialized(token: SoftToken, monkeypatch: pytest.MonkeyPatch) -> None:
    load_module(token.module)
    # as if it had been other code in this process: PKCS #11 lets it be initialized once
    monkeypatch.setattr(loaded_modules, "_process", loaded_modules._ProcessModules({}))
    monkeypatch.setattr(pkcs11, "_loaded", {})
    assert "other code" in refused(token.uri("p256"), ModuleUnusable, asking=False)


@pytest.mark.parametrize(("key", "kind"), [("small", WeakAlgorithm), ("koblitz", MechanismUnavailable)])
def test_keys_that_do_not_do(key: str, kind: type[SealError], odd: SoftToken) -> None:
    # the certificate, readable without a PIN, has the size; for curves it is in the key
    refused(odd.uri(key), kind, asking=key == "koblitz")


def test_a_key_for_something_else_is_refused(odd: SoftToken) -> None:
    assert "CKA_SIGN" in refused(odd.uri("encrypts"), MechanismUnavailable)


def test_a_key_that_is_certified_for_something_else(odd: SoftToken, pki: Pki, tmp_path: Path) -> None:
    """A token does not know that an RSA key is for RSASSA-PSS only (RFC 4055 1.2): its certificate does."""
    numbers = rsa_numbers(pki["rsa2048"])
    for algorithm, name in ((raw.RSASSA_PSS, "RSASSA-PSS"), (raw.RSAES_OAEP, "RSAES-OAEP")):
        der = raw.certificate(raw.rsa_info(numbers.n, numbers.e, algorithm, raw.seq()))
        (tmp_path / "other.cer").write_bytes(der)
        said = refused(odd.uri("certified", cert=f"{tmp_path}/other.cer"), MechanismUnavailable, asking=False)
        assert name in said
    assert "RFC 4055" in refused(odd.uri("certified"), MechanismUnavailable, asking=False)
    listed = next(each for each in BACKEND.list_keys(odd.uri("certified")) if each.label == "certified")
    assert "PKCS #1 v1.5" in listed.problem


def test_odd_names_and_numbers_do_no_harm(odd: SoftToken, pki: Pki, tmp_path: Path) -> None:
    key = pki["p384"].key.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    odd_name = raw.name((raw.COMMON_NAME, 0x0C, b"\xff"))
    der = raw.certificate(raw.public_key_info(key), subject=odd_name, issuer=odd_name, serial=b"\xfb")
    (tmp_path / "odd.cer").write_bytes(der)
    assert chain_of(odd.uri("bare", cert=f"{tmp_path}/odd.cer")) == (der,)


def test_the_certificate_has_to_be_the_keys(odd: SoftToken, pki: Pki, tmp_path: Path) -> None:
    assert "cert=" in refused(odd.uri("bare"), KeyNotFound)
    refused(odd.uri("mistaken"), CertificateMismatch)
    refused(odd.uri("bare", cert=str(pki["p256"].certificate_pem)), CertificateMismatch)
    other = self_signed(ec.generate_private_key(ec.SECP384R1()), pki["p384"].certificate)
    (tmp_path / "other.pem").write_bytes(other.public_bytes(Encoding.PEM))
    refused(odd.uri("bare", cert=f"{tmp_path}/other.pem"), CertificateMismatch)
    (tmp_path / "no.pem").write_text("no certificate")
    refused(odd.uri("bare", cert=str(tmp_path / "no.pem")), CertificateNotValid, asking=False)


@pytest.mark.parametrize("form", ["certificate_pem", "certificate_der"])
def test_the_certificate_may_be_in_a_file(form: str, odd: SoftToken, pki: Pki) -> None:
    for key, name in (("bare", "p384"), ("mistaken", "p256")):
        path = getattr(pki[name], form)
        assert chain_of(odd.uri(key, cert=str(path))) == (pki[name].der,)


def test_of_two_certificates_of_a_key_the_one_that_lasts_is_taken(odd: SoftToken, pki: Pki) -> None:
    assert chain_of(odd.uri("renewed"))[0] == pki["rsa3072"].der


def test_the_chain_comes_from_the_token_and_from_a_file(token: SoftToken, odd: SoftToken, pki: Pki) -> None:
    assert chain_of(token.uri("p256")) == (pki["p256"].der, pki.root.der)
    further = str(pki["stranger-root"].certificate_pem)
    assert chain_of(token.uri("p256", chain=further))[2:] == (pki["stranger-root"].der,)
    bundle = pki.folder / "bundle.pem"
    bundle.write_bytes(b"".join(pki[name].certificate.public_bytes(Encoding.PEM) for name in ("root", "p384")))
    assert chain_of(odd.uri("bare", cert=str(bundle))) == (pki["p384"].der, pki.root.der)


LIMITED = """
import sys
from dcmseal.errors import SealError
from dcmseal.terms import MacAlgorithm
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal.testing import assert_verifies
from dcmseal_pkcs11 import loaded_modules
from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend
from dcmseal_pkcs11.loaded_modules import load_module

uri, pin = sys.argv[1:]

def answer(_):
    print("asked")
    return pin

try:
    with Pkcs11Backend().open(uri, answer) as signer:
        for algorithm in MacAlgorithm:
            message = BytesMessage(algorithm=algorithm, content=b"content" * 1000)
            try:
                assert_verifies(signer, message, signer.sign(message))
                print(algorithm)
            except SealError as error:
                assert error.hint
                print(algorithm, type(error).__name__)
except SealError as error:
    assert error.hint
    print(type(error).__name__)
"""


@pytest.fixture
def limited(softhsm: SoftHsm, token: SoftToken, tmp_path: Path) -> Callable[[str, str], list[str]]:
    """Lets a process sign with a SoftHSM that has no other mechanisms than these, and returns the result."""

    def run(key: str, mechanisms: str) -> list[str]:
        configuration = tmp_path / "softhsm2.conf"
        configuration.write_text(f"{softhsm.configuration.read_text()}slots.mechanisms = {mechanisms}\n")
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, token.uri(key), PIN],
            env=os.environ | {"SOFTHSM2_CONF": str(configuration)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout.splitlines()

    return run


def test_a_token_without_raw_rsa_hashes_itself(limited: Callable[[str, str], list[str]]) -> None:
    hashes_ = ("MD5", "SHA1", "SHA256", "SHA384", "SHA512")
    mechanisms = ",".join(f"CKM_{each}_RSA_PKCS" for each in hashes_)
    assert limited("rsa2048", mechanisms) == ["asked", "RIPEMD160 MechanismUnavailable", *hashes_]


def test_a_token_without_raw_ecdsa_is_not_asked_for_it(limited: Callable[[str, str], list[str]]) -> None:
    assert limited("p256", "CKM_RSA_PKCS") == ["MechanismUnavailable"]


@pytest.mark.parametrize("key", ["rsa2048", "p256"])
def test_a_token_without_a_mechanism_is_asked_no_pin(key: str, limited: Callable[[str, str], list[str]]) -> None:
    assert limited(key, "CKM_SHA256,CKM_AES_CBC") == ["MechanismUnavailable"]


@pytest.mark.parametrize(
    ("source", "kind"),
    [("|echo 1234", UsageError), ("https://example.org/pin", UsageError), ("exec:/bin/true", UsageError)],
)
def test_a_pin_source_that_runs_or_fetches_something_is_refused(
    source: str, kind: type[SealError], token: SoftToken
) -> None:
    refused(token.uri("p256", **{"pin-source": source}), kind, asking=False)
