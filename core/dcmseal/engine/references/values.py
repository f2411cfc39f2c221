"""What a document cites, as a part of JSON documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmseal.engine.json_values import Document

if TYPE_CHECKING:
    from dcmseal.engine.references.filling import FilledReference


def reference_value(reference: FilledReference) -> Document:
    """An instance that is cited, and by what."""
    return {
        "location": str(reference.location),
        "sop_instance_uid": reference.uid,
        "file": reference.file,
        "signatures": [*reference.signatures],
        "mac": reference.has_mac,
        "was_there": reference.was_present,
    }
