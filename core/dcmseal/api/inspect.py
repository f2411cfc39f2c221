"""Looking at the signatures of a Data Set, without verifying them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dcmseal.api.installed_plugins import provide_registry
from dcmseal.dataset.source import Buffer
from dcmseal.errors import NoSuchSignature
from dcmseal.sources.dataset_input import DatasetInput, open_source

if TYPE_CHECKING:
    from dcmseal.macro.inspection import Signature
    from dcmseal.plugins.registry import Registry


def signatures(source: DatasetInput, registry: Registry | None = None) -> tuple[Signature, ...]:
    """All signatures of a Data Set, at every level; nothing is verified. Raises DatasetError or one of its kinds."""
    from dcmseal.macro.inspection import iter_signatures

    with open_source(source, provide_registry(registry)) as file:
        return tuple(iter_signatures(file))


def find_signature(source: DatasetInput, uid: str, registry: Registry | None = None) -> Signature:
    """The signature with a Digital Signature UID, at whatever level; raises NoSuchSignature."""
    for signature in signatures(source, registry):
        if signature.uid == uid:
            return signature
    raise no_such_signature(uid)


def write_mac_stream(
    source: DatasetInput, uid: str, write: Callable[[Buffer], object], registry: Registry | None = None
) -> None:
    """Pass the MAC byte stream of a signature to ``write``, in pieces that are good until the next.

    Raises NoSuchSignature, and NotSignable if it lists an element that may not be signed.
    """
    from dcmseal.macro.level_macs import feed_mac_stream
    from dcmseal.macro.levels import iter_signed_levels

    with open_source(source, provide_registry(registry)) as file:
        for signed in iter_signed_levels(file):
            for found in signed.level_signatures.signatures:
                if found.signature.uid == uid:
                    feed_mac_stream(signed.level, found.signature.index, write)
                    return
    raise no_such_signature(uid)


def no_such_signature(uid: str) -> NoSuchSignature:
    """What to raise when no signature has a UID."""
    return NoSuchSignature(f"no signature has UID {uid}", hint="signatures() lists them", code="no-such-signature")
