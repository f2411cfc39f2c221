"""What has to be the same here and on each worker, for values to mean the same at both ends."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dcmseal.errors import PluginError
from dcmseal.version import __version__

if TYPE_CHECKING:
    from dcmseal_dask.resilient_executor import BoundedClient

_MAX_NAMED: Final = 3
"""Workers that a message names."""


def local_versions() -> dict[str, str]:
    """The versions that count, in the process that asks."""
    return {"dcmseal": __version__, "Python": f"{sys.version_info.major}.{sys.version_info.minor}"}


def check_versions(client: BoundedClient) -> None:
    """Compare the versions of all workers there are now with those here; raises PluginError if they differ."""
    here = local_versions()
    wrong = [
        f"{address} has {problem}"
        for address, answer in sorted(client.run(local_versions, on_error="return").items())
        if (problem := _find_mismatch(answer, here))
    ]
    if wrong:
        more = f" (and {len(wrong) - _MAX_NAMED} more)" if len(wrong) > _MAX_NAMED else ""
        raise PluginError(
            f"workers differ from here: {'; '.join(wrong[:_MAX_NAMED])}{more}",
            hint=f"install the same on all of them: pip install 'dcmseal[dask]=={__version__}'",
        )


def _find_mismatch(answer: object, here: Mapping[str, str]) -> str:
    """What a worker lacks; empty if it is as it should be."""
    if not isinstance(answer, dict):
        return "no dcmseal that can be used"
    other = {name: own for name, own in here.items() if answer.get(name) != own}
    return ", ".join(f"{name} {answer.get(name)} instead of {own}" for name, own in other.items())
