from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from dcmseal.errors import (
    CertificateMismatch,
    CertificateNotValid,
    KeyNotFound,
    MechanismUnavailable,
    PinRejected,
    SealError,
    SignerError,
    UsageError,
    WeakAlgorithm,
)
from dcmseal.plugins.key_uri import escape_path
from dcmseal.plugins.signer_backend import SecretRequest, Signer
from dcmseal.terms import MacAlgorithm
from dcmseal.testing import assert_verifies
from dcmseal.testing.signable_messages import BytesMessage
from dcmseal_software.file_backend import BACKENDS
from dcmseal_software.software_signer import SoftwareSigner
from tests.backends.conftest import PASSPHRASE, KeyFolder
from tests.support import raw_certificates as raw

MESSAGE = BytesMessage(algorithm=MacAlgorithm.SHA256, content=b"message")


def key_uri(scheme: str, path: str, **attributes: str) -> str:
    query = "&".join(f"{name}={escape_path(value)}" for name, value in attributes.items())
    return f"{scheme}:{escape_path(path)}" + (f"?{query}" if query else "")


def never(request: SecretRequest) -> str | None:
    raise AssertionError(f"asked for {request}")


def opened(scheme: str, path: str, secrets: Callable[[SecretRequest], str | None] = never, **attributes: str) -> Signer:
    """After its context, the signer still describes itself."""
    backend = next(backend for backend in BACKENDS if backend.scheme == scheme)
    with backend.open(key_uri(scheme, path, **attributes), secrets) as signer:
        assert_verifies(signer, MESSAGE, signer.sign(MESSAGE))
    return signer


def refused(scheme: str, path: str, **attributes: str) -> SealError:
    with pytest.raises(SealError) as caught:
        opened(scheme, path, never, **attributes)
    assert caught.value.hint
    return caught.value


class TestCertificates:
    def test_in_the_key_file(self, keys: KeyFolder) -> None:
        path = keys.write("both.pem", keys.read("p256.cert.pem"), keys.read("p256.old.pem"))
        assert opened("pem", path).certificate_chain == (keys.der("p256"),)

    def test_named_one_goes_before_that_in_the_key_file(self, keys: KeyFolder) -> None:
        path = keys.write("other.pem", keys.read("p256.old.pem"), keys.read("rsa.cert.pem"))
        chain = opened("pem", path, cert=keys["p256.cert.der"]).certificate_chain
        assert chain == (keys.der("p256"), keys.der("rsa"))

    def test_of_several_the_one_that_fits_comes_first(self, keys: KeyFolder) -> None:
        path = keys.write("full.pem", *(keys.read(f"{name}.cert.pem") for name in ("rsa", "p384", "p256", "rsa")))
        chain = opened("pem", keys["p256.old.pem"], cert=path).certificate_chain
        assert chain == (keys.der("p256"), keys.der("rsa"), keys.der("p384"))

    def test_chain_follows(self, keys: KeyFolder) -> None:
        path = keys.write("chain.pem", keys.read("rsa.cert.pem"), b"text between\n", keys.read("p384.cert.pem"))
        expected = (keys.der("p256"), keys.der("rsa"), keys.der("p384"))
        assert opened("p12", keys["p256.p12"], chain=path).certificate_chain == expected
        der = keys["p256.cert.der"]
        assert opened("der", keys["p256.old.der"], cert=der, chain=path).certificate_chain == expected

    def test_of_another_key(self, keys: KeyFolder) -> None:
        for name in ("p384", "rsa"):
            error = refused("pem", keys["p256.old.pem"], cert=keys[f"{name}.cert.pem"])
            assert isinstance(error, CertificateMismatch)

    def test_that_in_the_key_file_does_not_stand_in_for_a_named_one(self, keys: KeyFolder) -> None:
        path = keys.write("fits.pem", keys.read("p256.cert.pem"), keys.read("p256.old.pem"))
        assert isinstance(refused("pem", path, cert=keys["rsa.cert.pem"]), CertificateMismatch)

    def test_none(self, keys: KeyFolder) -> None:
        error = refused("pem", keys["p256.old.pem"])
        assert isinstance(error, KeyNotFound)
        assert "cert=" in error.hint

    def test_file_without_any(self, keys: KeyFolder) -> None:
        for name in ("p256.old.pem", "p256.old.der"):
            assert isinstance(refused("pem", keys["p256.old.pem"], cert=keys[name]), CertificateNotValid)

    def test_damaged(self, keys: KeyFolder) -> None:
        lines = keys.read("p256.cert.pem").splitlines(keepends=True)
        path = keys.write("damaged.pem", *lines[:2], *lines[3:])
        assert isinstance(refused("pem", keys["p256.old.pem"], cert=path), CertificateNotValid)

    def test_missing(self, keys: KeyFolder) -> None:
        error = refused("pem", keys["p256.old.pem"], cert=keys["nowhere.pem"])
        assert isinstance(error, KeyNotFound)
        assert "nowhere.pem" in str(error)


class TestKeys:
    def test_path_with_spaces_and_special_characters(self, keys: KeyFolder) -> None:
        path = keys.write("my key 100% ? & ü.pem", keys.read("p256.old.pem"), keys.read("p256.cert.pem"))
        opened("pem", path)

    def test_path_in_the_home_folder(self, keys: KeyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(keys.path))
        monkeypatch.setenv("USERPROFILE", str(keys.path))
        opened("pem", "~/p256.old.pem", cert="~/p256.cert.pem")

    def test_as_some_editors_save_it(self, keys: KeyFolder) -> None:
        text = keys.read("p256.old.pem") + keys.read("p256.cert.pem")
        opened("pem", keys.write("notepad.pem", b"\xef\xbb\xbf", text.replace(b"\n", b"\r\n")))

    def test_with_curve_parameters_before_it(self, keys: KeyFolder) -> None:
        parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        opened("pem", keys.write("openssl.pem", parameters, keys.read("p256.old.pem"), keys.read("p256.cert.pem")))

    @pytest.mark.parametrize("bits", [1024, 1536])
    def test_rsa_key_too_short(self, keys: KeyFolder, bits: int) -> None:
        keys.add("short", rsa.generate_private_key(65537, bits))
        assert isinstance(refused("p12", keys["short.p12"]), WeakAlgorithm)

    def test_curve_of_no_use(self, keys: KeyFolder) -> None:
        keys.add("koblitz", ec.generate_private_key(ec.SECP256K1()))
        assert isinstance(refused("pem", keys["koblitz.old.pem"], cert=keys["koblitz.cert.pem"]), MechanismUnavailable)

    def test_kind_of_key_without_a_place_in_dicom(self, keys: KeyFolder) -> None:
        keys.add("ed", ed25519.Ed25519PrivateKey.generate())
        assert isinstance(refused("pem", keys["ed.pkcs8.pem"], cert=keys["ed.cert.pem"]), MechanismUnavailable)

    @pytest.mark.parametrize(
        ("scheme", "name", "expected", "hint"),
        [
            ("pem", "nowhere", "does not exist", "path"),
            ("pem", "", "folder", "file"),
            ("pem", "rsa.cert.pem", "certificate", "cert="),
            ("pem", "rsa.cert.der", "certificate", "cert="),
            ("pem", "rsa.public.pem", "public key", "private key"),
            ("pem", "rsa.public.der", "public key", "private key"),
            ("pem", "rsa.old.der", "not a private key", "der:"),
            ("pem", "rsa.p12", "PKCS #12", "p12:"),
            ("pem", "ssh", "OpenSSH", "ssh-keygen"),
            ("pem", "pgp", "OpenPGP", "X.509"),
            ("pem", "putty", "PuTTY", "ssh-keygen"),
            ("pem", "empty", "not a private key", "PEM"),
            ("pem", "huge", "1 MiB", "path"),
            ("pem", "two", "2 private keys", "file of its own"),
            ("pem", "cut", "cannot be read", "again"),
            ("der", "rsa.old.pem", "PEM file with a private key", "pem:"),
            ("der", "rsa.p12", "PKCS #12", "p12:"),
            ("der", "rsa.cert.der", "certificate", "cert="),
            ("der", "rsa.public.der", "public key", "private key"),
            ("p12", "rsa.old.pem", "PEM file with a private key", "pem:"),
            ("p12", "rsa.old.der", "not a private key", "der:"),
            ("p12", "empty", "not a private key", "PKCS #12"),
        ],
    )
    def test_invalid_file(self, keys: KeyFolder, scheme: str, name: str, expected: str, hint: str) -> None:
        ssh = ed25519.Ed25519PrivateKey.generate()
        keys.write("ssh", ssh.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        keys.write("pgp", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n")
        keys.write("putty", b"PuTTY-User-Key-File-3: ssh-rsa\n")
        keys.write("empty", b"")
        keys.write("huge", keys.read("rsa.old.pem"), bytes(1 << 20))
        keys.write("two", keys.read("rsa.old.pem"), keys.read("p256.old.pem"))
        lines = keys.read("rsa.old.pem").splitlines(keepends=True)
        keys.write("cut", *lines[:5], *lines[6:])
        error = refused(scheme, keys[name])
        assert isinstance(error, KeyNotFound)
        assert expected in str(error)
        assert hint in error.hint

    def test_pkcs12_without_a_key(self, keys: KeyFolder) -> None:
        bag = serialize_key_and_certificates(None, None, keys.certificates["rsa"], None, NoEncryption())
        assert isinstance(refused("p12", keys.write("no-key.p12", bag)), KeyNotFound)

    def test_other_attributes_are_refused(self, keys: KeyFolder) -> None:
        error = refused("pem", keys["p256.old.pem"], crt=keys["p256.cert.pem"])
        assert isinstance(error, UsageError)
        assert "cert=" in error.hint


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def pss(keys: KeyFolder) -> KeyFolder:
    """A key for RSASSA-PSS only, as OpenSSL writes it, in all formats."""
    for name, options in (("pss", []), ("bound", ["rsa_pss_keygen_md:sha256", "rsa_pss_keygen_saltlen:32"])):
        words = [each for option in ["rsa_keygen_bits:2048", *options] for each in ("-pkeyopt", option)]
        openssl("genpkey", "-algorithm", "RSA-PSS", *words, "-out", keys[f"{name}.pem"])
        openssl("pkey", "-in", keys[f"{name}.pem"], "-outform", "DER", "-out", keys[f"{name}.der"])
        certificate = keys[f"{name}.cert.pem"]
        openssl("req", "-x509", "-new", "-key", keys[f"{name}.pem"], "-subj", "/CN=pss", "-out", certificate)
        locked = keys[f"{name}.locked.pem"]
        openssl("pkcs8", "-topk8", "-in", keys[f"{name}.pem"], "-passout", "pass:secret", "-out", locked)
        p12 = ["-inkey", keys[f"{name}.pem"], "-in", certificate, "-passout", "pass:", "-out", keys[f"{name}.p12"]]
        openssl("pkcs12", "-export", *p12)
    return keys


class TestAlgorithms:
    """The object identifier of a key decides what it may be used for, and so does its certificate's."""

    @pytest.mark.parametrize("name", ["pss", "bound"])
    def test_keys_for_pss_only(self, name: str, pss: KeyFolder) -> None:
        """RFC 4055 1.2: they make no signatures of PKCS #1 v1.5."""
        certificate = pss[f"{name}.cert.pem"]
        for error in (
            refused("pem", pss[f"{name}.pem"], cert=certificate),
            refused("der", pss[f"{name}.der"], cert=certificate),
            refused("p12", pss[f"{name}.p12"]),
        ):
            assert type(error) is MechanismUnavailable
            assert "RSASSA-PSS" in str(error)
            assert "RFC 4055" in error.hint

    def test_one_that_is_encrypted_is_known_by_its_certificate(self, pss: KeyFolder) -> None:
        with pytest.raises(MechanismUnavailable, match="RSASSA-PSS"):
            opened("pem", pss["pss.locked.pem"], lambda _: "secret", cert=pss["pss.cert.pem"])

    def test_a_plain_key_that_is_certified_for_something_else(self, keys: KeyFolder) -> None:
        key = keys.certificates["rsa"].public_key()
        assert isinstance(key, rsa.RSAPublicKey)
        numbers = key.public_numbers()
        for algorithm, name in ((raw.RSASSA_PSS, "RSASSA-PSS"), (raw.RSAES_OAEP, "RSAES-OAEP")):
            info = raw.rsa_info(numbers.n, numbers.e, algorithm, raw.seq())
            path = keys.write("other.cer", raw.certificate(info))
            assert name in str(refused("pem", keys["rsa.pkcs8.pem"], cert=path))

    def test_unsupported_curves_are_named(self, keys: KeyFolder) -> None:
        for curve, name in (("sect163k1", "sect163k1"), ("secp112r1", "secp112r1"), ("SM2", "SM2")):
            path = keys[f"{curve}.pem"]
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", path)
            error = refused("pem", path, cert=keys["rsa.cert.pem"])
            assert type(error) is MechanismUnavailable
            assert name in str(error)


class TestPassphrase:
    @pytest.mark.parametrize("name", ["rsa.locked.p12", "rsa.locked.pem", "rsa.oldlocked.pem", "rsa.locked.der"])
    @pytest.mark.parametrize("wrong", ["", "sesame", "nul\0", PASSPHRASE + "\ud800", "x" * 5000])
    def test_wrong(self, keys: KeyFolder, name: str, wrong: str) -> None:
        scheme = name.rpartition(".")[2]
        with pytest.raises(PinRejected) as caught:
            opened(scheme, keys[name], lambda _: wrong, cert=keys["rsa.cert.pem"])
        assert not wrong or wrong not in "".join(traceback.format_exception(caught.value))

    @pytest.mark.parametrize("name", ["rsa.locked.p12", "rsa.locked.pem"])
    def test_declined(self, keys: KeyFolder, name: str) -> None:
        with pytest.raises(PinRejected, match="encrypted") as caught:
            opened(name.rpartition(".")[2], keys[name], lambda _: None, cert=keys["rsa.cert.pem"])
        assert "secrets=" in caught.value.hint
        assert caught.value.__context__ is None

    def test_request_names_purpose_and_uri(self, keys: KeyFolder) -> None:
        requests: list[SecretRequest] = []

        def answer(request: SecretRequest) -> str:
            requests.append(request)
            return PASSPHRASE

        opened("pem", keys["rsa.locked.pem"], answer, cert=keys["rsa.cert.pem"])
        uri = key_uri("pem", keys["rsa.locked.pem"])
        assert requests == [SecretRequest(purpose="private key rsa.locked.pem", uri=uri)]

    def test_error_of_the_application_passes(self, keys: KeyFolder) -> None:
        def answer(_: SecretRequest) -> str:
            raise UsageError("no terminal")

        with pytest.raises(UsageError, match="no terminal"):
            opened("p12", keys["rsa.locked.p12"], answer)


class TestClosing:
    def test_drops_the_key(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        references = sys.getrefcount(key)
        signer = SoftwareSigner(key, (b"0",))
        assert sys.getrefcount(key) > references
        signer.close()
        assert sys.getrefcount(key) == references

    def test_happens_when_the_application_fails(self, keys: KeyFolder) -> None:
        backend = BACKENDS[0]
        uri = key_uri("pem", keys["p256.old.pem"], cert=keys["p256.cert.pem"])
        with pytest.raises(ZeroDivisionError), backend.open(uri, never) as signer:
            raise ZeroDivisionError
        with pytest.raises(SignerError, match="closed"):
            signer.sign(MESSAGE)
