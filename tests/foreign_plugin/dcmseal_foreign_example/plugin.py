"""The plugin: contributes keys and objects of scheme ``example:``, and the profile ``example-ecdsa``."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins import Profile, SignerBackend, Storage, hookimpl


@hookimpl
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    """Contribute ``example:``."""
    from .backend import ExampleBackend

    return (ExampleBackend(),)


@hookimpl
def dcmseal_profiles() -> Iterable[Profile]:
    """Contribute ``example-ecdsa``."""
    from .profile import ExampleEcdsa

    return (ExampleEcdsa(),)


@hookimpl
def dcmseal_storages() -> Iterable[Storage]:
    """Contribute ``example:``."""
    from .storage import ExampleStorage

    return (ExampleStorage(),)
