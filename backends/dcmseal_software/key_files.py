"""Loads private keys from files: PKCS #1, PKCS #8 (RFC 5958), SEC 1 (RFC 5915) and PKCS #12 (RFC 7292)."""

# Kept apart: imports cryptography, which listing plugins must not do.

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from asn1crypto.keys import EncryptedPrivateKeyInfo
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12
from cryptography.x509 import Certificate
from msgspec import Struct

from dcmseal.errors import CertificateMismatch, CertificateNotValid, KeyNotFound, MechanismUnavailable, PinRejected
from dcmseal.plugins.certificate_files import load_certificates, parse_certificate
from dcmseal.plugins.certificate_formats import NoCertificates, extract_certificate_ders, is_pkcs12
from dcmseal.plugins.key_algorithms import certificate_key_algorithm, parse_private_key_algorithm, unsupported_key_error
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.pem import iter_pem_blocks, load_file, to_ascii
from dcmseal.plugins.signer_backend import SecretRequest, Secrets
from dcmseal.plugins.tracebacks import strip_traceback
from dcmseal.representation import format_fields
from dcmseal.warning_filter import suppress_warnings
from dcmseal_software.key_file_diagnosis import diagnose_key_file


class Passphrase:
    """Requests the passphrase of a key file from the application."""

    __slots__ = ("_secrets", "_uri")

    def __init__(self, uri: KeyUri, secrets: Secrets) -> None:
        self._uri = uri
        self._secrets = secrets

    def request(self) -> bytes:
        """Return the passphrase in UTF-8; raises PinRejected if there is none."""
        path = self._uri.path
        purpose = f"private key {os.path.basename(path)}"
        secret = self._secrets(SecretRequest(purpose=purpose, uri=self._uri.without_query()))
        if secret is None:
            raise PinRejected(
                f"{path!r} is encrypted, but no passphrase was given",
                hint="pass secrets=, a function that returns the passphrase",
                code="passphrase-missing",
            )
        # OpenSSL takes passphrases as C strings; UTF-8 cannot encode lone surrogates.
        passphrase = secret.encode("utf-8", "ignore")
        if b"\0" in passphrase or passphrase.decode() != secret:
            raise self.wrong_passphrase_error()
        return passphrase

    def wrong_passphrase_error(self) -> PinRejected:
        """Build the error for a wrong passphrase."""
        return PinRejected(
            f"wrong passphrase for {self._uri.path!r}, or the file is damaged",
            hint="it was tried once; check it and try again",
        )


_HEADER: Final = re.compile(rb"^DEK-Info:[ \t]*([A-Za-z0-9-]{1,40})", re.MULTILINE)
_SUPPORTED: Final = frozenset(
    {
        *("DES-EDE3-CBC", "AES-128-CBC", "AES-192-CBC", "AES-256-CBC"),
        *("tripledes_3key", "aes128_cbc", "aes192_cbc", "aes256_cbc", "rc2"),
        *("pbes1_md5_des", "pbes1_sha1_rc4_128", "pbes1_sha1_tripledes_3key", "pbes1_sha1_rc2_40"),
        *("pkcs12_sha1_rc4_128", "pkcs12_sha1_tripledes_3key", "pkcs12_sha1_rc2_40", "pkcs12_sha1_rc2_128"),
    }
)
_NAMES: Final = {
    "1.2.392.200011.61.1.1.1.2": "Camellia-128",
    "1.2.392.200011.61.1.1.1.3": "Camellia-192",
    "1.2.392.200011.61.1.1.1.4": "Camellia-256",
    "1.2.410.200046.1.1.2": "ARIA-128",
    "1.2.410.200046.1.1.7": "ARIA-192",
    "1.2.410.200046.1.1.12": "ARIA-256",
    "1.2.410.200004.1.4": "SEED",
    "1.3.14.3.2.7": "DES",
    "des": "DES",
    "pbes1_sha1_des": "DES",
}


def find_unsupported_cipher(data: bytes) -> str:
    """Return the name of the cipher of an encrypted key in PEM or DER; empty if it is supported."""
    header = _HEADER.search(data)
    cipher = header[1].decode("ascii") if header else _parse_cipher(data)
    return "" if cipher in _SUPPORTED else _NAMES.get(cipher, cipher)


def _parse_cipher(data: bytes) -> str:
    try:
        der = data if data.startswith(b"\x30") else next(iter_pem_blocks(data)).der
        algorithm = EncryptedPrivateKeyInfo.load(der, strict=True)["encryption_algorithm"]
        if algorithm["algorithm"].native == "pbes2":
            algorithm = algorithm["parameters"]["encryption_scheme"]
        return str(algorithm["algorithm"].native)
    except Exception:  # noqa: BLE001 - ASN.1 readers raise many exceptions
        return ""


_KEY_LABELS: Final = frozenset(
    {"PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"}
)


class KeyFile(Struct, frozen=True, kw_only=True):
    """The contents of a key file."""

    path: str
    key: PrivateKeyTypes
    certificates: tuple[Certificate, ...] = ()

    def __repr__(self) -> str:
        return format_fields(self, hidden=("key",))


@strip_traceback
def load_key_file(scheme: str, path: str, passphrase: Passphrase) -> KeyFile:
    """Load a file with one private key.

    Raises the errors of ``FileBackend.open``.

    Args:
        scheme: The format of the file: ``pem``, ``der`` or ``p12``.
        path: The file.
        passphrase: Provides the passphrase if the key is encrypted.
    """
    return _LOADERS[scheme](path, passphrase)


def _load_pem_key(path: str, passphrase: Passphrase) -> KeyFile:
    """Load a PEM file with one private key, and possibly certificates."""
    data = to_ascii(load_file(path))
    blocks = tuple(iter_pem_blocks(data))
    keys = [block for block in blocks if block.label in _KEY_LABELS]
    if not keys:
        raise _no_key_error(path, data)
    if len(keys) > 1:
        raise KeyNotFound(
            f"{path!r} contains {len(keys)} private keys", hint="put the signing key into a file of its own"
        )
    with suppress(ValueError):
        _check_algorithm(path, keys[0].der)
    key = _unlock_key(path, keys[0].text, load_pem_private_key, passphrase)
    if key is None:
        raise KeyNotFound(f"the private key in {path!r} cannot be read", hint="get the file again from its source")
    certificates: tuple[Certificate, ...] = ()
    with suppress(NoCertificates):
        certificates = tuple(parse_certificate(each, path) for each in extract_certificate_ders(data))
    return KeyFile(path=path, key=key, certificates=certificates)


def _load_der_key(path: str, passphrase: Passphrase) -> KeyFile:
    """Load a DER file with one private key."""
    data = load_file(path)
    _check_algorithm(path, data)
    key = _unlock_key(path, data, load_der_private_key, passphrase)
    if key is None:
        raise _no_key_error(path, data)
    return KeyFile(path=path, key=key)


def _load_pkcs12_key(path: str, passphrase: Passphrase) -> KeyFile:
    """Load a PKCS #12 file; requests the passphrase if the file needs one that is not empty."""
    data = load_file(path)
    if not is_pkcs12(data):
        raise _no_key_error(path, data)
    loaded = _unlock_pkcs12(path, data, passphrase)
    if loaded.key is None:
        raise KeyNotFound(f"{path!r} does not contain a private key", hint="export it again, with its private key")
    certificates = (loaded.cert, *loaded.additional_certs)
    return KeyFile(path=path, key=loaded.key, certificates=tuple(each.certificate for each in certificates if each))


_LOADERS: Final[Mapping[str, Callable[[str, Passphrase], KeyFile]]] = {
    "pem": _load_pem_key,
    "der": _load_der_key,
    "p12": _load_pkcs12_key,
}


def _check_algorithm(path: str, der: bytes) -> None:
    """Refuse a key of an unsuitable algorithm; for an encrypted key, the certificate is checked instead."""
    algorithm = parse_private_key_algorithm(der)
    if algorithm is not None and algorithm.key_type is None:
        raise unsupported_key_error(f"the key in {path!r}", algorithm)


def _unlock_key(
    path: str, data: bytes, load: Callable[..., PrivateKeyTypes], passphrase: Passphrase
) -> PrivateKeyTypes | None:
    # Validating an RSA key takes longer than signing. It is not necessary, because every signature is verified with the
    # certificate before it is used, which detects a damaged key.
    try:
        return load(data, None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        pass  # it is encrypted
    except UnsupportedAlgorithm:
        raise _unsupported_error(path) from None
    except ValueError:
        return None
    secret = passphrase.request()
    try:
        return load(data, secret, unsafe_skip_rsa_key_validation=True)
    except UnsupportedAlgorithm:
        raise _unsupported_error(path) from None
    except (TypeError, ValueError):
        cipher = find_unsupported_cipher(data)
        raise _unsupported_error(path, cipher) if cipher else passphrase.wrong_passphrase_error() from None


def _unlock_pkcs12(path: str, data: bytes, passphrase: Passphrase) -> PKCS12KeyAndCertificates:
    with suppress(ValueError, UnsupportedAlgorithm), suppress_warnings():
        return load_pkcs12(data, None)
    secret = passphrase.request()
    try:
        with suppress_warnings():
            return load_pkcs12(data, secret)
    except UnsupportedAlgorithm:
        raise _unsupported_error(path) from None
    except ValueError:
        raise passphrase.wrong_passphrase_error() from None


def _no_key_error(path: str, data: bytes) -> KeyNotFound:
    description, hint = diagnose_key_file(data, path)
    return KeyNotFound(f"{path!r} is {description}", hint=hint)


def _unsupported_error(path: str, cipher: str = "") -> MechanismUnavailable:
    if cipher:
        return MechanismUnavailable(
            f"the key in {path!r} is encrypted with {cipher}, which is not supported",
            hint="convert it: openssl pkey -aes256 -in OLD -out NEW; for old ciphers, add -provider default -provider "
            "legacy",
        )
    return MechanismUnavailable(
        f"the type of the key in {path!r}, or its encryption, is not supported",
        hint="convert it: openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW",
    )


_MAX_CERTIFICATES: Final = 64


def build_chain(key_file: KeyFile, *, cert: str | None, chain: str | None) -> tuple[bytes, ...]:
    """Build the certificate chain in DER: that of the key first, then those of ``cert``, the key file and ``chain``.

    Args:
        key_file: The key, and certificates from the same file.
        cert: A file with the certificate of the key; None to search the key file.
        chain: A file with further certificates.

    Raises:
        KeyNotFound: There are no certificates.
        CertificateMismatch: No certificate belongs to the key.
        CertificateNotValid: There are too many certificates.
        MechanismUnavailable: By its certificate, the key has an unsuitable algorithm.
    """
    named = load_certificates(cert) if cert else ()
    candidates = named or key_file.certificates
    if not candidates:
        raise KeyNotFound(
            f"no certificate found for the key in {key_file.path!r}",
            hint="name the file of the certificate: ?cert=CERTIFICATE",
        )
    own = next((each for each in candidates if _matches_key(each, key_file)), None)
    # keys of some algorithms cannot be parsed, so they cannot be compared
    likely = own or (candidates[0] if len(candidates) == 1 else None)
    algorithm = None if likely is None else certificate_key_algorithm(likely)
    if algorithm is not None and algorithm.key_type is None:
        raise unsupported_key_error(f"the key of the certificate for {key_file.path!r}", algorithm)
    if own is None:
        raise CertificateMismatch(
            f"no certificate in {cert or key_file.path!r} belongs to the key in {key_file.path!r}",
            hint="check which certificate was issued for this key",
        )
    further = load_certificates(chain) if chain else ()
    unique = dict.fromkeys(each.public_bytes(Encoding.DER) for each in (own, *named, *key_file.certificates, *further))
    if len(unique) > _MAX_CERTIFICATES:
        raise CertificateNotValid(
            f"more than {_MAX_CERTIFICATES} certificates belong to the key in {key_file.path!r}",
            hint="keep only the chain from the signer's certificate to its authority",
        )
    return tuple(unique)


def _matches_key(certificate: Certificate, key_file: KeyFile) -> bool:
    try:
        return certificate.public_key() == key_file.key.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
