"""Implements a hook that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.guarded_profile import Profile
from dcmseal.plugins.hookspecs import hookimpl


@hookimpl
def dcmseal_profile() -> Iterable[Profile]:
    """Contribute nothing, under a name one letter too short."""
    return ()
