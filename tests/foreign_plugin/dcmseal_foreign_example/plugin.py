"""Contributes ``example:``, the profile ``example-ecdsa`` and reports ``lines``; imports nothing until it is asked."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins.hookspecs import hookimpl
from dcmseal.plugins.protocols import Profile, SignerBackend
from dcmseal.plugins.reporting import ReportWriter


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
def dcmseal_report_writers() -> Iterable[ReportWriter]:
    """Contribute ``lines``."""
    from .reports import Lines

    return (Lines(),)
