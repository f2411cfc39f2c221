"""Options for the place of changed files: an output, a folder, or the files themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace


class Destination(NamedTuple):
    """Where a command writes changed files and their manifests."""

    folder: str | None = None
    """Write each file to its path in this folder."""
    in_place: bool = False
    """Replace the inputs."""
    overwrite: bool = False
    """Replace other existing files."""
    manifest: str | None = None
    """Write a change manifest to this file; for several files, to this folder."""


def parse_destination(options: Namespace) -> Destination:
    """Return the destination that the options name."""
    return Destination(
        folder=options.output_dir,
        in_place=options.in_place,
        overwrite=options.force,
        manifest=options.save_manifest,
    )
