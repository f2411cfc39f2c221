"""Private keys in files: PKCS #1, PKCS #8 (RFC 5958), SEC 1 (RFC 5915) and PKCS #12 (RFC 7292)."""

from __future__ import annotations

import os.path
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from asn1crypto.keys import EncryptedPrivateKeyInfo
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12
from cryptography.x509 import Certificate

from dcmseal.errors import CertificateMismatch, CertificateNotValid, KeyNotFound, MechanismUnavailable, PinRejected
from dcmseal.plugins.certificate_files import load_certificates, parse_certificate
from dcmseal.plugins.certificate_formats import NoCertificates, extract_certificate_ders, is_pkcs12
from dcmseal.plugins.key_algorithms import certificate_key_algorithm, parse_private_key_algorithm, unsupported_key_error
from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.pem import iter_pem_blocks, load_file, to_ascii
from dcmseal.plugins.signer_backend import SecretRequest, Secrets
from dcmseal.plugins.tracebacks import strip_traceback
from dcmseal.warning_filter import suppress_warnings
from dcmseal_software.key_file_diagnosis import diagnose_key_file


class Passphrase:
    """Asks the application for the passphrase of the key file that a key URI names."""

    __slots__ = ("_secrets", "_uri")

    def __init__(self, uri: KeyUri, secrets: Secrets) -> None:
        self._uri = uri
        self._secrets = secrets

    def request(self) -> bytes:
        """The passphrase in UTF-8; raises PinRejected if the application has none."""
        path = self._uri.path
        purpose = f"private key {os.path.basename(path)}"
        secret = self._secrets(SecretRequest(purpose=purpose, uri=self._uri.without_query()))
        if secret is None:
            raise PinRejected(
                f"{path!r} is encrypted, and no passphrase was given",
                hint="answer with secrets=",
                code="passphrase-missing",
            )
        # OpenSSL takes passphrases as C strings; UTF-8 has no form for a lone surrogate.
        passphrase = secret.encode("utf-8", "ignore")
        if b"\0" in passphrase or passphrase.decode() != secret:
            raise self.wrong_passphrase_error()
        return passphrase

    def wrong_passphrase_error(self) -> PinRejected:
        """The error for a wrong passphrase."""
        return PinRejected(
            f"the passphrase of {self._uri.path!r} is wrong, or the file is damaged",
            hint="try again with the right passphrase; it was tried once",
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
    """The name of what a key in PEM or DER is encrypted with, if no passphrase opens it here; empty if one might."""
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
    except Exception:  # noqa: BLE001 - readers of ASN.1 fail in many ways
        return ""


_KEY_LABELS: Final = frozenset(
    {"PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """What a key file holds."""

    path: str
    key: PrivateKeyTypes = field(repr=False)
    certificates: tuple[Certificate, ...] = ()


@strip_traceback
def load_key_file(scheme: str, path: str, passphrase: Passphrase) -> KeyFile:
    """Read a file of one private key, in the form that the scheme stands for.

    Raises KeyNotFound, PinRejected, CertificateNotValid and MechanismUnavailable.
    """
    return _LOADERS[scheme](path, passphrase)


def _load_pem_key(path: str, passphrase: Passphrase) -> KeyFile:
    """Read a PEM file of one private key, and certificates if there are any."""
    data = to_ascii(load_file(path))
    blocks = tuple(iter_pem_blocks(data))
    keys = [block for block in blocks if block.label in _KEY_LABELS]
    if not keys:
        raise _no_key_error(path, data)
    if len(keys) > 1:
        raise KeyNotFound(f"{path!r} holds {len(keys)} private keys", hint="put the one to sign with into its own file")
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
    """Read a DER file of one private key."""
    data = load_file(path)
    _check_algorithm(path, data)
    key = _unlock_key(path, data, load_der_private_key, passphrase)
    if key is None:
        raise _no_key_error(path, data)
    return KeyFile(path=path, key=key)


def _load_pkcs12_key(path: str, passphrase: Passphrase) -> KeyFile:
    """Read a PKCS #12 file; its passphrase is asked for if it opens neither without one nor with an empty one."""
    data = load_file(path)
    if not is_pkcs12(data):
        raise _no_key_error(path, data)
    loaded = _unlock_pkcs12(path, data, passphrase)
    if loaded.key is None:
        raise KeyNotFound(f"{path!r} holds no private key", hint="export it again together with its private key")
    held = (loaded.cert, *loaded.additional_certs)
    return KeyFile(path=path, key=loaded.key, certificates=tuple(each.certificate for each in held if each))


_LOADERS: Final[Mapping[str, Callable[[str, Passphrase], KeyFile]]] = {
    "pem": _load_pem_key,
    "der": _load_der_key,
    "p12": _load_pkcs12_key,
}


def _check_algorithm(path: str, der: bytes) -> None:
    """Refuse a key that says it is for something else; one that is encrypted leaves that to its certificate."""
    algorithm = parse_private_key_algorithm(der)
    if algorithm is not None and algorithm.key_type is None:
        raise unsupported_key_error(f"the key in {path!r}", algorithm)


def _unlock_key(
    path: str, data: bytes, load: Callable[..., PrivateKeyTypes], passphrase: Passphrase
) -> PrivateKeyTypes | None:
    # Validating an RSA key takes longer than signing. It may be left out because a signature is verified with
    # the certificate before it is used: a damaged key fails there, and its signature leaves the program nowhere.
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
    what, hint = diagnose_key_file(data, path)
    return KeyNotFound(f"{path!r} is {what}", hint=hint)


def _unsupported_error(path: str, cipher: str = "") -> MechanismUnavailable:
    if cipher:
        return MechanismUnavailable(
            f"the key in {path!r} is encrypted with {cipher}, which is not supported",
            hint="convert it: openssl pkey -aes256 -in OLD -out NEW; for old ciphers add -provider default -provider "
            "legacy",
        )
    return MechanismUnavailable(
        f"the key in {path!r} is of a kind, or encrypted in a way, that is not supported",
        hint="convert it: openssl pkcs8 -topk8 -v2 aes256 -in OLD -out NEW",
    )


_MAX_CERTIFICATES: Final = 64


def build_chain(key_file: KeyFile, *, cert: str | None, chain: str | None) -> tuple[bytes, ...]:
    """DER certificates, the key's own first, then those of ``cert``, the key file and ``chain``, each once.

    The own certificate is sought in ``cert``, or in the key file if there is no ``cert``. Raises
    CertificateMismatch if none there belongs to the key, KeyNotFound if there is no certificate at all, and
    MechanismUnavailable if it says that the key is for something else.
    """
    named = load_certificates(cert) if cert else ()
    candidates = named or key_file.certificates
    if not candidates:
        raise KeyNotFound(
            f"there is no certificate for the key in {key_file.path!r}",
            hint="name the file of the certificate: ?cert=CERTIFICATE",
        )
    own = next((each for each in candidates if _matches_key(each, key_file)), None)
    # keys of some algorithms cannot be read, so that nobody can tell whose they are
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
    all_of_them = dict.fromkeys(
        each.public_bytes(Encoding.DER) for each in (own, *named, *key_file.certificates, *further)
    )
    if len(all_of_them) > _MAX_CERTIFICATES:
        raise CertificateNotValid(
            f"more than {_MAX_CERTIFICATES} certificates go with the key in {key_file.path!r}",
            hint="keep only those that lead from the signer's certificate to its authority",
        )
    return tuple(all_of_them)


def _matches_key(certificate: Certificate, key_file: KeyFile) -> bool:
    try:
        return certificate.public_key() == key_file.key.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
