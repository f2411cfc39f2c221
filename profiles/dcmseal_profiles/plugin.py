"""Contributes the profiles of this package; imports nothing until it is asked."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.protocols import Profile


@hookimpl
def dcmseal_profiles() -> Iterable[Profile]:
    """Contribute ``none`` and ``base-rsa``."""
    from dcmseal_profiles.base_rsa import BaseRsa
    from dcmseal_profiles.none import NoProfile

    return (NoProfile(), BaseRsa())
