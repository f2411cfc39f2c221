"""The paths that the words and options of any command name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from argparse import Namespace

INPUT_OPTIONS: Final = {
    "files": "an input",
    "files_from": "the list of files",
    "tags_from": "the list of elements",
    "references": "a referenced instance",
    "evidence": "the evidence",
    "trust_anchor": "a trust anchor",
    "intermediate": "a certificate",
    "timestamp_certificate": "a certificate",
    "crl": "a revocation list",
    "ocsp_response": "an OCSP response",
    "response": "the authority's response",
    "query": "the query",
    "uid_file": "the UID file",
    "passphrase_file": "the file with the passphrase",
    "timestamp_login_file": "the file with the login",
    "config": "the configuration file",
    "profile": "a profile",
    "require": "a profile",
}
"""Options that name inputs."""
_OUTPUT_OPTIONS: Final = ("output", "html", "save_evidence", "write_uid_file", "journal")
_CHANGING_COMMANDS: Final = ("sign", "remove", "timestamp")
"""Commands whose last word, of several, is the output."""


# A named tuple, as are the values of options next to it: --help does without msgspec, which takes long to import.


class NamedPaths(NamedTuple):
    """Paths and URLs of a command line, as they are written there."""

    words: tuple[str, ...] = ()
    changes_words: bool = False
    """Whether the command changes the files of words, so that the last of several words is the output."""
    in_place: bool = False
    """Whether all words are files to change."""
    folder: str | None = None
    """The folder for outputs."""
    option_inputs: tuple[tuple[str, str], ...] = ()
    """Inputs that options name, each after its description."""
    option_outputs: tuple[str, ...] = ()
    manifest: str | None = None
    """Where change manifests are written."""
    key: str = ""
    config: str | None = None
    journal: str | None = None
    dry_run: bool = False
    """Whether nothing is written."""


def parse_named_paths(command: str, options: Namespace) -> NamedPaths:
    """Return the paths that the command line names."""
    outputs: list[str | None] = [getattr(options, name, None) for name in _OUTPUT_OPTIONS]
    outputs += [each.partition(":")[2] for each in getattr(options, "report", ())]
    return NamedPaths(
        words=tuple(getattr(options, "words", None) or ()),
        changes_words=command in _CHANGING_COMMANDS,
        in_place=getattr(options, "in_place", False),
        folder=getattr(options, "output_dir", None),
        option_inputs=_parse_inputs(command, options),
        option_outputs=tuple(filter(None, outputs)),
        manifest=options.save_manifest if command == "sign" else None,
        key=_parse_key(options),
        config=getattr(options, "config", None),
        journal=getattr(options, "journal", None),
        dry_run=getattr(options, "dry_run", False),
    )


def _parse_inputs(command: str, options: Namespace) -> tuple[tuple[str, str], ...]:
    named: list[tuple[str, str]] = []
    for name, what in INPUT_OPTIONS.items():
        value: object = getattr(options, name, None)
        values = cast("list[object]", value) if isinstance(value, list) else [value]
        named += [(what, each) for each in values if isinstance(each, str) and each]
    if command == "verify" and options.manifest is not None:
        named.append(("the manifest", options.manifest))
    return tuple(named)


def _parse_key(options: Namespace) -> str:
    """Return the key to sign with; nothing for a command that does not sign."""
    from dcmseal.cli.options.key_options import KEY_VARIABLE

    if not hasattr(options, "key"):
        return ""
    word: str = options.key or os.environ.get(KEY_VARIABLE) or ""
    return word
