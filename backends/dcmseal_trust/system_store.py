"""The certificates of the authorities that the operating system trusts."""

from __future__ import annotations

import ssl
from collections.abc import Iterator


def iter_system_certificates() -> Iterator[bytes]:
    """Their DER: of OpenSSL's default files and folders, or of the system's store on Windows."""
    context = ssl.create_default_context()
    yield from context.get_ca_certs(binary_form=True)
