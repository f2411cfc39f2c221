"""Parts of JSON documents that tell of comparisons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dcmseal.engine.json_values import Document, Json

if TYPE_CHECKING:
    from dcmseal.engine.comparison.comparing import Comparison, Difference, FrameRuns
    from dcmseal.engine.comparison.signed_places import ComparedSignature


def comparison_value(comparison: Comparison) -> Document:
    """What differs, and which signatures there are."""
    return {
        "means_the_same": comparison.is_equivalent,
        "breaks_signature": comparison.breaks_signature,
        "signatures_in_a": [_standing(each) for each in comparison.signatures_in_a],
        "signatures_in_b": [_standing(each) for each in comparison.signatures_in_b],
        "differences": [_difference(each) for each in comparison.differences],
        "notes": [*comparison.notes],
    }


def _standing(signature: ComparedSignature) -> Document:
    return {
        "uid": signature.uid,
        "location": str(signature.location),
        "integrity": signature.integrity.value,
    }


def _difference(difference: Difference) -> Document:
    return {
        "part": difference.part.value,
        "kind": difference.kind.value,
        "path": difference.path,
        "path_in_b": difference.path_in_b,
        "representation": difference.representation,
        "recoded": difference.recoded,
        "vr_in_a": difference.vr_in_a,
        "vr_in_b": difference.vr_in_b,
        "value_in_a": difference.value_in_a,
        "value_in_b": difference.value_in_b,
        "frames": None if difference.frames is None else _frames(difference.frames),
        "signed_in_a": [*difference.signed_in_a],
        "signed_in_b": [*difference.signed_in_b],
    }


def _frames(frames: FrameRuns) -> Document:
    return {
        "fragments": frames.fragments,
        "changed": _runs(frames.changed),
        "removed": _runs(frames.removed),
        "added": _runs(frames.added),
        "moved": _runs(frames.moved),
        "frames": _runs(frames.frames),
    }


def _runs(runs: Iterable[tuple[int, int]]) -> list[Json]:
    return [[first, last] for first, last in runs]
