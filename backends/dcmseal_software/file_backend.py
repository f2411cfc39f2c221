"""The signer backends ``pem:``, ``der:`` and ``p12:`` for keys and certificates in files.

    pem:key.pem?cert=cert.pem     PKCS #1, PKCS #8 (plain or encrypted) or SEC 1; cert may be omitted if the
                                  file contains the certificate, too
    der:key.der?cert=cert.cer     the same, binary
    p12:signer.p12                PKCS #12 (PFX), with its certificates

``cert`` and ``chain`` name files with certificates, in PEM or DER. Paths are relative to the current folder, and may
begin with ``~``.
"""

# Kept apart: imported only when plugins are listed; it imports cryptography only when it opens a key.

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.signer_backend import KeyListing, Secrets, Signer


class FileBackend(Struct, frozen=True, kw_only=True):
    """Opens keys in files of one format."""

    scheme: str
    summary: str

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Load a key and its certificates, and release them when the context ends.

        Raises:
            UsageError: The key URI is invalid, or has attributes other than ``cert`` and ``chain``.
            KeyNotFound: A file is missing, unreadable, or does not contain a key or certificate.
            PinRejected: The passphrase is wrong or missing.
            CertificateMismatch: No certificate belongs to the key.
            CertificateNotValid: A certificate is damaged, or there are too many.
            WeakAlgorithm: The key is too small.
            MechanismUnavailable: DICOM signatures cannot be made with this type of key.
        """
        from dcmseal_software.key_files import Passphrase, build_chain, load_key_file
        from dcmseal_software.software_signer import SoftwareSigner

        parsed = KeyUri.parse(uri)
        parsed.check_attributes("cert", "chain")
        key_file = load_key_file(self.scheme, parsed.path, Passphrase(parsed, secrets))
        chain = build_chain(key_file, cert=parsed.attributes.get("cert"), chain=parsed.attributes.get("chain"))
        signer = SoftwareSigner(key_file.key, chain)
        try:
            yield signer
        finally:
            signer.close()

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """Return nothing: keys in files are not searched for."""
        return ()


BACKENDS: Final = (
    FileBackend(scheme="pem", summary="key in a PEM file: pem:key.pem?cert=cert.pem"),
    FileBackend(scheme="der", summary="key in a DER file: der:key.der?cert=cert.der"),
    FileBackend(scheme="p12", summary="key and certificates in a PKCS #12 file: p12:signer.p12"),
)
