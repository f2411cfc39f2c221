"""Contributes the scheme ``example:`` and the profile ``example-ecdsa``; imports nothing until it is asked."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.protocols import Profile, SignerBackend


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
