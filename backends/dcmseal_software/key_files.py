"""Private keys in files: PKCS #1, PKCS #8 (RFC 5958), SEC 1 (RFC 5915) and PKCS #12 (RFC 7292)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12
from cryptography.x509 import Certificate

from dcmseal.errors import KeyNotFound, MechanismUnavailable
from dcmseal.plugins.certificate_files import parse_certificate
from dcmseal.plugins.certificate_formats import NoCertificates, extract_certificate_ders, is_pkcs12
from dcmseal.plugins.key_algorithms import parse_private_key_algorithm, unsupported_key_error
from dcmseal.plugins.pem import iter_pem_blocks, load_file, to_ascii
from dcmseal.plugins.secrecy import strip_traceback
from dcmseal.quiet import suppress_warnings
from dcmseal_software.encryption import find_unsupported_cipher
from dcmseal_software.passphrase import Passphrase
from dcmseal_software.recognition import diagnose_key_file

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
