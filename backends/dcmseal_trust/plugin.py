"""Contributes the trust backend ``x509``; imports nothing else until called."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.trust import TrustBackend


@hookimpl
def dcmseal_trust_backends() -> Iterable[TrustBackend]:
    """Provide the trust backend ``x509``."""
    from dcmseal_trust.x509_backend import X509Backend

    return (X509Backend(),)
