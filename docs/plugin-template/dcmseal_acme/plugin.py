"""The plugin: contributes ``acme:`` and ``acme-ecdsa``, and imports nothing heavy until a key is opened."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins import Profile, SignerBackend, hookimpl


@hookimpl
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    """Contribute ``acme:``."""
    from dcmseal_acme.backend import AcmeBackend

    return (AcmeBackend(),)


@hookimpl
def dcmseal_profiles() -> Iterable[Profile]:
    """Contribute ``acme-ecdsa``."""
    from dcmseal_acme.profile import AcmeEcdsa

    return (AcmeEcdsa(),)
