"""The hooks through which plugins contribute keys, trust, profiles, timestamps, reports, storages and executors.

A plugin is a module named by an entry point of group ``dcmseal``. It must not import anything heavy at the top:

    from dcmseal.plugins.hookspecs import hookimpl

    @hookimpl
    def dcmseal_profiles():
        from example.profile import ExampleProfile

        return (ExampleProfile(),)

Every hook returns contributions of one kind, which the registry finds by name. The order of calls does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from dcmseal.plugins.executor import BatchExecutor
from dcmseal.plugins.profile import Profile
from dcmseal.plugins.report_writer import ReportWriter
from dcmseal.plugins.signer_backend import SignerBackend
from dcmseal.plugins.storage import Storage
from dcmseal.plugins.timestamp_backend import TimestampBackend
from dcmseal.plugins.trust import TrustBackend

hookspec = pluggy.HookspecMarker("dcmseal")
hookimpl = pluggy.HookimplMarker("dcmseal")
"""Decorates a function of a plugin that implements the hook of the same name."""


@hookspec
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    """Contribute backends that open signing keys, each for one key URI scheme."""
    raise NotImplementedError


@hookspec
def dcmseal_profiles() -> Iterable[Profile]:
    """Contribute Digital Signature Profiles (PS3.15 6.3)."""
    raise NotImplementedError


@hookspec
def dcmseal_trust_backends() -> Iterable[TrustBackend]:
    """Contribute backends that evaluate trust in certificates, each for one scheme of trust settings."""
    raise NotImplementedError


@hookspec
def dcmseal_timestamp_backends() -> Iterable[TimestampBackend]:
    """Contribute backends for certified timestamps, each for one Certified Timestamp Type (0400,0305)."""
    raise NotImplementedError


@hookspec
def dcmseal_storages() -> Iterable[Storage]:
    """Contribute storages outside the file system, each for one URL scheme."""
    raise NotImplementedError


@hookspec
def dcmseal_batch_executors() -> Iterable[BatchExecutor]:
    """Contribute executors that process many files outside this process."""
    raise NotImplementedError


@hookspec
def dcmseal_report_writers() -> Iterable[ReportWriter]:
    """Contribute writers of verification reports, each for one format."""
    raise NotImplementedError
