"""Comparing two instances."""

from __future__ import annotations

from dcmseal.api.installed_plugins import provide_registry
from dcmseal.api.verify import build_context
from dcmseal.comparison.differences import Comparison, compare_files
from dcmseal.plugins.registry import Registry
from dcmseal.sources.dataset_input import DatasetInput, open_source
from dcmseal.verification.verification_options import VerifyOptions


def compare(
    a: DatasetInput, b: DatasetInput, *, show_values: bool = False, registry: Registry | None = None
) -> Comparison:
    """Compare two instances.

    Values are compared as they enter the MAC, so files in Implicit VR or big endian can be equal to others. Pixel data
    is compared frame by frame or fragment by fragment, and not decoded.

    Args:
        a: The first instance: a path, URL, bytes, binary file object or pydicom Dataset.
        b: The second instance.
        show_values: Include all values, even those that may identify the patient.
        registry: The plugins to use; None for all that are installed.

    Returns:
        The differences, and the signatures of both instances.

    Raises:
        DatasetError: An instance cannot be parsed, or the subclass that says why.
        UsageError: An argument is of an unsupported type.
        PluginError: No plugin supports a URL.
    """
    plugins = provide_registry(registry)
    context = build_context(VerifyOptions(integrity_only=True), registry)
    with open_source(a, plugins) as one, open_source(b, plugins) as other:
        return compare_files(one, other, context, show_values=show_values)
