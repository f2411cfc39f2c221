"""Explains why a file is not a private key of the expected format, and what to do."""

# Kept apart: explains errors only, and would make key_files too long.

from __future__ import annotations

import base64
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509 import InvalidVersion, load_der_x509_certificate

from dcmseal.plugins.certificate_formats import diagnose_pem, is_pkcs7, is_pkcs12
from dcmseal.plugins.key_uri import escape_path
from dcmseal.plugins.pem import iter_pem_blocks
from dcmseal.text import detect_bom_encoding
from dcmseal.warning_filter import suppress_warnings

_NEEDS_PRIVATE: Final = "name the file with the private key, which signing needs"
_NAME_THE_KEY: Final = "name the file with the private key, and this file in cert="
_LABELS: Final = {
    "CERTIFICATE": ("a certificate, not a private key", _NAME_THE_KEY),
    "TRUSTED CERTIFICATE": ("a certificate, not a private key", _NAME_THE_KEY),
    "PKCS7": ("a PKCS #7 file of certificates, not a private key", _NAME_THE_KEY),
    "CERTIFICATE REQUEST": ("a certificate request, not a private key", _NEEDS_PRIVATE),
    "OPENSSH PRIVATE KEY": ("a key in OpenSSH format", "convert a copy: ssh-keygen -p -m PKCS8 -f COPY"),
    "PGP PRIVATE KEY BLOCK": ("an OpenPGP key", "DICOM needs a key with an X.509 certificate"),
    "PGP PUBLIC KEY BLOCK": ("an OpenPGP key", "DICOM needs a key with an X.509 certificate"),
    "PUBLIC KEY": ("a public key", _NEEDS_PRIVATE),
    "RSA PUBLIC KEY": ("a public key", _NEEDS_PRIVATE),
    "X509 CERTIFICATE": ("a certificate, not a private key", _NAME_THE_KEY),
}


def diagnose_key_file(data: bytes, path: str) -> tuple[str, str]:
    """Describe a file that is not a private key in the expected format.

    Args:
        data: The contents of the file.
        path: Its path, for the hint.

    Returns:
        The description, for a sentence that begins with the path, and a hint.
    """
    labels = [block.label for block in iter_pem_blocks(data)]
    for label in labels:
        if label in _LABELS:
            return _LABELS[label]
    if any(label.endswith("PRIVATE KEY") for label in labels):
        return "a PEM file with a private key", f"write pem:{escape_path(path)}?cert=CERTIFICATE"
    if data.startswith(b"PuTTY-User-Key-File"):
        return "a PuTTY key", "export it in OpenSSH format, then: ssh-keygen -p -m PKCS8 -f COPY"
    damaged = None if labels else diagnose_pem(data)
    if damaged:
        return damaged
    encoding = detect_bom_encoding(data)
    if encoding:
        return f"{encoding} text, not a private key", f"convert it: iconv -f {encoding} -t UTF-8 OLD > NEW"
    if data.startswith((b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")):
        return "a Java keystore", "convert it: keytool -importkeystore -srckeystore OLD -destkeystore NEW.p12"
    if is_pkcs7(data):
        return "a PKCS #7 file of certificates, not a private key", _NAME_THE_KEY
    if is_pkcs12(data):
        return "a PKCS #12 file", f"write p12:{escape_path(path)}"
    if _is_certificate(data):
        return "a certificate, not a private key", _NAME_THE_KEY
    if _is_public_key(data):
        return "a public key", _NEEDS_PRIVATE
    if data.startswith(b"\x30"):
        return (
            "not a private key in the expected format",
            f"if it is DER, write der:{escape_path(path)}?cert=CERTIFICATE",
        )
    if _is_base64(data):
        return "base64 without BEGIN and END", "convert it: openssl base64 -d -in OLD -out NEW, then write der:NEW"
    return "not a private key", "name a file with a private key in PEM, DER or PKCS #12"


def _is_base64(data: bytes) -> bool:
    try:
        return base64.b64decode(b"".join(data.split()), validate=True).startswith(b"\x30")
    except ValueError:
        return False


def _is_certificate(data: bytes) -> bool:
    try:
        with suppress_warnings():
            load_der_x509_certificate(data)
    except (ValueError, InvalidVersion):
        return False
    return True


def _is_public_key(data: bytes) -> bool:
    try:
        load_der_public_key(data)
    except UnsupportedAlgorithm:
        return True
    except ValueError:
        return False
    return True
