"""Reading the signatures of a Data Set, without verifying them."""

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
    """Return all signatures of a Data Set, at every level, without verifying them.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        registry: The plugins to use; None for all that are installed.

    Raises:
        DatasetError: The Data Set cannot be read.
        UsageError: The source is of an unsupported type.
        PluginError: No plugin supports the URL.
    """
    from dcmseal.macro.inspection import iter_signatures

    with open_source(source, provide_registry(registry)) as file:
        return tuple(iter_signatures(file))


def find_signature(source: DatasetInput, uid: str, registry: Registry | None = None) -> Signature:
    """Return the signature with a Digital Signature UID, at any level, without verifying it.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        uid: The Digital Signature UID.
        registry: The plugins to use; None for all that are installed.

    Raises:
        NoSuchSignature: The Data Set has no such signature.
        DatasetError: The Data Set cannot be read.
        PluginError: No plugin supports the URL.
    """
    for signature in signatures(source, registry):
        if signature.uid == uid:
            return signature
    raise no_such_signature(uid)


def write_mac_stream(
    source: DatasetInput, uid: str, write: Callable[[Buffer], object], registry: Registry | None = None
) -> None:
    """Pass the MAC byte stream of a signature to a function, piece by piece.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        uid: The Digital Signature UID.
        write: Called with each piece, which is valid until the next call.
        registry: The plugins to use; None for all that are installed.

    Raises:
        NoSuchSignature: The Data Set has no such signature.
        NotSignable: The signature lists an element that must not be signed.
        DatasetError: The Data Set cannot be read.
        PluginError: No plugin supports the URL.
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
    """Build the error for a UID that no signature has."""
    return NoSuchSignature(f"no signature has UID {uid}", hint="signatures() lists them", code="no-such-signature")
