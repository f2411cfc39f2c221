"""The signer backends ``pem:``, ``der:`` and ``p12:``: keys and certificates in files.

    pem:key.pem?cert=cert.pem     PKCS #1, PKCS #8 (plain or encrypted) or SEC 1; cert may be left out if the
                                  file holds the certificate too
    der:key.der?cert=cert.cer     the same, binary
    p12:signer.p12                PKCS #12 (PFX), with its certificates

``cert`` and ``chain`` name files of certificates, PEM or DER whatever the key is. A path is relative to the
current folder, and ``~`` is the user's own.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from dcmseal.plugins.key_uri import KeyUri
from dcmseal.plugins.signer_backend import KeyListing, Secrets, Signer


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBackend:
    """Opens keys in files of one format."""

    scheme: str
    summary: str

    @contextmanager
    def open(self, uri: str, secrets: Secrets) -> Generator[Signer]:
        """Load the key and its certificates; the key is dropped when the context ends.

        Raises UsageError for a key URI with other attributes than ``cert`` and ``chain``, KeyNotFound,
        PinRejected, CertificateMismatch, CertificateNotValid, WeakAlgorithm and MechanismUnavailable.
        """
        from dcmseal_software.key_files import Passphrase, build_chain, load_key_file
        from dcmseal_software.software_signer import SoftwareSigner

        parsed = KeyUri.parse(uri)
        parsed.check_attributes("cert", "chain")
        held = load_key_file(self.scheme, parsed.path, Passphrase(parsed, secrets))
        chain = build_chain(held, cert=parsed.attributes.get("cert"), chain=parsed.attributes.get("chain"))
        signer = SoftwareSigner(held.key, chain)
        try:
            yield signer
        finally:
            signer.close()

    def list_keys(self, uri: str = "") -> Iterable[KeyListing]:
        """None: a file is named by its path."""
        return ()


BACKENDS: Final = (
    FileBackend(scheme="pem", summary="key in a PEM file: pem:key.pem?cert=cert.pem"),
    FileBackend(scheme="der", summary="key in a DER file: der:key.der?cert=cert.der"),
    FileBackend(scheme="p12", summary="key and certificates in a PKCS #12 file: p12:signer.p12"),
)
