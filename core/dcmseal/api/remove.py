"""Removing signatures from a Data Set."""

from __future__ import annotations

from collections.abc import Iterable

from dcmseal.api.inspect import no_such_signature
from dcmseal.api.installed_plugins import provide_registry
from dcmseal.macro.edit import RemovalResult, strip_signatures
from dcmseal.option_values import to_tuple
from dcmseal.output.destination import OutputTarget, resolve_target, write_result
from dcmseal.plugins.registry import Registry
from dcmseal.sources.dataset_input import DatasetInput, open_source
from dcmseal.tags import MACRO


def remove(
    source: DatasetInput,
    *,
    uids: str | Iterable[str] | None = None,
    output: OutputTarget | None = None,
    in_place: bool = False,
    overwrite: bool = False,
    registry: Registry | None = None,
) -> RemovalResult:
    """Remove signatures at every level, with the MAC parameters and sequences that are not used afterwards.

    Args:
        source: A path, URL, bytes, binary file object or pydicom Dataset.
        uids: Digital Signature UIDs, or a single one; None removes all signatures.
        output: Where to write the result, as in ``sign``.
        in_place: Replace ``source``.
        overwrite: Replace a file that exists at ``output``.
        registry: The plugins to use; None for all that are installed.

    Returns:
        The signatures that were removed, and the bytes of the file if there is no ``output``.

    Raises:
        NoSuchSignature: The Data Set has no signature with one of the UIDs.
        UsageError: The arguments contradict each other.
        DatasetError: The Data Set cannot be read.
        OutputError: The result cannot be written. After any error, nothing was written.
        PluginError: No plugin supports a URL.
    """
    wanted = None if uids is None else frozenset(to_tuple(uids, single=(str,)))
    plugins = provide_registry(registry)
    target = resolve_target(source, output, plugins, in_place=in_place, overwrite=overwrite)
    with open_source(source, plugins, for_update=True) as file:
        removal = strip_signatures(file, lambda signature: wanted is None or signature.uid in wanted)
        missing = (wanted or frozenset()) - {signature.uid for signature in removal.removed}
        if missing:
            raise no_such_signature(min(missing))
        changed = {each.location.steps[0][0] for each in removal.removed if each.location.steps}
        data = write_result(source, file, removal.body, target, {*changed, *MACRO}, plugins)
    return RemovalResult(removed=removal.removed, data=data)
