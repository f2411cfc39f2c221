"""Manifests named on the command line: of one file a file, of several a folder with one for each."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Sequence
from typing import Final

from dcmseal.cli.file_arguments import STDIO
from dcmseal.cli.parser import Parser
from dcmseal.errors import UsageError

MANIFEST_SUFFIX: Final = ".manifest"
"""What is added to the name of a file to name its manifest in a folder."""


def add_manifest_output_option(parser: Parser) -> None:
    """Add the option that asks for manifests."""
    parser.add_argument(
        "--manifest",
        metavar="FILE",
        help="write fingerprints of all elements, signed by the same key, that let verification name what was changed; "
        "a folder if there is one of that name, or several files are signed",
    )


def add_manifest_input_option(parser: Parser) -> None:
    """Add the option that names manifests."""
    parser.add_argument(
        "--manifest",
        metavar="FILE",
        help="name what was changed, by the manifest that was made with the signature; or a folder of manifests",
    )


def parse_manifest_paths(options: Namespace, results: Sequence[str]) -> list[str | None]:
    """Where the manifest of each signed file goes; raises UsageError if that is not free, or not said."""
    if options.manifest is None:
        return [None] * len(results)
    if len(results) == 1 and not os.path.isdir(options.manifest):
        places = [options.manifest]
    elif os.path.isdir(options.manifest):
        places = [_manifest_path(options.manifest, each) for each in results]
    else:
        raise UsageError(
            f"{options.manifest} is no folder", hint="of several files, --manifest names a folder that exists"
        )
    for place in places:
        if place == STDIO:
            raise UsageError("the manifest cannot go to standard output", hint="name a file of its own for it")
        if os.path.exists(place) and not (options.force and os.path.isfile(place)):
            raise UsageError(f"{place} exists", hint="name another file; --force overwrites it")
    return [*places]


def find_manifest(named: str | None, file: str) -> str | None:
    """The manifest of a file that is verified; None if none is named, or the folder has none for it, which is told."""
    if named is None or not os.path.isdir(named):
        return named
    place = _manifest_path(named, file)
    if os.path.isfile(place):
        return place
    from dcmseal.cli.render.screens import warn

    warn(f"there is no manifest {place}")
    return None


def _manifest_path(folder: str, file: str) -> str:
    if file == STDIO:
        raise UsageError("a standard stream has no name in a folder", hint="name the manifest itself")
    return os.path.join(folder, os.path.basename(file) + MANIFEST_SUFFIX)
