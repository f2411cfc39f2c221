"""A plugin that imports its library before anybody asks for a key."""

from __future__ import annotations

from cryptography import x509

from tests.core.testing.light_plugin import dcmseal_signer_backends

__all__ = ["dcmseal_signer_backends", "x509"]
