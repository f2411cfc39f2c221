"""Certificates as authorities, Windows, OpenSSL and mail programs hand them out; and what else such files may be."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs7, pkcs12
from cryptography.x509 import load_der_x509_certificate

from dcmseal.errors import CertificateNotValid, TrustError
from dcmseal.plugins.certificate_files import load_certificates
from dcmseal.plugins.trust import TrustSettings
from dcmseal_trust.x509_backend import X509Backend
from tests.support.pki import Identity, Pki

NAMES = ("p256", "p384")


def openssl(*words: str, stdin: bytes) -> bytes:
    return subprocess.run(["openssl", *words], input=stdin, check=True, capture_output=True).stdout


def pem(identity: Identity) -> bytes:
    return identity.certificate_pem.read_bytes()


def pkcs7_file(pki: Pki, encoding: Encoding) -> bytes:
    return pkcs7.serialize_certificates([load_der_x509_certificate(pki[name].der) for name in NAMES], encoding)


def pkcs12_file(pki: Pki, passphrase: bytes = b"") -> bytes:
    first, second = (load_der_x509_certificate(pki[name].der) for name in NAMES)
    encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"signer", pki["p256"].key, first, [second], encryption)


def indefinite(der: bytes, depth: int = 4) -> bytes:
    """The same in BER: elements have an end instead of a length, as some programs write them (X.690 8.1.3.6)."""
    ber = b""
    while der:
        start = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0)
        length = int.from_bytes(der[2:start]) if der[1] & 0x80 else der[1]
        content, rest = der[start : start + length], der[start + length :]
        constructed = der[0] & 0x20 and depth
        ber += (
            bytes([der[0], 0x80]) + indefinite(content, depth - 1) + b"\0\0" if constructed else der[: start + length]
        )
        der = rest
    return ber


FORMS: dict[str, Callable[[Pki], bytes]] = {
    "PKCS #7, DER": lambda pki: pkcs7_file(pki, Encoding.DER),
    "PKCS #7, PEM": lambda pki: pkcs7_file(pki, Encoding.PEM),
    "PKCS #7, BER": lambda pki: indefinite(pkcs7_file(pki, Encoding.DER)),
    "PKCS #7, base64": lambda pki: base64.encodebytes(pkcs7_file(pki, Encoding.DER)),
    "PKCS #7, other label": lambda pki: pkcs7_file(pki, Encoding.PEM).replace(b"PKCS7", b"CMS"),
    "PKCS #12": pkcs12_file,
    "PKCS #12, BER": lambda pki: indefinite(pkcs12_file(pki)),
    "trusted": lambda pki: b"".join(
        openssl("x509", "-trustout", "-addtrust", "emailProtection", stdin=pem(pki[name])) for name in NAMES
    ),
    "UTF-16": lambda pki: "".join(pem(pki[name]).decode() for name in NAMES).encode("utf-16"),
    "UTF-16, the other way": lambda pki: b"\xfe\xff" + "".join(pem(pki[n]).decode() for n in NAMES).encode("utf-16-be"),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_several_certificates(pki: Pki, tmp_path: Path, form: str) -> None:
    (tmp_path / "file").write_bytes(FORMS[form](pki))
    found = {each.public_bytes(Encoding.DER) for each in load_certificates(tmp_path / "file")}
    assert found == {pki[name].der for name in NAMES}
    X509Backend().open(TrustSettings(anchors=(str(tmp_path / "file"),)))


@pytest.mark.parametrize("encode", [base64.b64encode, base64.encodebytes, lambda der: base64.b64encode(der) + b"\r\n"])
def test_base64_without_begin_and_end(pki: Pki, tmp_path: Path, encode: Callable[[bytes], bytes]) -> None:
    (tmp_path / "file").write_bytes(encode(pki["p256"].der))
    assert [each.public_bytes(Encoding.DER) for each in load_certificates(tmp_path / "file")] == [pki["p256"].der]


@pytest.mark.parametrize(
    ("form", "said", "hint"),
    [
        (lambda pki: pkcs12_file(pki, b"secret"), "a PKCS #12 file that needs a passphrase", "openssl pkcs12"),
        (lambda pki: pkcs7_file(pki, Encoding.DER)[:-9], "a PKCS #7 file that cannot be read", "openssl pkcs7"),
        (lambda pki: pki["p256"].key_pem.read_bytes(), "a private key", "issued"),
        (lambda pki: pem(pki["p256"]).replace(b"\n", b"\\n"), "instead of line breaks", "printf"),
        (lambda pki: pem(pki["p256"]).replace(b"\n", b" "), "damaged line breaks", "sed"),
        (lambda pki: pem(pki["p256"])[:-30], "truncated", "again"),
        (lambda _: b"\xfe\xed\xfe\xed\0\0\0\2", "a Java keystore", "keytool"),
        (lambda _: b" \n", "an empty file", "again"),
        (lambda _: b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n", "a CRL", "certificate"),
        (
            lambda pki: openssl("x509", "-trustout", "-addreject", "emailProtection", stdin=pem(pki["p256"])),
            "marked to be rejected",
            "openssl x509",
        ),
    ],
)
def test_a_file_without_a_certificate_is_named(
    pki: Pki, tmp_path: Path, form: Callable[[Pki], bytes], said: str, hint: str
) -> None:
    (tmp_path / "file").write_bytes(form(pki))
    with pytest.raises(CertificateNotValid, match=f"contains no usable certificate: it is .*{said}") as caught:
        load_certificates(tmp_path / "file")
    assert hint in caught.value.hint
    with pytest.raises(TrustError, match=said):
        X509Backend().open(TrustSettings(anchors=(str(tmp_path / "file"),)))


def test_hints_about_line_ends_are_right(pki: Pki, tmp_path: Path) -> None:
    for damage in ((b"\n", b"\\n"), (b"\n", b" ")):
        (tmp_path / "OLD").write_bytes(pem(pki["p256"]).replace(*damage))
        with pytest.raises(CertificateNotValid) as caught:
            load_certificates(tmp_path / "OLD")
        command = caught.value.hint.partition(": ")[2]
        subprocess.run(["/bin/bash", "-c", command], check=True, cwd=tmp_path)
        assert len(load_certificates(tmp_path / "NEW")) == 1
