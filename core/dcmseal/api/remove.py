"""Removing signatures from a Data Set."""

from __future__ import annotations

from collections.abc import Collection

from dcmseal.api.inspect import no_such_signature
from dcmseal.macro.edit import RemovalResult, strip_signatures
from dcmseal.output.destination import OutputTarget, resolve_target, write_result
from dcmseal.plugins.registry import Registry
from dcmseal.sources.dataset_input import DatasetInput, open_source
from dcmseal.tags import MACRO


def remove(
    source: DatasetInput,
    *,
    uids: Collection[str] | None = None,
    output: OutputTarget | None = None,
    in_place: bool = False,
    registry: Registry | None = None,
) -> RemovalResult:
    """Remove the signatures with these Digital Signature UIDs, or all (``uids`` None), at every level.

    MAC parameters that no signature uses any longer go too, and sequences that become empty. The result goes where
    ``sign`` puts its own. Raises NoSuchSignature if a UID is not found: nothing is then written.
    """
    target = resolve_target(source, output, in_place=in_place)
    with open_source(source, registry, for_update=True) as file:
        removal = strip_signatures(file, lambda signature: uids is None or signature.uid in uids)
        missing = set(uids or ()) - {signature.uid for signature in removal.removed}
        if missing:
            raise no_such_signature(min(missing))
        changed = {each.location.steps[0][0] for each in removal.removed if each.location.steps}
        data = write_result(source, file, removal.body, target, {*changed, *MACRO}, registry)
    return RemovalResult(removed=removal.removed, data=data)
