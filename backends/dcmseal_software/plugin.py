"""Contributes the backends of this package; imports nothing until it is asked."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.guarded_signer import SignerBackend
from dcmseal.plugins.hookspecs import hookimpl


@hookimpl
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    """Contribute ``pem:``, ``der:`` and ``p12:``."""
    from dcmseal_software.backend import BACKENDS

    return BACKENDS
