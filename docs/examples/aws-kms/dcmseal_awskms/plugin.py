"""The plugin: contributes ``awskms:``, and imports nothing heavy until a key is opened."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.plugins import SignerBackend, hookimpl


@hookimpl
def dcmseal_signer_backends() -> Iterable[SignerBackend]:
    """Contribute ``awskms:``."""
    from dcmseal_awskms.backend import AwsKmsBackend

    return (AwsKmsBackend(),)
