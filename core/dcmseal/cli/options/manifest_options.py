"""Options for change manifests: a file, or a folder with a manifest for each of several files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from dcmseal.cli.file_arguments import STDIO
from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError

MANIFEST_SUFFIX: Final = ".manifest"
"""What is added to the name of a file to name its manifest in a folder."""


def add_manifest_output_option(parser: Parser) -> None:
    """Add the option that writes manifests."""
    parser.add_argument(
        "--save-manifest",
        metavar="FILE",
        help="write a change manifest, signed with the same key, so that verification can name changed elements; "
        "with several files, a folder",
    )


def add_manifest_input_option(parser: Parser) -> None:
    """Add the option that names manifests."""
    parser.add_argument(
        "--manifest",
        metavar="FILE",
        help="use this change manifest, or folder of manifests, to name the elements that changed",
    )


def resolve_manifest_paths(output: str | None, results: Sequence[str], *, overwrite: bool) -> list[str | None]:
    """Return the path of the manifest of each signed file.

    Args:
        output: The manifest, or a folder for manifests; None for no manifests.
        results: The signed files.
        overwrite: Whether a manifest may replace a file.

    Raises:
        UsageError: A path is not free or not clear.
    """
    if output is None:
        return [None] * len(results)
    if len(results) == 1 and not os.path.isdir(output):
        places = [output]
    elif os.path.isdir(output):
        places = [_manifest_path(output, each) for each in results]
    else:
        raise UsageError(f"{output} is not a folder", hint="with several files, give an existing folder")
    if len(set(places)) < len(places):
        raise UsageError("files of the same name would have the same manifest", hint="sign them in separate runs")
    for place in places:
        if place == STDIO:
            raise UsageError("cannot write the manifest to standard output", hint="give a file for the manifest")
        if os.path.exists(place) and not (overwrite and os.path.isfile(place)):
            raise UsageError(f"{place} already exists", hint="choose another name, or use --force to overwrite it")
    return [*places]


def find_manifest(named: str | None, file: str) -> str | None:
    """The manifest of a file to verify; None if none is given, or with a warning if the folder contains none."""
    if named is None or not os.path.isdir(named):
        return named
    place = _manifest_path(named, file)
    if os.path.isfile(place):
        return place
    from dcmseal.cli.render.screens import warn

    warn(f"manifest not found: {place}")
    return None


def _manifest_path(folder: str, file: str) -> str:
    if file == STDIO:
        raise UsageError("a standard stream has no file name", hint="give the manifest itself, not a folder")
    return os.path.join(folder, os.path.basename(file) + MANIFEST_SUFFIX)
