"""What private keys in files are encrypted with: PKCS #5 (RFC 8018), and the older way of OpenSSL (RFC 1421 4.6)."""

from __future__ import annotations

import re
from typing import Final

from asn1crypto.keys import EncryptedPrivateKeyInfo

from dcmseal.plugins.pem import iter_pem_blocks

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
