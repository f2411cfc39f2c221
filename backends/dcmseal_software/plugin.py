"""Contributes ``pem:``, ``der:`` and ``p12:``; imports nothing else until called."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.signer_backend import SignerBackend


@hookimpl
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    """Contribute ``pem:``, ``der:`` and ``p12:``."""
    from dcmseal_software.file_backend import BACKENDS

    return BACKENDS
