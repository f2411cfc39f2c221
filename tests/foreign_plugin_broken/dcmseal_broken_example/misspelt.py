"""Implements a hook that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.profile import Profile


@hookimpl
def dcmseal_profile() -> Iterable[Profile]:
    """Contribute nothing, under a name one letter too short."""
    return ()
