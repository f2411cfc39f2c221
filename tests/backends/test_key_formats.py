"""Key files of other programs: supported formats are read; for others the error names the command to convert them."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from dcmseal.errors import KeyNotFound, MechanismUnavailable, PinRejected
from dcmseal_software.file_backend import BACKENDS
from tests.core.plugins.test_certificate_formats import indefinite
from tests.support.pki import Pki

PASS = "correct"
LEGACY = ("-provider", "default", "-provider", "legacy")
P8 = ("pkcs8", "-topk8")


def openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def opens(scheme: str, path: Path, cert: Path, secret: str | None = PASS) -> bool:
    backend = next(each for each in BACKENDS if each.scheme == scheme)
    with backend.open(f"{scheme}:{path}?cert={cert}", lambda _: secret) as signer:
        return bool(signer.certificate_chain)


@pytest.mark.parametrize(
    "words",
    [
        (*P8, "-v2", "aes256"),
        (*P8, "-v2", "des3"),
        (*P8, "-v2", "aes128", "-v2prf", "hmacWithSHA1"),
        (*P8, "-v2", "aes256", "-v2prf", "hmacWithSHA512"),
        (*P8, "-scrypt"),
        (*P8, "-v1", "PBE-MD5-DES", *LEGACY),
        (*P8, "-v1", "PBE-SHA1-3DES"),
        (*P8, "-v1", "PBE-SHA1-RC2-40", *LEGACY),
        (*P8, "-v1", "PBE-SHA1-RC4-128", *LEGACY),
        ("rsa", "-traditional", "-aes128"),
        ("rsa", "-traditional", "-aes256"),
        ("rsa", "-traditional", "-des3"),
    ],
    ids=" ".join,
)
def test_encryption_that_is_read(pki: Pki, tmp_path: Path, words: tuple[str, ...]) -> None:
    identity = pki["rsa2048"]
    key = tmp_path / "key.pem"
    openssl(*words, "-in", identity.key_pem, "-passout", f"pass:{PASS}", "-out", key)
    assert opens("pem", key, identity.certificate_pem)
    with pytest.raises(PinRejected, match="wrong"):
        opens("pem", key, identity.certificate_pem, "wrong")


@pytest.mark.parametrize(
    ("words", "cipher"),
    [
        ((*P8, "-v2", "camellia128"), "Camellia-128"),
        ((*P8, "-v2", "aria256"), "ARIA-256"),
        ((*P8, "-v2", "des", *LEGACY), "DES"),
        ((*P8, "-v1", "PBE-SHA1-DES", *LEGACY), "DES"),
        (("rsa", "-traditional", "-camellia256"), "CAMELLIA-256-CBC"),
        (("rsa", "-traditional", "-aria128"), "ARIA-128-CBC"),
        (("rsa", "-traditional", "-des-cbc", *LEGACY), "DES-CBC"),
    ],
    ids=str,
)
def test_encryption_that_is_named(pki: Pki, tmp_path: Path, words: tuple[str, ...], cipher: str) -> None:
    identity = pki["rsa2048"]
    old, new = tmp_path / "OLD", tmp_path / "NEW"
    openssl(*words, "-in", identity.key_pem, "-passout", f"pass:{PASS}", "-out", old)
    with pytest.raises(MechanismUnavailable, match=f"encrypted with {cipher}, which is not supported") as caught:
        opens("pem", old, identity.certificate_pem)
    assert "openssl pkey -aes256 -in OLD -out NEW" in caught.value.hint
    openssl(
        *("pkey", "-aes256", "-in", old, "-out", new, *LEGACY), *("-passin", f"pass:{PASS}", "-passout", f"pass:{PASS}")
    )
    assert opens("pem", new, identity.certificate_pem)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-legacy",),
        ("-legacy", "-keypbe", "PBE-SHA1-RC2-40", "-certpbe", "PBE-SHA1-RC2-40"),
        ("-keypbe", "camellia-256-cbc", "-certpbe", "aria-256-cbc"),
        ("-macalg", "sha512"),
    ],
    ids=" ".join,
)
def test_pkcs12(pki: Pki, tmp_path: Path, words: tuple[str, ...]) -> None:
    identity = pki["rsa2048"]
    key = tmp_path / "key.p12"
    files = ("-inkey", identity.key_pem, "-in", identity.certificate_pem)
    openssl("pkcs12", "-export", *words, *files, "-passout", f"pass:{PASS}", "-out", key)
    for data in (key.read_bytes(), indefinite(key.read_bytes(), 9)):
        key.write_bytes(data)
        assert opens("p12", key, identity.certificate_pem)
        with pytest.raises(PinRejected):
            opens("p12", key, identity.certificate_pem, "wrong")


def test_a_key_in_utf16(pki: Pki, tmp_path: Path) -> None:
    identity = pki["p256"]
    (tmp_path / "key").write_bytes(identity.key_pem.read_text().encode("utf-16"))
    assert opens("pem", tmp_path / "key", identity.certificate_pem)


def test_a_file_without_a_key_is_named(pki: Pki, tmp_path: Path) -> None:
    identity = pki["p256"]
    text = identity.key_pem.read_bytes()
    body = b"".join(text.splitlines()[1:-1])
    for data, said, hint in (
        (text.replace(b"\n", b"\\n"), "instead of line breaks", "printf"),
        (text.replace(b"\n", b" "), "damaged line breaks", "sed"),
        (text[:-20], "truncated", "again"),
        (base64.encodebytes(base64.b64decode(body)), "base64 without BEGIN and END", "openssl base64"),
        ("Grüße".encode("utf-16"), "UTF-16 text", "iconv"),
        (b"\xfe\xed\xfe\xed\0\0\0\2", "a Java keystore", "keytool"),
    ):
        (tmp_path / "key").write_bytes(data)
        with pytest.raises(KeyNotFound, match=said) as caught:
            opens("pem", tmp_path / "key", identity.certificate_pem)
        assert hint in caught.value.hint
