"""The hooks through which plugins contribute keys, trust, profiles, timestamps, reports, storages and executors.

A plugin is a module named by an entry point of group ``dcmseal``; it imports nothing heavy:

    from dcmseal.plugins.hookspecs import hookimpl

    @hookimpl
    def dcmseal_profiles():
        from example.profile import ExampleProfile

        return (ExampleProfile(),)

Every hook contributes values of one kind, which the registry keeps by name; there is no order of calls.
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
"""Marks a function of a plugin as the implementation of the hook of that name."""


@hookspec
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    """Contribute backends that open signing keys; each is found by the scheme of its key URIs."""
    raise NotImplementedError


@hookspec
def dcmseal_profiles() -> Iterable[Profile]:
    """Contribute Digital Signature Profiles (PS3.15 6.3); each is found by its name."""
    raise NotImplementedError


@hookspec
def dcmseal_trust_backends() -> Iterable[TrustBackend]:
    """Contribute backends that evaluate trust in signers; each is found by the scheme of the trust settings."""
    raise NotImplementedError


@hookspec
def dcmseal_timestamp_backends() -> Iterable[TimestampBackend]:
    """Contribute kinds of certified timestamp; each is found by its term of Certified Timestamp Type (0400,0305)."""
    raise NotImplementedError


@hookspec
def dcmseal_storages() -> Iterable[Storage]:
    """Contribute storages beyond the file system; each is found by the scheme of its URLs."""
    raise NotImplementedError


@hookspec
def dcmseal_batch_executors() -> Iterable[BatchExecutor]:
    """Contribute what many files are worked on with beyond this process; each is found by its name."""
    raise NotImplementedError


@hookspec
def dcmseal_report_writers() -> Iterable[ReportWriter]:
    """Contribute writers of reports about verifications; each is found by its format."""
    raise NotImplementedError
