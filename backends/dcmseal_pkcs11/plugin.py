"""Contributes ``pkcs11:``; imports nothing else until called."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.signer_backend import SignerBackend


@hookimpl
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    """Contribute ``pkcs11:``."""
    from dcmseal_pkcs11.pkcs11_backend import Pkcs11Backend

    return (Pkcs11Backend(),)
